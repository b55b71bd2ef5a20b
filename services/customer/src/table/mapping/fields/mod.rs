//! The fields of the records that people import, and what other systems call them.
//!
//! Seen in the exports and import templates of Salesforce, `HubSpot`, Zoho, Odoo, `SuiteCRM`, Dynamics, Google Contacts, Outlook,
//! `LinkedIn` and Chinese spreadsheets. Names are written as people read them; [`super::name::fold`] takes care of style.

mod account;
mod opportunity;
mod person;

use super::Schema;

/// Accounts: customers, suppliers and other companies.
pub const ACCOUNT: Schema<'static> = Schema {
    own_words: &[
        "account",
        "company",
        "customer",
        "client",
        "organization",
        "organisation",
        "客户",
        "公司",
        "企业",
        "单位",
    ],
    targets: &[account::FIELDS],
};

/// Contacts: people.
pub const CONTACT: Schema<'static> = Schema {
    own_words: &["contact", "person", "联系人"],
    targets: &[person::FIELDS, person::CONTACT_FIELDS],
};

/// Leads: people at companies that are not qualified yet.
pub const LEAD: Schema<'static> = Schema {
    own_words: &["lead", "prospect", "线索", "潜在客户"],
    targets: &[person::FIELDS, person::LEAD_FIELDS],
};

/// Opportunities.
pub const OPPORTUNITY: Schema<'static> =
    Schema { own_words: &["opportunity", "deal", "商机", "销售机会"], targets: &[opportunity::FIELDS] };
