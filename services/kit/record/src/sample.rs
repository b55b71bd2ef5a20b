//! Two kinds of records for the tests of pure rules: firms, and the people below them, with messages of the contract.

use crm_kit_api::{
    filter::{Field, Kind as ValueKind},
    sensitivity::Sensitivity,
};

use crm_kit_table::mapping::{Schema, Target};

use crate::{
    Kind, Kinds, Parent,
    files::{Files, Link},
    schema::Standard,
    search,
};

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
    message: "crm.customer.v1.Account",
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
    files: Files {
        names: Schema {
            own_words: &["firm"],
            other_words: &[],
            targets: &[&[
                Target::one("display_name", &["Name"], &["名称"], &[]),
                Target::one("phone", &["Phone"], &["电话"], &["Tel"]),
            ]],
        },
        translated: &[],
        words: &[("crm.customer.v1.Account.Kind", &[(2, &["Partner"], &["合作伙伴"])])],
        links: &[Link {
            path: "parent_external_id",
            labels: ["Parent external id", "上级外部编号"],
            collection: "firms",
            field: "parent_id",
            member: None,
        }],
        import: "",
        export: "",
        reads_cards: false,
    },
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
    message: "crm.customer.v1.Contact",
    columns: "",
    schema: &SCHEMA,
    default_order: "",
    fixed: &[],
    transfer: "",
    series: None,
    parts: &[],
    files: Files {
        names: Schema { own_words: &[], other_words: &[], targets: &[] },
        translated: &[],
        words: &[],
        links: &[
            Link {
                path: "account_external_id",
                labels: ["Firm external id", "公司外部编号"],
                collection: "firms",
                field: "accounts",
                member: Some("account_id"),
            },
            Link {
                path: "reports_to_external_id",
                labels: ["Reports to external id", "上级外部编号"],
                collection: "people",
                field: "reports_to_id",
                member: None,
            },
        ],
        import: "",
        export: "",
        reads_cards: true,
    },
};

pub fn kinds() -> Kinds {
    Kinds::new([&FIRMS, &PEOPLE])
}
