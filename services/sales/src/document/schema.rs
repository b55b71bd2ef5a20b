//! What lists and descriptions of all documents have in common.

use crm_kit_api::sensitivity::Sensitivity;
use crm_kit_record::{custom_field::describe::Parts, search};

/// Order of a list that states none.
pub const DEFAULT_ORDER: &str = "create_time desc";

/// Columns that `q` searches.
pub const SEARCH: search::Columns = search::Columns {
    name: ("search_name", Sensitivity::Unspecified),
    phone: None,
    email: None,
    identity: None,
};

/// Messages of documents whose parts are described one by one.
pub const PARTS: &[Parts] = &[(
    "crm.sales.v1.DocumentTotals",
    &[
        ("net_amount", "net", "不含税总额"),
        ("tax_amount", "tax", "税额"),
        ("gross_amount", "gross", "价税总额"),
    ],
)];

/// How an approval stands, by name and number in the contract.
pub const APPROVALS: &[(&str, i32)] = &[
    ("APPROVAL_STATE_UNSPECIFIED", 0),
    ("APPROVAL_STATE_NOT_NEEDED", 1),
    ("APPROVAL_STATE_PENDING", 2),
    ("APPROVAL_STATE_APPROVED", 3),
    ("APPROVAL_STATE_REJECTED", 4),
    ("APPROVAL_STATE_RETURNED", 5),
    ("APPROVAL_STATE_WITHDRAWN", 6),
    ("APPROVAL_STATE_FAILED", 7),
];
