//! How alike two values of one field are, in four levels.

use std::collections::BTreeSet;

use strsim::{jaro_winkler, osa_distance};

use super::{field::Field, profile::Value};

/// How alike two values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One spelling, once folded.
    Exact,
    /// One slip of the keyboard, one sound, or one weak form.
    Close,
    /// Some more slips, or a part of it.
    Loose,
    /// Neither.
    Differ,
}

impl Level {
    /// Every level in order.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Close, Self::Loose, Self::Differ];
}

/// Names this similar (Jaro-Winkler) are close, and loosely alike.
const NAME_CLOSE: f64 = 0.92;
const NAME_LOOSE: f64 = 0.84;
/// Cores of company names this similar are close, and loosely alike. Stricter than for people: companies differ by one word.
const COMPANY_CLOSE: f64 = 0.96;
const COMPANY_LOOSE: f64 = 0.90;
/// Characters of a word that a shorter name for the same company would keep.
const TELLING_WORD: usize = 4;
/// Last digits that make two telephone numbers close.
const PHONE_TAIL: usize = 8;

/// The level of two values of a field.
pub fn level(field: Field, a: &Value, b: &Value) -> Level {
    if a.text == b.text {
        return Level::Exact;
    }
    match field {
        Field::CompanyName => company(a, b),
        Field::BirthDate => date(&a.text, &b.text),
        Field::Identity | Field::TaxNumber | Field::PostalCode => code(&a.text, &b.text),
        Field::Phone => phone(&a.text, &b.text),
        Field::House => house(&a.text, &b.text),
        Field::Email | Field::Domain => slips(&a.text, &b.text, 1, 2),
        _ => name(a, b),
    }
}

fn name(a: &Value, b: &Value) -> Level {
    let is_same_sound = !a.weak.is_empty() && a.weak == b.weak;
    if is_same_sound {
        return Level::Close;
    }
    let (short, long) = if a.text.len() < b.text.len() { (a, b) } else { (b, a) };
    let initial =
        short.text.chars().count() == 1 && short.text.is_ascii() && long.text.starts_with(&short.text);
    let solid = |value: &Value| value.text.replace(' ', "");
    let similar = jaro_winkler(&a.text, &b.text).max(jaro_winkler(&solid(a), &solid(b)));
    match similar {
        _ if initial => Level::Loose,
        NAME_CLOSE.. => Level::Close,
        NAME_LOOSE.. => Level::Loose,
        _ => Level::Differ,
    }
}

/// Companies are close under one core, and loosely alike when one of them leaves its town out. Two towns make two companies.
fn company(a: &Value, b: &Value) -> Level {
    if a.branch != b.branch {
        return Level::Differ;
    }
    if a.weak == b.weak {
        return Level::Close;
    }
    let towns = !a.local.is_empty() && !b.local.is_empty();
    if !towns && (a.local == b.weak || b.local == a.weak) {
        return Level::Loose;
    }
    if towns && a.local == b.local {
        return Level::Differ;
    }
    match (jaro_winkler(&a.weak, &b.weak), words(&a.weak, &b.weak)) {
        (COMPANY_CLOSE.., _) | (_, Words::Same) => Level::Close,
        (COMPANY_LOOSE.., _) | (_, Words::Part) => Level::Loose,
        _ => Level::Differ,
    }
}

/// How the words of two names stand to each other.
enum Words {
    Same,
    Part,
    Other,
}

/// Compares two names word by word, in any order; a name of a single short word is part of too many.
fn words(a: &str, b: &str) -> Words {
    let set = |text: &'_ str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    let (a, b) = (set(a), set(b));
    let (few, many) = if a.len() < b.len() { (&a, &b) } else { (&b, &a) };
    let telling = few.iter().any(|word| word.chars().count() >= TELLING_WORD);
    match few.is_subset(many) {
        true if few.len() == many.len() => Words::Same,
        true if telling => Words::Part,
        _ => Words::Other,
    }
}

fn date(a: &str, b: &str) -> Level {
    if a.len() == 8 && b.len() == 8 && a.is_ascii() && b.is_ascii() {
        let (year, month, day) = (&a[..4], &a[4..6], &a[6..]);
        let swapped = year == &b[..4] && month == &b[6..] && day == &b[4..6];
        let yearless = (year == "0000" || &b[..4] == "0000") && a[4..] == b[4..];
        if swapped || yearless {
            return Level::Close;
        }
    }
    slips(a, b, 1, 2)
}

fn code(a: &str, b: &str) -> Level {
    let short = a.chars().count().min(b.chars().count());
    if short < 4 { Level::Differ } else { slips(a, b, 1, 2) }
}

fn slips(a: &str, b: &str, close: usize, loose: usize) -> Level {
    match osa_distance(a, b) {
        slips if slips <= close => Level::Close,
        slips if slips <= loose => Level::Loose,
        _ => Level::Differ,
    }
}

fn phone(a: &str, b: &str) -> Level {
    let tail = |text: &str| {
        text.len().checked_sub(PHONE_TAIL).and_then(|start| text.get(start..).map(str::to_owned))
    };
    if tail(a).is_some() && tail(a) == tail(b) { Level::Close } else { slips(a, b, 0, 1) }
}

fn house(a: &str, b: &str) -> Level {
    let part = a.split(' ').any(|one| b.split(' ').any(|other| one == other));
    match osa_distance(a, b) {
        _ if part => Level::Close,
        1 => Level::Loose,
        _ => Level::Differ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicate::{judged, profile::Profile};

    fn of(field: Field, a: Profile, b: Profile) -> Level {
        level(field, a.first(field).unwrap(), b.first(field).unwrap())
    }

    fn companies(a: &str, b: &str) -> Level {
        of(Field::CompanyName, Profile::default().company(a), Profile::default().company(b))
    }

    #[test]
    fn variants_of_a_company_are_equal_or_apart_as_judged() {
        let rows = judged::rows("cn/company_variants.tsv");
        let known: BTreeSet<&str> =
            rows.iter().map(|row| row[1].as_str()).filter(|name| !name.is_empty()).collect();
        for row in &rows {
            let (variant, same, why) = (row[0].as_str(), row[1].as_str(), row[2].as_str());
            for name in &known {
                let is_exact = companies(variant, name) == Level::Exact;
                let is_proposed = why.contains("propose") && *name == same;
                assert_eq!(is_exact, *name == same && !is_proposed, "{row:?} {name}");
                assert!(!is_proposed || companies(variant, name) == Level::Close, "{row:?} {name}");
            }
        }
        println!("company_variants: {} as judged", rows.len());
    }

    #[test]
    fn companies_differ_by_town_branch_and_word() {
        let table = [
            ("北京某某科技有限公司", "上海某某科技有限公司", Level::Differ),
            ("北京宏图信息技术发展有限公司", "上海宏图信息技术发展有限公司", Level::Differ),
            ("北京宏图信息技术发展有限公司", "宏图信息技术发展有限公司", Level::Loose),
            ("某某集团股份有限公司上海分公司", "某某集团股份有限公司", Level::Differ),
            ("某某集团有限公司", "某某集团股份有限公司", Level::Close),
            ("Acme, Inc.", "Acme Corporation", Level::Close),
            ("Hotel Bel-Air", "Bel-Air Hotel", Level::Close),
            ("Acme Software", "Acme Software Asia Services", Level::Loose),
            ("Acme Software Ltd", "Apex Hardware Ltd", Level::Differ),
            ("An Bo", "An Bo Trading House of Mi", Level::Differ),
        ];
        for (a, b, wanted) in table {
            assert_eq!((companies(a, b), companies(b, a)), (wanted, wanted), "{a} {b}");
        }
    }

    #[test]
    fn names_are_alike_by_letter_and_by_sound() {
        let table = [
            ("smith", "smith", Level::Exact),
            ("smith", "smyth", Level::Loose),
            ("catherine", "cathrine", Level::Close),
            ("Müller", "Muller", Level::Close),
            ("j", "jonathan", Level::Loose),
            ("anna", "boris", Level::Differ),
            ("张", "章", Level::Close),
            ("张", "王", Level::Differ),
        ];
        for (a, b, wanted) in table {
            let family = |text| Profile::default().person(text, "x");
            assert_eq!(of(Field::FamilyName, family(a), family(b)), wanted, "{a} {b}");
        }
    }

    #[test]
    fn numbers_forgive_one_slip() {
        let table = [
            (Field::BirthDate, "19560409", "19560904", Level::Close),
            (Field::BirthDate, "19560409", "19560408", Level::Close),
            (Field::BirthDate, "00000409", "19560409", Level::Close),
            (Field::BirthDate, "19560409", "19710822", Level::Differ),
            (Field::PostalCode, "2119", "2191", Level::Close),
            (Field::PostalCode, "211", "212", Level::Differ),
            (Field::Phone, "+862112345678", "+8612345678", Level::Close),
            (Field::Phone, "+8613800138000", "+8613900139000", Level::Differ),
            (Field::House, "12", "12 3", Level::Close),
            (Field::House, "12", "13", Level::Loose),
            (Field::Email, "ann@example.com", "an@example.com", Level::Close),
        ];
        for (field, a, b, wanted) in table {
            let plain = |text| Profile::default().plain(field, text);
            assert_eq!(of(field, plain(a), plain(b)), wanted, "{field:?} {a} {b}");
        }
    }
}
