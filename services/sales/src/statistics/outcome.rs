//! What came of deals: won and lost, win rates, cycles, and the velocity that follows.

use chrono::NaiveDate;
use crm_kit_api::{Call, Error, Result, error::Violations, id, time};
use crm_kit_pg::db::database_error;
use crm_kit_record::custom_field::{Fields, fields::is_masked};
use crm_proto::{
    crm::record::v1::custom_field::Type,
    crm::sales::v1::{DealOutcome, ListDealOutcomesRequest, list_deal_outcomes_request::GroupBy},
    google::r#type::Date,
};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use sqlx::PgConnection;
use tonic::Code;
use uuid::Uuid;

use super::Statistics;
use crate::{DOMAIN, money, opportunity, pipeline::model::is_key};

/// Most groups of one answer.
const MOST: i64 = 10_000;

/// Which deals, and by what they are grouped.
#[derive(Clone, Debug)]
pub struct Question {
    pub start: Option<NaiveDate>,
    pub end: Option<NaiveDate>,
    pub pipeline_id: Option<Uuid>,
    pub owner_ids: Option<Vec<Uuid>>,
    pub group_by: GroupBy,
    pub custom_key: String,
}

/// What the deals of one group and currency add up to. Amounts are ten-thousandths of the currency's unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub key: String,
    pub display_name: String,
    pub currency: String,
    pub won: i64,
    pub lost: i64,
    pub open: i64,
    pub won_amount: Decimal,
    pub lost_amount: Decimal,
    pub open_amount: Decimal,
    pub open_expected: Decimal,
    pub won_days: i64,
    pub lost_days: i64,
}

impl Question {
    /// Reads a request, collecting every violation.
    pub fn read(request: &ListDealOutcomesRequest) -> Result<Self> {
        let mut violations = Violations::default();
        let (start, end) = period(request.start_date.as_ref(), request.end_date.as_ref(), &mut violations);
        let group_by = request.group_by();
        let by_custom = group_by == GroupBy::CustomField;
        if by_custom != is_key(&request.custom_key) {
            let message = "is the key of a field, exactly when grouped by CUSTOM_FIELD";
            violations.add("custom_key", "KEY_INVALID", message);
        }
        let owner_ids =
            request.owner_ids.iter().map(|id| id::parse("owner_ids", id)).collect::<Result<Vec<_>>>()?;
        violations.into_result(Self {
            start,
            end,
            pipeline_id: id::parse_optional("pipeline_id", &request.pipeline_id)?,
            owner_ids: (!owner_ids.is_empty()).then_some(owner_ids),
            group_by,
            custom_key: request.custom_key.clone(),
        })
    }
}

/// The days of a period, which must not end before it begins.
pub fn period(
    start: Option<&Date>,
    end: Option<&Date>,
    violations: &mut Violations,
) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let start = start.and_then(|day| time::naive_date("start_date", day, violations));
    let end = end.and_then(|day| time::naive_date("end_date", day, violations));
    if start.zip(end).is_some_and(|(start, end)| end < start) {
        violations.add("end_date", "DATE_ORDER", "lies before the first day");
    }
    (start, end)
}

impl Statistics {
    /// What came of deals.
    pub async fn outcomes(&self, call: &Call, question: &Question) -> Result<Vec<DealOutcome>> {
        if question.group_by == GroupBy::CustomField {
            let fields = self.catalog.fields(call.tenant_id(), opportunity::COLLECTION).await?;
            check_key(call, &fields, &question.custom_key)?;
        }
        let (tenant, owners) = (call.tenant_id(), call.access.scope.owners());
        let found = self
            .db
            .list(call, move |tx| Box::pin(async move { figures(tx.conn(), tenant, owners, question).await }))
            .await?;
        if i64::try_from(found.len()).unwrap_or(i64::MAX) > MOST {
            let message = format!("there are more than {MOST} groups");
            return Err(
                Error::new(Code::ResourceExhausted, DOMAIN, "TOO_MANY_GROUPS", message).with("limit", MOST)
            );
        }
        Ok(found.iter().map(Figures::to_wire).collect())
    }
}

impl Figures {
    /// The figures and what follows from them, on the wire. Ratios are computed from the parts and never averaged.
    fn to_wire(&self) -> DealOutcome {
        let money = |amount: Decimal| {
            (!self.currency.is_empty()).then(|| money::to_wire(whole(amount), &self.currency))
        };
        let (won, lost) = (i128::from(self.won), i128::from(self.lost));
        let (won_amount, lost_amount) = (whole(self.won_amount), whole(self.lost_amount));
        DealOutcome {
            key: self.key.clone(),
            display_name: self.display_name.clone(),
            currency_code: self.currency.clone(),
            won_count: self.won,
            lost_count: self.lost,
            won_amount: money(self.won_amount),
            lost_amount: money(self.lost_amount),
            win_rate_by_count: money::ratio(won, won + lost),
            win_rate_by_amount: money::ratio(won_amount, won_amount + lost_amount),
            mean_cycle_days_won: money::ratio(self.won_days.into(), won),
            mean_cycle_days_lost: money::ratio(self.lost_days.into(), lost),
            open_count: self.open,
            open_amount: money(self.open_amount),
            open_expected_revenue: money(self.open_expected),
            velocity_per_day: self
                .velocity()
                .filter(|_| !self.currency.is_empty())
                .map(|velocity| money::to_wire(velocity, &self.currency)),
        }
    }

    /// Open deals * average amount won * win rate / average cycle, which is open * amount won * won / ((won + lost) * days of won deals), rounded to
    /// the currency's smallest unit. `None` without a cycle.
    fn velocity(&self) -> Option<i128> {
        let step = i128::from(money::step(&self.currency));
        let numerator =
            i128::from(self.open).checked_mul(whole(self.won_amount))?.checked_mul(self.won.into())?;
        let denominator = i128::from(self.won + self.lost) * i128::from(self.won_days) * step;
        money::divide(numerator, denominator).map(|steps| steps * step)
    }
}

/// Whether the caller may group by a custom field: the groups tell its values.
fn check_key(call: &Call, fields: &Fields, key: &str) -> Result<()> {
    let refused =
        |reason: &'static str, message: &str| Err(Error::invalid_field("custom_key", reason, message));
    let Some(definition) = fields.definition(key) else {
        return refused("FIELD_UNKNOWN", "is no custom field of opportunities");
    };
    if is_masked(definition, &call.access.masks) {
        return Err(Error::field_masked(&definition.path()));
    }
    match definition.stored_kind() {
        Type::Text
        | Type::Email
        | Type::Phone
        | Type::Url
        | Type::Select
        | Type::Number
        | Type::Reference
        | Type::AutoNumber => Ok(()),
        _ => refused(
            "TYPE_INVALID",
            "is a field that holds neither text, nor a choice, nor a number, nor a reference",
        ),
    }
}

fn whole(amount: Decimal) -> i128 {
    amount.to_i128().unwrap_or(i128::MAX)
}

/// The figures of each group and currency, by key and currency; one group more than [`MOST`] at most.
async fn figures(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    owners: Option<&[Uuid]>,
    question: &Question,
) -> Result<Vec<Figures>> {
    sqlx::query_as!(
        Figures,
        r#"
        SELECT key AS "key!", COALESCE(max(person.display_name), max(account_name)) AS "display_name!", amount_currency AS "currency!",
               count(*) FILTER (WHERE deal.state = 2) AS "won!", count(*) FILTER (WHERE deal.state = 3) AS "lost!",
               count(*) FILTER (WHERE deal.state = 1) AS "open!",
               COALESCE(sum(amount) FILTER (WHERE deal.state = 2), 0) AS "won_amount!",
               COALESCE(sum(amount) FILTER (WHERE deal.state = 3), 0) AS "lost_amount!",
               COALESCE(sum(amount) FILTER (WHERE deal.state = 1), 0) AS "open_amount!",
               COALESCE(sum(expected_revenue) FILTER (WHERE deal.state = 1), 0) AS "open_expected!",
               COALESCE(sum(closed_date - open_date) FILTER (WHERE deal.state = 2), 0) AS "won_days!",
               COALESCE(sum(closed_date - open_date) FILTER (WHERE deal.state = 3), 0) AS "lost_days!"
        FROM (
            SELECT CASE $3::int
                       WHEN 1 THEN to_char(closed_date, 'YYYY-MM')
                       WHEN 2 THEN to_char(closed_date, 'YYYY"Q"Q')
                       WHEN 3 THEN to_char(closed_date, 'YYYY')
                       WHEN 4 THEN owner_id::text
                       WHEN 5 THEN COALESCE(account_id::text, account_name)
                       WHEN 6 THEN region
                       WHEN 7 THEN source
                       WHEN 8 THEN campaign_id::text
                       WHEN 9 THEN pipeline_id::text
                       WHEN 10 THEN close_reason
                       WHEN 11 THEN custom->>$4::text
                       WHEN 12 THEN (SELECT c.department_ids[1]::text FROM colleague c WHERE c.tenant_id = $1 AND c.id = owner_id)
                       WHEN 13 THEN (SELECT c.superior_id::text FROM colleague c WHERE c.tenant_id = $1 AND c.id = owner_id)
                   END AS found, CASE WHEN $3 = 5 THEN account_name ELSE '' END AS account_name,
                   amount_currency, state, amount, expected_revenue, closed_date, open_date
            FROM opportunity
            WHERE tenant_id = $1 AND delete_time IS NULL AND ($2::uuid[] IS NULL OR owner_id = ANY ($2))
              AND ($5::uuid IS NULL OR pipeline_id = $5) AND ($6::uuid[] IS NULL OR owner_id = ANY ($6))
              AND (state = 1 OR (state IN (2, 3) AND ($7::date IS NULL OR closed_date >= $7)
                                 AND ($8::date IS NULL OR closed_date <= $8)))
        ) AS deal
        CROSS JOIN LATERAL (SELECT COALESCE(found, '') AS key) AS grouped
        LEFT JOIN colleague person ON $3 IN (4, 13) AND person.tenant_id = $1 AND person.id::text = key
        GROUP BY key, amount_currency
        ORDER BY key, amount_currency
        LIMIT $9
        "#,
        tenant_id,
        owners,
        i32::from(question.group_by),
        question.custom_key,
        question.pipeline_id,
        question.owner_ids.as_deref(),
        question.start,
        question.end,
        MOST + 1,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_follow_from_the_parts() {
        let figures = Figures {
            currency: "CNY".into(),
            won: 3,
            lost: 1,
            open: 10,
            won_amount: Decimal::from(3_000_000),
            lost_amount: Decimal::from(2_000_000),
            won_days: 60,
            lost_days: 15,
            ..Figures::default()
        };
        let told = figures.to_wire();
        assert_eq!(
            (told.win_rate_by_count.as_str(), told.win_rate_by_amount.as_str()),
            ("0.750000", "0.600000")
        );
        assert_eq!(told.mean_cycle_days_won, "20.000000");
        assert_eq!(told.mean_cycle_days_lost, "15.000000");
        // 10 * 100 * 0.75 / 20 = 37.50 a day.
        assert_eq!(told.velocity_per_day, Some(money::to_wire(375_000, "CNY")));
    }

    #[test]
    fn without_closed_deals_there_is_no_ratio() {
        let told = Figures { open: 2, currency: "CNY".into(), ..Figures::default() }.to_wire();
        assert_eq!((told.win_rate_by_count.as_str(), told.mean_cycle_days_won.as_str()), ("", ""));
        assert_eq!((told.velocity_per_day, told.won_amount), (None, Some(money::to_wire(0, "CNY"))));
    }
}
