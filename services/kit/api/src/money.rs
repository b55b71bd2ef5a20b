//! Exact amounts: google.type.Money on the wire, a whole number of ten-thousandths inside and in tables.
//!
//! Not here: exchange rates and rounding to a currency's own exponent, which belong to documents with totals.

use crm_proto::google::r#type::Money as Wire;

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
