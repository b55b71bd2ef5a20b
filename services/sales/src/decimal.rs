//! Decimal numbers of requests.

use crm_kit_api::{Error, Result};
use rust_decimal::Decimal;

/// A number that is not negative, as decimal text with at most so many decimals; `None` for anything else.
pub fn read(text: &str, decimals: u32) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = if plain { Decimal::from_str_exact(text).ok()? } else { return None };
    (number.normalize().scale() <= decimals && text.len() <= 24).then_some(number)
}

/// 0 to 100 percent, with at most four decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(Decimal);

impl Percent {
    /// What a text that is none has to be.
    pub const FORM: &'static str = "is not a decimal number from 0 to 100 with at most four decimals";

    /// So many percent; 100 for more.
    pub fn of(percent: u8) -> Self {
        Self(Decimal::from(percent.min(100)))
    }

    /// Reads the text of a request.
    pub fn read(text: &str) -> Option<Self> {
        read(text, 4)
            .filter(|percent| *percent <= Decimal::ONE_HUNDRED)
            .map(|percent| Self(percent.normalize()))
    }

    /// Reads stored text. One that is no percentage is a fault that is told, and never 0.
    pub fn stored(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| Error::bug("a stored percentage is no percentage"))
    }

    /// Whether it is at least as much as another one, or there is none.
    pub fn covers(self, percent: Option<Decimal>) -> bool {
        percent.is_none_or(|percent| percent <= self.0)
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Decimal numbers as text in stored JSON.
pub mod text {
    use rust_decimal::Decimal;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Writes a number as text.
    pub fn serialize<S: Serializer>(number: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    /// Reads a number from text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Decimal numbers that may be absent, as text in stored JSON.
pub mod optional_text {
    use rust_decimal::Decimal;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    /// Writes a number as text, or null.
    pub fn serialize<S: Serializer>(number: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        number.map(|number| number.to_string()).serialize(serializer)
    }

    /// Reads a number from text, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_percentage_in_the_table_is_an_error_and_not_none() {
        assert_eq!(Percent::stored("12.50").unwrap().to_string(), "12.5");
        for text in ["", "abc", "-1", "100.1", "1.00001"] {
            assert!(Percent::stored(text).is_err(), "{text}");
        }
        let ten = Percent::of(10);
        assert!(
            ten.covers(None) && ten.covers(Some(Decimal::TEN)) && !ten.covers(Some(Decimal::new(100_001, 4)))
        );
    }

    #[test]
    fn only_plain_decimal_text_is_a_number() {
        for (text, sound) in [
            ("0", true),
            ("12.500000", true),
            ("1.1234567", false),
            ("-1", false),
            ("1e3", false),
            ("", false),
            (".", false),
        ] {
            assert_eq!(read(text, 6).is_some(), sound, "{text}");
        }
    }
}
