//! What lists of accounts can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind},
    order::KeyKind,
    sensitivity::Sensitivity,
};
use crm_kit_record::{schema::Standard, search};

use crate::life_cycle::STAGES;

/// Order of a list that states none.
pub const DEFAULT_ORDER: &str = "create_time desc";

/// Columns that `q` searches.
pub const SEARCH: search::Columns = search::Columns {
    name: ("search_name", Sensitivity::Unspecified),
    phone: Some("search_phone"),
    email: Some("search_email"),
    identity: Some("search_identity"),
};

const KINDS: &[(&str, i32)] = &[
    ("KIND_UNSPECIFIED", 0),
    ("KIND_CUSTOMER", 1),
    ("KIND_PARTNER", 2),
    ("KIND_COMPETITOR", 3),
    ("KIND_SUPPLIER", 4),
];
const LEVELS: &[(&str, i32)] = &[("LEVEL_UNSPECIFIED", 0), ("LEVEL_A", 1), ("LEVEL_B", 2), ("LEVEL_C", 3)];
const CREDIT: &[(&str, i32)] = &[
    ("CREDIT_STATUS_UNSPECIFIED", 0),
    ("CREDIT_STATUS_GOOD", 1),
    ("CREDIT_STATUS_WATCH", 2),
    ("CREDIT_STATUS_BLOCKED", 3),
];

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: SENSITIVE };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("number", Kind::Text, "number"),
    Field::new("legal_name", Kind::Text, "legal_name"),
    Field::new("unified_social_credit_code", Kind::Text, "unified_social_credit_code"),
    Field::new("tax_id", Kind::Text, "tax_id"),
    Field::new("parent_id", Kind::Uuid, "parent_id").nullable(),
    Field::new("kind", Kind::Enum(KINDS), "kind"),
    Field::new("industry", Kind::Text, "industry"),
    Field::new("employee_count", Kind::Int, "employee_count"),
    Field::new("region", Kind::Text, "region"),
    Field::new("website", Kind::Text, "website"),
    Field::new("website_domain", Kind::Text, "website_domain"),
    Field::new("phone", Kind::Text, "phone"),
    Field::new("email", Kind::Text, "email"),
    Field::new("billing_address.region_code", Kind::Text, "(billing_address->>'region_code')").nullable(),
    Field::new(
        "billing_address.administrative_area",
        Kind::Text,
        "(billing_address->>'administrative_area')",
    )
    .nullable(),
    Field::new("billing_address.locality", Kind::Text, "(billing_address->>'locality')").nullable(),
    Field::new("billing_address.postal_code", Kind::Text, "(billing_address->>'postal_code')").nullable(),
    Field::new("shipping_address.region_code", Kind::Text, "(shipping_address->>'region_code')").nullable(),
    Field::new(
        "shipping_address.administrative_area",
        Kind::Text,
        "(shipping_address->>'administrative_area')",
    )
    .nullable(),
    Field::new("shipping_address.locality", Kind::Text, "(shipping_address->>'locality')").nullable(),
    Field::new("shipping_address.postal_code", Kind::Text, "(shipping_address->>'postal_code')").nullable(),
    Field::new("level", Kind::Enum(LEVELS), "level"),
    Field::new("life_cycle_stage", Kind::Enum(STAGES), "life_cycle_stage"),
    Field::new("source", Kind::Text, "source"),
    Field::new("annual_revenue", Kind::Decimal { scale: 4 }, "annual_revenue").nullable(),
    Field::new("annual_revenue.currency_code", Kind::Text, "annual_revenue_currency"),
    Field::new("credit_status", Kind::Enum(CREDIT), "credit_status"),
    Field::new("credit_limit", Kind::Decimal { scale: 4 }, "credit_limit").nullable(),
    Field::new("credit_limit.currency_code", Kind::Text, "credit_limit_currency"),
    Field::new("owner_id", Kind::Uuid, "owner_id").nullable(),
    Field::new("pool_id", Kind::Uuid, "pool_id").nullable(),
    Field::new("claim_time", Kind::Timestamp, "claim_time").nullable(),
    Field::new("last_activity_time", Kind::Timestamp, "last_activity_time").nullable(),
    Field::new("last_deal_time", Kind::Timestamp, "last_deal_time").nullable(),
    Field::new("blocked", Kind::Bool, "blocked"),
    Field::new("tags", Kind::TextList, "tags"),
    Field::new("description", Kind::Text, "description"),
];

const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("number", "number", KeyKind::Text),
    ("level", "level", KeyKind::Int),
    ("life_cycle_stage", "life_cycle_stage", KeyKind::Int),
    ("employee_count", "employee_count", KeyKind::Int),
    ("last_activity_time", "COALESCE(last_activity_time, '-infinity'::timestamptz)", KeyKind::Timestamp),
    ("last_deal_time", "COALESCE(last_deal_time, '-infinity'::timestamptz)", KeyKind::Timestamp),
    ("region", "region", KeyKind::Text),
    ("industry", "industry", KeyKind::Text),
];

const SENSITIVE: &[(&str, Sensitivity)] = &[
    ("unified_social_credit_code", Sensitivity::IdentityNumber),
    ("tax_id", Sensitivity::IdentityNumber),
    ("phone", Sensitivity::Phone),
    ("email", Sensitivity::Email),
    ("billing_address", Sensitivity::Address),
    ("shipping_address", Sensitivity::Address),
    ("credit_limit", Sensitivity::Financial),
    ("description", Sensitivity::Note),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.customer.v1.Account");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
