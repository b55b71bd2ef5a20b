//! The people at those companies.

use std::collections::{BTreeMap, BTreeSet};

use crm_proto::{
    crm::customer::v1::{Contact, ContactEmail, ContactPhone, ContactPointKind, LifeCycleStage},
    crm::record::v1::{CustomValue, ExternalId, custom_value::Value},
    google::r#type::Date,
};

use super::{
    SYSTEM,
    company::{self, Company},
    random::Random,
    words,
};

/// One person.
#[derive(Clone, Debug)]
pub struct Person {
    /// Place among all people.
    pub index: usize,
    /// Companies the person works for, the main one first, each with the part played there.
    pub ties: Vec<(usize, &'static str)>,
    /// The person at the same company this one reports to, who stands before and reports to nobody.
    pub superior: Option<usize>,
    /// All but ties, superior and owner.
    pub contact: Contact,
}

impl Person {
    /// Its external id.
    pub fn key(&self) -> ExternalId {
        ExternalId { system: SYSTEM.to_owned(), value: format!("contact-{:04}", self.index + 1) }
    }
}

/// Everybody, the same each time: one to five people a company, three on average.
pub fn all(companies: &[Company]) -> Vec<Person> {
    let mut random = Random::new(20_240_502);
    let mut people: Vec<Person> = Vec::new();
    let mut addresses = BTreeSet::new();
    for company in companies {
        let head = people.len();
        for place in 0..=random.weighted(&[12, 22, 33, 20, 13]) {
            let position =
                if place == 0 { random.index(3) } else { 1 + random.index(words::POSITIONS.len() - 1) };
            let mut ties = vec![(company.index, words::POSITIONS[position].3)];
            if random.percent(6) {
                let second = random.index(companies.len());
                if second != company.index {
                    ties.push((second, "consultant"));
                }
            }
            let contact = contact(&mut random, company, position, &mut addresses);
            let superior = (place > 0).then_some(head);
            people.push(Person { index: people.len(), ties, superior, contact });
        }
    }
    people
}

fn contact(random: &mut Random, company: &Company, position: usize, taken: &mut BTreeSet<String>) -> Contact {
    let chinese = company.city.country == "CN";
    let (family, given, local) = if chinese { chinese_name(random) } else { foreign_name(random) };
    let (title_zh, title_en, department, _) = words::POSITIONS[position];
    let stage = LifeCycleStage::try_from(company.account.life_cycle_stage).unwrap_or(LifeCycleStage::Lead);
    Contact {
        display_name: if chinese { format!("{family}{given}") } else { format!("{given} {family}") },
        family_name: family,
        given_name: given,
        salutation: if chinese { ["先生", "女士"] } else { ["Mr.", "Ms."] }[random.index(2)].to_owned(),
        job_title: if chinese { title_zh } else { title_en }.to_owned(),
        department: if chinese { department.to_owned() } else { String::new() },
        emails: vec![ContactEmail {
            address: free_address(&local, &company.domain, taken),
            kind: ContactPointKind::Work.into(),
            primary: true,
            verified: random.percent(60),
        }],
        phones: phones(random, company),
        mailing_address: random.percent(30).then(|| company::address(random, company.city)),
        birth_date: random.percent(35).then(|| birth_date(random)),
        language_code: company.city.language.to_owned(),
        source: company.account.source.clone(),
        life_cycle_stage: stage.into(),
        tags: if random.percent(15) { vec![(*random.pick(&words::TAGS)).to_owned()] } else { Vec::new() },
        custom: custom(random, chinese, &local),
        ..Contact::default()
    }
}

fn chinese_name(random: &mut Random) -> (String, String, String) {
    let (family, family_sound) = random.pick(&words::SURNAMES);
    let (given, given_sound) = random.pick(&words::GIVEN);
    ((*family).to_owned(), (*given).to_owned(), format!("{given_sound}.{family_sound}"))
}

fn foreign_name(random: &mut Random) -> (String, String, String) {
    let (given, family) = (random.pick(&words::GIVEN_ABROAD), random.pick(&words::SURNAMES_ABROAD));
    let plain: String = family.chars().filter(char::is_ascii_alphabetic).collect();
    ((*family).to_owned(), (*given).to_owned(), format!("{given}.{plain}").to_lowercase())
}

fn free_address(local: &str, domain: &str, taken: &mut BTreeSet<String>) -> String {
    let mut address = format!("{local}@{domain}");
    let mut number = 2;
    while !taken.insert(address.clone()) {
        address = format!("{local}{number}@{domain}");
        number += 1;
    }
    address
}

fn phones(random: &mut Random, company: &Company) -> Vec<ContactPhone> {
    let phone = |number, kind: ContactPointKind, primary| ContactPhone {
        number,
        kind: kind.into(),
        primary,
        verified: false,
    };
    let mut phones = Vec::new();
    if company.city.country == "CN" {
        let head = random.pick(&["+86138", "+86139", "+86150", "+86186", "+86189"]);
        phones.push(phone(format!("{head}{}", random.digits(8)), ContactPointKind::Mobile, true));
    }
    if phones.is_empty() || random.percent(40) {
        let primary = phones.is_empty();
        phones.push(phone(company::phone(random, company.city), ContactPointKind::Work, primary));
    }
    phones
}

fn birth_date(random: &mut Random) -> Date {
    let part = |number: u64| i32::try_from(number).unwrap_or(1);
    let year = if random.percent(80) { part(random.between(1962, 1999)) } else { 0 };
    Date { year, month: part(random.between(1, 12)), day: part(random.between(1, 28)) }
}

fn custom(random: &mut Random, chinese: bool, local: &str) -> BTreeMap<String, CustomValue> {
    let value = |value| CustomValue { value: Some(value), ..CustomValue::default() };
    let mut custom = BTreeMap::new();
    custom.insert("newsletter".to_owned(), value(Value::Boolean(random.percent(55))));
    if chinese && random.percent(70) {
        let name = format!("{}_{}", local.replace('.', "_"), random.digits(3));
        custom.insert("wechat".to_owned(), value(Value::Text(name)));
    }
    custom
}

#[cfg(test)]
mod tests {
    use crm_kit_value::{email::Email, phone::Phone};

    use super::*;

    #[test]
    fn there_are_about_nine_hundred_people_the_same_each_time() {
        let companies = company::all();
        let (one, two) = (all(&companies), all(&companies));
        assert!((850..950).contains(&one.len()), "{}", one.len());
        assert!(one.iter().zip(&two).all(|(one, two)| one.contact == two.contact && one.ties == two.ties));
        assert!(one.iter().filter(|person| person.ties.len() > 1).count() > 20);
    }

    #[test]
    fn everybody_reports_to_somebody_of_the_same_company_or_to_nobody() {
        let people = all(&company::all());
        for person in &people {
            if let Some(superior) = person.superior {
                let superior = &people[superior];
                assert!(superior.index < person.index && superior.superior.is_none());
                assert_eq!(superior.ties[0].0, person.ties[0].0);
            }
        }
    }

    #[test]
    fn their_numbers_and_addresses_are_ones_the_service_takes() {
        for person in all(&company::all()) {
            for phone in &person.contact.phones {
                assert_eq!(
                    Phone::parse(&phone.number, None).as_ref().map(Phone::e164),
                    Ok(phone.number.as_str())
                );
            }
            let address = &person.contact.emails[0].address;
            assert_eq!(Email::parse(address).unwrap().as_str(), address);
        }
    }
}
