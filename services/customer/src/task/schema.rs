//! What lists of tasks can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind},
    order::KeyKind,
    sensitivity::Sensitivity,
};
use crm_kit_record::{custom_field::describe::Parts, schema::Standard, search};

use crate::activity::LINK_PARTS;

/// Order of a list that states none.
pub const DEFAULT_ORDER: &str = "due_time";

/// Columns that `q` searches.
pub const SEARCH: search::Columns = search::Columns {
    name: ("search_name", Sensitivity::Unspecified),
    phone: None,
    email: None,
    identity: None,
};

/// Messages of tasks whose parts are described one by one.
pub const PARTS: &[Parts] = &[
    LINK_PARTS,
    (
        "crm.customer.v1.Recurrence",
        &[("frequency", "unit", "单位"), ("interval", "interval", "间隔"), ("until_time", "end", "截止")],
    ),
];

const STATES: &[(&str, i32)] = &[
    ("STATE_UNSPECIFIED", 0),
    ("STATE_NOT_STARTED", 1),
    ("STATE_IN_PROGRESS", 2),
    ("STATE_BLOCKED", 3),
    ("STATE_DEFERRED", 4),
    ("STATE_COMPLETED", 5),
    ("STATE_CANCELLED", 6),
];
const PRIORITIES: &[(&str, i32)] =
    &[("PRIORITY_UNSPECIFIED", 0), ("PRIORITY_LOW", 1), ("PRIORITY_MEDIUM", 2), ("PRIORITY_HIGH", 3)];
const ESCALATIONS: &[(&str, i32)] =
    &[("ESCALATION_UNSPECIFIED", 0), ("ESCALATION_AFTER_DELAY", 1), ("ESCALATION_NONE", 2)];

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: SENSITIVE };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("state_reason", Kind::Text, "state_reason"),
    Field::new("priority", Kind::Enum(PRIORITIES), "priority"),
    Field::new("due_time", Kind::Timestamp, "due_time").nullable(),
    Field::new("start_time", Kind::Timestamp, "start_time").nullable(),
    Field::new("end_time", Kind::Timestamp, "end_time").nullable(),
    Field::new("completion_criterion", Kind::Text, "completion_criterion"),
    Field::new("description", Kind::Text, "description"),
    Field::new("account_id", Kind::Uuid, "account_id").nullable(),
    Field::new("contact_id", Kind::Uuid, "contact_id").nullable(),
    Field::new("lead_id", Kind::Uuid, "lead_id").nullable(),
    Field::new("opportunity_id", Kind::Uuid, "opportunity_id").nullable(),
    Field::new("series_id", Kind::Uuid, "series_id").nullable(),
    Field::new("escalation", Kind::Enum(ESCALATIONS), "escalation"),
    Field::new("escalation_delay_hours", Kind::Int, "escalation_delay_hours"),
    Field::new("escalate_time", Kind::Timestamp, "escalate_time").nullable(),
    Field::new("escalated_to_id", Kind::Uuid, "escalated_to_id").nullable(),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
    Field::new("tags", Kind::TextList, "tags"),
];

const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("due_time", "COALESCE(due_time, 'infinity'::timestamptz)", KeyKind::Timestamp),
    ("priority", "priority", KeyKind::Int),
    ("state", "state", KeyKind::Int),
    ("display_name", "display_name", KeyKind::Text),
];

const SENSITIVE: &[(&str, Sensitivity)] =
    &[("links.display_name", Sensitivity::PersonName), ("description", Sensitivity::Note)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.customer.v1.Task");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
