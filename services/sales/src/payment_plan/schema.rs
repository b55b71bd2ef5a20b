//! What lists of payment plans can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind},
    order::KeyKind,
    sensitivity::Sensitivity,
};
use crm_kit_record::{schema::Standard, search};

/// Order of a list that states none.
pub const DEFAULT_ORDER: &str = "create_time desc";

/// Columns that `q` searches.
pub const SEARCH: search::Columns = search::Columns {
    name: ("search_name", Sensitivity::Unspecified),
    phone: None,
    email: None,
    identity: None,
};

const STATES: &[(&str, i32)] = &[
    ("STATE_UNSPECIFIED", 0),
    ("STATE_PENDING", 1),
    ("STATE_PARTIALLY_PAID", 2),
    ("STATE_PAID", 3),
    ("STATE_CANCELLED", 4),
];
/// What is still to be paid.
const OPEN: &str = "(CASE WHEN state = 4 THEN 0 ELSE amount - allocated END)";

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard =
    Standard { fields: FIELDS, order: ORDER, sensitive: &[("description", Sensitivity::Note)] };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("number", Kind::Text, "number"),
    Field::new("account_id", Kind::Uuid, "account_id"),
    Field::new("account_name", Kind::Text, "account_name"),
    Field::new("order_id", Kind::Uuid, "order_id").nullable(),
    Field::new("contract_id", Kind::Uuid, "contract_id").nullable(),
    Field::new("sequence", Kind::Int, "sequence"),
    Field::new("due_date", Kind::Date, "due_date"),
    Field::new("amount", Kind::Decimal { scale: 4 }, "amount"),
    Field::new("amount.currency_code", Kind::Text, "amount_currency"),
    Field::new("allocated_amount", Kind::Decimal { scale: 4 }, "allocated"),
    Field::new("open_amount", Kind::Decimal { scale: 4 }, OPEN),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("cancel_reason", Kind::Text, "cancel_reason"),
    Field::new("description", Kind::Text, "description"),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
    Field::new("tags", Kind::TextList, "tags"),
];

/// Days are ordered by their distance from a fixed day, because page tokens hold numbers.
const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("number", "number", KeyKind::Text),
    ("account_name", "account_name", KeyKind::Text),
    ("sequence", "sequence", KeyKind::Int),
    ("due_date", "(due_date - DATE '2000-01-01')::bigint", KeyKind::Int),
    ("amount", "amount", KeyKind::Int),
    ("open_amount", OPEN, KeyKind::Int),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.sales.v1.PaymentPlan");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
