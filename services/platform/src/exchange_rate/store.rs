//! All SQL of exchange rates, except that of lists.

use chrono::NaiveDate;
use crm_kit_api::{Error, Result};
use crm_kit_pg::db::database_error;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    lookup::Question,
    model::{ExchangeRate, Kind},
};

/// One rate.
pub async fn find(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<ExchangeRate>> {
    sqlx::query_as!(
        ExchangeRate,
        r#"
        SELECT id, create_time, update_time, revision, base_currency_code, quote_currency_code, rate, kind AS "kind: Kind",
               valid_from_date, source
        FROM exchange_rate
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Values of rates, for `unnest`.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    bases: Vec<String>,
    quotes: Vec<String>,
    rates: Vec<Decimal>,
    kinds: Vec<i16>,
    days: Vec<NaiveDate>,
    sources: Vec<String>,
    revisions: Vec<i64>,
}

impl Columns {
    fn new(rates: &[ExchangeRate]) -> Self {
        let mut columns = Self::default();
        for rate in rates {
            columns.ids.push(rate.id);
            columns.bases.push(rate.base_currency_code.clone());
            columns.quotes.push(rate.quote_currency_code.clone());
            columns.rates.push(rate.rate);
            columns.kinds.push(rate.kind as i16);
            columns.days.push(rate.valid_from_date);
            columns.sources.push(rate.source.clone());
            columns.revisions.push(rate.revision);
        }
        columns
    }
}

/// The stored rates of the same pairs, kinds and days.
pub async fn find_by_keys(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    rates: &[ExchangeRate],
) -> Result<Vec<ExchangeRate>> {
    let Columns { bases, quotes, kinds, days, .. } = Columns::new(rates);
    sqlx::query_as!(
        ExchangeRate,
        r#"
        SELECT r.id, r.create_time, r.update_time, r.revision, r.base_currency_code, r.quote_currency_code, r.rate,
               r.kind AS "kind: Kind", r.valid_from_date, r.source
        FROM unnest($2::text[], $3::text[], $4::smallint[], $5::date[]) AS asked (base, quote, kind, day)
        JOIN exchange_rate r ON r.tenant_id = $1 AND r.base_currency_code = asked.base AND r.quote_currency_code = asked.quote
                            AND r.kind = asked.kind AND r.valid_from_date = asked.day
        "#,
        tenant_id,
        &bases,
        &quotes,
        &kinds,
        &days,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// For every question the latest rate of each of its pairs, see [`Question::pairs`].
pub async fn latest(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    questions: &[Question],
    through: &str,
) -> Result<Vec<[Option<ExchangeRate>; 6]>> {
    let (mut bases, mut quotes, mut kinds, mut days) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for question in questions {
        for (base, quote) in question.pairs(through) {
            bases.push(base);
            quotes.push(quote);
            kinds.push(question.kind as i16);
            days.push(question.day);
        }
    }
    let rows = sqlx::query!(
        r#"
        SELECT asked.place AS "place!", r.id, r.create_time, r.update_time, r.revision, r.base_currency_code, r.quote_currency_code,
               r.rate, r.kind AS "kind: Kind", r.valid_from_date, r.source
        FROM unnest($2::text[], $3::text[], $4::smallint[], $5::date[]) WITH ORDINALITY AS asked (base, quote, kind, day, place)
        CROSS JOIN LATERAL (
            SELECT * FROM exchange_rate r
            WHERE r.tenant_id = $1 AND r.base_currency_code = asked.base AND r.quote_currency_code = asked.quote
              AND r.kind = asked.kind AND r.valid_from_date <= asked.day
            ORDER BY r.valid_from_date DESC LIMIT 1
        ) AS r
        "#,
        tenant_id,
        &bases,
        &quotes,
        &kinds,
        &days,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    let mut latest = vec![[const { None }; 6]; questions.len()];
    for row in rows {
        let place = usize::try_from(row.place - 1).map_err(Error::internal)?;
        latest[place / 6][place % 6] = Some(ExchangeRate {
            id: row.id,
            create_time: row.create_time,
            update_time: row.update_time,
            revision: row.revision,
            base_currency_code: row.base_currency_code,
            quote_currency_code: row.quote_currency_code,
            rate: row.rate,
            kind: row.kind,
            valid_from_date: row.valid_from_date,
            source: row.source,
        });
    }
    Ok(latest)
}

/// Adds rates, whose times are all the same.
pub async fn insert(conn: &mut PgConnection, tenant_id: Uuid, rates: &[ExchangeRate]) -> Result<()> {
    let Some(first) = rates.first() else { return Ok(()) };
    let Columns { ids, bases, quotes, rates, kinds, days, sources, .. } = Columns::new(rates);
    sqlx::query!(
        r#"
        INSERT INTO exchange_rate (tenant_id, id, create_time, update_time, base_currency_code, quote_currency_code, rate, kind,
                                   valid_from_date, source)
        SELECT $1, r.id, $2, $2, r.base, r.quote, r.rate, r.kind, r.day, r.source
        FROM unnest($3::uuid[], $4::text[], $5::text[], $6::numeric[], $7::smallint[], $8::date[], $9::text[])
            AS r (id, base, quote, rate, kind, day, source)
        "#,
        tenant_id,
        first.create_time,
        &ids,
        &bases,
        &quotes,
        &rates,
        &kinds,
        &days,
        &sources,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Writes rate and source of rates, changed at the same time.
pub async fn update(conn: &mut PgConnection, tenant_id: Uuid, rates: &[ExchangeRate]) -> Result<()> {
    let Some(first) = rates.first() else { return Ok(()) };
    let Columns { ids, rates, sources, revisions, .. } = Columns::new(rates);
    sqlx::query!(
        r#"
        UPDATE exchange_rate r
        SET update_time = $2, rate = changed.rate, source = changed.source, revision = changed.revision
        FROM unnest($3::uuid[], $4::numeric[], $5::text[], $6::bigint[]) AS changed (id, rate, source, revision)
        WHERE r.tenant_id = $1 AND r.id = changed.id
        "#,
        tenant_id,
        first.update_time,
        &ids,
        &rates,
        &sources,
        &revisions,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Removes a rate.
pub async fn delete(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query!(r#"DELETE FROM exchange_rate WHERE tenant_id = $1 AND id = $2"#, tenant_id, id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}
