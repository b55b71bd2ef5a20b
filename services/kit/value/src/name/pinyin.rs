//! Mandarin readings of Chinese names: the crate's usual reading of each character, corrected by word.
//!
//! `readings.txt` lists words whose characters read otherwise than usual (重庆, 银行), longest match first;
//! `surnames.txt` the family names that do (单, 仇, 万俟), with all compound ones. A tone digit ends each syllable and
//! ü is written `v`, as on a keyboard. Traditional characters must be folded before.

use super::fold::{fold, unmarked};
use super::is_han;
use ::pinyin::ToPinyin;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Characters of a name that are read; the rest adds nothing to a key.
const MAX_CHARACTERS: usize = 64;

type Words = HashMap<char, Vec<Word>>;

/// A word and the syllables of its characters.
struct Word {
    characters: &'static str,
    syllables: Vec<&'static str>,
}

static READINGS: LazyLock<Words> = LazyLock::new(|| words(include_str!("readings.txt")));
static SURNAMES: LazyLock<Words> = LazyLock::new(|| words(include_str!("surnames.txt")));

/// The keys of a name that holds Chinese characters. Letters and digits between them are kept, the rest is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinyin {
    /// All syllables without tone and blank: `huaweijishu`.
    pub full: String,
    /// The first letters: `hwjs`.
    pub initials: String,
}

impl Pinyin {
    /// Reads a company, place or other name; `None` when it holds no Chinese character that has a reading.
    pub fn of(name: &str) -> Option<Self> {
        Self::join(&read(&fold(name), &READINGS))
    }

    /// Reads a person's name, the family name first and as a family name.
    pub fn of_person(family: &str, given: &str) -> Option<Self> {
        let mut parts = read_family(&fold(family));
        parts.extend(read(&fold(given), &READINGS));
        Self::join(&parts)
    }

    fn join(parts: &[Part]) -> Option<Self> {
        let (mut full, mut initials, mut any) = (String::new(), String::new(), false);
        for part in parts {
            match part {
                Part::Syllable(syllable) => {
                    any = true;
                    full.push_str(syllable.trim_end_matches(|c: char| c.is_ascii_digit()));
                    initials.extend(syllable.chars().next());
                }
                Part::Other(c) if c.is_alphanumeric() => {
                    full.push(*c);
                    initials.push(*c);
                }
                Part::Other(_) => {}
            }
        }
        any.then_some(Self { full, initials })
    }
}

/// A key that sorts names as a Chinese reader expects, by syllable and tone, Latin names among them by letter. Compare
/// it bytewise (collation `C`).
pub fn sort_key(name: &str) -> String {
    let folded = fold(name);
    key_of(&read(&folded, &READINGS), &folded)
}

/// [`sort_key`] of a person: the family name first and as a family name.
pub fn person_sort_key(family: &str, given: &str) -> String {
    let (family, given) = (fold(family), fold(given));
    let mut parts = read_family(&family);
    parts.extend([Part::Other(' ')].into_iter().filter(|_| !family.chars().any(is_han)));
    parts.extend(read(&given, &READINGS));
    key_of(&parts, &format!("{family} {given}"))
}

/// Whether a folded text is a family name of two or more characters.
pub fn is_compound_surname(text: &str) -> bool {
    let first = text.chars().next().and_then(|first| SURNAMES.get(&first));
    text.chars().nth(1).is_some()
        && first.is_some_and(|words| words.iter().any(|word| word.characters == text))
}

/// A character as read.
enum Part {
    Syllable(Cow<'static, str>),
    Other(char),
}

fn key_of(parts: &[Part], folded: &str) -> String {
    let mut key = String::new();
    for part in parts {
        match part {
            Part::Syllable(syllable) => {
                key.push_str(syllable);
                key.push(' ');
            }
            Part::Other(c) => key.push(*c),
        }
    }
    // Homophones follow each other in a fixed order.
    key.push('|');
    key.extend(folded.chars().take(MAX_CHARACTERS));
    key
}

fn read_family(family: &str) -> Vec<Part> {
    let known = lookup(&SURNAMES, family).filter(|word| word.characters == family);
    match known {
        Some(word) => word.syllables.iter().map(|syllable| Part::Syllable(Cow::Borrowed(syllable))).collect(),
        None => read(family, &READINGS),
    }
}

fn read(folded: &str, words: &'static Words) -> Vec<Part> {
    let end = folded.char_indices().nth(MAX_CHARACTERS).map_or(folded.len(), |(index, _)| index);
    let mut rest = &folded[..end];
    let mut parts = Vec::with_capacity(rest.len() / 2);
    while let Some(c) = rest.chars().next() {
        if let Some(word) = lookup(words, rest) {
            parts.extend(word.syllables.iter().map(|syllable| Part::Syllable(Cow::Borrowed(syllable))));
            rest = &rest[word.characters.len()..];
        } else {
            parts.push(read_character(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    parts
}

/// The longest word that leads the text.
fn lookup(words: &'static Words, text: &str) -> Option<&'static Word> {
    let first = text.chars().next().filter(|c| is_han(*c))?;
    words.get(&first)?.iter().find(|word| text.starts_with(word.characters))
}

fn read_character(c: char) -> Part {
    match c.to_pinyin().filter(|_| is_han(c)) {
        Some(reading) => {
            let syllable = reading.with_tone_num_end();
            let typed =
                if syllable.is_ascii() { Cow::Borrowed(syllable) } else { Cow::Owned(ascii(syllable)) };
            Part::Syllable(typed)
        }
        None => Part::Other(c),
    }
}

/// ü as v, ê as e, and no marks.
fn ascii(syllable: &str) -> String {
    unmarked(&syllable.replace('ü', "v"))
}

/// One word a line: its characters, then the syllables. Longer words come before shorter ones with the same start.
fn words(list: &'static str) -> Words {
    let mut words = Words::new();
    for line in list.lines() {
        let mut columns = line.split(' ');
        let characters = columns.next().unwrap_or_default();
        if let Some(first) = characters.chars().next() {
            words.entry(first).or_default().push(Word { characters, syllables: columns.collect() });
        }
    }
    for words in words.values_mut() {
        words.sort_by_key(|word| std::cmp::Reverse(word.characters.len()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_data;
    use proptest::prelude::*;

    fn full(name: &str) -> String {
        Pinyin::of(name).map(|pinyin| pinyin.full).unwrap_or_default()
    }

    #[test]
    fn names_are_read_by_word() {
        let table = [
            ("华为技术有限公司", "huaweijishuyouxiangongsi"),
            ("華為", "huawei"),
            ("重庆银行", "chongqingyinhang"),
            ("厦门ABC电子", "xiamenabcdianzi"),
            ("成都单位", "chengdudanwei"),
            ("西藏长城", "xizangchangcheng"),
            ("绿城", "lvcheng"),
            ("Acme", ""),
            ("トヨタ", ""),
        ];
        for (name, wanted) in table {
            assert_eq!(full(name), wanted, "{name}");
        }
        assert_eq!(Pinyin::of("重庆 ABC 银行").map(|pinyin| pinyin.initials), Some("cqabcyh".into()));
    }

    #[test]
    fn every_listed_word_has_a_syllable_per_character() {
        for word in READINGS.values().chain(SURNAMES.values()).flatten() {
            assert_eq!(word.characters.chars().count(), word.syllables.len(), "{}", word.characters);
            for syllable in &word.syllables {
                let (letters, tone) = syllable.split_at(syllable.len() - 1);
                assert!(
                    letters.bytes().all(|b| b.is_ascii_lowercase()) && "12345".contains(tone),
                    "{syllable}"
                );
            }
        }
    }

    #[test]
    fn people_have_the_initials_of_their_family_names() {
        let rows = shared_data::rows("cn/person_names.tsv");
        for row in rows.iter().filter(|row| row.get(5).is_some_and(|initials| !initials.is_empty())) {
            let pinyin = Pinyin::of_person(&row[0], &row[1]);
            assert_eq!(pinyin.map(|pinyin| pinyin.initials.to_uppercase()), Some(row[5].clone()), "{row:?}");
        }
    }

    #[test]
    fn the_usual_readings_are_those_of_the_standard_list() {
        let Some(text) = shared_data::read("cn/pinyin_kMandarin_8105.txt") else { return };
        let (mut total, mut wrong) = (0, Vec::new());
        for line in text.lines().filter(|line| line.starts_with("U+")) {
            let Some((readings, comment)) = line.split_once(": ").and_then(|(_, rest)| rest.split_once('#'))
            else {
                continue;
            };
            let Some(c) = comment.trim().chars().next() else { continue };
            let wanted = readings.split([',', ' ']).next().unwrap_or_default();
            total += 1;
            let plain = unmarked(&wanted.replace(['ü', 'ǖ', 'ǘ', 'ǚ', 'ǜ'], "v"));
            if full(&c.to_string()) != plain {
                wrong.push(format!("{c} {} not {plain}", full(&c.to_string())));
            }
        }
        println!("kMandarin_8105: {} of {total} as listed; {wrong:?}", total - wrong.len());
        assert!(wrong.len() * 100 <= total, "more than one in a hundred differs");
    }

    #[test]
    fn sorting_follows_syllable_and_tone() {
        let mut names = ["曾国藩", "张三", "Acme", "安泰", "重庆银行", "掌上科技", "Zebra"];
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, ["Acme", "安泰", "曾国藩", "重庆银行", "Zebra", "张三", "掌上科技"]);
        assert!(person_sort_key("曾", "国藩") > person_sort_key("臧", "天朔"), "zeng follows zang");
    }

    proptest! {
        #[test]
        fn keys_are_bounded(name in "\\PC{0,200}", han in "[一-龥]{0,300}") {
            for name in [name, han] {
                if let Some(pinyin) = Pinyin::of(&name) {
                    prop_assert!(pinyin.full.len() <= MAX_CHARACTERS * 6 && pinyin.initials.len() <= MAX_CHARACTERS * 4);
                }
                prop_assert!(sort_key(&name).len() <= MAX_CHARACTERS * 12);
                let _ = Pinyin::of_person(&name, &name);
            }
        }
    }
}
