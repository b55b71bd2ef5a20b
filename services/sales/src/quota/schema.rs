//! What lists of quotas can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind},
    order::KeyKind,
    sensitivity::Sensitivity,
};
use crm_kit_record::{custom_field::describe::Parts, schema::Standard, search};

/// Order of a list that states none.
pub const DEFAULT_ORDER: &str = "create_time desc";

/// Columns that `q` searches.
pub const SEARCH: search::Columns = search::Columns {
    name: ("search_name", Sensitivity::Unspecified),
    phone: None,
    email: None,
    identity: None,
};

/// Messages of quotas whose parts are described one by one.
pub const PARTS: &[Parts] = &[(
    "crm.sales.v1.QuotaMonth",
    &[("start_date", "month", "月份"), ("amount", "amount", "金额"), ("count", "number", "数量")],
)];

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: &[] };

const MEASURES: &[(&str, i32)] =
    &[("MEASURE_UNSPECIFIED", 0), ("MEASURE_AMOUNT_WON", 1), ("MEASURE_COUNT_WON", 2)];
const LEVELS: &[(&str, i32)] =
    &[("LEVEL_UNSPECIFIED", 0), ("LEVEL_BASE", 1), ("LEVEL_SPRINT", 2), ("LEVEL_CHALLENGE", 3)];
const PERIODS: &[(&str, i32)] = &[
    ("PERIOD_KIND_UNSPECIFIED", 0),
    ("PERIOD_KIND_MONTH", 1),
    ("PERIOD_KIND_QUARTER", 2),
    ("PERIOD_KIND_YEAR", 3),
];
const STATES: &[(&str, i32)] =
    &[("STATE_UNSPECIFIED", 0), ("STATE_DRAFT", 1), ("STATE_PUBLISHED", 2), ("STATE_LOCKED", 3)];

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
    Field::new("department_id", Kind::Uuid, "department_id").nullable(),
    Field::new("measure", Kind::Enum(MEASURES), "measure"),
    Field::new("level", Kind::Enum(LEVELS), "level"),
    Field::new("period_kind", Kind::Enum(PERIODS), "period_kind"),
    Field::new("start_date", Kind::Date, "start_date"),
    Field::new("end_date", Kind::Date, "end_date"),
    Field::new("amount", Kind::Decimal { scale: 4 }, "amount").nullable(),
    Field::new("amount.currency_code", Kind::Text, "amount_currency"),
    Field::new("count", Kind::Int, "COALESCE(count, 0)"),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("version", Kind::Int, "version"),
    Field::new("publish_time", Kind::Timestamp, "publish_time").nullable(),
    Field::new("note", Kind::Text, "note"),
];

const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("start_date", "(start_date - DATE '2000-01-01')::bigint", KeyKind::Int),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.sales.v1.Quota");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
