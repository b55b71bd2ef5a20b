//! Amounts of documents and sums, and the one place where amounts are rounded.
//!
//! Not here: exchange rates, and what the smallest unit of a currency is (`crm_kit_api::money::currency`).

use crm_kit_api::money::currency;
use crm_proto::google::r#type::Money as Wire;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive as _};

/// Ten-thousandths in one unit of a currency.
const SCALE: i128 = crm_kit_api::money::SCALE as i128;

/// Ten-thousandths in the smallest unit of a currency.
pub fn step(currency: &str) -> i64 {
    crm_kit_api::money::SCALE / 10_i64.pow(currency::exponent(currency))
}

/// `amount * numerator / denominator`, rounded half away from zero to the currency's smallest unit. `None` when it is too large.
pub fn share(amount: i64, numerator: i64, denominator: i64, currency: &str) -> Option<i64> {
    let step = i128::from(step(currency));
    let steps = divide(i128::from(amount) * i128::from(numerator), i128::from(denominator) * step)?;
    i64::try_from(steps * step).ok()
}

/// A decimal number of units as ten-thousandths, rounded half away from zero to at most four decimals. `None` when it is too large.
pub fn round(units: Decimal, decimals: u32) -> Option<i64> {
    let step = 10_i64.pow(4_u32.saturating_sub(decimals));
    let steps = units.checked_mul(Decimal::from(10_000 / step))?;
    let steps = steps.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()?;
    steps.checked_mul(step)
}

/// The quotient rounded half away from zero; `None` for a division by nothing.
pub fn divide(numerator: i128, denominator: i128) -> Option<i128> {
    if denominator == 0 {
        return None;
    }
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let up = rest.unsigned_abs() * 2 >= denominator.unsigned_abs();
    let away = if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
    Some(if up { quotient + away } else { quotient })
}

/// A quotient as decimal text with six decimals, rounded half away from zero; empty for a division by nothing.
pub fn ratio(numerator: i128, denominator: i128) -> String {
    let Some(millionths) = numerator.checked_mul(1_000_000).and_then(|value| divide(value, denominator))
    else {
        return String::new();
    };
    let sign = if millionths < 0 { "-" } else { "" };
    let millionths = millionths.unsigned_abs();
    format!("{sign}{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

/// Ten-thousandths of a currency on the wire.
pub fn to_wire(ten_thousandths: i128, currency: &str) -> Wire {
    Wire {
        currency_code: currency.to_owned(),
        units: i64::try_from(ten_thousandths / SCALE).unwrap_or(i64::MAX),
        nanos: i32::try_from(ten_thousandths % SCALE).unwrap_or(0) * 100_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_to_the_smallest_unit_of_the_currency() {
        // 10.05 at 50 % is 5.025: half a cent goes up.
        assert_eq!(share(100_500, 50, 100, "CNY"), Some(50_300));
        assert_eq!(share(-100_500, 50, 100, "CNY"), Some(-50_300));
        assert_eq!(share(990_000, 25, 100, "JPY"), Some(250_000));
        assert_eq!(share(990_000, 25, 100, "KWD"), Some(247_500));
        assert_eq!(share(100_000, 1, 3, "KWD"), Some(33_330));
        assert_eq!(share(i64::MAX, 100, 100, "CLF"), Some(i64::MAX));
        assert_eq!(share(i64::MAX, 200, 100, "CNY"), None);
        assert_eq!(share(990_000, 25, 100, "UYI"), Some(250_000));
        assert_eq!(share(1, 100, 100, "XAU"), Some(1));
    }

    #[test]
    fn ratios_have_six_decimals() {
        assert_eq!(ratio(4238, 6711), "0.631501");
        assert_eq!(ratio(-1, 3), "-0.333333");
        assert_eq!(ratio(2, 3), "0.666667");
        assert_eq!(ratio(5, 1), "5.000000");
        assert_eq!(ratio(5, 0), "");
    }

    #[test]
    fn sums_beyond_a_single_amount_go_out_exactly() {
        let sum = to_wire(i128::from(i64::MAX) * 3 + 5, "CNY");
        assert_eq!(
            i128::from(sum.units) * SCALE + i128::from(sum.nanos / 100_000),
            i128::from(i64::MAX) * 3 + 5
        );
        assert_eq!(
            to_wire(-12_345, "CNY"),
            Wire { currency_code: "CNY".into(), units: -1, nanos: -234_500_000 }
        );
    }
}
