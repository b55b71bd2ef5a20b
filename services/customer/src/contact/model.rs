//! What a contact is, as stored, and what follows from its fields.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::filter::Value;
use crm_proto::crm::customer::v1::LifeCycleStage;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::part::{Point, Tie, primary};
use crm_kit_record::{
    Choice, address::Address, custom_field::Values, external_id::ExternalId, search::doubled,
};
use crm_kit_value::{name::person, name::search::person_search_text, name::search::search_text, phone};

/// What is read of a row of `contact`; the columns that follow from these are only written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Contact {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub family_name: String,
    pub given_name: String,
    pub middle_name: String,
    pub salutation: String,
    pub job_title: String,
    pub department: String,
    pub reports_to_id: Option<Uuid>,
    pub emails: Json<Vec<Point>>,
    pub phones: Json<Vec<Point>>,
    pub accounts: Json<Vec<Tie>>,
    pub mailing_address: Option<Json<Address>>,
    pub birth_date: Option<Json<BirthDate>>,
    pub language_code: String,
    pub source: String,
    pub owner_id: Option<Uuid>,
    pub life_cycle_stage: Choice<LifeCycleStage>,
    pub last_activity_time: Option<DateTime<Utc>>,
    pub tags: Vec<String>,
    pub description: String,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
}

/// A day of birth, of which the year may not be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BirthDate {
    year: i32,
    month: u32,
    day: u32,
}

/// Columns derived from a contact's other fields and stored beside them, for filters and for `q`.
#[derive(Debug, Serialize)]
pub struct Keys {
    account_id: Option<Uuid>,
    email: String,
    phone: String,
    search_name: String,
    search_phone: String,
    search_email: String,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    contact: &'a Contact,
    #[serde(flatten)]
    keys: Keys,
}

/// Contacts with accounts they belong to, as columns for one statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    pub contact_ids: Vec<Uuid>,
    pub account_ids: Vec<Uuid>,
}

/// How the pairs of contact and account change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TieChange {
    pub added: Pairs,
    pub removed: Pairs,
}

impl Pairs {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.contact_ids.is_empty()
    }
}

impl FromIterator<(Uuid, Uuid)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (Uuid, Uuid)>>(pairs: I) -> Self {
        let (contact_ids, account_ids) = pairs.into_iter().unzip();
        Self { contact_ids, account_ids }
    }
}

impl TieChange {
    /// What happens between contacts as they were and as they are now.
    pub fn between(was: &[Contact], now: &[Contact]) -> Self {
        let pairs = |contacts: &[Contact]| -> BTreeSet<(Uuid, Uuid)> {
            let ties =
                contacts.iter().flat_map(|contact| contact.accounts.iter().map(|tie| (contact.id, tie)));
            ties.map(|(id, tie)| (id, tie.account_id)).collect()
        };
        let (before, after) = (pairs(was), pairs(now));
        Self {
            added: after.difference(&before).copied().collect(),
            removed: before.difference(&after).copied().collect(),
        }
    }
}

impl BirthDate {
    /// A day of the years 1 to 9999, or of an unknown year when `year` is 0; `None` when there is no such day.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        // 29 February stands in leap years, and 2000 was one.
        let calendar_year = if year == 0 { 2000 } else { year };
        let is_day = NaiveDate::from_ymd_opt(calendar_year, month, day).is_some();
        ((0..=9999).contains(&year) && is_day).then_some(Self { year, month, day })
    }

    /// Year, month and day; the year is 0 when it is not known.
    pub fn parts(self) -> (i32, u32, u32) {
        (self.year, self.month, self.day)
    }

    /// The full date; `None` when the year is not known.
    pub fn full(self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(self.year, self.month, self.day).filter(|_| self.year != 0)
    }

    fn filter_value(self, part: &str) -> Value<'static> {
        match part {
            "year" if self.year == 0 => Value::Null,
            "year" => Value::Int(self.year.into()),
            "month" => Value::Int(self.month.into()),
            _ => Value::Int(self.day.into()),
        }
    }
}

impl Contact {
    /// The full name that the name parts make, in the order the person uses.
    pub fn composed_name(&self) -> String {
        person::full(&self.family_name, &self.middle_name, &self.given_name)
    }

    /// The primary e-mail address, or nothing.
    pub fn email(&self) -> &str {
        primary(&self.emails).map_or("", |point| &point.value)
    }

    /// The primary telephone number, or nothing.
    pub fn phone(&self) -> &str {
        primary(&self.phones).map_or("", |point| &point.value)
    }

    /// The primary account.
    pub fn account_id(&self) -> Option<Uuid> {
        self.accounts.iter().find(|tie| tie.primary).map(|tie| tie.account_id)
    }

    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        let all = |points: &[Point], key: fn(&str) -> String| {
            points.iter().map(|point| key(&point.value)).collect::<Vec<_>>().join(" ")
        };
        Stored {
            contact: self,
            keys: Keys {
                account_id: self.account_id(),
                email: self.email().to_owned(),
                phone: self.phone().to_owned(),
                search_name: doubled(&self.searched_name()),
                search_phone: all(&self.phones, phone::digits),
                search_email: all(&self.emails, str::to_lowercase),
            },
        }
    }

    /// The full name, and family and given name in either order; a Chinese family name is read as one.
    fn searched_name(&self) -> String {
        let whole = search_text(&[&self.display_name]);
        let (family, given) = if self.family_name.is_empty() && self.given_name.is_empty() {
            person::guessed_parts(&self.display_name)
        } else {
            (self.family_name.as_str(), self.given_name.as_str())
        };
        let parts = person_search_text(family, given);
        if whole == parts || parts.is_empty() { whole } else { format!("{parts} {whole}") }
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "display_name" => Value::Text(self.display_name.as_str().into()),
            "family_name" => Value::Text(self.family_name.as_str().into()),
            "given_name" => Value::Text(self.given_name.as_str().into()),
            "middle_name" => Value::Text(self.middle_name.as_str().into()),
            "salutation" => Value::Text(self.salutation.as_str().into()),
            "job_title" => Value::Text(self.job_title.as_str().into()),
            "department" => Value::Text(self.department.as_str().into()),
            "reports_to_id" => self.reports_to_id.map_or(Value::Null, Value::Uuid),
            "email" => Value::Text(self.email().into()),
            "phone" => Value::Text(self.phone().into()),
            "account_id" => self.account_id().map_or(Value::Null, Value::Uuid),
            "birth_date" => self.birth_date.and_then(|date| date.full()).map_or(Value::Null, Value::Date),
            "language_code" => Value::Text(self.language_code.as_str().into()),
            "source" => Value::Text(self.source.as_str().into()),
            "owner_id" => self.owner_id.map_or(Value::Null, Value::Uuid),
            "life_cycle_stage" => Value::Enum(self.life_cycle_stage.number()),
            "last_activity_time" => self.last_activity_time.map_or(Value::Null, Value::Timestamp),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            "description" => Value::Text(self.description.as_str().into()),
            _ => match path.split_once('.') {
                Some(("mailing_address", part)) => {
                    Address::filter_value(self.mailing_address.as_deref(), part)
                }
                Some(("birth_date", part)) => {
                    self.birth_date.map_or(Value::Null, |date| date.filter_value(part))
                }
                _ => Value::Null,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm_kit_value::name::search::search_query;

    fn named(display: &str, family: &str, given: &str) -> Contact {
        Contact {
            display_name: display.to_owned(),
            family_name: family.to_owned(),
            given_name: given.to_owned(),
            ..Contact::default()
        }
    }

    #[test]
    fn a_day_of_birth_may_lack_its_year() {
        let table = [
            ((1990, 3, 7), true, NaiveDate::from_ymd_opt(1990, 3, 7)),
            ((0, 3, 7), true, None),
            ((0, 2, 29), true, None),
            ((1999, 2, 29), false, None),
            ((1990, 0, 0), false, None),
            ((0, 0, 0), false, None),
            ((-1, 3, 7), false, None),
            ((10_000, 3, 7), false, None),
        ];
        for ((year, month, day), is_date, full) in table {
            let date = BirthDate::new(year, month, day);
            assert_eq!(date.is_some(), is_date, "{year}-{month}-{day}");
            assert_eq!(date.and_then(BirthDate::full), full, "{year}-{month}-{day}");
        }
        let contact = Contact { birth_date: BirthDate::new(0, 3, 7).map(Json), ..Contact::default() };
        assert_eq!(contact.filter_value("birth_date"), Value::Null);
        assert_eq!(contact.filter_value("birth_date.year"), Value::Null);
        assert_eq!(contact.filter_value("birth_date.month"), Value::Int(3));
        assert_eq!(contact.filter_value("birth_date.day"), Value::Int(7));
    }

    #[test]
    fn a_person_is_found_by_any_part_of_the_name() {
        let table = [
            (named("单雄信", "", ""), vec!["shan xiong", "sxx", "雄信"]),
            (named("张安怡", "张", "安怡"), vec!["zhang", "zay", "安怡"]),
            (named("John Smith", "Smith", "John"), vec!["john sm", "smith john", "SMITH"]),
            (named("Jack", "Smith", "John"), vec!["jack", "john smith"]),
        ];
        for (contact, queries) in table {
            for query in queries {
                let stored = contact.to_stored().keys.search_name;
                assert!(stored.contains(&doubled(&search_query(query).text)), "{query} in {stored}");
            }
        }
    }

    #[test]
    fn pairs_are_stored_once_and_forgotten_when_the_last_tie_goes() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let contact = |accounts: &[Uuid]| Contact {
            id: a,
            accounts: Json(accounts.iter().map(|id| Tie { account_id: *id, ..Tie::default() }).collect()),
            ..Contact::default()
        };
        let created = TieChange::between(&[], &[contact(&[b, b])]);
        assert_eq!(created.added, Pairs { contact_ids: vec![a], account_ids: vec![b] });
        let changed = TieChange::between(&[contact(&[b, b])], &[contact(&[b, c])]);
        assert_eq!(changed.added, Pairs { contact_ids: vec![a], account_ids: vec![c] });
        assert!(changed.removed.is_empty());
        let emptied = TieChange::between(&[contact(&[b])], &[contact(&[])]);
        assert_eq!(emptied.removed, Pairs { contact_ids: vec![a], account_ids: vec![b] });
    }

    #[test]
    fn a_stored_row_is_the_contact_and_its_keys() {
        let point = |value: &str, primary| Point { value: value.to_owned(), primary, ..Point::default() };
        let contact = Contact {
            emails: Json(vec![point("B@x.cn", false), point("A@x.cn", true)]),
            phones: Json(vec![point("+8613800138000", true)]),
            birth_date: BirthDate::new(0, 2, 29).map(Json),
            ..named("张三", "张", "三")
        };
        let row = serde_json::to_value(contact.to_stored()).unwrap();
        assert_eq!(row["email"], "A@x.cn");
        assert_eq!(row["search_email"], "b@x.cn a@x.cn");
        assert_eq!(row["search_phone"], "8613800138000");
        assert_eq!(row["account_id"], serde_json::Value::Null);
        assert_eq!(serde_json::from_value::<Contact>(row).unwrap(), contact);
    }
}
