//! One spelling for the many ways to write the same characters.
//!
//! `t2s.txt` holds pairs of a traditional and its simplified character, from OpenCC's TSCharacters (Apache-2.0), the first
//! reading of each; 乾 and 苧, which simplified names keep in use, are left out. No crate fits: zhconv is GPL, fast2s stands on unmaintained bincode 1 and ahash 0.7, ferrous-opencc
//! brings fifteen crates and converts by phrase.

use std::collections::HashMap;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let mut characters = include_str!("t2s.txt").chars().filter(|c| !c.is_whitespace());
    std::iter::from_fn(|| characters.next().zip(characters.next())).collect()
});

/// NFKC, lower case, simplified characters, plain apostrophes, hyphens and single blanks; invisible characters dropped.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return single_blanks(text.chars().filter_map(plain).map(|c| c.to_ascii_lowercase()));
    }
    // Look-alikes go first, or NFKC takes an acute accent for a blank with a mark; and last, for those it brings out.
    let visible = text.chars().filter_map(plain);
    let folded = visible.nfkc().flat_map(char::to_lowercase).nfkc().filter_map(plain);
    single_blanks(folded).replace('ß', "ss")
}

fn single_blanks(characters: impl Iterator<Item = char>) -> String {
    let mut text = String::with_capacity(characters.size_hint().0);
    let mut blank = false;
    for c in characters {
        if c.is_whitespace() {
            blank = !text.is_empty();
            continue;
        }
        if std::mem::take(&mut blank) {
            text.push(' ');
        }
        text.push(c);
    }
    text
}

/// A folded text without the marks of Latin and Greek letters: `société` as `societe`.
pub fn unmarked(folded: &str) -> String {
    strip_marks(folded, |_| None)
}

/// Like [`unmarked`], with the German umlauts written out: `müller` as `mueller`.
pub fn transcribed(folded: &str) -> String {
    strip_marks(folded, |c| match c {
        'ä' => Some("ae"),
        'ö' => Some("oe"),
        'ü' => Some("ue"),
        _ => None,
    })
}

/// A weak form in which `müller`, `mueller` and `muller` meet. It proposes, it does not prove.
pub fn loosen(folded: &str) -> String {
    transcribed(folded).replace("ae", "a").replace("oe", "o").replace("ue", "u")
}

fn strip_marks(folded: &str, spelled: fn(char) -> Option<&'static str>) -> String {
    if folded.is_ascii() {
        return folded.to_owned();
    }
    let mut plain = String::with_capacity(folded.len());
    for c in folded.chars() {
        match (spelled(c).or(letter_without_mark(c)), c) {
            (Some(letters), _) => plain.push_str(letters),
            (None, '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{3ff}' | '\u{1e00}'..='\u{1fff}') => {
                plain.extend(std::iter::once(c).nfd().filter(|c| !is_combining_mark(*c)));
            }
            _ => plain.push(c),
        }
    }
    plain
}

/// Letters that Unicode does not take apart.
fn letter_without_mark(c: char) -> Option<&'static str> {
    Some(match c {
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'ħ' => "h",
        'ı' => "i",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        _ => return None,
    })
}

/// The one character that stands for its look-alikes; `None` for what nobody sees.
fn plain(c: char) -> Option<char> {
    Some(match c {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '\u{2032}' | '`' | '\u{b4}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{30fb}' | '\u{2022}' | '\u{2027}' | '\u{22c5}' => '·',
        'ς' => 'σ',
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}' => return None,
        _ if c.is_control() && !c.is_whitespace() => return None,
        _ if c >= '\u{3400}' => SIMPLIFIED.get(&c).copied().unwrap_or(c),
        _ => c,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_meet() {
        let table = [
            ("華為技術有限公司", "华为技术有限公司"),
            ("ＡＢＣ　電子（深圳）", "abc 电子(深圳)"),
            ("  Acme \t Corp ", "acme corp"),
            ("O’Brien", "o'brien"),
            ("Straße", "strasse"),
            ("㈱トヨタ", "(株)トヨタ"),
            ("Nguye\u{302}\u{303}n", "nguyễn"),
            ("a\u{200b}b\u{feff}", "ab"),
            ("ΟΔΟΣ", "οδοσ"),
        ];
        for (text, folded) in table {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn marks_are_written_out_or_dropped() {
        assert_eq!(unmarked(&fold("Société Générale Łódź")), "societe generale lodz");
        assert_eq!(transcribed(&fold("Müller Ångström")), "mueller angstroem");
        assert_eq!(unmarked("がぎ नमस्ते"), "がぎ नमस्ते");
        for text in ["Müller", "Mueller", "MULLER"] {
            assert_eq!(loosen(&fold(text)), "muller");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,30}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.clone());
        }

        #[test]
        fn part_of_a_han_name_stays_part_of_its_folded_name(name in "[一-龥]{2,12}", from in 0..12_usize) {
            let part: String = name.chars().skip(from).collect();
            prop_assert!(fold(&name).contains(&fold(&part)));
        }
    }
}
