//! The rules of passwords, and first passwords.

use crm_kit_api::error::Violations;
use rand::Rng as _;

use super::common::COMMON;
use crate::text;

const MIN: usize = 10;
const MAX: usize = 128;
/// Characters of a first password: no two that look alike.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// 4 groups of 5 characters carry 99 bits.
const GROUPS: usize = 4;
const GROUP: usize = 5;

/// Adds a violation of `field` for each rule that a new password breaks.
pub fn check(field: &str, password: &str, username: &str, violations: &mut Violations) {
    let count = password.chars().count();
    if count < MIN {
        violations.add(field, "TOO_SHORT", format!("has fewer than {MIN} characters"));
    }
    if count > MAX {
        violations.add(field, "TOO_LONG", format!("has more than {MAX} characters"));
    }
    let (key, username) = (text::key(password), text::key(username));
    if username.chars().count() >= 3 && key.contains(&username) {
        violations.add(field, "CONTAINS_USERNAME", "contains the user name");
    }
    if is_common(&key) {
        violations.add(field, "COMMON", "is one of the first that are guessed");
    }
}

fn is_common(key: &str) -> bool {
    let stem = key.trim_matches(|character: char| !character.is_alphabetic());
    let head = key.trim_end_matches(|character: char| !character.is_alphabetic());
    let distinct = key.chars().collect::<std::collections::BTreeSet<_>>().len();
    distinct < 5
        || stem.is_empty()
        || is_run(key)
        || COMMON.iter().any(|common| [key, stem, head].contains(common))
}

/// Whether each character follows the one before, as in `abcdefghij` or `9876543210`.
fn is_run(key: &str) -> bool {
    let codes: Vec<u32> = key.chars().map(u32::from).collect();
    codes.windows(2).all(|pair| pair[1] == pair[0] + 1) || codes.windows(2).all(|pair| pair[0] == pair[1] + 1)
}

/// A password that nobody chose, such as `k7mwp-3xhzr-qd5ut-9ancv`.
pub fn first() -> String {
    let mut random = rand::rng();
    let mut password = String::with_capacity(GROUPS * (GROUP + 1));
    for index in 0..GROUPS * GROUP {
        if index > 0 && index % GROUP == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[random.random_range(0..ALPHABET.len())]));
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(password: &str) -> Vec<String> {
        let mut violations = Violations::default();
        check("new_password", password, "LiLei", &mut violations);
        let error = violations.into_result(()).err();
        error.map_or(Vec::new(), |error| {
            error.violations().iter().map(|violation| violation.code.to_string()).collect()
        })
    }

    #[test]
    fn weak_passwords_are_refused_and_say_why() {
        for (password, code) in [
            ("short", "TOO_SHORT"),
            (&"长".repeat(129), "TOO_LONG"),
            ("my lilei secret", "CONTAINS_USERNAME"),
            ("ＬｉＬｅｉ-secret", "CONTAINS_USERNAME"),
            ("Password123!", "COMMON"),
            ("1234567890", "COMMON"),
            ("20240101120000", "COMMON"),
            ("aaaaaaaaaaaa", "COMMON"),
            ("abcdefghijkl", "COMMON"),
            ("woaini1314", "COMMON"),
            ("Qwertyuiop1", "COMMON"),
        ] {
            assert!(codes(password).contains(&code.to_owned()), "{password}: {:?}", codes(password));
        }
    }

    #[test]
    fn good_passwords_pass() {
        for password in ["correct horse battery", "我家门前有两棵枣树呢吧", "T4!mv9#qLw", &"ab3d ".repeat(25)]
        {
            assert!(codes(password).is_empty(), "{password}: {:?}", codes(password));
        }
    }

    #[test]
    fn first_passwords_keep_the_rules_and_differ() {
        let passwords: std::collections::BTreeSet<String> = (0..100).map(|_| first()).collect();
        assert_eq!(passwords.len(), 100);
        assert!(passwords.iter().all(|password| codes(password).is_empty()));
    }
}
