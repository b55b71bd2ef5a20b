//! All SQL of forecasts.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{Result, time};
use crm_kit_pg::db::database_error;
use crm_kit_record::Choice;
use crm_proto::crm::sales::v1::{
    ForecastAdjustment, ForecastCategory, ForecastSubmission, PeriodKind,
    forecast_adjustment::{Column, Kind},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{fiscal::Period, money};

/// People, each with the row of the forecast in which its deals count.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// Who they are.
    pub ids: Vec<Uuid>,
    /// The person of the row, in the same order.
    pub rows: Vec<Uuid>,
}

/// Deals of a row that are alike.
#[derive(Clone, Debug)]
pub struct Deals {
    pub row_id: Uuid,
    /// Whether they are won; others are open.
    pub is_won: bool,
    /// The category of open deals.
    pub category: Choice<ForecastCategory>,
    /// Empty for deals without amount.
    pub currency: String,
    pub deals: i64,
    pub amount: Decimal,
    pub expected: Decimal,
    /// Those that are open after their day.
    pub slipped: i64,
}

/// The deals of people that count in a period: open ones by the day they are expected to close, others by the day they were won.
pub async fn deals(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    period: Period,
    today: NaiveDate,
    people: &People,
) -> Result<Vec<Deals>> {
    sqlx::query_as!(
        Deals,
        r#"
        WITH person AS MATERIALIZED (
            SELECT * FROM unnest($4::uuid[], $5::uuid[]) AS p (id, row_id)
        )
        SELECT p.row_id AS "row_id!", false AS "is_won!", o.forecast_category AS "category!: _", o.amount_currency AS "currency!", count(*) AS "deals!",
               COALESCE(sum(o.amount), 0) AS "amount!", COALESCE(sum(o.expected_revenue), 0) AS "expected!",
               count(*) FILTER (WHERE o.close_date < $6) AS "slipped!"
        FROM opportunity o JOIN person p ON p.id = o.owner_id
        WHERE o.tenant_id = $1 AND o.state = 1 AND o.delete_time IS NULL AND o.close_date BETWEEN $2 AND $3
        GROUP BY p.row_id, o.forecast_category, o.amount_currency
        UNION ALL
        SELECT p.row_id, true, 5::smallint, o.amount_currency, count(*), COALESCE(sum(o.amount), 0), 0, 0
        FROM opportunity o JOIN person p ON p.id = o.owner_id
        WHERE o.tenant_id = $1 AND o.state = 2 AND o.delete_time IS NULL AND o.closed_date BETWEEN $2 AND $3
        GROUP BY p.row_id, o.amount_currency
        "#,
        tenant_id,
        period.start,
        period.end,
        &people.ids,
        &people.rows,
        today,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// How many open deals of each row left the period for a later one.
pub async fn pushed(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    period: Period,
    people: &People,
) -> Result<Vec<(Uuid, i64)>> {
    let rows = sqlx::query!(
        r#"
        SELECT p.row_id AS "row_id!", count(DISTINCT m.opportunity_id) AS "deals!"
        FROM close_date_move m
        JOIN opportunity o ON o.tenant_id = $1 AND o.id = m.opportunity_id
        JOIN unnest($4::uuid[], $5::uuid[]) AS p (id, row_id) ON p.id = o.owner_id
        WHERE m.tenant_id = $1 AND m.from_date BETWEEN $2 AND $3 AND o.state = 1 AND o.delete_time IS NULL AND o.close_date > $3
        GROUP BY p.row_id
        "#,
        tenant_id,
        period.start,
        period.end,
        &people.ids,
        &people.rows,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.row_id, row.deals)).collect())
}

/// A row of `forecast_adjustment`.
#[derive(Clone, Debug)]
pub struct Adjustment {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub user_id: Uuid,
    pub period_kind: Choice<PeriodKind>,
    pub start_date: NaiveDate,
    pub figure: Choice<Column>,
    pub kind: Choice<Kind>,
    pub author_id: Uuid,
    pub amount_currency: String,
    /// Ten-thousandths of the currency's unit.
    pub original: i64,
    pub amount: i64,
    pub note: String,
}

impl Adjustment {
    /// The adjustment on the wire.
    pub fn to_wire(&self) -> ForecastAdjustment {
        let money = |value: i64| Some(money::to_wire(value.into(), &self.amount_currency));
        ForecastAdjustment {
            id: self.id.to_string(),
            create_time: Some(time::timestamp(self.create_time)),
            update_time: Some(time::timestamp(self.update_time)),
            user_id: self.user_id.to_string(),
            period_kind: self.period_kind.number(),
            start_date: Some(time::date(self.start_date)),
            column: self.figure.number(),
            kind: self.kind.number(),
            author_id: self.author_id.to_string(),
            original: money(self.original),
            amount: money(self.amount),
            note: self.note.clone(),
        }
    }
}

/// Adjustments of the forecasts of people for a period, oldest first.
pub async fn adjustments(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    period: Period,
    user_ids: &[Uuid],
) -> Result<Vec<Adjustment>> {
    sqlx::query_as!(
        Adjustment,
        r#"
        SELECT id, create_time, update_time, user_id, period_kind AS "period_kind: _", start_date, figure AS "figure: _",
               kind AS "kind: _", author_id, amount_currency, original, amount, note
        FROM forecast_adjustment
        WHERE tenant_id = $1 AND start_date = $2 AND period_kind = $3 AND user_id = ANY ($4)
        ORDER BY user_id, figure, kind, id
        "#,
        tenant_id,
        period.start,
        kind(period.kind),
        user_ids,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Stores an adjustment in the place of the author's earlier one of the figure; returns it as stored, with the id and the time of the first.
pub async fn adjust(conn: &mut PgConnection, tenant_id: Uuid, new: &Adjustment) -> Result<Adjustment> {
    sqlx::query_as!(
        Adjustment,
        r#"
        INSERT INTO forecast_adjustment (tenant_id, id, create_time, update_time, user_id, period_kind, start_date, figure, kind,
                                         author_id, amount_currency, original, amount, note)
        VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (tenant_id, start_date, period_kind, user_id, figure, amount_currency, author_id) DO UPDATE
            SET update_time = excluded.update_time, original = excluded.original, amount = excluded.amount, note = excluded.note
        RETURNING id, create_time, update_time, user_id, period_kind AS "period_kind: _", start_date, figure AS "figure: _",
                  kind AS "kind: _", author_id, amount_currency, original, amount, note
        "#,
        tenant_id,
        new.id,
        new.update_time,
        new.user_id,
        new.period_kind as _,
        new.start_date,
        new.figure as _,
        new.kind as _,
        new.author_id,
        new.amount_currency,
        new.original,
        new.amount,
        new.note,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// Takes an adjustment of an author back.
pub async fn take_back(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    author_id: Uuid,
) -> Result<Option<Adjustment>> {
    sqlx::query_as!(
        Adjustment,
        r#"
        DELETE FROM forecast_adjustment WHERE tenant_id = $1 AND id = $2 AND author_id = $3
        RETURNING id, create_time, update_time, user_id, period_kind AS "period_kind: _", start_date, figure AS "figure: _",
                  kind AS "kind: _", author_id, amount_currency, original, amount, note
        "#,
        tenant_id,
        id,
        author_id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// A row of `forecast_submission`, with the forecast only where it is asked for.
#[derive(Clone, Debug)]
pub struct Submission {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub user_id: Uuid,
    pub period_kind: Choice<PeriodKind>,
    pub start_date: NaiveDate,
    pub note: String,
}

impl Submission {
    /// The submission on the wire, without its forecast.
    pub fn to_wire(&self) -> ForecastSubmission {
        ForecastSubmission {
            id: self.id.to_string(),
            create_time: Some(time::timestamp(self.create_time)),
            user_id: self.user_id.to_string(),
            period_kind: self.period_kind.number(),
            start_date: Some(time::date(self.start_date)),
            note: self.note.clone(),
            forecast: None,
        }
    }
}

/// Stores what was handed in.
pub async fn submit(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    new: &Submission,
    forecast: &[u8],
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO forecast_submission (tenant_id, id, create_time, user_id, period_kind, start_date, note, forecast)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        tenant_id,
        new.id,
        new.create_time,
        new.user_id,
        new.period_kind as _,
        new.start_date,
        new.note,
        forecast,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Submissions within the scope of `owners`, the newest first, before an id.
pub async fn submissions(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (owners, user_id): (Option<&[Uuid]>, Option<Uuid>),
    before: Uuid,
    most: i64,
) -> Result<Vec<Submission>> {
    sqlx::query_as!(
        Submission,
        r#"
        SELECT id, create_time, user_id, period_kind AS "period_kind: _", start_date, note
        FROM forecast_submission
        WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR user_id = ANY ($2)) AND ($3::uuid IS NULL OR user_id = $3) AND id < $4
        ORDER BY id DESC
        LIMIT $5
        "#,
        tenant_id,
        owners,
        user_id,
        before,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// A submission within the scope of `owners`, with its forecast as it was encoded.
pub async fn submission(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    owners: Option<&[Uuid]>,
) -> Result<Option<(Submission, Vec<u8>)>> {
    let found = sqlx::query!(
        r#"
        SELECT id, create_time, user_id, period_kind AS "period_kind: Choice<PeriodKind>", start_date, note, forecast
        FROM forecast_submission
        WHERE tenant_id = $1 AND id = $2 AND ($3::uuid[] IS NULL OR user_id = ANY ($3))
        "#,
        tenant_id,
        id,
        owners,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    Ok(found.map(|row| {
        let submission = Submission {
            id: row.id,
            create_time: row.create_time,
            user_id: row.user_id,
            period_kind: row.period_kind,
            start_date: row.start_date,
            note: row.note,
        };
        (submission, row.forecast)
    }))
}

fn kind(kind: PeriodKind) -> i16 {
    i16::try_from(i32::from(kind)).unwrap_or(0)
}
