//! Exact amounts: google.type.Money on the wire, a whole number of ten-thousandths inside and in tables. Rounding to a currency's minor unit
//! ([`currency`]) and conversion between currencies ([`Rate`]) happen here and nowhere else.
//!
//! **Rounding** is half away from zero, as commerce and the suite's formulas round: 0.5 of a minor unit becomes 1, -0.5 becomes -1.
//!
//! Not here: which rate holds on a day, which the keeper of the rates tells.

pub mod currency;
mod rate;

use crm_proto::google::r#type::Money as Wire;

pub use rate::Rate;

use crate::error::Violations;

/// Ten-thousandths in one unit of a currency.
pub const SCALE: i64 = 10_000;
const NANOS_PER_STEP: i32 = 100_000;

/// An amount of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// Ten-thousandths of the unit.
    pub ten_thousandths: i64,
    /// ISO 4217 code.
    pub currency: String,
}

impl Money {
    /// The amount rounded to the minor unit of its currency; `None` when that leaves the range.
    pub fn rounded(&self) -> Option<Self> {
        let step = SCALE / 10_i64.pow(currency::exponent(&self.currency));
        let rest = self.ten_thousandths % step;
        let whole = self.ten_thousandths - rest;
        // Half a step is a whole number of ten-thousandths, or the step is one.
        let away = if rest.abs() * 2 >= step && rest != 0 { step * rest.signum() } else { 0 };
        let ten_thousandths = whole.checked_add(away)?;
        Some(Self { ten_thousandths, currency: self.currency.clone() })
    }

    /// The amount on the wire.
    pub fn to_wire(&self) -> Wire {
        Wire {
            currency_code: self.currency.clone(),
            units: self.ten_thousandths / SCALE,
            nanos: i32::try_from(self.ten_thousandths % SCALE).unwrap_or(0) * NANOS_PER_STEP,
        }
    }

    /// Reads an amount; `None` and a violation when it is not exact to four decimals, too large, or has no currency.
    pub fn from_wire(field: &str, wire: &Wire, violations: &mut Violations) -> Option<Self> {
        let currency = wire.currency_code.as_str();
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            violations.add(
                format!("{field}.currency_code"),
                "CURRENCY_INVALID",
                "is not an ISO 4217 code of three capital letters",
            );
            return None;
        }
        let opposite_signs = (wire.units > 0 && wire.nanos < 0) || (wire.units < 0 && wire.nanos > 0);
        if opposite_signs || wire.nanos.abs() > 999_999_999 {
            violations.add(
                format!("{field}.nanos"),
                "MONEY_INVALID",
                "must have the sign of units and lie within 999,999,999",
            );
            return None;
        }
        if wire.nanos % NANOS_PER_STEP != 0 {
            violations.add(format!("{field}.nanos"), "MONEY_TOO_FINE", "has more than four decimals");
            return None;
        }
        let whole = wire.units.checked_mul(SCALE);
        let amount = whole.and_then(|whole| whole.checked_add(i64::from(wire.nanos / NANOS_PER_STEP)));
        let Some(ten_thousandths) = amount else {
            violations.add(format!("{field}.units"), "MONEY_TOO_LARGE", "is too large");
            return None;
        };
        Some(Self { ten_thousandths, currency: currency.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_amount_survives_the_wire(ten_thousandths: i64) {
            let money = Money { ten_thousandths, currency: "CNY".to_owned() };
            let mut violations = Violations::default();
            prop_assert_eq!(Money::from_wire("m", &money.to_wire(), &mut violations), Some(money));
            prop_assert!(violations.is_empty());
        }
    }

    #[test]
    fn amounts_round_to_the_minor_unit_half_away_from_zero() {
        for (ten_thousandths, currency, expected) in [
            (12_345, "CNY", 12_300),
            (12_350, "CNY", 12_400),
            (-12_350, "CNY", -12_400),
            (-12_349, "CNY", -12_300),
            (14_999, "JPY", 10_000),
            (15_000, "JPY", 20_000),
            (-15_000, "JPY", -20_000),
            (12_344, "KWD", 12_340),
            (12_345, "KWD", 12_350),
            (12_345, "CLF", 12_345),
            (i64::MAX - 5807, "JPY", i64::MAX - 5807),
        ] {
            let money = Money { ten_thousandths, currency: currency.to_owned() };
            let rounded = money.rounded().map(|rounded| rounded.ten_thousandths);
            assert_eq!(rounded, Some(expected), "{money:?}");
        }
        assert_eq!(Money { ten_thousandths: i64::MAX, currency: "JPY".to_owned() }.rounded(), None);
    }

    #[test]
    fn inexact_and_malformed_amounts_are_refused() {
        for (units, nanos, currency) in [
            (1, 1, "CNY"),
            (1, -100_000, "CNY"),
            (i64::MAX, 0, "CNY"),
            (1, 0, "cny"),
            (1, 0, ""),
            (0, 1_000_000_000, "CNY"),
        ] {
            let wire = Wire { currency_code: currency.to_owned(), units, nanos };
            let mut violations = Violations::default();
            assert_eq!(Money::from_wire("m", &wire, &mut violations), None, "{wire:?}");
            assert!(!violations.is_empty());
        }
    }
}
