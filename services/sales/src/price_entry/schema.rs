//! What lists of price entries can be filtered, ordered and searched by.

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

const MODES: &[(&str, i32)] =
    &[("TIER_MODE_UNSPECIFIED", 0), ("TIER_MODE_VOLUME", 1), ("TIER_MODE_GRADUATED", 2)];

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("price_book_id", Kind::Uuid, "price_book_id"),
    Field::new("product_id", Kind::Uuid, "product_id"),
    Field::new("unit", Kind::Text, "unit"),
    Field::new("start_date", Kind::Date, "start_date").nullable(),
    Field::new("end_date", Kind::Date, "end_date").nullable(),
    Field::new("tier_mode", Kind::Enum(MODES), "tier_mode"),
    Field::new("owner_id", Kind::Uuid, "owner_id"),
];

const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("start_date", "COALESCE(start_date - DATE '2000-01-01', -1000000)::bigint", KeyKind::Int),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_enum_values_are_those_of_the_contract() {
        let message = crm_proto::message("crm.sales.v1.PriceEntry");
        assert_eq!(SCHEMA.differences(&message, &[]), Vec::<String>::new());
    }
}
