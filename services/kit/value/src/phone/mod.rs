//! Telephone numbers: what people type, turned into E.164 and an extension.
//!
//! The numbering plans come from the crate `phonenumber`; the steps are those of libphonenumber and stand here. The
//! crate's own parser reads an international number with the default region's rules (`+44 1539 432 166` typed in the US
//! loses its 1), knows neither full-width nor Arabic digits, misses the trunk prefixes of six regions, and compiles
//! evicted patterns again under one global lock (27 µs a number over six countries, against 0.4 µs here).

mod plan;
mod read;

use plan::Plan;
use read::Typed;

/// Longest input looked at, in characters.
const MAX_INPUT: usize = 250;
/// Digits after the country code, at least.
const MIN_NATIONAL: usize = 2;
/// Digits of an E.164 number, at most.
const MAX_DIGITS: usize = 15;

/// A telephone number that exists in its country's numbering plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Phone {
    e164: String,
    extension: Option<String>,
    region: String,
}

/// Why a text is not a telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("is not a telephone number")]
    NotANumber,
    #[error("needs a country code such as +86, or a default region")]
    NoRegion,
    #[error("names a default region that has no numbering plan")]
    UnknownRegion,
    #[error("has a country code that does not exist")]
    InvalidCountryCode,
    #[error("has too few digits")]
    TooShort,
    #[error("has too many digits")]
    TooLong,
    #[error("is not a number in use in its country")]
    Unassigned,
}

impl PhoneError {
    /// The machine-readable reason.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotANumber => "PHONE_NOT_A_NUMBER",
            Self::NoRegion => "PHONE_REGION_MISSING",
            Self::UnknownRegion => "PHONE_REGION_UNKNOWN",
            Self::InvalidCountryCode => "PHONE_COUNTRY_CODE_INVALID",
            Self::TooShort => "PHONE_TOO_SHORT",
            Self::TooLong => "PHONE_TOO_LONG",
            Self::Unassigned => "PHONE_UNASSIGNED",
        }
    }
}

impl Phone {
    /// Reads a number as typed. `default_region` is an ISO 3166 code such as `CN`, used when the text carries no country
    /// code. Full-width and other decimal digits, punctuation, vanity letters, `tel:` links and extensions are understood.
    ///
    /// A number outside its country's plan is refused, so short codes (`95588`, `110`) are not phones.
    pub fn parse(text: &str, default_region: Option<&str>) -> Result<Self, PhoneError> {
        if text.chars().nth(MAX_INPUT).is_some() {
            return Err(PhoneError::TooLong);
        }
        let typed = read::typed(text).ok_or(PhoneError::NotANumber)?;
        if typed.international {
            return Self::international(&typed.digits, typed.extension);
        }
        let region = default_region.ok_or(PhoneError::NoRegion)?;
        let plan = plan::of_region(region).ok_or(PhoneError::UnknownRegion)?;
        Self::dialled(&typed, plan)
    }

    /// The number with `+` and country code, without the extension.
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// The digits to dial after the call is answered.
    pub fn extension(&self) -> Option<&str> {
        self.extension.as_deref()
    }

    /// The number as it is stored: E.164, with `;ext=` and the extension as in RFC 3966 when there is one.
    pub fn stored(&self) -> String {
        match &self.extension {
            Some(extension) => format!("{};ext={extension}", self.e164),
            None => self.e164.clone(),
        }
    }

    /// The region that owns the number; `001` for numbers of no country.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// A number as dialled inside the plan's region: with an exit code, with the bare country code, or national.
    fn dialled(typed: &Typed, plan: &'static Plan) -> Result<Self, PhoneError> {
        let digits = typed.digits.as_str();
        if let Some(rest) = plan.strip_exit_code(digits) {
            return Self::international(rest, typed.extension.clone());
        }
        let national = Self::national(plan, plan.strip_own_code(digits), typed.extension.clone());
        // "0086 ..." is written everywhere, also where the exit code is another.
        match (national, digits.strip_prefix("00")) {
            (Err(error), Some(rest)) => Self::international(rest, typed.extension.clone()).map_err(|_| error),
            (national, _) => national,
        }
    }

    /// A number that starts with its country code.
    fn international(digits: &str, extension: Option<String>) -> Result<Self, PhoneError> {
        if digits.is_empty() {
            return Err(PhoneError::NotANumber);
        }
        let plan = plan::of_number(digits).ok_or(PhoneError::InvalidCountryCode)?;
        Self::national(plan, &digits[plan.code_digits()..], extension)
    }

    /// The part after the country code, possibly still with a trunk prefix.
    fn national(plan: &'static Plan, digits: &str, extension: Option<String>) -> Result<Self, PhoneError> {
        let significant = plan.strip_trunk_prefix(digits);
        if significant.len() < MIN_NATIONAL {
            return Err(PhoneError::TooShort);
        }
        if significant.len() + plan.code_digits() > MAX_DIGITS {
            return Err(PhoneError::TooLong);
        }
        let owner = plan::owner(plan.country_code, &significant).ok_or(PhoneError::Unassigned)?;
        let e164 = format!("+{}{significant}", plan.country_code);
        Ok(Self { e164, extension, region: owner.region.to_owned() })
    }
}

/// Reads the numbering plans of all countries (some 60 ms), which the first parse otherwise does. Call it at start.
pub fn load() {
    plan::load();
}

/// The decimal digits of a text in any script, as ASCII, for search by a run of digits.
pub fn digits(text: &str) -> String {
    text.chars().filter_map(read::digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_data;
    use proptest::prelude::*;

    #[test]
    fn typed_numbers_come_out_as_e164() {
        let table = [
            ("(021) 6123 4567 转 805", "CN", "+862161234567", Some("805")),
            ("021-61234567转805", "CN", "+862161234567", Some("805")),
            ("021-61234567 分机：８０５", "CN", "+862161234567", Some("805")),
            ("021-61234567 ext. 805", "CN", "+862161234567", Some("805")),
            ("021-61234567#805", "CN", "+862161234567", Some("805")),
            ("+86 (0)21 6123 4567", "US", "+862161234567", None),
            ("+86 (0) 138 0013 8000", "CN", "+8613800138000", None),
            ("0086-138-0013-8000", "US", "+8613800138000", None),
            ("0086-138-0013-8000", "JP", "+8613800138000", None),
            ("008613800138000", "CN", "+8613800138000", None),
            ("8613800138000", "CN", "+8613800138000", None),
            ("手机：138 0013 8000", "CN", "+8613800138000", None),
            ("+44 1539 432 166", "US", "+441539432166", None),
            ("1-800-FLOWERS", "US", "+18003569377", None),
            ("+1 415 555 2671 x1234", "CN", "+14155552671", Some("1234")),
            ("+852 2123 4567", "CN", "+85221234567", None),
        ];
        for (text, region, e164, extension) in table {
            let phone = Phone::parse(text, Some(region)).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((phone.e164(), phone.extension()), (e164, extension), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused_with_its_reason() {
        let table = [
            ("", Some("CN"), PhoneError::NotANumber),
            ("abc", Some("CN"), PhoneError::NotANumber),
            ("+", Some("CN"), PhoneError::NotANumber),
            ("13800138000", None, PhoneError::NoRegion),
            ("13800138000", Some("XX"), PhoneError::UnknownRegion),
            ("13800138000", Some("cn "), PhoneError::UnknownRegion),
            ("+999123456", None, PhoneError::InvalidCountryCode),
            ("+1", None, PhoneError::TooShort),
            ("+86", None, PhoneError::TooShort),
            ("95588", Some("CN"), PhoneError::Unassigned),
            ("1380013800", Some("CN"), PhoneError::Unassigned),
            ("13800138000 / 13800138001", Some("CN"), PhoneError::TooLong),
        ];
        for (text, region, error) in table {
            assert_eq!(Phone::parse(text, region), Err(error), "{text}");
        }
    }

    #[test]
    fn every_example_of_libphonenumber_comes_out_as_judged() {
        let mut misses = Vec::new();
        let rows = shared_data::rows("phones/phone_examples.tsv");
        for row in &rows {
            let (region, text, e164, international, link) = (&row[0], &row[2], &row[3], &row[4], &row[5]);
            for text in [text, e164, international, link] {
                let phone = Phone::parse(text, Some(region));
                let got = phone.as_ref().map(|phone| (phone.e164(), phone.region()));
                if got != Ok((e164, &row[10])) {
                    misses.push(format!("{region} {text}: {got:?}, judged {e164} {}", row[10]));
                }
            }
        }
        println!("phone_examples: {} rows in 4 forms, misses {}", rows.len(), misses.len());
        assert!(misses.is_empty(), "{}", misses.join("\n"));
    }

    #[test]
    fn messy_input_comes_out_as_judged() {
        let rows = shared_data::rows("phones/phone_messy.tsv");
        for row in &rows {
            let region = Some(row[0].as_str()).filter(|region| !region.is_empty());
            let phone = Phone::parse(&row[1], region);
            if row[1].contains('转') {
                continue; // libphonenumber does not know the Chinese word for an extension; we do.
            }
            match phone {
                Ok(phone) => {
                    assert_eq!(row[7], "1", "{} is not valid", row[1]);
                    let got = (phone.e164(), phone.extension().unwrap_or_default(), phone.region());
                    assert_eq!(got, (row[3].as_str(), row[4].as_str(), row[8].as_str()), "{}", row[1]);
                }
                Err(error) => assert_eq!(row[7], "0", "{}: {error}", row[1]),
            }
        }
    }

    #[test]
    fn digits_reads_every_script() {
        assert_eq!(digits("+86 １38-0013 ٨٠٠٠"), "8613800138000");
        assert_eq!(digits("no digits"), "");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}", region in prop::option::of("[A-Z0-9]{0,3}")) {
            let _ = Phone::parse(&text, region.as_deref());
            let _ = digits(&text);
        }

        #[test]
        fn no_dialled_text_panics(text in "[+0-9０-９ ()xX#;=.,/转a-e-]{0,30}", region in "(CN|US|DE|IT|AR|BR|MX|GB)") {
            let _ = Phone::parse(&text, Some(&region));
        }

        #[test]
        fn a_parsed_number_parses_to_itself(text in "[+0-9 ()-]{5,20}", region in "(CN|US|DE|IT|AR|BR|RU|GB)") {
            if let Ok(phone) = Phone::parse(&text, Some(&region)) {
                prop_assert_eq!(Phone::parse(phone.e164(), None), Ok(phone.clone()));
            }
        }
    }
}
