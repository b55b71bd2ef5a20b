//! Quotas added up by person or team and fiscal period.

use chrono::{Months, NaiveDate};
use crm_kit_api::{Call, Error, Result, error::Violations, id, time};
use crm_kit_pg::db::database_error;
use crm_kit_record::field::id_text;
use crm_proto::crm::sales::v1::{
    ListQuotaSumsRequest, PeriodKind, QuotaSum,
    quota::{Level, Measure},
};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use sqlx::PgConnection;
use tonic::Code;
use uuid::Uuid;

use super::Quotas;
use crate::{
    DOMAIN,
    fiscal::{self, Fiscal, Period},
    money,
};

/// Most sums of an answer.
const MOST: i64 = 10_000;

/// What is added up.
#[derive(Clone, Debug)]
pub struct Wanted<'w> {
    /// What is measured.
    pub measure: Measure,
    /// How high it aims.
    pub level: Level,
    /// First days of the first and the last month.
    pub months: (Option<NaiveDate>, Option<NaiveDate>),
    /// What one sum spans; `None` for all of the time.
    pub span: Option<PeriodKind>,
    /// Owners within the caller's scope.
    pub scope: Option<&'w [Uuid]>,
    /// Owners asked for.
    pub owners: Option<&'w [Uuid]>,
    /// Whether drafts count.
    pub drafts: bool,
}

/// What the months of one person or team add up to in one period and currency.
#[derive(Clone, Debug)]
pub struct Sum {
    pub owner_id: Uuid,
    pub department_id: Option<Uuid>,
    /// Empty for measures that count.
    pub currency: String,
    /// Ten-thousandths of the currency's unit, or a count.
    pub value: Decimal,
    pub first_month: NaiveDate,
    pub last_month: NaiveDate,
    /// First day of the period; `None` for all of the time.
    pub start: Option<NaiveDate>,
}

impl Quotas {
    /// Sums of quotas.
    pub async fn sums(&self, call: &Call, request: &ListQuotaSumsRequest) -> Result<Vec<QuotaSum>> {
        let mut violations = Violations::default();
        let (start, end) = crate::statistics::outcome::period(
            request.start_date.as_ref(),
            request.end_date.as_ref(),
            &mut violations,
        );
        let owners = ids(&request.owner_ids)?;
        violations.into_result(())?;
        let wanted = &Wanted {
            measure: measure(request.measure()),
            level: level(request.level()),
            months: (start.map(fiscal::first_of_month), end.map(fiscal::first_of_month)),
            span: Some(request.period_kind()).filter(|kind| *kind != PeriodKind::Unspecified),
            scope: call.access.scope.owners(),
            owners: owners.as_deref(),
            drafts: request.include_drafts,
        };
        let tenant = call.tenant_id();
        let found = self.slice.db.list(call, move |tx| {
            Box::pin(async move {
                let fiscal = fiscal::of(tx.conn(), tenant).await?;
                sums(tx.conn(), tenant, fiscal, wanted, MOST + 1).await
            })
        });
        let found = found.await?;
        refuse_beyond(found.len(), MOST)?;
        Ok(found.iter().map(|sum| sum.to_wire(wanted.span)).collect())
    }
}

impl Sum {
    fn to_wire(&self, span: Option<PeriodKind>) -> QuotaSum {
        let (start, end) = match (span, self.start) {
            (Some(kind), Some(start)) => (start, Period::starting(kind, start).end),
            _ => (self.first_month, Period::starting(PeriodKind::Month, self.last_month).end),
        };
        let value = self.value.to_i128().unwrap_or(i128::MAX);
        let is_money = !self.currency.is_empty();
        QuotaSum {
            owner_id: self.owner_id.to_string(),
            department_id: id_text(self.department_id),
            start_date: Some(time::date(start)),
            end_date: Some(time::date(end)),
            amount: is_money.then(|| money::to_wire(value, &self.currency)),
            count: if is_money { 0 } else { i64::try_from(value).unwrap_or(i64::MAX) },
        }
    }
}

/// Fails when there are more groups than an answer may have.
pub fn refuse_beyond(found: usize, most: i64) -> Result<()> {
    if i64::try_from(found).is_ok_and(|found| found <= most) {
        return Ok(());
    }
    let message = format!("there are more than {most} groups");
    Err(Error::new(Code::ResourceExhausted, DOMAIN, "TOO_MANY_GROUPS", message).with("limit", most))
}

/// The measure asked for: amounts unless stated.
pub fn measure(measure: Measure) -> Measure {
    if measure == Measure::Unspecified { Measure::AmountWon } else { measure }
}

/// The level asked for: base unless stated.
pub fn level(level: Level) -> Level {
    if level == Level::Unspecified { Level::Base } else { level }
}

/// The owners asked for; none for everybody.
pub fn ids(texts: &[String]) -> Result<Option<Vec<Uuid>>> {
    let ids = texts.iter().map(|text| id::parse("owner_ids", text)).collect::<Result<Vec<_>>>()?;
    Ok((!ids.is_empty()).then_some(ids))
}

/// The sums, by owner, team, period and currency. Quarters and years begin `shift` months after those of the calendar year.
pub async fn sums(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    fiscal: Fiscal,
    wanted: &Wanted<'_>,
    most: i64,
) -> Result<Vec<Sum>> {
    let shift = i32::try_from(fiscal.first_month).unwrap_or(1) - 1;
    let ends = wanted.months.1.map(|month| month + Months::new(1));
    sqlx::query_as!(
        Sum,
        r#"
        SELECT owner_id, department_id, amount_currency AS currency, sum(value) AS "value!", min(month) AS "first_month!",
               max(month) AS "last_month!", start AS "start?"
        FROM (
            SELECT q.owner_id, q.department_id, m.amount_currency, m.value, m.month,
                   CASE $4::int
                       WHEN 1 THEN m.month
                       WHEN 2 THEN (date_trunc('quarter', m.month - make_interval(months => $5)) + make_interval(months => $5))::date
                       WHEN 3 THEN (date_trunc('year', m.month - make_interval(months => $5)) + make_interval(months => $5))::date
                   END AS start
            FROM quota_month m
            JOIN quota q ON q.tenant_id = $1 AND q.id = m.quota_id
            WHERE m.tenant_id = $1 AND m.measure = $2 AND m.level = $3
              AND ($6::date IS NULL OR m.month >= $6) AND ($7::date IS NULL OR m.month < $7)
              AND ($8::uuid[] IS NULL OR q.owner_id = ANY ($8)) AND ($9::uuid[] IS NULL OR q.owner_id = ANY ($9))
              AND ($10 OR q.state > 1)
        ) AS part
        GROUP BY owner_id, department_id, start, amount_currency
        ORDER BY department_id NULLS FIRST, owner_id, start, amount_currency
        LIMIT $11
        "#,
        tenant_id,
        i16::try_from(i32::from(wanted.measure)).unwrap_or(0),
        i16::try_from(i32::from(wanted.level)).unwrap_or(0),
        wanted.span.map_or(0, i32::from),
        shift,
        wanted.months.0,
        ends,
        wanted.scope,
        wanted.owners,
        wanted.drafts,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
