//! Names: how they are cleaned, and how two of them are compared.

use crm_kit_api::error::Violations;
use unicode_normalization::UnicodeNormalization as _;

/// A text on one line of at most `max` characters, without blanks around it; may be empty.
pub fn line(field: &str, text: &str, max: usize, violations: &mut Violations) -> String {
    let text: String = text.trim().nfc().collect();
    if text.chars().count() > max {
        violations.add(field, "TOO_LONG", format!("has more than {max} characters"));
    }
    if text.chars().any(char::is_control) {
        violations.add(field, "CONTROL_CHARACTER", "holds a line break or another control character");
    }
    text
}

/// As [`line`], and not empty.
pub fn required_line(field: &str, text: &str, max: usize, violations: &mut Violations) -> String {
    let text = line(field, text, max, violations);
    if text.is_empty() {
        violations.add(field, "REQUIRED", "must not be empty");
    }
    text
}

/// What two names are compared by: without difference of case, width and composition.
pub fn key(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_width() {
        assert_eq!(key(" ＡｎｎＡ "), key("anna"));
        assert_eq!(key("Straße"), key("STRAßE"));
        assert_ne!(key("李雷"), key("韩梅梅"));
    }

    #[test]
    fn a_line_is_trimmed_and_bounded() {
        let mut violations = Violations::default();
        assert_eq!(line("a", "  李雷 ", 2, &mut violations), "李雷");
        assert!(violations.is_empty());
        required_line("a", " ", 2, &mut violations);
        line("b", "a\nb", 3, &mut violations);
        line("c", "abcd", 3, &mut violations);
        assert_eq!(violations.into_result(()).unwrap_err().violations().len(), 3);
    }
}
