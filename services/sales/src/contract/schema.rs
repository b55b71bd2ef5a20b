//! What lists of contracts can be filtered, ordered and searched by.

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
    ("STATE_PENDING_SIGNATURE", 3),
    ("STATE_SIGNED", 4),
    ("STATE_IN_PERFORMANCE", 5),
    ("STATE_COMPLETED", 6),
    ("STATE_ARCHIVED", 7),
    ("STATE_VOIDED", 8),
];
const RENEWAL_RULES: &[(&str, i32)] = &[
    ("RENEWAL_RULE_UNSPECIFIED", 0),
    ("RENEWAL_RULE_NONE", 1),
    ("RENEWAL_RULE_MANUAL", 2),
    ("RENEWAL_RULE_AUTOMATIC", 3),
];

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: SENSITIVE };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("number", Kind::Text, "number"),
    Field::new("contract_type", Kind::Text, "contract_type"),
    Field::new("account_id", Kind::Uuid, "account_id").nullable(),
    Field::new("account_name", Kind::Text, "account_name"),
    Field::new("customer_party", Kind::Text, "customer_party"),
    Field::new("own_party", Kind::Text, "own_party"),
    Field::new("customer_signer", Kind::Text, "customer_signer"),
    Field::new("own_signer", Kind::Text, "own_signer"),
    Field::new("opportunity_id", Kind::Uuid, "opportunity_id").nullable(),
    Field::new("quote_id", Kind::Uuid, "quote_id").nullable(),
    Field::new("start_date", Kind::Date, "start_date").nullable(),
    Field::new("end_date", Kind::Date, "end_date").nullable(),
    Field::new("term_months", Kind::Int, "term_months"),
    Field::new("renewal_rule", Kind::Enum(RENEWAL_RULES), "renewal_rule"),
    Field::new("notice_days", Kind::Int, "notice_days"),
    Field::new("notice_date", Kind::Date, "notice_date").nullable(),
    Field::new("payment_method", Kind::Text, "payment_method"),
    Field::new("amount", Kind::Decimal { scale: 4 }, "amount").nullable(),
    Field::new("amount.currency_code", Kind::Text, "currency_code"),
    Field::new("currency_code", Kind::Text, "currency_code"),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("version", Kind::Int, "version"),
    Field::new("amend_reason", Kind::Text, "amend_reason"),
    Field::new("sign_time", Kind::Timestamp, "sign_time").nullable(),
    Field::new("complete_time", Kind::Timestamp, "complete_time").nullable(),
    Field::new("void_reason", Kind::Text, "void_reason"),
    Field::new("renewal_of_id", Kind::Uuid, "renewal_of_id").nullable(),
    Field::new("renewal_id", Kind::Uuid, "renewal_id").nullable(),
    Field::new("approval_state", Kind::Enum(APPROVALS), "approval_state"),
    Field::new("approval_request_id", Kind::Uuid, "approval_request_id").nullable(),
    Field::new("approval_comment", Kind::Text, "approval_comment"),
    Field::new("description", Kind::Text, "description"),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
    Field::new("tags", Kind::TextList, "tags"),
];

/// Days are ordered by their distance from a fixed day, because page tokens hold numbers; a contract without the day comes before all others.
const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("number", "number", KeyKind::Text),
    ("account_name", "account_name", KeyKind::Text),
    ("start_date", "COALESCE(start_date - DATE '2000-01-01', -1000000)::bigint", KeyKind::Int),
    ("end_date", "COALESCE(end_date - DATE '2000-01-01', -1000000)::bigint", KeyKind::Int),
    ("notice_date", "COALESCE(notice_date - DATE '2000-01-01', -1000000)::bigint", KeyKind::Int),
    ("amount", "COALESCE(amount, -1)", KeyKind::Int),
];

const SENSITIVE: &[(&str, Sensitivity)] = &[
    ("customer_signer", Sensitivity::PersonName),
    ("own_signer", Sensitivity::PersonName),
    ("approval_comment", Sensitivity::Note),
    ("description", Sensitivity::Note),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.sales.v1.Contract");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
