//! Rates between currencies as exact fractions, so that reversing and chaining them loses nothing; the only rounding is that of the amount.

use num_bigint::{BigInt, BigUint, Sign};
use rust_decimal::Decimal;

use super::{Money, SCALE, currency};

/// Digits after the point of a rate that is shown.
const SHOWN: u32 = 12;

/// Units of one currency for one unit of another, above 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    numerator: BigUint,
    denominator: BigUint,
}

impl Rate {
    /// The rate between a currency and itself.
    pub fn one() -> Self {
        Self { numerator: BigUint::from(1_u8), denominator: BigUint::from(1_u8) }
    }

    /// A rate from a decimal number; `None` unless it is above 0.
    pub fn new(number: Decimal) -> Option<Self> {
        let mantissa = u128::try_from(number.mantissa()).ok().filter(|mantissa| *mantissa > 0)?;
        Some(Self { numerator: mantissa.into(), denominator: BigUint::from(10_u8).pow(number.scale()) })
    }

    /// The rate in the other direction.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { numerator: self.denominator, denominator: self.numerator }
    }

    /// This rate and then another, as a cross rate through the currency between them.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        Self {
            numerator: &self.numerator * &next.numerator,
            denominator: &self.denominator * &next.denominator,
        }
    }

    /// The rate as decimal text, rounded half up to 12 digits after the point, without zeros at the end.
    pub fn to_text(&self) -> String {
        let scaled =
            divided(&self.numerator * BigUint::from(10_u8).pow(SHOWN), &self.denominator).to_string();
        let digits = usize::try_from(SHOWN).unwrap_or(0);
        let padded = format!("{scaled:0>width$}", width = digits + 1);
        let (whole, fraction) = padded.split_at(padded.len() - digits);
        format!("{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// An amount at this rate in the currency `to`, rounded once, half away from zero, to its minor unit; `None` when it is too large.
    pub fn convert(&self, amount: &Money, to: &str) -> Option<Money> {
        let digits = currency::exponent(to);
        let minor = 10_u64.pow(digits);
        let units = BigUint::from(amount.ten_thousandths.unsigned_abs()) * &self.numerator * minor;
        let rounded = divided(units, &(&self.denominator * SCALE.unsigned_abs()));
        let sign = if amount.ten_thousandths < 0 { Sign::Minus } else { Sign::Plus };
        let stored = BigInt::from_biguint(sign, rounded) * (SCALE.unsigned_abs() / minor);
        Some(Money { ten_thousandths: i64::try_from(stored).ok()?, currency: to.to_owned() })
    }
}

/// The quotient, rounded half up.
fn divided(dividend: BigUint, divisor: &BigUint) -> BigUint {
    (dividend * 2_u8 + divisor) / (divisor * 2_u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::new(text.parse().unwrap()).unwrap()
    }

    fn converted(ten_thousandths: i64, rate: &Rate, to: &str) -> Option<i64> {
        let amount = Money { ten_thousandths, currency: "USD".to_owned() };
        rate.convert(&amount, to).map(|money| money.ten_thousandths)
    }

    #[test]
    fn amounts_are_rounded_once_to_the_minor_unit() {
        for (ten_thousandths, number, to, expected) in [
            (1_000_000, "8.2784", "CNY", 8_278_400),
            (1_000_000, "104.958", "JPY", 104_960_000),
            (10_000, "104.5", "JPY", 1_050_000),
            (-10_000, "104.5", "JPY", -1_050_000),
            (10_000, "104.4999", "JPY", 1_040_000),
            (10_000, "0.3075", "KWD", 3_080),
            (10_000, "0.30749", "KWD", 3_070),
            (1, "1", "CLF", 1),
            (1, "0.000000000001", "CNY", 0),
        ] {
            assert_eq!(converted(ten_thousandths, &rate(number), to), Some(expected), "{number} {to}");
        }
    }

    #[test]
    fn reversing_and_chaining_lose_nothing() {
        let third = rate("3").reversed();
        assert_eq!(third.to_text(), "0.333333333333");
        assert_eq!(converted(30_000, &third, "EUR"), Some(10_000));
        assert_eq!(third.then(&rate("3")), Rate { numerator: 3_u8.into(), denominator: 3_u8.into() });
        let cross = rate("0.9703").reversed().then(&rate("8.2784"));
        assert_eq!(cross.to_text(), "8.531794290426");
        assert_eq!((rate("8.2800").to_text(), Rate::one().to_text()), ("8.28".into(), "1".into()));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        assert_eq!(converted(i64::MAX, &rate("2"), "CNY"), None);
        assert_eq!(Rate::new(Decimal::ZERO), None);
        assert_eq!(Rate::new(Decimal::NEGATIVE_ONE), None);
    }

    proptest! {
        #[test]
        fn a_conversion_is_within_half_a_minor_unit(amount in -1_000_000_000_i64..1_000_000_000, mantissa in 1_i64..100_000_000, scale in 0_u32..8) {
            let rate = Rate::new(Decimal::new(mantissa, scale)).unwrap();
            for (to, step) in [("JPY", 10_000_i128), ("CNY", 100), ("KWD", 10)] {
                let result = i128::from(converted(amount, &rate, to).unwrap());
                prop_assert_eq!(result % step, 0);
                let exact = i128::from(amount) * i128::from(mantissa);
                let off = (result * 10_i128.pow(scale) - exact).abs() * 2;
                prop_assert!(off <= step * 10_i128.pow(scale));
            }
            prop_assert_eq!(converted(-amount, &rate, "CNY").unwrap(), -converted(amount, &rate, "CNY").unwrap());
        }
    }
}
