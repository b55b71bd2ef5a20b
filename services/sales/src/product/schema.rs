//! What lists of products can be filtered, ordered and searched by.

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

/// What lists offer; a test compares it with the contract.
pub static SCHEMA: Standard = Standard { fields: FIELDS, order: ORDER, sensitive: &[] };

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("number", Kind::Text, "number"),
    Field::new("family", Kind::Text, "family"),
    Field::new("unit", Kind::Text, "unit"),
    Field::new("tax_rate_percent", Kind::Text, "tax_rate_percent"),
    Field::new("retired", Kind::Bool, "retired"),
    Field::new("description", Kind::Text, "description"),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
    Field::new("tags", Kind::TextList, "tags"),
];

const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("number", "number", KeyKind::Text),
    ("family", "family", KeyKind::Text),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.sales.v1.Product");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
