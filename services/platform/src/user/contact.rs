//! How users are reached: e-mail addresses and telephone numbers, by the rules that hold for records too. What a user has it keeps, by whatever rules it
//! was taken.

use crm_kit_api::error::Violations;
use crm_kit_value::{email::Email, phone::Phone};

/// An address with its domain in lower-case ASCII; may be empty. `held` is the one that is stored.
pub fn email(field: &str, text: &str, held: &str, violations: &mut Violations) -> String {
    let text = text.trim();
    if text.is_empty() || text == held {
        return text.to_owned();
    }
    let read = Email::parse(text).map_err(|error| violations.add(field, error.reason(), error.to_string()));
    read.map(|email| email.as_str().to_owned()).unwrap_or_default()
}

/// A number in E.164, with its extension if there is one; it is read in the tenant's country when it names none. May be empty. `held` is the one
/// that is stored.
pub fn phone(field: &str, text: &str, held: &str, region_code: &str, violations: &mut Violations) -> String {
    let text = text.trim();
    if text.is_empty() || text == held {
        return text.to_owned();
    }
    let region = Some(region_code).filter(|region| !region.is_empty());
    let read =
        Phone::parse(text, region).map_err(|error| violations.add(field, error.reason(), error.to_string()));
    read.map(|phone| phone.stored()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_read_by_the_rules_of_records_and_what_is_held_stays() {
        let held = "old@例子.中国";
        for (text, expected) in [
            (" Li.Lei@Example.COM ", Ok("Li.Lei@example.com")),
            ("李雷@例子.中国", Ok("李雷@xn--fsqu00a.xn--fiqs8s")),
            (held, Ok(held)),
            ("", Ok("")),
            ("a b@example.com", Err("EMAIL_BLANK")),
        ] {
            let mut violations = Violations::default();
            let read = email("user.email", text, held, &mut violations);
            let read = violations.into_result(read).map_err(|error| error.violations()[0].code.to_string());
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
        }
        for (text, expected) in [
            ("138 1234 1234", Ok("+8613812341234")),
            ("010-62345678转12", Ok("+861062345678;ext=12")),
            ("12345", Ok("12345")),
            ("12", Err("PHONE_UNASSIGNED")),
        ] {
            let mut violations = Violations::default();
            let read = phone("user.phone", text, "12345", "CN", &mut violations);
            let read = violations.into_result(read).map_err(|error| error.violations()[0].code.to_string());
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
