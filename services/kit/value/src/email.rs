//! Mailbox addresses: which are accepted, and the keys under which two spellings are one mailbox.
//!
//! Accepted is what people use: `dot-atom@domain`, also with letters of any script. Quoted local parts, address literals,
//! comments, display names and surrounding blanks are refused although RFC 5322 allows them.

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::char::is_combining_mark;

/// Longest address, in bytes (RFC 5321 path of 256 without its brackets).
const MAX_ADDRESS: usize = 254;
/// Longest local part, in bytes (RFC 5321).
const MAX_LOCAL: usize = 64;
/// Punctuation of a local part without quotes (RFC 5322 atext), and the dot.
const LOCAL_PUNCTUATION: &str = "!#$%&'*+-/=?^_`{|}~.";
/// The provider that ignores dots in the local part, under its two names.
const DOTLESS_PROVIDER: [&str; 2] = ["gmail.com", "googlemail.com"];

/// Domains where anybody can open a mailbox: sharing one says nothing about the company. Sorted.
const FREE_MAIL: [&str; 96] = [
    "126.com",
    "139.com",
    "163.com",
    "163.net",
    "188.com",
    "189.cn",
    "21cn.com",
    "263.net",
    "aim.com",
    "aliyun.com",
    "aol.com",
    "att.net",
    "bellsouth.net",
    "bigpond.com",
    "bk.ru",
    "bol.com.br",
    "btinternet.com",
    "comcast.net",
    "cox.net",
    "daum.net",
    "docomo.ne.jp",
    "email.com",
    "eyou.com",
    "ezweb.ne.jp",
    "fastmail.com",
    "fastmail.fm",
    "foxmail.com",
    "free.fr",
    "freemail.hu",
    "freenet.de",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hanmail.net",
    "hey.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "hotmail.it",
    "hushmail.com",
    "icloud.com",
    "inbox.ru",
    "laposte.net",
    "libero.it",
    "list.ru",
    "live.cn",
    "live.co.uk",
    "live.com",
    "live.fr",
    "live.nl",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "naver.com",
    "netease.com",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "outlook.fr",
    "outlook.jp",
    "pm.me",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rambler.ru",
    "rediffmail.com",
    "rocketmail.com",
    "seznam.cz",
    "sina.cn",
    "sina.com",
    "sina.com.cn",
    "softbank.ne.jp",
    "sohu.com",
    "t-online.de",
    "tom.com",
    "tutanota.com",
    "uol.com.br",
    "verizon.net",
    "vip.163.com",
    "vip.qq.com",
    "vip.sina.com",
    "web.de",
    "wo.cn",
    "yahoo.co.jp",
    "yahoo.com",
    "yandex.ru",
    "yeah.net",
    "zoho.com",
];
/// Providers with one such domain per country (`yahoo.fr`, `yahoo.com.hk`).
const FREE_MAIL_FAMILIES: [&str; 5] = ["hotmail.", "live.", "outlook.", "yahoo.", "yandex."];

/// An address that mail can be sent to, as far as its form tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email {
    address: String,
    at: usize,
}

/// Why a text is not an accepted address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    #[error("needs exactly one @ between name and domain")]
    NoAt,
    #[error("has blanks or control characters in or around the address")]
    Blank,
    #[error("has a quoted name, a comment or a display name; give the bare address")]
    Unsupported,
    #[error("has a name part that is empty or has a misplaced dot or character")]
    InvalidLocal,
    #[error("has a domain that is not a valid host name")]
    InvalidDomain,
    #[error("is longer than mail systems accept")]
    TooLong,
}

impl EmailError {
    /// The machine-readable reason.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoAt => "EMAIL_NO_AT",
            Self::Blank => "EMAIL_BLANK",
            Self::Unsupported => "EMAIL_FORM_UNSUPPORTED",
            Self::InvalidLocal => "EMAIL_LOCAL_INVALID",
            Self::InvalidDomain => "EMAIL_DOMAIN_INVALID",
            Self::TooLong => "EMAIL_TOO_LONG",
        }
    }
}

impl Email {
    /// Checks an address. The local part stays as given; the domain becomes lower-case ASCII (IDNA).
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.len() > 4 * MAX_ADDRESS {
            return Err(EmailError::TooLong);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(EmailError::Blank);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError::NoAt)?;
        check_local(local)?;
        let domain = ascii_domain(domain)?;
        if local.len() + 1 + domain.len() > MAX_ADDRESS {
            return Err(EmailError::TooLong);
        }
        Ok(Self { address: format!("{local}@{domain}"), at: local.len() })
    }

    /// The whole address: local part as given, domain in lower-case ASCII.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The part before the @, as given.
    pub fn local(&self) -> &str {
        &self.address[..self.at]
    }

    /// The domain in lower-case ASCII.
    pub fn domain(&self) -> &str {
        &self.address[self.at + 1..]
    }

    /// The key under which two spellings reach one mailbox: case folded, plus-tag removed, and for the provider that
    /// ignores them, dots removed.
    pub fn folded_key(&self) -> String {
        let local = self.local().to_lowercase();
        let local = match local.split_once('+') {
            Some((name, _)) if !name.is_empty() => name,
            _ => local.as_str(),
        };
        if DOTLESS_PROVIDER.contains(&self.domain()) {
            return format!("{}@{}", local.replace('.', ""), DOTLESS_PROVIDER[0]);
        }
        format!("{local}@{}", self.domain())
    }

    /// The domain as a key of the company; `None` at a free-mail provider.
    pub fn company_domain(&self) -> Option<&str> {
        Some(self.domain()).filter(|domain| !is_free_mail_domain(domain))
    }
}

/// Whether anybody can have a mailbox at this domain (lower-case ASCII).
pub fn is_free_mail_domain(domain: &str) -> bool {
    FREE_MAIL.binary_search(&domain).is_ok()
        || FREE_MAIL_FAMILIES.iter().any(|family| domain.strip_prefix(family).is_some_and(is_country_suffix))
}

/// `fr`, `co.uk`, `com.hk`: what stands behind a provider's name in one country.
fn is_country_suffix(rest: &str) -> bool {
    let country = rest.strip_prefix("co.").or(rest.strip_prefix("com.")).unwrap_or(rest);
    country.len() == 2 && country.bytes().all(|b| b.is_ascii_lowercase())
}

fn check_local(local: &str) -> Result<(), EmailError> {
    if local.contains(['"', '(', ')', '<', '>', '\\']) {
        return Err(EmailError::Unsupported);
    }
    if local.contains('@') {
        return Err(EmailError::NoAt);
    }
    if local.len() > MAX_LOCAL {
        return Err(EmailError::TooLong);
    }
    let well_formed = local.split('.').all(|atom| !atom.is_empty()) && local.chars().all(is_local_character);
    if well_formed { Ok(()) } else { Err(EmailError::InvalidLocal) }
}

fn is_local_character(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || LOCAL_PUNCTUATION.contains(c)
    } else {
        c.is_alphanumeric() || is_combining_mark(c)
    }
}

/// The host name of a mail domain. Without a dot only a country's own domain is taken, so that `name@gmail` is caught.
fn ascii_domain(domain: &str) -> Result<String, EmailError> {
    if domain.contains(['(', ')', '[', ']', '<', '>', '"']) {
        return Err(EmailError::Unsupported);
    }
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| EmailError::InvalidDomain)?;
    let (rest, top) = ascii.rsplit_once('.').unwrap_or(("", &ascii));
    let numeric = top.bytes().all(|b| b.is_ascii_digit());
    if numeric || (rest.is_empty() && top.len() != 2) {
        return Err(EmailError::InvalidDomain);
    }
    Ok(ascii.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_data;
    use proptest::prelude::*;

    #[test]
    fn an_address_keeps_its_local_part_and_folds_its_domain() {
        let table = [
            ("John.Smith@EXAMPLE.com", "John.Smith@example.com", "john.smith@example.com"),
            ("john+crm@example.com", "john+crm@example.com", "john@example.com"),
            ("+tag@example.com", "+tag@example.com", "+tag@example.com"),
            ("J.o.h.n+x@GoogleMail.com", "J.o.h.n+x@googlemail.com", "john@gmail.com"),
            ("张三@例子.中国", "张三@xn--fsqu00a.xn--fiqs8s", "张三@xn--fsqu00a.xn--fiqs8s"),
            ("info@MÜLLER.de", "info@xn--mller-kva.de", "info@xn--mller-kva.de"),
            ("o'brien@example.ie", "o'brien@example.ie", "o'brien@example.ie"),
        ];
        for (text, address, key) in table {
            let email = Email::parse(text).unwrap();
            assert_eq!((email.as_str(), email.folded_key().as_str()), (address, key), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_reason() {
        let table = [
            ("", EmailError::NoAt),
            ("name", EmailError::NoAt),
            ("a@b@example.com", EmailError::NoAt),
            (" a@example.com", EmailError::Blank),
            ("a@example.com\n", EmailError::Blank),
            ("John <john@example.com>", EmailError::Blank),
            ("<john@example.com>", EmailError::Unsupported),
            ("\"a\"@example.com", EmailError::Unsupported),
            ("a@[127.0.0.1]", EmailError::Unsupported),
            (".a@example.com", EmailError::InvalidLocal),
            ("a@gmail", EmailError::InvalidDomain),
            ("a@1.2.3.4", EmailError::InvalidDomain),
            ("a@exa_mple.com", EmailError::InvalidDomain),
            ("a\u{202e}b@example.com", EmailError::InvalidLocal),
        ];
        for (text, error) in table {
            assert_eq!(Email::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn free_mail_domains_say_nothing_about_the_company() {
        assert!(FREE_MAIL.is_sorted());
        for domain in ["gmail.com", "qq.com", "vip.163.com", "yahoo.com.hk", "yahoo.fr", "live.co.uk"] {
            assert!(is_free_mail_domain(domain), "{domain}");
        }
        for domain in ["example.com", "live.example.com", "yahoo.example", "huawei.com"] {
            assert!(!is_free_mail_domain(domain), "{domain}");
        }
    }

    #[test]
    fn the_isemail_suite_comes_out_as_a_crm_wants_it() {
        let Some(text) = shared_data::read("emails/isemail_cases.json") else { return };
        let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        for case in &cases {
            let address = case["address"].as_str().unwrap();
            let category = case["category"].as_str().unwrap();
            let wanted = matches!(category, "ISEMAIL_VALID_CATEGORY" | "ISEMAIL_DNSWARN");
            assert_eq!(Email::parse(address).is_ok(), wanted, "{address:?} {category}");
        }
        println!("isemail: {} cases as wanted", cases.len());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}(@\\PC{0,40})?") {
            let _ = Email::parse(&text);
        }

        #[test]
        fn a_parsed_address_parses_to_itself(text in "[a-zA-Zé.+_-]{1,12}@[a-zA-Züß.例-]{1,12}\\.[a-z]{2,4}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                if let Ok(key) = Email::parse(&email.folded_key()) {
                    prop_assert_eq!(key.folded_key(), email.folded_key());
                }
            }
        }
    }
}
