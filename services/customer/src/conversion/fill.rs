//! What of a lead goes where: the fields of the account and of the contact that are made of it, and those of existing ones that it fills.
//!
//! Custom fields go to the field of the same key and type, if there is one that people fill by hand.

use std::collections::BTreeMap;

use crm_kit_record::custom_field::Fields;
use crm_proto::crm::{
    customer::v1::{Account, Contact, ContactAccount, ContactEmail, ContactPhone, Lead},
    record::v1::{CustomValue, custom_field::Type},
};

/// The account that a lead makes.
pub fn account(lead: &Lead, owner_id: &str, fields: (&Fields, &Fields)) -> Account {
    Account {
        display_name: lead.company_name.clone(),
        industry: lead.industry.clone(),
        employee_count: lead.employee_count,
        region: lead.region.clone(),
        website: lead.website.clone(),
        phone: lead.phone.clone(),
        email: lead.email.clone(),
        billing_address: lead.address.clone(),
        source: lead.source.clone(),
        owner_id: owner_id.to_owned(),
        tags: lead.tags.clone(),
        description: lead.description.clone(),
        custom: custom(lead, fields),
        ..Account::default()
    }
}

/// The contact that a lead makes, tied to an account when there is one.
pub fn contact(lead: &Lead, owner_id: &str, account_id: &str, fields: (&Fields, &Fields)) -> Contact {
    let has_parts = !lead.family_name.is_empty() || !lead.given_name.is_empty();
    let email = ContactEmail { address: lead.email.clone(), primary: true, ..ContactEmail::default() };
    let phone = ContactPhone { number: lead.phone.clone(), primary: true, ..ContactPhone::default() };
    Contact {
        // A name that is made of the parts follows them.
        display_name: if has_parts { String::new() } else { lead.display_name.clone() },
        family_name: lead.family_name.clone(),
        given_name: lead.given_name.clone(),
        salutation: lead.salutation.clone(),
        job_title: lead.job_title.clone(),
        department: lead.department.clone(),
        emails: Some(email).filter(|email| !email.address.is_empty()).into_iter().collect(),
        phones: Some(phone).filter(|phone| !phone.number.is_empty()).into_iter().collect(),
        accounts: tie(account_id).into_iter().collect(),
        mailing_address: lead.address.clone(),
        source: lead.source.clone(),
        owner_id: owner_id.to_owned(),
        tags: lead.tags.clone(),
        description: lead.description.clone(),
        custom: custom(lead, fields),
        ..Contact::default()
    }
}

/// The empty fields of an account that `made`, an account made of the lead, fills.
pub fn of_account(is: &Account, made: &Account) -> Vec<String> {
    let mut paths = Paths::default();
    paths.text("industry", &is.industry, &made.industry);
    paths.text("region", &is.region, &made.region);
    paths.text("website", &is.website, &made.website);
    paths.text("phone", &is.phone, &made.phone);
    paths.text("email", &is.email, &made.email);
    paths.text("source", &is.source, &made.source);
    paths.add("employee_count", is.employee_count == 0 && made.employee_count != 0);
    paths.add("billing_address", is.billing_address.is_none() && made.billing_address.is_some());
    paths.custom(&is.custom, &made.custom);
    paths.0
}

/// The empty fields of a contact that `made`, a contact made of the lead, fills. Ties are no field to fill: one is added where it is missing.
pub fn of_contact(is: &Contact, made: &Contact) -> Vec<String> {
    let mut paths = Paths::default();
    paths.text("salutation", &is.salutation, &made.salutation);
    paths.text("job_title", &is.job_title, &made.job_title);
    paths.text("department", &is.department, &made.department);
    paths.text("source", &is.source, &made.source);
    paths.add("emails", is.emails.is_empty() && !made.emails.is_empty());
    paths.add("phones", is.phones.is_empty() && !made.phones.is_empty());
    paths.add("mailing_address", is.mailing_address.is_none() && made.mailing_address.is_some());
    paths.custom(&is.custom, &made.custom);
    paths.0
}

/// The ties of a contact with one to the account added where it is missing; `None` when nothing is.
pub fn ties(is: &Contact, account_id: &str) -> Option<Vec<ContactAccount>> {
    let missing =
        tie(account_id).filter(|tie| !is.accounts.iter().any(|known| known.account_id == tie.account_id))?;
    Some(is.accounts.iter().cloned().chain([missing]).collect())
}

fn tie(account_id: &str) -> Option<ContactAccount> {
    (!account_id.is_empty())
        .then(|| ContactAccount { account_id: account_id.to_owned(), ..ContactAccount::default() })
}

#[derive(Default)]
struct Paths(Vec<String>);

impl Paths {
    fn add(&mut self, path: &str, fills: bool) {
        if fills {
            self.0.push(path.to_owned());
        }
    }

    fn text(&mut self, path: &str, is: &str, made: &str) {
        self.add(path, is.is_empty() && !made.is_empty());
    }

    fn custom(&mut self, is: &BTreeMap<String, CustomValue>, made: &BTreeMap<String, CustomValue>) {
        for key in made.keys().filter(|key| is.get(*key).is_none_or(|value| value.value.is_none())) {
            self.0.push(format!("custom.{key}"));
        }
    }
}

/// Values of the lead's own fields for those of the target with the same key and type.
fn custom(lead: &Lead, (from, to): (&Fields, &Fields)) -> BTreeMap<String, CustomValue> {
    let fits = |key: &str| {
        let (Some(from), Some(to)) = (from.definition(key), to.definition(key)) else { return false };
        let by_hand = !matches!(to.value_type.0, Type::Formula | Type::RollUp | Type::AutoNumber);
        from.value_type == to.value_type && by_hand && !to.retired
    };
    let values = lead.custom.iter().filter(|(key, value)| value.value.is_some() && fits(key));
    values.map(|(key, value)| (key.clone(), value.clone())).collect()
}
