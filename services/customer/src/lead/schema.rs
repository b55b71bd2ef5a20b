//! What lists of leads can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind},
    order::KeyKind,
    sensitivity::Sensitivity,
};
use crm_kit_record::{custom_field::describe::Parts, schema::Standard, search};

/// Messages among a lead's fields, and what people call their parts.
pub const PARTS: &[Parts] = &[(
    "crm.customer.v1.Utm",
    &[
        ("source", "source", "来源"),
        ("medium", "medium", "媒介"),
        ("campaign", "campaign", "活动"),
        ("term", "term", "关键词"),
        ("content", "content", "内容"),
    ],
)];

/// Order of a list that states none.
pub const DEFAULT_ORDER: &str = "create_time desc";

/// Columns that `q` searches.
pub const SEARCH: search::Columns = search::Columns {
    name: ("search_name", Sensitivity::PersonName),
    phone: Some("search_phone"),
    email: Some("search_email"),
    identity: None,
};

const RATINGS: &[(&str, i32)] =
    &[("RATING_UNSPECIFIED", 0), ("RATING_COLD", 1), ("RATING_WARM", 2), ("RATING_HOT", 3)];
const STATUSES: &[(&str, i32)] = &[
    ("STATUS_UNSPECIFIED", 0),
    ("STATUS_NEW", 1),
    ("STATUS_ASSIGNED", 2),
    ("STATUS_WORKING", 3),
    ("STATUS_QUALIFIED", 4),
    ("STATUS_CONVERTED", 5),
    ("STATUS_RECYCLED", 6),
    ("STATUS_DISQUALIFIED", 7),
    ("STATUS_DUPLICATE", 8),
];

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: SENSITIVE };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("family_name", Kind::Text, "family_name"),
    Field::new("given_name", Kind::Text, "given_name"),
    Field::new("salutation", Kind::Text, "salutation"),
    Field::new("job_title", Kind::Text, "job_title"),
    Field::new("department", Kind::Text, "department"),
    Field::new("company_name", Kind::Text, "company_name"),
    Field::new("industry", Kind::Text, "industry"),
    Field::new("employee_count", Kind::Int, "employee_count"),
    Field::new("region", Kind::Text, "region"),
    Field::new("website", Kind::Text, "website"),
    Field::new("phone", Kind::Text, "phone"),
    Field::new("email", Kind::Text, "email"),
    Field::new("address.region_code", Kind::Text, "(address->>'region_code')").nullable(),
    Field::new("address.administrative_area", Kind::Text, "(address->>'administrative_area')").nullable(),
    Field::new("address.locality", Kind::Text, "(address->>'locality')").nullable(),
    Field::new("address.postal_code", Kind::Text, "(address->>'postal_code')").nullable(),
    Field::new("source", Kind::Text, "source"),
    Field::new("channel", Kind::Text, "channel"),
    Field::new("campaign_id", Kind::Uuid, "campaign_id").nullable(),
    Field::new("utm.source", Kind::Text, "(utm->>'source')"),
    Field::new("utm.medium", Kind::Text, "(utm->>'medium')"),
    Field::new("utm.campaign", Kind::Text, "(utm->>'campaign')"),
    Field::new("utm.term", Kind::Text, "(utm->>'term')"),
    Field::new("utm.content", Kind::Text, "(utm->>'content')"),
    Field::new("score", Kind::Int, "score"),
    Field::new("rating", Kind::Enum(RATINGS), "rating"),
    Field::new("status", Kind::Enum(STATUSES), "status"),
    Field::new("status_time", Kind::Timestamp, "status_time"),
    Field::new("owner_id", Kind::Uuid, "owner_id").nullable(),
    Field::new("pool_id", Kind::Uuid, "pool_id").nullable(),
    Field::new("claim_time", Kind::Timestamp, "claim_time").nullable(),
    Field::new("last_activity_time", Kind::Timestamp, "last_activity_time").nullable(),
    Field::new("duplicate_of_id", Kind::Uuid, "duplicate_of_id").nullable(),
    Field::new("converted_account_id", Kind::Uuid, "converted_account_id").nullable(),
    Field::new("converted_contact_id", Kind::Uuid, "converted_contact_id").nullable(),
    Field::new("converted_opportunity_id", Kind::Uuid, "converted_opportunity_id").nullable(),
    Field::new("convert_time", Kind::Timestamp, "convert_time").nullable(),
    Field::new("conversion_id", Kind::Uuid, "conversion_id").nullable(),
    Field::new("tags", Kind::TextList, "tags"),
    Field::new("description", Kind::Text, "description"),
];

const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("company_name", "company_name", KeyKind::Text),
    ("score", "score", KeyKind::Int),
    ("rating", "rating", KeyKind::Int),
    ("status", "status", KeyKind::Int),
    ("status_time", "status_time", KeyKind::Timestamp),
    ("last_activity_time", "COALESCE(last_activity_time, '-infinity'::timestamptz)", KeyKind::Timestamp),
    ("region", "region", KeyKind::Text),
    ("industry", "industry", KeyKind::Text),
];

const SENSITIVE: &[(&str, Sensitivity)] = &[
    ("display_name", Sensitivity::PersonName),
    ("family_name", Sensitivity::PersonName),
    ("given_name", Sensitivity::PersonName),
    ("phone", Sensitivity::Phone),
    ("email", Sensitivity::Email),
    ("address", Sensitivity::Address),
    ("status_reason", Sensitivity::Note),
    ("description", Sensitivity::Note),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.customer.v1.Lead");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
