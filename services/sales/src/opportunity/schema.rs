//! What lists of opportunities can be filtered, ordered and searched by.

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

/// Messages of opportunities whose parts are described one by one.
pub const PARTS: &[Parts] = &[
    (
        "crm.sales.v1.OpportunityContact",
        &[
            ("contact_id", "contact", "联系人"),
            ("display_name", "name", "姓名"),
            ("role", "role", "角色"),
            ("primary", "first", "主要"),
        ],
    ),
    (
        "crm.sales.v1.OpportunityCompetitor",
        &[
            ("display_name", "name", "名称"),
            ("account_id", "account", "客户"),
            ("assessment", "assessment", "评估"),
        ],
    ),
];

const STATES: &[(&str, i32)] =
    &[("STATE_UNSPECIFIED", 0), ("STATE_OPEN", 1), ("STATE_WON", 2), ("STATE_LOST", 3), ("STATE_INVALID", 4)];
const CATEGORIES: &[(&str, i32)] = &[
    ("FORECAST_CATEGORY_UNSPECIFIED", 0),
    ("FORECAST_CATEGORY_PIPELINE", 1),
    ("FORECAST_CATEGORY_BEST_CASE", 2),
    ("FORECAST_CATEGORY_MOST_LIKELY", 3),
    ("FORECAST_CATEGORY_COMMIT", 4),
    ("FORECAST_CATEGORY_CLOSED", 5),
    ("FORECAST_CATEGORY_OMITTED", 6),
];

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: SENSITIVE };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("number", Kind::Text, "number"),
    Field::new("account_id", Kind::Uuid, "account_id").nullable(),
    Field::new("account_name", Kind::Text, "account_name"),
    Field::new("pipeline_id", Kind::Uuid, "pipeline_id"),
    Field::new("stage_key", Kind::Text, "stage_key"),
    Field::new("stage_enter_time", Kind::Timestamp, "stage_enter_time"),
    Field::new("stall_time", Kind::Timestamp, "stall_time").nullable(),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("probability_percent", Kind::Int, "probability_percent"),
    Field::new("probability_overridden", Kind::Bool, "probability_overridden"),
    Field::new("forecast_category", Kind::Enum(CATEGORIES), "forecast_category"),
    Field::new("forecast_category_overridden", Kind::Bool, "forecast_category_overridden"),
    Field::new("amount", Kind::Decimal { scale: 4 }, "amount").nullable(),
    Field::new("amount.currency_code", Kind::Text, "amount_currency"),
    Field::new("expected_revenue", Kind::Decimal { scale: 4 }, "expected_revenue").nullable(),
    Field::new("close_date", Kind::Date, "close_date").nullable(),
    Field::new("open_date", Kind::Date, "open_date"),
    Field::new("closed_date", Kind::Date, "closed_date").nullable(),
    Field::new("original_closed_date", Kind::Date, "original_closed_date").nullable(),
    Field::new("close_reason", Kind::Text, "close_reason"),
    Field::new("next_step", Kind::Text, "next_step"),
    Field::new("source", Kind::Text, "source"),
    Field::new("region", Kind::Text, "region"),
    Field::new("campaign_id", Kind::Uuid, "campaign_id").nullable(),
    Field::new("description", Kind::Text, "description"),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
    Field::new("tags", Kind::TextList, "tags"),
];

/// Days are ordered by their distance from a fixed day, because page tokens hold numbers; a deal without the day comes before all others.
const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("number", "number", KeyKind::Text),
    ("account_name", "account_name", KeyKind::Text),
    ("close_date", "COALESCE(close_date - DATE '2000-01-01', -1000000)::bigint", KeyKind::Int),
    ("closed_date", "COALESCE(closed_date - DATE '2000-01-01', -1000000)::bigint", KeyKind::Int),
    ("amount", "COALESCE(amount, -1)", KeyKind::Int),
    ("probability_percent", "probability_percent", KeyKind::Int),
    ("stage_enter_time", "stage_enter_time", KeyKind::Timestamp),
    ("stall_time", "COALESCE(stall_time, 'infinity'::timestamptz)", KeyKind::Timestamp),
];

const SENSITIVE: &[(&str, Sensitivity)] =
    &[("contacts.display_name", Sensitivity::PersonName), ("description", Sensitivity::Note)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.sales.v1.Opportunity");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
