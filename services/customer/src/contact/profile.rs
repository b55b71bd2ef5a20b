//! What a contact shows of the person.

use crm_kit_value::email::Email;

use super::model::Contact;
use crate::duplicate::{
    field::Field,
    profile::{Profile, phone_number},
};

impl Contact {
    /// The fields that tell one person from another, folded.
    pub fn profile(&self) -> Profile {
        let given = format!("{} {}", self.given_name, self.middle_name);
        let mut profile = if self.family_name.is_empty() && self.given_name.is_empty() {
            Profile::default().person("", &self.display_name)
        } else {
            Profile::default().person(&self.family_name, &given)
        };
        for email in self.emails.iter().filter_map(|point| Email::parse(&point.value).ok()) {
            profile = profile.plain(Field::Email, &email.folded_key());
            profile = profile.plain(Field::Domain, email.company_domain().unwrap_or_default());
        }
        for phone in self.phones.iter() {
            profile = profile.plain(Field::Phone, phone_number(&phone.value));
        }
        if let Some(birth_date) = &self.birth_date {
            let (year, month, day) = birth_date.parts();
            profile = profile.plain(Field::BirthDate, &format!("{year:04}{month:02}{day:02}"));
        }
        match &self.mailing_address {
            Some(address) => profile.address(address),
            None => profile,
        }
    }
}
