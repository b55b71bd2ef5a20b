//! What lists of quotes can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind},
    order::KeyKind,
    sensitivity::Sensitivity,
};
use crm_kit_record::schema::Standard;

use crate::document::schema::APPROVALS;

const STATES: &[(&str, i32)] = &[
    ("STATE_UNSPECIFIED", 0),
    ("STATE_DRAFT", 1),
    ("STATE_IN_APPROVAL", 2),
    ("STATE_APPROVED", 3),
    ("STATE_PRESENTED", 4),
    ("STATE_ACCEPTED", 5),
    ("STATE_REJECTED", 6),
    ("STATE_EXPIRED", 7),
    ("STATE_SUPERSEDED", 8),
];

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: SENSITIVE };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("number", Kind::Text, "number"),
    Field::new("revision_number", Kind::Int, "revision_number"),
    Field::new("base_number", Kind::Text, "base_number"),
    Field::new("base_quote_id", Kind::Uuid, "base_quote_id"),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("opportunity_id", Kind::Uuid, "opportunity_id").nullable(),
    Field::new("account_id", Kind::Uuid, "account_id").nullable(),
    Field::new("account_name", Kind::Text, "account_name"),
    Field::new("contact_id", Kind::Uuid, "contact_id").nullable(),
    Field::new("contact_name", Kind::Text, "contact_name"),
    Field::new("currency_code", Kind::Text, "currency_code"),
    Field::new("net_amount", Kind::Decimal { scale: 4 }, "net_amount"),
    Field::new("gross_amount", Kind::Decimal { scale: 4 }, "gross_amount"),
    Field::new("valid_until", Kind::Date, "valid_until").nullable(),
    Field::new("expire_time", Kind::Timestamp, "expire_time").nullable(),
    Field::new("terms", Kind::Text, "terms"),
    Field::new("description", Kind::Text, "description"),
    Field::new("approval_state", Kind::Enum(APPROVALS), "approval_state"),
    Field::new("submit_time", Kind::Timestamp, "submit_time").nullable(),
    Field::new("close_time", Kind::Timestamp, "close_time").nullable(),
    Field::new("close_reason", Kind::Text, "close_reason"),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
    Field::new("tags", Kind::TextList, "tags"),
];

/// Days are ordered by their distance from a fixed day, because page tokens hold numbers; a quote without the day comes before all others.
const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("number", "number", KeyKind::Text),
    ("account_name", "account_name", KeyKind::Text),
    ("net_amount", "net_amount", KeyKind::Int),
    ("gross_amount", "gross_amount", KeyKind::Int),
    ("valid_until", "COALESCE(valid_until - DATE '2000-01-01', -1000000)::bigint", KeyKind::Int),
];

const SENSITIVE: &[(&str, Sensitivity)] = &[
    ("contact_name", Sensitivity::PersonName),
    ("description", Sensitivity::Note),
    ("approval_comment", Sensitivity::Note),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.sales.v1.Quote");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
