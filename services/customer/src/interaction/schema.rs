//! What lists of interactions can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind},
    order::KeyKind,
    sensitivity::Sensitivity,
};
use crm_kit_record::{custom_field::describe::Parts, schema::Standard, search};

use crate::activity::LINK_PARTS;

/// Order of a list that states none.
pub const DEFAULT_ORDER: &str = "start_time desc";

/// Columns that `q` searches.
pub const SEARCH: search::Columns = search::Columns {
    name: ("search_name", Sensitivity::Unspecified),
    phone: None,
    email: None,
    identity: None,
};

/// Messages of interactions whose parts are described one by one.
pub const PARTS: &[Parts] = &[
    LINK_PARTS,
    (
        "crm.customer.v1.Participant",
        &[
            ("user_id", "colleague", "同事"),
            ("contact_id", "contact", "联系人"),
            ("display_name", "name", "姓名"),
        ],
    ),
];

const KINDS: &[(&str, i32)] = &[
    ("KIND_UNSPECIFIED", 0),
    ("KIND_CALL", 1),
    ("KIND_MAIL", 2),
    ("KIND_MEETING", 3),
    ("KIND_VISIT", 4),
    ("KIND_CHAT", 5),
];
const DIRECTIONS: &[(&str, i32)] =
    &[("DIRECTION_UNSPECIFIED", 0), ("DIRECTION_INBOUND", 1), ("DIRECTION_OUTBOUND", 2)];

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: SENSITIVE };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("kind", Kind::Enum(KINDS), "kind"),
    Field::new("direction", Kind::Enum(DIRECTIONS), "direction"),
    Field::new("start_time", Kind::Timestamp, "start_time"),
    Field::new("duration_seconds", Kind::Int, "duration_seconds"),
    Field::new("outcome", Kind::Text, "outcome"),
    Field::new("description", Kind::Text, "description"),
    Field::new("account_id", Kind::Uuid, "account_id").nullable(),
    Field::new("contact_id", Kind::Uuid, "contact_id").nullable(),
    Field::new("lead_id", Kind::Uuid, "lead_id").nullable(),
    Field::new("opportunity_id", Kind::Uuid, "opportunity_id").nullable(),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
    Field::new("tags", Kind::TextList, "tags"),
];

const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("start_time", "start_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("duration_seconds", "duration_seconds", KeyKind::Int),
];

const SENSITIVE: &[(&str, Sensitivity)] = &[
    ("participants.display_name", Sensitivity::PersonName),
    ("links.display_name", Sensitivity::PersonName),
    ("description", Sensitivity::Note),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.customer.v1.Interaction");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
