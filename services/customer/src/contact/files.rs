//! Contacts in files.

use crm_kit_record::files::{Files, Link};

use super::COLLECTION;
use crate::{
    account,
    names::{CONTACT, words},
};

/// What files need to know of contacts.
pub const FILES: Files = Files {
    names: CONTACT,
    translated: &[("account", "account_external_id"), ("reports_to", "reports_to_external_id")],
    words: &[("crm.customer.v1.LifeCycleStage", words::STAGE)],
    links: &[
        Link {
            path: "account_external_id",
            labels: ["Account external id", "客户外部编号"],
            collection: account::COLLECTION,
            field: "accounts",
            member: Some("account_id"),
        },
        Link {
            path: "reports_to_external_id",
            labels: ["Reports to external id", "上级外部编号"],
            collection: COLLECTION,
            field: "reports_to_id",
            member: None,
        },
    ],
    import: "customer.contacts.import",
    export: "customer.contacts.export",
    reads_cards: true,
};
