//! The masked form of a text, by class: enough of a value to recognise it, too little to use it.
//!
//! Every mask puts exactly four stars for the hidden middle of a number, so the length stays hidden too, and is idempotent: masking a masked value
//! changes nothing. Short values show less, down to nothing.

use super::Sensitivity;

/// What a caller sees of `text` under a partial mask. Classes without a partial form give an empty text.
pub fn partial(class: Sensitivity, text: &str) -> String {
    match class {
        Sensitivity::Phone => phone(text.split(';').next().unwrap_or_default()),
        Sensitivity::Email => email(text),
        Sensitivity::PersonName => person_name(text),
        Sensitivity::IdentityNumber => id_number(text),
        _ => String::new(),
    }
}

/// What stands for the hidden part.
const STARS: &str = "****";
/// Shortest local part of an address of which the first letter is shown.
const MIN_LOCAL: usize = 3;
/// Shortest text of which first and last character are shown.
const MIN_GENERIC: usize = 6;
/// Calling codes of two digits start with one of these pairs (ITU E.164); 1 and 7 have one digit, all others three.
const TWO_DIGIT_CODES: [&str; 44] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
    "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// `13800138000` to `138****8000`, `+8613800138000` to `+86138****8000`. Separators are dropped.
fn phone(text: &str) -> String {
    let units: Vec<char> = text.chars().filter_map(phone_unit).collect();
    if units.is_empty() {
        return if text.is_empty() { String::new() } else { STARS.to_owned() };
    }
    if !text.trim_start().starts_with(['+', '\u{ff0b}']) {
        return hide_middle(&units);
    }
    let (code, national) = units.split_at(calling_code_length(&units));
    format!("+{}{}", code.iter().collect::<String>(), hide_middle(national))
}

/// `john@example.com` to `j***@example.com`; a name of one or two letters shows none.
fn email(text: &str) -> String {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return generic(text);
    };
    let first = local.chars().next().filter(|c| *c != '*' && local.chars().nth(MIN_LOCAL - 1).is_some());
    format!("{}***@{domain}", first.map(String::from).unwrap_or_default())
}

/// Identity and company numbers: `91110000600037341L` to `911****341L`. Blanks and hyphens are dropped.
fn id_number(text: &str) -> String {
    let units: Vec<char> = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if units.is_empty() { String::new() } else { hide_middle(&units) }
}

/// Any other text: first and last character of six or more, else nothing.
fn generic(text: &str) -> String {
    let mut characters = text.chars();
    let (first, last) = (characters.next(), characters.next_back());
    match (first, last) {
        (None, _) => String::new(),
        (Some(first), Some(last)) if characters.count() + 2 >= MIN_GENERIC => format!("{first}{STARS}{last}"),
        _ => STARS.to_owned(),
    }
}

/// Shows three in front and four behind of eleven or more, hides at least four of fewer.
fn hide_middle(units: &[char]) -> String {
    let (front, back) = match units.len() {
        0..=4 => (0, 0),
        5 => (0, 1),
        6 => (1, 1),
        7 => (1, 2),
        8 => (2, 2),
        9 => (2, 3),
        10 => (3, 3),
        _ => (3, 4),
    };
    let mut masked: String = units.iter().take(front).collect();
    masked.push_str(STARS);
    masked.extend(units.iter().skip(units.len() - back));
    masked
}

fn calling_code_length(units: &[char]) -> usize {
    let start: String = units.iter().take(3).collect();
    let length = match start.get(..1) {
        Some("1" | "7") => 1,
        Some("0" | "*") | None => 0,
        Some(_) if TWO_DIGIT_CODES.iter().any(|code| start.starts_with(code)) => 2,
        Some(_) => 3,
    };
    let complete = start.chars().take(length).filter(char::is_ascii_digit).count() == length;
    if complete { length } else { 0 }
}

/// A digit in ASCII or a star of an earlier mask.
fn phone_unit(c: char) -> Option<char> {
    match c {
        '*' | '0'..='9' => Some(c),
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(c) - 0xff10, 10),
        _ => None,
    }
}

/// Family names of two characters.
const COMPOUND_NAMES: [&str; 16] = [
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "宇文", "长孙", "司徒",
    "夏侯", "端木", "南宫",
];

/// A name that keeps what greets a person: 张*, 欧阳**, J*** S****.
fn person_name(name: &str) -> String {
    let mut masked = String::with_capacity(name.len());
    let mut word = String::new();
    for c in name.trim().chars() {
        if c.is_alphanumeric() || matches!(c, '*' | '\'' | '’') || !c.is_ascii() && !is_divider(c) {
            word.push(c);
        } else {
            masked.push_str(&mask_word(&word));
            word.clear();
            masked.push(c);
        }
    }
    masked.push_str(&mask_word(&word));
    masked
}

fn is_divider(c: char) -> bool {
    c.is_whitespace() || matches!(c, '·' | '•' | '・' | '，' | '、' | '（' | '）')
}

/// Keeps the first character, or a compound family name; nothing of a word of one.
fn mask_word(word: &str) -> String {
    let length = word.chars().count();
    let compound = COMPOUND_NAMES.iter().any(|name| word.starts_with(name));
    let shown = match length {
        0 | 1 => 0,
        3.. if compound => 2,
        _ => 1,
    };
    let hidden = length - shown;
    word.chars().take(shown).chain(std::iter::repeat_n('*', hidden)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn phones_keep_the_country_code_three_digits_and_four() {
        let table = [
            ("", ""),
            ("13800138000", "138****8000"),
            ("138 0013 8000", "138****8000"),
            ("+8613800138000", "+86138****8000"),
            ("+14155552671", "+1415****671"),
            ("+85221234567", "+85221****67"),
            ("+442079460018", "+44207****018"),
            ("95588", "****8"),
            ("110", "****"),
            ("１３８００１３８０００", "138****8000"),
            ("no number", "****"),
            ("+", "****"),
        ];
        for (text, masked) in table {
            assert_eq!(phone(text), masked, "{text}");
        }
    }

    #[test]
    fn other_values_show_their_ends() {
        assert_eq!(email("john@example.com"), "j***@example.com");
        assert_eq!(email("jo@example.com"), "***@example.com");
        assert_eq!(email("not an address"), "n****s");
        assert_eq!(email("@example.com"), "***@example.com");
        assert_eq!(id_number("91110000600037341L"), "911****341L");
        assert_eq!(id_number("110101199003072316"), "110****2316");
        assert_eq!(id_number("1234"), "****");
        assert_eq!(generic("secret"), "s****t");
        assert_eq!(generic("short"), "****");
        assert_eq!(generic("北京市海淀区中关村大街"), "北****街");
        assert_eq!(generic(""), "");
    }

    const MASKS: [fn(&str) -> String; 4] = [phone, email, id_number, generic];

    proptest! {
        #[test]
        fn masking_twice_is_masking_once(text in "(\\PC{0,24}|[+*0-9 @a-c-]{0,20})") {
            for mask in MASKS {
                let once = mask(&text);
                prop_assert_eq!(mask(&once), once.clone());
            }
        }

        #[test]
        fn at_least_four_of_a_number_stay_hidden(digits in "[0-9]{1,20}") {
            for mask in [phone, id_number, generic] {
                let shown = mask(&digits).chars().filter(char::is_ascii_digit).count();
                prop_assert!(shown <= digits.len().saturating_sub(4) && shown <= 7, "{shown} of {}", digits.len());
            }
        }

        #[test]
        fn at_most_one_letter_of_a_mailbox_shows(local in "[a-z.]{1,30}") {
            let masked = email(&format!("{local}@example.com"));
            let shown = masked.len() - "***@example.com".len();
            prop_assert!(shown <= usize::from(local.len() >= MIN_LOCAL));
        }
    }
}
