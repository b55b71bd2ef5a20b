//! What an account shows of the company behind it.

use crm_kit_value::email::{Email, is_free_mail_domain};

use super::model::Account;
use crate::duplicate::{
    field::Field,
    profile::{Profile, phone_number},
};

impl Account {
    /// The fields that tell one company from another, folded.
    pub fn profile(&self) -> Profile {
        let mut profile = Profile::default()
            .company(&self.display_name)
            .company(&self.legal_name)
            .plain(Field::Identity, &self.unified_social_credit_code)
            .plain(Field::Phone, phone_number(&self.phone));
        let tax_number: String = self.tax_id.chars().filter(|c| c.is_alphanumeric()).collect();
        if !tax_number.eq_ignore_ascii_case(&self.unified_social_credit_code) {
            profile = profile.plain(Field::TaxNumber, &tax_number);
        }
        if !is_free_mail_domain(&self.website_domain) {
            profile = profile.plain(Field::Domain, &self.website_domain);
        }
        if let Ok(email) = Email::parse(&self.email) {
            profile = profile.plain(Field::Email, &email.folded_key());
            profile = profile.plain(Field::Domain, email.company_domain().unwrap_or_default());
        }
        match &self.billing_address {
            Some(address) => profile.address(address),
            None => profile,
        }
    }
}
