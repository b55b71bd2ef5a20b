//! Free text: a string is stored byte for byte or refused, never altered.
//!
//! Refused everywhere: NUL and the other C0 and C1 controls but tab and line ends, DEL, and the noncharacters (no
//! spreadsheet or XML export can carry them). A single line also refuses line ends, tabs and bidirectional overrides,
//! which would show a name or a file name in another order than it is stored. Marks and isolates that right-to-left
//! languages need, joiners, emoji, private-use characters and unassigned ones are kept.

/// Whether a field holds one line or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Names, titles, codes: no line ends, no tabs.
    Single,
    /// Descriptions and notes: tab, LF and CR are text.
    Multi,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("has {length} characters; at most {max} are allowed")]
    TooLong { length: usize, max: usize },
    #[error("has the control character U+{code:04X} at character {at}")]
    Control { code: u32, at: usize },
    #[error("has a line end or tab at character {at}; this field holds one line")]
    LineBreak { at: usize },
    #[error("has the noncharacter U+{code:04X} at character {at}")]
    Noncharacter { code: u32, at: usize },
    #[error("has a bidirectional override at character {at}; this field must read as it is stored")]
    BidiOverride { at: usize },
}

impl TextError {
    /// The machine-readable reason.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLong { .. } => "TEXT_TOO_LONG",
            Self::Control { .. } => "TEXT_CONTROL_CHARACTER",
            Self::LineBreak { .. } => "TEXT_LINE_BREAK",
            Self::Noncharacter { .. } => "TEXT_NONCHARACTER",
            Self::BidiOverride { .. } => "TEXT_BIDI_OVERRIDE",
        }
    }
}

/// Accepts a text as it stands or says why not. `max` counts Unicode characters, as `char_length` of PostgreSQL does.
/// Positions in errors count from 1.
pub fn check(text: &str, lines: Lines, max: usize) -> Result<(), TextError> {
    // One byte per character at least: only a text that may be too long is counted.
    if text.len() > max {
        let length = text.chars().count();
        if length > max {
            return Err(TextError::TooLong { length, max });
        }
    }
    text.chars().enumerate().try_for_each(|(index, c)| check_character(c, lines, index + 1))
}

/// Whether a reader would see nothing: only blanks and invisible characters.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

fn check_character(c: char, lines: Lines, at: usize) -> Result<(), TextError> {
    let code = u32::from(c);
    let single = lines == Lines::Single;
    match c {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' if single => Err(TextError::LineBreak { at }),
        '\t' | '\n' | '\r' => Ok(()),
        '\u{202d}' | '\u{202e}' if single => Err(TextError::BidiOverride { at }),
        _ if c.is_control() => Err(TextError::Control { code, at }),
        _ if is_noncharacter(code) => Err(TextError::Noncharacter { code, at }),
        _ => Ok(()),
    }
}

fn is_noncharacter(code: u32) -> bool {
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_data;
    use proptest::prelude::*;

    #[test]
    fn controls_are_refused_and_text_is_kept() {
        use Lines::{Multi, Single};
        let table = [
            ("", Single, Ok(())),
            ("華為 🇨🇳 ‏שלום‎ नमस्ते", Single, Ok(())),
            ("two\nlines\tand\r\n", Multi, Ok(())),
            ("two\nlines", Single, Err(TextError::LineBreak { at: 4 })),
            ("nul\0", Multi, Err(TextError::Control { code: 0, at: 4 })),
            ("\u{1b}[31m", Multi, Err(TextError::Control { code: 0x1b, at: 1 })),
            ("\u{7f}", Single, Err(TextError::Control { code: 0x7f, at: 1 })),
            ("\u{85}", Multi, Err(TextError::Control { code: 0x85, at: 1 })),
            ("\u{ffff}", Multi, Err(TextError::Noncharacter { code: 0xffff, at: 1 })),
            ("a\u{202e}fdp.exe", Single, Err(TextError::BidiOverride { at: 2 })),
            ("a\u{202e}fdp.exe", Multi, Ok(())),
            ("a\u{2067}b\u{2069}", Single, Ok(())),
        ];
        for (text, lines, wanted) in table {
            assert_eq!(check(text, lines, 100), wanted, "{text:?}");
        }
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert_eq!(check("客户名称", Lines::Single, 4), Ok(()));
        assert_eq!(check("客户名称们", Lines::Single, 4), Err(TextError::TooLong { length: 5, max: 4 }));
    }

    #[test]
    fn blank_means_a_reader_sees_nothing() {
        assert!(is_blank("") && is_blank(" \u{3000}\u{200b}\u{feff}\t"));
        assert!(!is_blank(" . "));
    }

    #[test]
    fn every_naughty_string_is_kept_or_refused_with_a_reason() {
        let Some(text) = shared_data::read("strings/blns.json") else { return };
        let strings: Vec<String> = serde_json::from_str(&text).unwrap();
        for lines in [Lines::Single, Lines::Multi] {
            let refused: Vec<_> = strings.iter().filter_map(|s| check(s, lines, 10_000).err()).collect();
            println!(
                "blns {lines:?}: {} kept, {} refused {refused:?}",
                strings.len() - refused.len(),
                refused.len()
            );
            for error in refused {
                assert!(!error.reason().is_empty() && !error.to_string().is_empty());
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), max in 0..50_usize) {
            let single = check(&text, Lines::Single, max).is_ok();
            prop_assert!(!single || check(&text, Lines::Multi, max).is_ok(), "one line is stricter");
            prop_assert!(!single || text.chars().count() <= max);
        }
    }
}
