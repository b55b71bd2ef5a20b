//! What a record shows of the person or company behind it: its fields, folded so that spellings meet.

use std::collections::BTreeSet;

use super::field::Field;
use crm_kit_api::sensitivity::{Mask, Masks};
use crm_kit_record::address::Address;
use crm_kit_value::name::{Pinyin, company::CompanyKey, fold, is_han, loosen, person};

/// Most values of one field.
const MAX_VALUES: usize = 20;
/// Characters of one value that count.
const MAX_CHARACTERS: usize = 100;

/// Texts that stand for a missing value, folded. Sorted.
const PLACEHOLDERS: [&str; 24] = [
    "a@a.com",
    "asdf",
    "dummy",
    "n a",
    "na@na.com",
    "no name",
    "noemail@example.com",
    "noname",
    "none",
    "none@none.com",
    "not available",
    "null",
    "tbd",
    "test",
    "test test",
    "test@example.com",
    "test@test.com",
    "testing",
    "unknown",
    "xxx",
    "无",
    "暂无",
    "未知",
    "测试",
];

/// One value of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Value {
    /// The folded value; equal texts are the same value.
    pub text: String,
    /// A weaker form that proposes: the sound of a Chinese name, a Latin one without its marks, a company's core.
    pub weak: String,
    /// A company's core without its town, where it has one.
    pub local: String,
    /// Whether it is a branch, which is a party of its own.
    pub branch: bool,
}

/// The fields of one record. A field may have several values; a blank is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    values: Vec<(Field, Value)>,
}

impl Profile {
    /// The values of a field.
    pub fn of(&self, field: Field) -> impl Iterator<Item = &Value> + Clone {
        self.values.iter().filter(move |(of, _)| *of == field).map(|(_, value)| value)
    }

    /// The first value of a field.
    pub fn first(&self, field: Field) -> Option<&Value> {
        self.of(field).next()
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.values.iter().map(|(field, value)| (*field, value))
    }

    /// Adds a checked value as it stands: telephone numbers in E.164, folded e-mail addresses, registered numbers, days of birth.
    #[must_use]
    pub fn plain(mut self, field: Field, text: &str) -> Self {
        self.push(field, Value { text: text.trim().to_lowercase(), ..Value::default() });
        self
    }

    /// Adds a person's name. A name that comes in one piece is taken apart as its script allows.
    #[must_use]
    pub fn person(mut self, family: &str, given: &str) -> Self {
        let (family, given) = parts(family.trim(), given.trim());
        self.push(Field::FamilyName, name(&family, |text| Pinyin::of_person(text, "")));
        self.push(Field::GivenName, name(&given, Pinyin::of));
        self
    }

    /// Adds a company's name.
    #[must_use]
    pub fn company(mut self, text: &str) -> Self {
        let CompanyKey { exact, core, local, parent } = CompanyKey::of(text);
        let local = local.unwrap_or_default();
        self.push(Field::CompanyName, Value { text: exact, weak: core, local, branch: parent.is_some() });
        self
    }

    /// Adds address lines: the number and street of the first, and whatever else there is.
    #[must_use]
    pub fn lines<'a>(mut self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut houses = Vec::new();
        let mut rest = Vec::new();
        for line in lines {
            let (numbers, words) = apart(&folded_words(line));
            if houses.is_empty() {
                houses = numbers;
            }
            if !words.is_empty() {
                rest.push(words);
            }
        }
        self.push(Field::House, Value { text: houses.join(" "), ..Value::default() });
        let mut rest = rest.into_iter();
        self.push(Field::Street, Value { text: rest.next().unwrap_or_default(), ..Value::default() });
        self.push(Field::District, Value { text: rest.collect::<Vec<_>>().join(" "), ..Value::default() });
        self
    }

    /// Adds a part of an address that is a name or a code: city, postal code, province.
    #[must_use]
    pub fn place(mut self, field: Field, text: &str) -> Self {
        let text = folded_words(text);
        let text = if field == Field::PostalCode { text.replace(' ', "") } else { text };
        self.push(field, Value { text, ..Value::default() });
        self
    }

    /// Adds a stored address.
    #[must_use]
    pub fn address(self, address: &Address) -> Self {
        let lines = address.address_lines.iter().map(String::as_str).chain([address.sublocality.as_str()]);
        self.lines(lines)
            .place(Field::Locality, &address.locality)
            .place(Field::PostalCode, &address.postal_code)
            .place(Field::Region, &address.administrative_area)
    }

    /// Without the fields whose class is masked.
    #[must_use]
    pub fn seen_with(mut self, masks: &Masks) -> Self {
        self.values.retain(|(field, _)| masks.of(field.class()) == Mask::None);
        self
    }

    fn push(&mut self, field: Field, value: Value) {
        if is_placeholder(field, &value.text) {
            return;
        }
        let is_new = || !self.of(field).any(|known| *known == value);
        if !value.text.is_empty() && self.of(field).count() < MAX_VALUES && is_new() {
            self.values.push((field, value));
        }
    }
}

/// A stored telephone number without its extension.
pub fn phone_number(stored: &str) -> &str {
    stored.split_once(';').map_or(stored, |(number, _)| number)
}

/// What people type to get past a required field: it says nothing.
fn is_placeholder(field: Field, text: &str) -> bool {
    let numbers = matches!(field, Field::BirthDate | Field::Identity | Field::TaxNumber | Field::Phone);
    let digits: BTreeSet<char> = text.chars().filter(|c| c.is_numeric()).collect();
    let only_digits = !text.chars().any(char::is_alphabetic);
    (numbers && only_digits && digits.len() < 2) || PLACEHOLDERS.binary_search(&text).is_ok()
}

/// Family and given name of a name of which one part is missing and the other holds both.
fn parts(family: &str, given: &str) -> (String, String) {
    let whole = if family.is_empty() { given } else { family };
    if !family.is_empty() && !given.is_empty() || whole.is_empty() {
        return (family.to_owned(), given.to_owned());
    }
    let (first, rest) = person::guessed_parts(whole);
    if !first.is_empty() {
        return (first.to_owned(), rest.to_owned());
    }
    match whole.rsplit_once(' ') {
        Some((rest, last)) => (last.to_owned(), rest.to_owned()),
        None => (family.to_owned(), given.to_owned()),
    }
}

fn name(text: &str, sound: impl FnOnce(&str) -> Option<Pinyin>) -> Value {
    let folded = folded_words(text);
    let weak = if folded.chars().any(is_han) {
        sound(text).map(|pinyin| pinyin.full).unwrap_or_default()
    } else {
        loosen(&folded)
    };
    Value { text: folded, weak, ..Value::default() }
}

/// Letters and digits of a text, with one blank where anything else stands between them.
fn folded_words(text: &str) -> String {
    let folded = fold(text);
    let spaced: String = folded
        .chars()
        .take(MAX_CHARACTERS)
        .filter(|c| *c != '\'')
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words that hold a digit, and the others.
fn apart(words: &str) -> (Vec<String>, String) {
    let (numbers, others): (Vec<&str>, Vec<&str>) =
        words.split_whitespace().partition(|word| word.chars().any(char::is_numeric));
    (numbers.into_iter().map(str::to_owned).collect(), others.join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(profile: &Profile) -> Vec<(Field, &str)> {
        profile.values().map(|(field, value)| (field, value.text.as_str())).collect()
    }

    #[test]
    fn a_name_in_one_piece_is_taken_apart() {
        use Field::{FamilyName, GivenName};
        let table = [
            ("欧阳", "娜娜", vec![(FamilyName, "欧阳"), (GivenName, "娜娜")]),
            ("欧阳娜娜", "", vec![(FamilyName, "欧阳"), (GivenName, "娜娜")]),
            ("", "Anna Maria O'Brien", vec![(FamilyName, "obrien"), (GivenName, "anna maria")]),
            ("Smith", "", vec![(FamilyName, "smith")]),
            ("", "", vec![]),
        ];
        for (family, given, wanted) in table {
            assert_eq!(texts(&Profile::default().person(family, given)), wanted, "{family} {given}");
        }
    }

    #[test]
    fn address_lines_give_house_street_and_district() {
        let profile = Profile::default().lines(["Flat 3, 12b Mill Road", "Old Town", "Block 7"]);
        assert_eq!(
            texts(&profile),
            [(Field::House, "3 12b"), (Field::Street, "flat mill road"), (Field::District, "old town block")]
        );
    }

    #[test]
    fn what_only_fills_a_required_field_says_nothing() {
        assert!(PLACEHOLDERS.is_sorted());
        let profile = Profile::default()
            .company("Test")
            .person("未知", "xxx")
            .plain(Field::Phone, "+11111111111")
            .plain(Field::Email, "none@none.com")
            .plain(Field::BirthDate, "00000000");
        assert_eq!(texts(&profile), []);
        assert_eq!(
            texts(&Profile::default().place(Field::PostalCode, "2222")),
            [(Field::PostalCode, "2222")]
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}", other in "\\PC{0,60}") {
            let of = |a: &str, b: &str| {
                Profile::default().person(a, b).company(a).lines([a, b]).place(Field::PostalCode, a).plain(Field::Phone, b)
            };
            let profiles = [of(&text, &other), of(&other, &text), of(&text, &other)];
            let sets = super::super::scan::Scan::of(&profiles).sets(&profiles, 0.5);
            prop_assert!(sets.len() <= 1);
            prop_assert_eq!(super::super::key::keys(&profiles[0]), super::super::key::keys(&profiles[2]));
        }
    }
}
