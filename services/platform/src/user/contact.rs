//! How users are reached: e-mail addresses and telephone numbers.

use crm_kit_api::error::Violations;
use phonenumber::{Mode, country};

/// An address with its domain in lower case; may be empty.
pub fn email(field: &str, text: &str, violations: &mut Violations) -> String {
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let parts = text.rsplit_once('@').filter(|(local, domain)| is_local(local) && is_domain(domain));
    if parts.is_none() {
        violations.add(field, "EMAIL_INVALID", "is not an e-mail address");
    }
    parts.map(|(local, domain)| format!("{local}@{}", domain.to_lowercase())).unwrap_or_default()
}

fn is_local(local: &str) -> bool {
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    let allowed = |character: char| character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character);
    (1..=64).contains(&local.len()) && !dots && local.chars().all(allowed)
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|character| character.is_alphanumeric() || character == '-')
    };
    domain.len() <= 253 && domain.contains('.') && domain.split('.').all(label)
}

/// A number in E.164, read in the tenant's country when it names none; may be empty.
pub fn phone(field: &str, text: &str, region_code: &str, violations: &mut Violations) -> String {
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let region = region_code.parse::<country::Id>().ok();
    let number = phonenumber::parse(region, text).ok().filter(phonenumber::is_valid);
    if number.is_none() {
        violations.add(field, "PHONE_INVALID", "is not a telephone number in use");
    }
    number.map(|number| number.format().mode(Mode::E164).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_their_domain_is_folded() {
        for (text, expected) in [
            (" Li.Lei@Example.COM ", Some("Li.Lei@example.com")),
            ("李雷@例子.中国", Some("李雷@例子.中国")),
            ("", Some("")),
            ("a@b", None),
            ("a b@example.com", None),
            ("a@@example.com", None),
            (".a@example.com", None),
            ("a@-example.com", None),
            ("@example.com", None),
        ] {
            let mut violations = Violations::default();
            let read = email("user.email", text, &mut violations);
            assert_eq!(violations.into_result(read).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn numbers_become_e164() {
        for (text, expected) in [
            ("138 1234 1234", Some("+8613812341234")),
            ("+1 (415) 555-2671", Some("+14155552671")),
            ("010-62345678", Some("+861062345678")),
            ("12", None),
            ("call me", None),
        ] {
            let mut violations = Violations::default();
            let read = phone("user.phone", text, "CN", &mut violations);
            assert_eq!(violations.into_result(read).ok().as_deref(), expected, "{text}");
        }
    }
}
