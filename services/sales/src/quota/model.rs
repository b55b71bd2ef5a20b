//! What a quota is, as stored, and how its value falls on its months.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::filter::Value;
use crm_kit_record::{Choice, custom_field::Values, external_id::ExternalId};
use crm_proto::crm::sales::v1::{
    PeriodKind,
    quota::{Level, Measure, State},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{document::arithmetic::spread, fiscal::Period, money};

/// A row of `quota`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Quota {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub owner_id: Uuid,
    pub department_id: Option<Uuid>,
    pub measure: Choice<Measure>,
    pub level: Choice<Level>,
    pub period_kind: Choice<PeriodKind>,
    pub start_date: NaiveDate,
    /// Not after the first day until the quota is read for the first time.
    pub end_date: NaiveDate,
    /// Ten-thousandths of the currency's unit.
    pub amount: Option<i64>,
    pub amount_currency: String,
    pub count: Option<i64>,
    pub state: Choice<State>,
    pub version: i64,
    /// From when on the quota has its value.
    pub version_time: DateTime<Utc>,
    /// Who gave it this value.
    pub version_actor_id: Uuid,
    pub publish_time: Option<DateTime<Utc>>,
    pub note: String,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    quota: &'a Quota,
    search_name: &'static str,
}

/// A row of `quota_month`.
#[derive(Debug, Serialize)]
pub struct Month<'a> {
    tenant_id: Uuid,
    subject_id: Uuid,
    pub month: NaiveDate,
    measure: Choice<Measure>,
    level: Choice<Level>,
    amount_currency: &'a str,
    /// Ten-thousandths of the currency's unit, or a count.
    pub value: i64,
    quota_id: Uuid,
}

impl Quota {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        Stored { quota: self, search_name: "" }
    }

    /// Its months, each with its part of the value.
    pub fn months(&self) -> Vec<Month<'_>> {
        let months: Vec<_> = Period::starting(self.period_kind.0, self.start_date).months().collect();
        let step = self.amount.map_or(1, |_| money::step(&self.amount_currency));
        let parts = spread(self.amount.or(self.count).unwrap_or(0), &vec![1; months.len()], step);
        let month = |(month, value)| Month {
            tenant_id: self.tenant_id,
            subject_id: self.department_id.unwrap_or(self.owner_id),
            month,
            measure: self.measure,
            level: self.level,
            amount_currency: &self.amount_currency,
            value,
            quota_id: self.id,
        };
        months.into_iter().zip(parts).map(month).collect()
    }

    /// What a published quota keeps.
    pub fn place(&self) -> (Choice<Measure>, Choice<Level>, Choice<PeriodKind>, NaiveDate, &str) {
        (self.measure, self.level, self.period_kind, self.start_date, &self.amount_currency)
    }

    /// What a version of it is.
    pub fn value(&self) -> (Option<i64>, Option<i64>, &str) {
        (self.amount, self.count, &self.note)
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "owner_id" => Value::Uuid(self.owner_id),
            "department_id" => self.department_id.map_or(Value::Null, Value::Uuid),
            "measure" => Value::Enum(self.measure.number()),
            "level" => Value::Enum(self.level.number()),
            "period_kind" => Value::Enum(self.period_kind.number()),
            "start_date" => Value::Date(self.start_date),
            "end_date" => Value::Date(self.end_date),
            "amount" => self.amount.map_or(Value::Null, |amount| Value::Decimal(Decimal::new(amount, 4))),
            "amount.currency_code" => Value::Text(self.amount_currency.as_str().into()),
            "count" => Value::Int(self.count.unwrap_or(0)),
            "state" => Value::Enum(self.state.number()),
            "version" => Value::Int(self.version),
            "publish_time" => self.publish_time.map_or(Value::Null, Value::Timestamp),
            "note" => Value::Text(self.note.as_str().into()),
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn months_are_whole_smallest_units_and_add_up(
            units in 0_i64..1_000_000_000_000,
            kind in prop::sample::select(vec![PeriodKind::Month, PeriodKind::Quarter, PeriodKind::Year]),
            currency in prop::sample::select(vec!["CNY", "JPY", "KWD"]),
        ) {
            let step = money::step(currency);
            let quota = Quota {
                period_kind: Choice(kind),
                amount: Some(units * step),
                amount_currency: currency.to_owned(),
                ..Quota::default()
            };
            let parts: Vec<i64> = quota.months().iter().map(|month| month.value).collect();
            prop_assert_eq!(parts.iter().sum::<i64>(), units * step);
            prop_assert!(parts.iter().all(|part| part % step == 0));
            // Earlier months have what is left over.
            prop_assert!(parts.is_sorted_by(|a, b| a >= b) && parts[0] - parts[parts.len() - 1] <= step);
        }
    }
}
