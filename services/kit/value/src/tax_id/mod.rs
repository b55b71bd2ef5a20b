//! Numbers that identify a company or its account, checked as far as the number itself allows.
//!
//! | kind | standard | check |
//! |---|---|---|
//! | [`Kind::CnUscc`] | GB 32100-2015 | shape, check character |
//! | [`Kind::EuVat`] | the Commission's VIES algorithms | shape and check digits of each member state |
//! | [`Kind::GbVat`] | HMRC | modulus 97 and 9755, government and health numbers |
//! | [`Kind::Lei`] | ISO 17442 | ISO 7064 mod 97-10 |
//! | [`Kind::Iban`] | ISO 13616 | length and shape of each country, mod 97-10 |
//! | [`Kind::Duns`], [`Kind::UsEin`] | Dun & Bradstreet, IRS | nine digits; issued EIN prefixes |

mod checksum;
mod iban;
mod vat;
mod vat_people;

use std::fmt;

/// Longest text looked at, in bytes.
const MAX_INPUT: usize = 64;
/// The characters of a unified social credit code in the order of their values (GB 32100-2015, no I O S V Z).
const USCC_ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// EIN prefixes the IRS has not assigned.
const UNASSIGNED_EIN_PREFIXES: [&str; 17] =
    ["00", "07", "08", "09", "17", "18", "19", "28", "29", "49", "69", "70", "78", "79", "89", "96", "97"];

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Unified social credit code of China (统一社会信用代码).
    CnUscc,
    /// Value added tax number of an EU member state, with its country prefix.
    EuVat,
    /// Value added tax number of Great Britain.
    GbVat,
    /// Legal Entity Identifier.
    Lei,
    /// D-U-N-S number.
    Duns,
    /// Employer Identification Number of the United States.
    UsEin,
    /// International bank account number.
    Iban,
}

impl Kind {
    /// The number a company of this country (ISO 3166) usually gives, where its form is known.
    pub fn of_country(country: &str) -> Option<Self> {
        match country {
            "CN" => Some(Self::CnUscc),
            "GB" => Some(Self::GbVat),
            "US" => Some(Self::UsEin),
            "GR" | "XI" => Some(Self::EuVat),
            _ => vat::is_member(country).then_some(Self::EuVat),
        }
    }
}

/// A checked number without blanks and punctuation, in upper case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaxId {
    kind: Kind,
    number: String,
}

/// Why a text is not a number of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaxIdError {
    #[error("has the wrong length")]
    Length,
    #[error("has characters in places where this kind of number has none")]
    Format,
    #[error("starts with a country that has no such number")]
    Country,
    #[error("has a check digit that does not match; one character is probably mistyped")]
    Checksum,
}

impl TaxIdError {
    /// The machine-readable reason.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Length => "TAX_ID_LENGTH",
            Self::Format => "TAX_ID_FORMAT",
            Self::Country => "TAX_ID_COUNTRY",
            Self::Checksum => "TAX_ID_CHECKSUM",
        }
    }
}

impl TaxId {
    /// Checks a number as typed: full-width forms, blanks, dots, hyphens, slashes and lower case are allowed.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, TaxIdError> {
        if text.len() > MAX_INPUT {
            return Err(TaxIdError::Length);
        }
        let compact = compact(text).ok_or(TaxIdError::Format)?;
        let number = match kind {
            Kind::CnUscc => uscc(compact),
            Kind::EuVat => vat::european(&compact),
            Kind::GbVat => {
                let number = compact.strip_prefix("GB").unwrap_or(&compact);
                vat::british(number).map(|()| number.to_owned())
            }
            Kind::Lei => lei(compact),
            Kind::Duns => nine_digits(compact),
            Kind::UsEin => ein(compact),
            Kind::Iban => iban::check(compact),
        }?;
        Ok(Self { kind, number })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number without blanks and punctuation, in upper case.
    pub fn as_str(&self) -> &str {
        &self.number
    }
}

impl fmt::Display for TaxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.number)
    }
}

/// Upper-case ASCII letters and digits of a text; `None` when anything but blanks and punctuation stands between.
fn compact(text: &str) -> Option<String> {
    let mut compact = String::with_capacity(text.len());
    for c in text.chars() {
        match narrow(c).to_ascii_uppercase() {
            c @ ('0'..='9' | 'A'..='Z' | '+' | '*') => compact.push(c),
            ' ' | '-' | '.' | '/' | '\u{2010}'..='\u{2015}' => {}
            _ => return None,
        }
    }
    Some(compact)
}

fn narrow(c: char) -> char {
    match c {
        '\u{3000}' | '\u{a0}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Two characters for the registering body, six digits for the place, nine for the organisation, one to check.
fn uscc(number: String) -> Result<String, TaxIdError> {
    if number.len() != 18 {
        return Err(TaxIdError::Length);
    }
    let values: Option<Vec<usize>> =
        number.bytes().map(|byte| USCC_ALPHABET.iter().position(|known| *known == byte)).collect();
    let values = values.ok_or(TaxIdError::Format)?;
    if values.iter().take(8).any(|value| *value > 9) {
        return Err(TaxIdError::Format);
    }
    // The weight of a place is the power of three modulo 31.
    let (sum, _) =
        values.iter().take(17).fold((0, 1), |(sum, weight), value| (sum + value * weight, weight * 3 % 31));
    if values.last() == Some(&((31 - sum % 31) % 31)) { Ok(number) } else { Err(TaxIdError::Checksum) }
}

fn lei(number: String) -> Result<String, TaxIdError> {
    if number.len() != 20 {
        return Err(TaxIdError::Length);
    }
    let shaped = number.bytes().all(|b| b.is_ascii_alphanumeric())
        && number.bytes().skip(18).all(|b| b.is_ascii_digit());
    if !shaped {
        return Err(TaxIdError::Format);
    }
    if checksum::mod_97(&number) == Some(1) { Ok(number) } else { Err(TaxIdError::Checksum) }
}

fn ein(number: String) -> Result<String, TaxIdError> {
    let number = nine_digits(number)?;
    let prefix = &number[..2];
    if UNASSIGNED_EIN_PREFIXES.contains(&prefix) { Err(TaxIdError::Format) } else { Ok(number) }
}

fn nine_digits(number: String) -> Result<String, TaxIdError> {
    checksum::digits(&number, 9).map(|_| number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_data;
    use proptest::prelude::*;

    #[test]
    fn every_judged_number_comes_out_as_judged() {
        let mut misses = Vec::new();
        let rows = shared_data::rows("id-numbers/id_numbers.tsv");
        for row in &rows {
            let kind = match row[0].as_str() {
                "cn.uscc" => Kind::CnUscc,
                "eu.vat" => Kind::EuVat,
                "gb.vat" => Kind::GbVat,
                _ => Kind::Iban,
            };
            let parsed = TaxId::parse(kind, &row[1]);
            let compact = parsed.as_ref().map(TaxId::as_str).unwrap_or_default();
            if parsed.is_ok() != (row[2] == "1") || compact != row[3] {
                misses.push(format!("{row:?} {parsed:?}"));
            }
        }
        println!("id_numbers: {} rows, misses {}", rows.len(), misses.len());
        assert!(misses.is_empty(), "{}", misses.join("\n"));
    }

    #[test]
    fn numbers_of_the_other_kinds_are_checked() {
        let table = [
            (Kind::CnUscc, "９１１１００００６０００３７３４１ｌ", Ok("91110000600037341L")),
            (Kind::CnUscc, "9111000060003734", Err(TaxIdError::Length)),
            (Kind::CnUscc, "91110000600037342L", Err(TaxIdError::Checksum)),
            (Kind::CnUscc, "9111000060003IOZSV", Err(TaxIdError::Format)),
            (Kind::Lei, "5493001KJTIIGC8Y1R12", Ok("5493001KJTIIGC8Y1R12")),
            (Kind::Lei, "5493001KJTIIGC8Y1R13", Err(TaxIdError::Checksum)),
            (Kind::Lei, "5493001KJTIIGC8Y1RAB", Err(TaxIdError::Format)),
            (Kind::Duns, "15-048-3782", Ok("150483782")),
            (Kind::Duns, "15-048-378", Err(TaxIdError::Length)),
            (Kind::UsEin, "91-1144442", Ok("911144442")),
            (Kind::UsEin, "07-1144442", Err(TaxIdError::Format)),
            (Kind::EuVat, "HR33392005961", Ok("HR33392005961")),
            (Kind::EuVat, "HR33392005962", Err(TaxIdError::Checksum)),
            (Kind::EuVat, "US123456789", Err(TaxIdError::Country)),
            (Kind::EuVat, "", Err(TaxIdError::Country)),
            (Kind::Iban, "GB82 WEST 1234 5698 7654 32", Ok("GB82WEST12345698765432")),
            (Kind::Iban, "GB82 WEST 1234 5698 7654 33", Err(TaxIdError::Checksum)),
            (Kind::Iban, "中文", Err(TaxIdError::Format)),
        ];
        for (kind, text, wanted) in table {
            let parsed = TaxId::parse(kind, text);
            assert_eq!(parsed.as_ref().map(TaxId::as_str).map_err(|error| *error), wanted, "{kind:?} {text}");
        }
    }

    #[test]
    fn a_country_has_its_kind() {
        let table = [
            ("CN", Some(Kind::CnUscc)),
            ("DE", Some(Kind::EuVat)),
            ("GR", Some(Kind::EuVat)),
            ("GB", Some(Kind::GbVat)),
            ("US", Some(Kind::UsEin)),
            ("EU", None),
            ("JP", None),
        ];
        for (country, kind) in table {
            assert_eq!(Kind::of_country(country), kind, "{country}");
        }
    }

    const KINDS: [Kind; 7] =
        [Kind::CnUscc, Kind::EuVat, Kind::GbVat, Kind::Lei, Kind::Duns, Kind::UsEin, Kind::Iban];

    proptest! {
        #[test]
        fn no_text_panics(text in "(\\PC{0,30}|[A-Z]{2}[0-9A-Z]{0,20})") {
            for kind in KINDS {
                if let Ok(id) = TaxId::parse(kind, &text) {
                    prop_assert_eq!(TaxId::parse(kind, id.as_str()), Ok(id.clone()));
                }
            }
        }

        #[test]
        fn no_vat_number_panics(country in "(AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|EU|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)",
                                number in "[0-9A-Z+*]{0,14}") {
            let _ = TaxId::parse(Kind::EuVat, &format!("{country}{number}"));
        }
    }
}
