//! Leads in files.

use crm_kit_record::files::Files;

use crate::names::{LEAD, words};

/// What files need to know of leads. Their status is changed by verbs only, so no column sets it.
pub const FILES: Files = Files {
    names: LEAD,
    translated: &[
        ("company", "company_name"),
        ("emails", "email"),
        ("phones.mobile", "phone"),
        ("phones.work", "phone"),
        ("mailing_address.street", "address.address_lines"),
        ("mailing_address.district", "address.sublocality"),
        ("mailing_address.city", "address.locality"),
        ("mailing_address.state", "address.administrative_area"),
        ("mailing_address.postal_code", "address.postal_code"),
        ("mailing_address.country_code", "address.region_code"),
    ],
    words: &[("crm.customer.v1.Lead.Rating", words::RATING), ("crm.customer.v1.Lead.Status", words::STATUS)],
    links: &[],
    import: "customer.leads.import",
    export: "customer.leads.export",
    reads_cards: false,
};
