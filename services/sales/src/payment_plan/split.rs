//! Totals split into shares that add up to them exactly.

use crate::{document::arithmetic::spread, money};

/// Parts that a weight of one percent has.
pub const PARTS_PER_PERCENT: i64 = 1_000_000;
/// Parts that weights in percent have together.
pub const ALL: i64 = 100 * PARTS_PER_PERCENT;

/// Splits a total, in ten-thousandths of the currency's unit, by weights, by largest remainder, in whole smallest units of the currency; a total that
/// is finer than those is split in ten-thousandths.
pub fn shares(total: i64, weights: &[i64], currency: &str) -> Vec<i64> {
    let step = Some(money::step(currency)).filter(|step| total % step == 0);
    spread(total, weights, step.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_add_up_to_the_total_and_are_off_by_less_than_a_unit(
            total in 1_i64..100_000_000_000_000_000,
            weights in prop::collection::vec(1_i64..=ALL, 1..120),
            currency in prop::sample::select(vec!["CNY", "JPY", "KWD", "CLF"]),
        ) {
            let step = money::step(currency);
            let step = i128::from(if total % step == 0 { step } else { 1 });
            let all: i128 = weights.iter().copied().map(i128::from).sum();
            let split = shares(total, &weights, currency);
            prop_assert_eq!(split.iter().map(|share| i128::from(*share)).sum::<i128>(), i128::from(total));
            for (share, weight) in split.iter().zip(&weights) {
                prop_assert_eq!(i128::from(*share) % step, 0);
                let off = i128::from(*share) * all - i128::from(total) * i128::from(*weight);
                prop_assert!(off.abs() < step * all);
            }
        }
    }

    #[test]
    fn what_is_left_goes_to_the_largest_remainders() {
        // 100.00 in three: 33.34, 33.33, 33.33.
        assert_eq!(shares(1_000_000, &[1, 1, 1], "CNY"), [333_400, 333_300, 333_300]);
        // 0.05 at 50, 30 and 20 %: 2.5, 1.5 and 1.0 cents.
        assert_eq!(shares(500, &[50, 30, 20], "CNY"), [300, 100, 100]);
        assert_eq!(shares(1_000_000, &[1, 1, 1], "JPY"), [340_000, 330_000, 330_000]);
        assert_eq!(shares(1, &[1, 1], "CNY"), [1, 0]);
    }
}
