//! The keys under which records meet: stored, indexed, and compared as they stand.
//!
//! | kind | equal keys mean |
//! |---|---|
//! | `IDENTITY`, `TAX_NUMBER` | the same registered number |
//! | `EMAIL`, `PHONE` | the same mailbox, the same line |
//! | `COMPANY_NAME`, `PERSON_NAME` | the same name, once folded |
//! | `DOMAIN` | one internet domain, which is not a mail provider's |
//! | `COMPANY_CORE`, `NAME_SOUND`, `PHONE_TAIL` | weak: only that it is worth a look |

use std::collections::BTreeSet;

use super::{
    field::Field,
    profile::{Profile, Value},
};
use crm_kit_value::name::{Pinyin, is_han, person};

/// A key that more records share than this is no evidence: a switchboard, a chain, a word.
pub const MAX_SHARED: usize = 20;
/// Digits of the weak key of a telephone number.
const PHONE_TAIL: usize = 8;
/// Longest key, in characters.
const MAX_KEY: usize = 200;

/// What a key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Registered number.
    Identity,
    /// Tax number.
    TaxNumber,
    /// Folded e-mail address.
    Email,
    /// Telephone number in E.164.
    Phone,
    /// Folded name of a company, with one spelling of its legal form.
    CompanyName,
    /// Folded name of a person, umlauts written out.
    PersonName,
    /// Internet domain.
    Domain,
    /// Name of a company without legal form, and also without its town. Weak.
    CompanyCore,
    /// Pinyin of a Chinese name; a Latin name without marks, its parts in order of the alphabet. Weak.
    NameSound,
    /// Last eight digits of a telephone number. Weak.
    PhoneTail,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Identity,
        Self::TaxNumber,
        Self::Email,
        Self::Phone,
        Self::CompanyName,
        Self::PersonName,
        Self::Domain,
        Self::CompanyCore,
        Self::NameSound,
        Self::PhoneTail,
    ];

    /// Its name in tables and errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "IDENTITY",
            Self::TaxNumber => "TAX_NUMBER",
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::CompanyName => "COMPANY_NAME",
            Self::PersonName => "PERSON_NAME",
            Self::Domain => "DOMAIN",
            Self::CompanyCore => "COMPANY_CORE",
            Self::NameSound => "NAME_SOUND",
            Self::PhoneTail => "PHONE_TAIL",
        }
    }

    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it only proposes.
    pub fn is_weak(self) -> bool {
        self >= Self::CompanyCore
    }
}

/// A key of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is made of.
    pub kind: KeyKind,
    /// The folded text.
    pub text: String,
}

/// The keys of a record, each once.
pub fn keys(profile: &Profile) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    let mut add = |kind, text: &str| {
        if !text.is_empty() {
            keys.insert(Key { kind, text: text.chars().take(MAX_KEY).collect() });
        }
    };
    for (field, value) in profile.values() {
        match field {
            Field::Identity => add(KeyKind::Identity, &value.text),
            Field::TaxNumber => add(KeyKind::TaxNumber, &value.text),
            Field::Email => add(KeyKind::Email, &value.text),
            Field::Domain => add(KeyKind::Domain, &value.text),
            Field::Phone => {
                add(KeyKind::Phone, &value.text);
                add(KeyKind::PhoneTail, tail(&value.text));
            }
            Field::CompanyName => {
                add(KeyKind::CompanyName, &value.text);
                add(KeyKind::CompanyCore, &value.weak);
                add(KeyKind::CompanyCore, &value.local);
                add(KeyKind::NameSound, &company_sound(value));
            }
            _ => {}
        }
    }
    if let (Some(family), Some(given)) = (profile.first(Field::FamilyName), profile.first(Field::GivenName)) {
        add(KeyKind::PersonName, &person::key(&family.text, &given.text));
        add(KeyKind::NameSound, &person_sound(family, given));
    }
    keys
}

fn company_sound(name: &Value) -> String {
    Pinyin::of(&name.weak).map(|pinyin| pinyin.full).unwrap_or_default()
}

fn person_sound(family: &Value, given: &Value) -> String {
    let mut parts = [family.weak.as_str(), given.weak.as_str()];
    if !family.text.chars().any(is_han) {
        parts.sort_unstable();
    }
    parts.join(" ")
}

fn tail(phone: &str) -> &str {
    phone.len().checked_sub(PHONE_TAIL).and_then(|start| phone.get(start..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(profile: Profile) -> Vec<(KeyKind, String)> {
        keys(&profile).into_iter().map(|key| (key.kind, key.text)).collect()
    }

    #[test]
    fn a_company_has_its_name_core_sound_and_lines() {
        let profile = Profile::default()
            .company("北京宏图科技有限责任公司")
            .plain(Field::Identity, "91110000600037341L")
            .plain(Field::Phone, "+861062345678");
        let wanted = [
            (KeyKind::Identity, "91110000600037341l"),
            (KeyKind::Phone, "+861062345678"),
            (KeyKind::CompanyName, "北京宏图科技有限公司"),
            (KeyKind::CompanyCore, "北京宏图科技"),
            (KeyKind::CompanyCore, "宏图科技"),
            (KeyKind::NameSound, "beijinghongtukeji"),
            (KeyKind::PhoneTail, "62345678"),
        ];
        assert_eq!(texts(profile), wanted.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn two_orders_of_a_latin_name_sound_the_same_and_are_two_names() {
        let sound = |family, given| texts(Profile::default().person(family, given));
        let (a, b) = (sound("Müller", "Anna"), sound("Anna", "Muller"));
        assert_eq!(a.last(), b.last());
        assert_ne!(a.first(), b.first());
        assert_eq!(sound("张", "伟").last(), sound("章", "玮").last());
        assert_ne!(sound("张", "伟").last(), sound("伟", "张").last());
    }

    #[test]
    fn kinds_are_found_by_their_names() {
        assert!(KeyKind::ALL.into_iter().all(|kind| KeyKind::of_name(kind.name()) == Some(kind)));
        assert!(KeyKind::ALL.is_sorted());
    }
}
