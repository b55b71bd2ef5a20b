//! Prices with tax and without (含税、不含税). Pure; prices have six decimals, rounded half away from zero.

use rust_decimal::Decimal;

use super::model::{PERCENT_DECIMALS, PRICE_DECIMALS};
use crate::money::divide;

/// A hundred percent, in the smallest part of a percentage.
pub(super) const WHOLE: i128 = 1_000_000;

/// What a price with tax is without it. `None` when it is too large.
pub fn without(price: Decimal, rate_percent: Decimal) -> Option<Decimal> {
    let rate = fixed(rate_percent, PERCENT_DECIMALS)?;
    number(divide(fixed(price, PRICE_DECIMALS)?.checked_mul(WHOLE)?, WHOLE.checked_add(rate)?)?)
}

/// What a price without tax is with it. `None` when it is too large.
pub fn with(price: Decimal, rate_percent: Decimal) -> Option<Decimal> {
    let rate = fixed(rate_percent, PERCENT_DECIMALS)?;
    number(divide(fixed(price, PRICE_DECIMALS)?.checked_mul(WHOLE.checked_add(rate)?)?, WHOLE)?)
}

/// A decimal number in units of its last decimal. `None` when it has more of them.
pub(super) fn fixed(number: Decimal, decimals: u32) -> Option<i128> {
    let number = number.normalize();
    let missing = decimals.checked_sub(number.scale())?;
    number.mantissa().checked_mul(10_i128.checked_pow(missing)?)
}

fn number(millionths: i128) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(millionths, PRICE_DECIMALS).ok().map(|price| price.normalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thirteen_percent_are_taken_off_and_put_on() {
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(without(number("113"), number("13")), Some(number("100")));
        assert_eq!(without(number("100"), number("13")), Some(number("88.495575")));
        assert_eq!(with(number("88.495575"), number("13")), Some(number("100")));
        assert_eq!(with(number("10"), number("0")), Some(number("10")));
        assert_eq!(without(number("1.0000001"), number("13")), None);
    }

    proptest! {
        #[test]
        fn a_price_comes_back_to_five_decimals(mantissa in 0_i64..1_000_000_000_000_000, rate in 0_i64..=1_000_000) {
            let (price, rate) = (Decimal::new(mantissa, 5), Decimal::new(rate, 4));
            let back = with(without(price, rate).unwrap(), rate).unwrap();
            prop_assert!((back - price).abs() < Decimal::new(5, 6), "{} {}", price, back);
            let back = without(with(price, rate).unwrap(), rate).unwrap();
            prop_assert!((back - price).abs() < Decimal::new(5, 6), "{} {}", price, back);
        }
    }
}
