//! Two kinds of records for the tests of pure rules: firms, and the people below them.

use crm_kit_api::{
    filter::{Field, Kind as ValueKind},
    sensitivity::Sensitivity,
};

use crate::{Kind, Kinds, Parent, schema::Standard, search};

const LEVELS: &[(&str, i32)] = &[("LEVEL_UNSPECIFIED", 0), ("LEVEL_A", 1), ("LEVEL_B", 2)];

static SCHEMA: Standard = Standard {
    fields: &[
        Field::new("display_name", ValueKind::Text, "display_name"),
        Field::new("level", ValueKind::Enum(LEVELS), "level"),
        Field::new("employee_count", ValueKind::Int, "employee_count"),
        Field::new("email", ValueKind::Text, "email"),
        Field::new("address.locality", ValueKind::Text, "(address->>'locality')").nullable(),
    ],
    order: &[],
    sensitive: &[("email", Sensitivity::Email), ("address", Sensitivity::Address)],
};

pub static FIRMS: Kind = Kind {
    domain: "crm.sample",
    collection: "firms",
    field: "firm",
    message: "",
    table: "firm",
    columns: "",
    schema: &SCHEMA,
    search: search::Columns {
        name: ("search_name", Sensitivity::Unspecified),
        phone: None,
        email: None,
        identity: None,
    },
    default_order: "",
    fixed: &[],
    transfer: "",
    series: None,
    parent: None,
    parts: &[],
};

pub static PEOPLE: Kind = Kind {
    collection: "people",
    field: "person",
    table: "person",
    parent: Some(Parent { collection: "firms", column: "firm_id" }),
    search: search::Columns {
        name: ("search_name", Sensitivity::PersonName),
        phone: None,
        email: None,
        identity: None,
    },
    domain: "crm.sample",
    message: "",
    columns: "",
    schema: &SCHEMA,
    default_order: "",
    fixed: &[],
    transfer: "",
    series: None,
    parts: &[],
};

pub fn kinds() -> Kinds {
    Kinds::new([&FIRMS, &PEOPLE])
}
