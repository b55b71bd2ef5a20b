//! The companies the demonstration company deals with.

use std::collections::BTreeSet;

use crm_proto::{
    crm::customer::v1::{
        Account, LifeCycleStage,
        account::{CreditStatus, Kind, Level},
    },
    crm::record::v1::{CustomValue, ExternalId, TextList, custom_value::Value},
    google::r#type::{Date, Money, PostalAddress},
};

use super::{
    SYSTEM, credit_code,
    random::Random,
    words::{self, ABROAD, CHINA, City},
};

/// Companies made.
const COUNT: usize = 300;
/// Of a hundred companies, so many are Chinese.
const CHINESE: u64 = 68;

/// One company.
#[derive(Clone, Debug)]
pub struct Company {
    /// Place among all companies.
    pub index: usize,
    /// The company it belongs to, which stands before it and belongs to none.
    pub parent: Option<usize>,
    pub city: &'static City,
    /// Host name of its web site, under a name nobody can own.
    pub domain: String,
    /// All of it but parent and owner.
    pub account: Account,
}

impl Company {
    /// Its external id.
    pub fn key(&self) -> ExternalId {
        ExternalId { system: SYSTEM.to_owned(), value: format!("account-{:03}", self.index + 1) }
    }
}

/// Every company, the same each time.
pub fn all() -> Vec<Company> {
    let mut random = Random::new(20_240_501);
    let mut names = BTreeSet::new();
    let mut companies: Vec<Company> = Vec::with_capacity(COUNT);
    while companies.len() < COUNT {
        let chinese = random.percent(CHINESE);
        let city = if chinese { random.pick(&CHINA) } else { random.pick(&ABROAD) };
        let industry = random.index(words::INDUSTRIES.len());
        let (name, domain) = if chinese {
            chinese_name(&mut random, city, industry)
        } else {
            foreign_name(&mut random, city, industry)
        };
        if !names.insert(domain.clone()) {
            continue;
        }
        let account = account(&mut random, city, industry, name, &domain);
        let index = companies.len();
        companies.push(Company { index, parent: None, city, domain, account });
        let heads = companies[..index]
            .iter()
            .filter(|head| head.parent.is_none() && head.city.country == city.country);
        let heads: Vec<usize> = heads.map(|head| head.index).collect();
        if random.percent(12) && !heads.is_empty() {
            companies[index].parent = Some(*random.pick(&heads));
        }
    }
    companies
}

fn chinese_name(random: &mut Random, city: &City, industry: usize) -> (String, String) {
    let (first, first_sound) = random.pick(&words::COMPANY_FIRST);
    let (second, second_sound) = random.pick(&words::COMPANY_SECOND);
    let (_, trade, english, _) = words::INDUSTRIES[industry];
    let place = city.name.trim_end_matches('市');
    let name = format!("{place}{first}{second}{trade}{}", words::suffix("CN"));
    (name, format!("{first_sound}{second_sound}-{}.example", english.to_lowercase()))
}

fn foreign_name(random: &mut Random, city: &City, industry: usize) -> (String, String) {
    let stem = random.pick(&words::COMPANY_ABROAD);
    let trade = words::INDUSTRIES[industry].2;
    let suffix = words::suffix(city.country);
    let host = format!("{}-{}.example", stem.to_lowercase().replace(' ', ""), trade.to_lowercase());
    (format!("{stem} {trade} {suffix}"), host)
}

fn account(random: &mut Random, city: &City, industry: usize, name: String, domain: &str) -> Account {
    let (code, _, _, tag) = words::INDUSTRIES[industry];
    let stage = stage(random);
    let level = [Level::A, Level::B, Level::C, Level::Unspecified][random.weighted(&[15, 40, 35, 10])];
    let employees = size(random, level);
    let chinese = city.country == "CN";
    let short = name.trim_end_matches(words::suffix(city.country)).trim().to_owned();
    Account {
        display_name: if chinese { short } else { name.clone() },
        legal_name: if chinese { name } else { String::new() },
        unified_social_credit_code: if chinese {
            credit_code::random(random, city.division)
        } else {
            String::new()
        },
        kind: [Kind::Customer, Kind::Partner, Kind::Supplier, Kind::Competitor]
            [random.weighted(&[84, 8, 5, 3])]
        .into(),
        industry: code.to_owned(),
        employee_count: employees,
        region: city.region.to_owned(),
        website: format!("https://www.{domain}"),
        phone: phone(random, city),
        email: format!("info@{domain}"),
        billing_address: Some(address(random, city)),
        level: level.into(),
        life_cycle_stage: stage.into(),
        source: (*random.pick(&words::SOURCES)).to_owned(),
        annual_revenue: Some(revenue(random, employees, city)),
        credit_status: credit(random, stage).into(),
        credit_limit: (stage >= LifeCycleStage::Customer)
            .then(|| money(city, i64::from(employees) * 500 + 50_000)),
        tags: tags(random, tag),
        custom: custom(random, level),
        ..Account::default()
    }
}

fn stage(random: &mut Random) -> LifeCycleStage {
    const STAGES: [(LifeCycleStage, u64); 8] = [
        (LifeCycleStage::Lead, 22),
        (LifeCycleStage::MarketingQualified, 12),
        (LifeCycleStage::SalesQualified, 14),
        (LifeCycleStage::Opportunity, 18),
        (LifeCycleStage::Customer, 18),
        (LifeCycleStage::Repeat, 9),
        (LifeCycleStage::Dormant, 5),
        (LifeCycleStage::Lost, 2),
    ];
    STAGES[random.weighted(&STAGES.map(|(_, weight)| weight))].0
}

fn size(random: &mut Random, level: Level) -> i32 {
    let (low, high) = match level {
        Level::A => (400, 20_000),
        Level::B => (80, 900),
        Level::C | Level::Unspecified => (5, 150),
    };
    i32::try_from(random.between(low, high)).unwrap_or(0)
}

fn revenue(random: &mut Random, employees: i32, city: &City) -> Money {
    let per_head = i64::try_from(random.between(300, 1500)).unwrap_or(0) * 1000;
    let scale = if city.currency == "JPY" { 20 } else { 1 };
    money(city, i64::from(employees) * per_head * scale)
}

fn money(city: &City, units: i64) -> Money {
    Money { currency_code: city.currency.to_owned(), units, nanos: 0 }
}

fn credit(random: &mut Random, stage: LifeCycleStage) -> CreditStatus {
    if stage < LifeCycleStage::Customer {
        return CreditStatus::Unspecified;
    }
    [CreditStatus::Good, CreditStatus::Watch, CreditStatus::Blocked][random.weighted(&[85, 12, 3])]
}

/// A number of the city's own telephone network.
pub fn phone(random: &mut Random, city: &City) -> String {
    let (head, digits) = city.line;
    format!("{}{head}{}", city.dial, random.digits(digits))
}

/// A street in the city.
pub fn address(random: &mut Random, city: &City) -> PostalAddress {
    let number = random.between(1, 399);
    let line = if city.country == "CN" {
        format!("{}{number}号", random.pick(&words::STREETS))
    } else {
        format!("{number} {}", random.pick(&words::STREETS_ABROAD))
    };
    PostalAddress {
        region_code: city.country.to_owned(),
        language_code: city.language.to_owned(),
        postal_code: city.postal_code.to_owned(),
        administrative_area: city.area.to_owned(),
        locality: city.name.to_owned(),
        sublocality: city.district.to_owned(),
        address_lines: vec![line],
        ..PostalAddress::default()
    }
}

fn tags(random: &mut Random, first: &str) -> Vec<String> {
    let mut tags = vec![first.to_owned()];
    for tag in words::TAGS {
        if random.percent(9) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

fn custom(random: &mut Random, level: Level) -> std::collections::BTreeMap<String, CustomValue> {
    let value = |value| CustomValue { value: Some(value), ..CustomValue::default() };
    let mut custom = std::collections::BTreeMap::new();
    let rating = ["aaa", "aa", "a", "b"][random.weighted(&[10, 30, 40, 20])];
    custom.insert("credit_rating".to_owned(), value(Value::Text(rating.to_owned())));
    custom.insert("strategic".to_owned(), value(Value::Boolean(level == Level::A && random.percent(60))));
    if random.percent(45) {
        let channels = ["wechat", "phone", "email", "visit"].iter().filter(|_| random.percent(45));
        let items: Vec<String> = channels.map(|channel| (*channel).to_owned()).collect();
        if !items.is_empty() {
            custom.insert("channels".to_owned(), value(Value::Options(TextList { items })));
        }
    }
    if random.percent(40) {
        let (month, day) = (random.between(1, 12), random.between(1, 28));
        let part = |number: u64| i32::try_from(number).unwrap_or(1);
        let end = Date { year: 2027, month: part(month), day: part(day) };
        custom.insert("contract_end".to_owned(), value(Value::Date(end)));
    }
    custom
}

#[cfg(test)]
mod tests {
    use crm_kit_value::{email::Email, phone::Phone};

    use super::*;

    #[test]
    fn the_companies_are_the_same_each_time_and_all_different() {
        let (one, two) = (all(), all());
        assert_eq!(one.len(), COUNT);
        assert!(
            one.iter().zip(&two).all(|(one, two)| one.account == two.account && one.parent == two.parent)
        );
        let names: BTreeSet<_> = one.iter().map(|company| &company.domain).collect();
        assert_eq!(names.len(), COUNT);
    }

    #[test]
    fn parents_stand_before_their_children_and_have_none_themselves() {
        let companies = all();
        let children: Vec<_> = companies.iter().filter(|company| company.parent.is_some()).collect();
        assert!(children.len() > 15, "{}", children.len());
        for child in children {
            let parent = &companies[child.parent.unwrap()];
            assert!(parent.index < child.index && parent.parent.is_none());
        }
    }

    #[test]
    fn telephone_numbers_and_addresses_are_ones_the_service_takes() {
        for company in all() {
            let account = &company.account;
            let phone = Phone::parse(&account.phone, None);
            assert_eq!(phone.as_ref().map(Phone::e164), Ok(account.phone.as_str()), "{}", company.city.name);
            assert_eq!(Email::parse(&account.email).unwrap().as_str(), account.email);
            assert!(account.display_name.chars().count() <= 200);
        }
    }
}
