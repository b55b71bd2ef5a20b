//! What lists of contacts can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind},
    order::KeyKind,
    sensitivity::Sensitivity,
};
use crm_kit_record::{custom_field::describe::Parts, schema::Standard, search};

use crate::life_cycle::STAGES;

/// Messages among a contact's fields, and what people call their parts.
pub const PARTS: &[Parts] = &[
    (
        "crm.customer.v1.ContactEmail",
        &[
            ("address", "address", "地址"),
            ("kind", "kind", "类型"),
            ("primary", "primary", "首选"),
            ("verified", "verified", "已验证"),
        ],
    ),
    (
        "crm.customer.v1.ContactPhone",
        &[
            ("number", "number", "号码"),
            ("kind", "kind", "类型"),
            ("primary", "primary", "首选"),
            ("verified", "verified", "已验证"),
        ],
    ),
    (
        "crm.customer.v1.ContactAccount",
        &[
            ("account_id", "account", "客户"),
            ("role", "role", "角色"),
            ("from_date", "from", "开始日期"),
            ("to_date", "until", "结束日期"),
            ("primary", "primary", "主要"),
        ],
    ),
];

/// Order of a list that states none.
pub const DEFAULT_ORDER: &str = "create_time desc";

/// Columns that `q` searches.
pub const SEARCH: search::Columns = search::Columns {
    name: ("search_name", Sensitivity::PersonName),
    phone: Some("search_phone"),
    email: Some("search_email"),
    identity: None,
};

/// What lists offer; a test compares it with the contract. `email`, `phone` and `account_id` are the primary ones.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: SENSITIVE };

/// `birth_date` and its year are unset when the year is not known; month and day never are of a contact that has a day of birth.
static FIELDS: &[Field] = &[
        Field::new("id", Kind::Uuid, "id"),
        Field::new("create_time", Kind::Timestamp, "create_time"),
        Field::new("update_time", Kind::Timestamp, "update_time"),
        Field::new("display_name", Kind::Text, "display_name"),
        Field::new("family_name", Kind::Text, "family_name"),
        Field::new("given_name", Kind::Text, "given_name"),
        Field::new("middle_name", Kind::Text, "middle_name"),
        Field::new("salutation", Kind::Text, "salutation"),
        Field::new("job_title", Kind::Text, "job_title"),
        Field::new("department", Kind::Text, "department"),
        Field::new("reports_to_id", Kind::Uuid, "reports_to_id").nullable(),
        Field::new("email", Kind::Text, "email"),
        Field::new("phone", Kind::Text, "phone"),
        Field::new("account_id", Kind::Uuid, "account_id").nullable(),
        Field::new("mailing_address.region_code", Kind::Text, "(mailing_address->>'region_code')").nullable(),
        Field::new(
            "mailing_address.administrative_area",
            Kind::Text,
            "(mailing_address->>'administrative_area')",
        )
        .nullable(),
        Field::new("mailing_address.locality", Kind::Text, "(mailing_address->>'locality')").nullable(),
        Field::new("mailing_address.postal_code", Kind::Text, "(mailing_address->>'postal_code')").nullable(),
        Field::new(
            "birth_date",
            Kind::Date,
            "make_date(NULLIF((birth_date->>'year')::int, 0), (birth_date->>'month')::int, (birth_date->>'day')::int)",
        )
        .nullable(),
        Field::new("birth_date.year", Kind::Int, "NULLIF((birth_date->>'year')::int, 0)").nullable(),
        Field::new("birth_date.month", Kind::Int, "((birth_date->>'month')::int)").nullable(),
        Field::new("birth_date.day", Kind::Int, "((birth_date->>'day')::int)").nullable(),
        Field::new("language_code", Kind::Text, "language_code"),
        Field::new("source", Kind::Text, "source"),
        Field::new("owner_id", Kind::Uuid, "owner_id").nullable(),
        Field::new("life_cycle_stage", Kind::Enum(STAGES), "life_cycle_stage"),
        Field::new("last_activity_time", Kind::Timestamp, "last_activity_time").nullable(),
        Field::new("tags", Kind::TextList, "tags"),
        Field::new("description", Kind::Text, "description"),
    ];

const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("family_name", "family_name", KeyKind::Text),
    ("last_activity_time", "COALESCE(last_activity_time, '-infinity'::timestamptz)", KeyKind::Timestamp),
];

const SENSITIVE: &[(&str, Sensitivity)] = &[
    ("display_name", Sensitivity::PersonName),
    ("family_name", Sensitivity::PersonName),
    ("given_name", Sensitivity::PersonName),
    ("middle_name", Sensitivity::PersonName),
    ("emails.address", Sensitivity::Email),
    ("email", Sensitivity::Email),
    ("phones.number", Sensitivity::Phone),
    ("phone", Sensitivity::Phone),
    ("mailing_address", Sensitivity::Address),
    ("birth_date", Sensitivity::PersonalDate),
    ("description", Sensitivity::Note),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let aliases = [("email", "emails.address"), ("phone", "phones.number")];
        let message = crm_proto::message("crm.customer.v1.Contact");
        assert_eq!(SCHEMA.differences(&message, &aliases), Vec::<String>::new());
    }
}
