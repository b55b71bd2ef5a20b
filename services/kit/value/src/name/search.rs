//! The text that substring search reads, and the query that reads it.
//!
//! Both sides are folded and lose blanks and punctuation, so `q` needs no language: "hua wei", "hw", "华为", "為" and
//! "Huawei" each stand in the search text of 华为技术有限公司. Parts are joined by a blank, which no query holds, so no
//! hit runs over from one part into the next. One trigram index serves them all.

use super::fold::{fold, transcribed, unmarked};
use super::person;
use super::pinyin::Pinyin;
use unicode_normalization::char::is_combining_mark;

/// Characters of one name that are searched.
const MAX_NAME: usize = 200;
/// Fewest digits of a query that look for a telephone number.
const MIN_DIGITS: usize = 3;

/// What a user looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// To be found as part of a search text; empty when nothing searchable was typed.
    pub text: String,
    /// The digits, when nothing but a telephone number, whole or in part, was typed.
    pub digits: Option<String>,
    /// An e-mail address, whole or in part, was typed; `text` is then the folded address.
    pub email: bool,
}

impl Query {
    /// The text as a `LIKE` pattern for "contains", with backslash as the escape.
    pub fn like_pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.text.len() + 2);
        pattern.push('%');
        for c in self.text.chars() {
            if matches!(c, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern.push('%');
        pattern
    }
}

/// The search text of a company or any other thing under all its names.
pub fn search_text(names: &[&str]) -> String {
    let mut parts = Vec::new();
    for name in names {
        push_name(&mut parts, name, || Pinyin::of(name));
    }
    parts.join(" ")
}

/// The search text of a person, whose family name is read as one, under the full name in either order.
pub fn person_search_text(family: &str, given: &str) -> String {
    let mut parts = Vec::new();
    push_name(&mut parts, &person::display(family, given), || Pinyin::of_person(family, given));
    push_name(&mut parts, &format!("{family}{given}"), || None);
    parts.join(" ")
}

/// Reads what a user typed into a search box.
pub fn search_query(q: &str) -> Query {
    let folded = first_characters(&fold(q));
    let email = folded.contains('@') && !folded.contains(' ');
    let text = if email { folded } else { solid(&folded) };
    Query { text, digits: telephone(q), email }
}

/// Adds the forms of one name that are not there yet.
fn push_name(parts: &mut Vec<String>, name: &str, pinyin: impl FnOnce() -> Option<Pinyin>) {
    let folded = first_characters(&fold(name));
    let mut forms = vec![solid(&folded)];
    if !folded.is_ascii() {
        forms.push(solid(&unmarked(&folded)));
        forms.push(solid(&transcribed(&folded)));
    }
    if let Some(Pinyin { full, initials }) = pinyin() {
        if full.contains('v') {
            forms.push(full.replace('v', "u")); // ü is typed either way
        }
        forms.extend([full, initials]);
    }
    for form in forms {
        if !form.is_empty() && !parts.contains(&form) {
            parts.push(form);
        }
    }
}

/// Letters, digits and marks only; of a text that has none, all but the blanks.
fn solid(folded: &str) -> String {
    let letters: String = folded.chars().filter(|c| c.is_alphanumeric() || is_combining_mark(*c)).collect();
    if letters.is_empty() { folded.chars().filter(|c| *c != ' ').collect() } else { letters }
}

fn first_characters(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}

/// The digits of a text that holds nothing else but what stands between digits of a telephone number.
fn telephone(q: &str) -> Option<String> {
    let digits = crate::phone::digits(q);
    let only = fold(q)
        .chars()
        .all(|c| c.is_numeric() || matches!(c, ' ' | '+' | '-' | '(' | ')' | '.' | '/' | '*' | '#'));
    (only && digits.len() >= MIN_DIGITS).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hits(q: &str, names: &[&str]) -> bool {
        search_text(names).contains(&search_query(q).text)
    }

    #[test]
    fn a_name_is_found_in_any_script_and_spelling() {
        let huawei = ["华为技术有限公司"];
        for q in [
            "hua wei",
            "hw",
            "华为",
            "為",
            "Huawei",
            "HUAWEI",
            "ｈｕａｗｅｉ",
            "华 为",
            "技术",
            "hwjs",
            "huaweijishu",
            "華為技術",
        ] {
            assert!(hits(q, &huawei), "{q}");
        }
        for q in ["zte", "中兴", "wh", "司华"] {
            assert!(!hits(q, &huawei), "{q}");
        }
        let table = [
            ("chongqing", "重庆银行"),
            ("cqyh", "重庆银行"),
            ("lubu", "吕布"),
            ("lvbu", "吕布"),
            ("muller", "Müller GmbH"),
            ("mueller", "Müller GmbH"),
            ("Müller", "Müller GmbH"),
            ("acme inc", "Acme, Inc."),
            ("o'brien", "O’Brien"),
            ("obrien", "O’Brien"),
            ("トヨタ", "㈱トヨタ"),
            ("360", "奇虎360"),
            ("★", "★"),
        ];
        for (q, name) in table {
            assert!(hits(q, &[name]), "{q} in {name}: {}", search_text(&[name]));
        }
    }

    #[test]
    fn all_names_of_a_thing_are_found_and_do_not_run_together() {
        let names = ["华为技术有限公司", "Huawei Technologies"];
        assert!(hits("technologies", &names) && hits("huaweitech", &names));
        assert!(!hits("公司 huawei", &names));
    }

    #[test]
    fn people_are_found_by_family_name_reading_and_in_either_order() {
        let text = person_search_text("单", "雄信");
        assert!(text.contains("shanxiongxin") && text.contains("sxx"));
        let text = person_search_text("Smith", "John");
        for q in ["john smith", "smith john", "Smith"] {
            assert!(text.contains(&search_query(q).text), "{q} in {text}");
        }
    }

    #[test]
    fn a_query_tells_what_was_typed() {
        let table = [
            ("138 0013", "1380013", Some("1380013"), false),
            ("+86（021）", "86021", Some("86021"), false),
            ("１３８", "138", Some("138"), false),
            ("12", "12", None, false),
            ("John@Example.com", "john@example.com", None, true),
            ("@example", "@example", None, true),
            ("a @ b", "ab", None, false),
            ("  ", "", None, false),
            ("50%_off\\", "50off", None, false),
        ];
        for (q, text, digits, email) in table {
            let wanted = Query { text: text.into(), digits: digits.map(str::to_owned), email };
            assert_eq!(search_query(q), wanted, "{q}");
        }
        assert_eq!(search_query("a_b@c%d").like_pattern(), "%a\\_b@c\\%d%");
    }

    proptest! {
        #[test]
        fn every_name_finds_itself(name in "\\PC{0,30}") {
            let q = search_query(&name);
            prop_assert!(q.email || search_text(&[&name]).contains(&q.text));
        }

        #[test]
        fn every_part_of_a_han_name_finds_it(name in "[一-龥A-Za-z ]{1,20}", from in 0..20_usize, length in 1..5_usize) {
            let part: String = name.chars().skip(from).take(length).collect();
            prop_assert!(search_text(&[&name]).contains(&search_query(&part).text));
        }

        #[test]
        fn a_search_text_is_bounded(name in "[一-龥]{0,400}") {
            prop_assert!(search_text(&[&name]).len() <= 3 * MAX_NAME + 2 * 64 * 6 + 64 + 4);
        }
    }
}
