//! What lists of orders can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind},
    order::KeyKind,
    sensitivity::Sensitivity,
};
use crm_kit_record::schema::Standard;

const STATES: &[(&str, i32)] = &[
    ("STATE_UNSPECIFIED", 0),
    ("STATE_DRAFT", 1),
    ("STATE_CONFIRMED", 2),
    ("STATE_PARTIALLY_FULFILLED", 3),
    ("STATE_FULFILLED", 4),
    ("STATE_CLOSED", 5),
    ("STATE_CANCELLED", 6),
];
const ERP_STATES: &[(&str, i32)] = &[
    ("ERP_STATE_UNSPECIFIED", 0),
    ("ERP_STATE_NOT_NEEDED", 1),
    ("ERP_STATE_PENDING_PUSH", 2),
    ("ERP_STATE_PUSHED", 3),
    ("ERP_STATE_ACKNOWLEDGED", 4),
    ("ERP_STATE_FAILED", 5),
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
    Field::new("contact_id", Kind::Uuid, "contact_id").nullable(),
    Field::new("contact_name", Kind::Text, "contact_name"),
    Field::new("opportunity_id", Kind::Uuid, "opportunity_id").nullable(),
    Field::new("quote_id", Kind::Uuid, "quote_id").nullable(),
    Field::new("contract_id", Kind::Uuid, "contract_id").nullable(),
    Field::new("customer_reference", Kind::Text, "customer_reference"),
    Field::new("order_date", Kind::Date, "order_date"),
    Field::new("currency_code", Kind::Text, "currency_code"),
    Field::new("price_book_id", Kind::Uuid, "price_book_id").nullable(),
    Field::new("totals.net_amount", Kind::Decimal { scale: 4 }, "net_amount"),
    Field::new("totals.gross_amount", Kind::Decimal { scale: 4 }, "gross_amount"),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("confirm_time", Kind::Timestamp, "confirm_time").nullable(),
    Field::new("close_time", Kind::Timestamp, "close_time").nullable(),
    Field::new("cancel_reason", Kind::Text, "cancel_reason"),
    Field::new("amendment_number", Kind::Int, "amendment_number"),
    Field::new("erp_state", Kind::Enum(ERP_STATES), "erp_state"),
    Field::new("erp_id", Kind::Text, "erp_id"),
    Field::new("erp_message", Kind::Text, "erp_message"),
    Field::new("erp_push_time", Kind::Timestamp, "erp_push_time").nullable(),
    Field::new("erp_answer_time", Kind::Timestamp, "erp_answer_time").nullable(),
    Field::new("description", Kind::Text, "description"),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
    Field::new("tags", Kind::TextList, "tags"),
];

/// Days are ordered by their distance from a fixed day, because page tokens hold numbers.
const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("number", "number", KeyKind::Text),
    ("account_name", "account_name", KeyKind::Text),
    ("order_date", "(order_date - DATE '2000-01-01')::bigint", KeyKind::Int),
    ("totals.gross_amount", "gross_amount", KeyKind::Int),
];

const SENSITIVE: &[(&str, Sensitivity)] =
    &[("contact_name", Sensitivity::PersonName), ("description", Sensitivity::Note)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.sales.v1.Order");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
