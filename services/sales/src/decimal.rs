//! Decimal numbers of requests.

use rust_decimal::Decimal;

/// A number that is not negative, as decimal text with at most so many decimals; `None` for anything else.
pub fn read(text: &str, decimals: u32) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = if plain { Decimal::from_str_exact(text).ok()? } else { return None };
    (number.normalize().scale() <= decimals && text.len() <= 24).then_some(number)
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
