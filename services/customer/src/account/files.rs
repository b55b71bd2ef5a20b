//! Accounts in files.

use crm_kit_record::files::{Files, Link};

use super::COLLECTION;
use crate::names::{ACCOUNT, words};

/// What files need to know of accounts.
pub const FILES: Files = Files {
    names: ACCOUNT,
    translated: &[("account_number", "number")],
    words: &[
        ("crm.customer.v1.Account.Kind", words::KIND),
        ("crm.customer.v1.Account.Level", words::LEVEL),
        ("crm.customer.v1.Account.CreditStatus", words::CREDIT),
        ("crm.customer.v1.LifeCycleStage", words::STAGE),
    ],
    links: &[Link {
        path: "parent_external_id",
        labels: ["Parent external id", "上级客户外部编号"],
        collection: COLLECTION,
        field: "parent_id",
        member: None,
    }],
    import: "customer.accounts.import",
    export: "customer.accounts.export",
    reads_cards: false,
};
