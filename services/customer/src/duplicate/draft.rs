//! Drafts of records, which need not be complete: a value that cannot be read is left out.

use crm_kit_record::{address::Address, field::Checker};
use crm_proto::crm::customer::v1::{Account as AccountWire, Contact as ContactWire};
use sqlx::types::Json;

use super::profile::Profile;
use crate::{
    account::Account,
    contact::{
        Contact,
        model::BirthDate,
        part::{read_emails, read_phones},
    },
};

/// What a draft of an account shows.
pub fn account(wire: AccountWire, region: &str) -> Profile {
    let check = &mut Checker::new("account", region);
    let (website, website_domain) = check.website("website", &wire.website);
    let account = Account {
        display_name: wire.display_name,
        legal_name: wire.legal_name,
        unified_social_credit_code: wire.unified_social_credit_code.trim().to_uppercase(),
        tax_id: wire.tax_id,
        website,
        website_domain,
        phone: check.phone("phone", &wire.phone),
        email: check.email("email", &wire.email),
        billing_address: Address::read_optional("billing_address", wire.billing_address, check).map(Json),
        ..Account::default()
    };
    account.profile()
}

/// What a draft of a contact shows.
pub fn contact(wire: ContactWire, region: &str) -> Profile {
    let check = &mut Checker::new("contact", region);
    let birth_date = wire.birth_date.and_then(|date| {
        let part = |part: i32| u32::try_from(part).ok();
        BirthDate::new(date.year, part(date.month)?, part(date.day)?)
    });
    let contact = Contact {
        display_name: wire.display_name,
        family_name: wire.family_name,
        given_name: wire.given_name,
        middle_name: wire.middle_name,
        emails: Json(read_emails("emails", wire.emails, check)),
        phones: Json(read_phones("phones", wire.phones, check)),
        birth_date: birth_date.map(Json),
        mailing_address: Address::read_optional("mailing_address", wire.mailing_address, check).map(Json),
        ..Contact::default()
    };
    contact.profile()
}
