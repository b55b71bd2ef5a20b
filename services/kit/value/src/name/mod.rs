//! Names of companies and people: keys that compare them, pinyin, display order, and the text that search reads.
//!
//! Every key starts from [`fold`]: NFKC, lower case, traditional characters as simplified ones, one kind of apostrophe,
//! hyphen and blank. The script conversion goes character by character on purpose: only then is a part of a name, once
//! folded, still a part of the folded name, which substring search needs.

pub mod company;
mod fold;
pub mod person;
mod pinyin;
pub mod search;

pub use fold::{fold, loosen};
pub use pinyin::{Pinyin, person_sort_key, sort_key};

/// Whether a character is written in Chinese (and, in part, Japanese and Korean) script.
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '々' | '〇')
}

/// Han, kana or hangul: scripts that write the family name first and no blank behind it.
pub fn is_east_asian(c: char) -> bool {
    is_han(c) || matches!(c, '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ac00}'..='\u{d7a3}')
}
