//! What lists of receipts can be filtered, ordered and searched by.

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
    ("STATE_REGISTERED", 1),
    ("STATE_CONFIRMED", 2),
    ("STATE_ALLOCATED", 3),
    ("STATE_REVERSED", 4),
];
const METHODS: &[(&str, i32)] = &[
    ("METHOD_UNSPECIFIED", 0),
    ("METHOD_BANK_TRANSFER", 1),
    ("METHOD_CASH", 2),
    ("METHOD_CARD", 3),
    ("METHOD_CHEQUE", 4),
    ("METHOD_BANK_ACCEPTANCE", 5),
    ("METHOD_ONLINE", 6),
    ("METHOD_OTHER", 7),
];
/// What can still be allocated.
const OPEN: &str = "(CASE WHEN state = 4 THEN 0 ELSE amount - allocated END)";

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: SENSITIVE };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("number", Kind::Text, "number"),
    Field::new("account_id", Kind::Uuid, "account_id"),
    Field::new("account_name", Kind::Text, "account_name"),
    Field::new("amount", Kind::Decimal { scale: 4 }, "amount"),
    Field::new("amount.currency_code", Kind::Text, "amount_currency"),
    Field::new("allocated_amount", Kind::Decimal { scale: 4 }, "allocated"),
    Field::new("open_amount", Kind::Decimal { scale: 4 }, OPEN),
    Field::new("receive_date", Kind::Date, "receive_date"),
    Field::new("method", Kind::Enum(METHODS), "method"),
    Field::new("bank_reference", Kind::Text, "bank_reference"),
    Field::new("payer_name", Kind::Text, "payer_name"),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("confirm_time", Kind::Timestamp, "confirm_time").nullable(),
    Field::new("confirmer_id", Kind::Uuid, "confirmer_id").nullable(),
    Field::new("reverse_time", Kind::Timestamp, "reverse_time").nullable(),
    Field::new("reverse_reason", Kind::Text, "reverse_reason"),
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
    ("receive_date", "(receive_date - DATE '2000-01-01')::bigint", KeyKind::Int),
    ("amount", "amount", KeyKind::Int),
    ("open_amount", OPEN, KeyKind::Int),
];

const SENSITIVE: &[(&str, Sensitivity)] = &[
    ("bank_reference", Sensitivity::Financial),
    ("payer_name", Sensitivity::PersonName),
    ("description", Sensitivity::Note),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.sales.v1.Receipt");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
