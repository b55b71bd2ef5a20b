//! Totals split into shares that add up to them exactly.

use crate::money;

/// Parts that a weight of one percent has.
pub const PARTS_PER_PERCENT: i128 = 1_000_000;
/// Parts that weights in percent have together.
pub const ALL: i128 = 100 * PARTS_PER_PERCENT;

/// Splits a total, in ten-thousandths of the currency's unit, by weights, by largest remainder: each share is rounded down to the currency's
/// smallest unit, and what is left goes, one unit each, to the shares that lost most, the earlier first among equals. A total that is finer than the
/// smallest unit is split in ten-thousandths. Empty when there is no weight.
pub fn shares(total: i64, weights: &[i128], currency: &str) -> Vec<i64> {
    let all: i128 = weights.iter().sum();
    if all <= 0 {
        return Vec::new();
    }
    let step = Some(i128::from(money::step(currency))).filter(|step| i128::from(total) % step == 0);
    let step = step.unwrap_or(1);
    let steps = i128::from(total) / step;
    let mut shares: Vec<i128> = weights.iter().map(|weight| steps * weight / all).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    // A stable sort: equals stay in their order.
    order.sort_by_key(|index| std::cmp::Reverse(weights.get(*index).map(|weight| steps * weight % all)));
    let left = steps - shares.iter().sum::<i128>();
    for index in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        if let Some(share) = shares.get_mut(index) {
            *share += 1;
        }
    }
    shares.into_iter().map(|share| i64::try_from(share * step).unwrap_or(i64::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_add_up_to_the_total_and_are_off_by_less_than_a_unit(
            total in 1_i64..100_000_000_000_000_000,
            weights in prop::collection::vec(1_i128..=ALL, 1..120),
            currency in prop::sample::select(vec!["CNY", "JPY", "KWD", "CLF"]),
        ) {
            let step = i128::from(money::step(currency));
            let step = if i128::from(total) % step == 0 { step } else { 1 };
            let all: i128 = weights.iter().sum();
            let split = shares(total, &weights, currency);
            prop_assert_eq!(split.iter().map(|share| i128::from(*share)).sum::<i128>(), i128::from(total));
            for (share, weight) in split.iter().zip(&weights) {
                prop_assert_eq!(i128::from(*share) % step, 0);
                let off = i128::from(*share) * all - i128::from(total) * weight;
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
        assert_eq!(shares(1, &[], "CNY"), Vec::<i64>::new());
    }
}
