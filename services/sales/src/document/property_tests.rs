//! What must hold of any document.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{
    arithmetic::{compute, spread},
    model::{Amounts, HeaderDiscount, Line, Sheet},
};

fn line() -> impl Strategy<Value = Line> {
    let number =
        || (0_i64..10_000_000, 0_u32..=6).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale));
    let percent = || (0_i64..=1_000_000).prop_map(|ten_thousandths| Decimal::new(ten_thousandths, 4));
    let quantity = (1_i64..10_000, 0_u32..=6).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale));
    (quantity, number(), prop::option::of(number()), percent(), percent()).prop_map(
        |(quantity, list, unit, discount_percent, tax)| Line {
            quantity,
            list_price: Some(list),
            unit_price: Some(unit.unwrap_or(list)),
            discount_percent,
            tax_rate_percent: Some(tax),
            ..Line::default()
        },
    )
}

/// A sheet with amounts; its header discount is a percentage or so many per mille of what its lines come to.
fn sheet() -> impl Strategy<Value = Sheet> {
    let currency = prop::sample::select(vec!["JPY", "CNY", "KWD", "CLF"]);
    (
        currency,
        prop::option::of(0_u32..=4),
        prop::collection::vec(line(), 0..30),
        any::<bool>(),
        0_i64..=1000,
        0_u8..3,
    )
        .prop_map(|(currency, decimals, lines, price_includes_tax, per_mille, kind)| {
            let mut sheet = Sheet { price_includes_tax, lines, ..Sheet::of(currency) };
            sheet.decimals = decimals.unwrap_or(sheet.decimals);
            compute(&mut sheet).unwrap();
            let step = 10_i64.pow(4 - sheet.decimals);
            let after = sheet.totals.list - sheet.totals.line_discount;
            sheet.header_discount = match kind {
                0 => HeaderDiscount::None,
                1 => HeaderDiscount::Percent(Decimal::new(per_mille, 1)),
                _ => HeaderDiscount::Amount(after / 1000 * per_mille / step * step),
            };
            compute(&mut sheet).unwrap();
            sheet
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn totals_are_the_sums_of_the_lines(sheet in sheet()) {
        let sum = sheet.lines.iter().try_fold(Amounts::default(), |sum, line| sum.checked_add(&line.amounts));
        prop_assert_eq!(Some(sheet.totals), sum);
        let step = 10_i64.pow(4 - sheet.decimals);
        for line in &sheet.lines {
            let amounts = line.amounts;
            for amount in [amounts.list, amounts.line_discount, amounts.header_discount, amounts.net, amounts.tax, amounts.gross] {
                prop_assert_eq!(amount % step, 0);
            }
            prop_assert_eq!(amounts.net + amounts.tax, amounts.gross);
            let left = amounts.list - amounts.line_discount - amounts.header_discount;
            prop_assert_eq!(left, if sheet.price_includes_tax { amounts.gross } else { amounts.net });
            prop_assert!(amounts.header_discount >= 0 && left >= 0 && amounts.net >= 0 && amounts.tax >= 0);
        }
    }

    #[test]
    fn the_header_discount_is_spread_exactly(sheet in sheet()) {
        let after = sheet.totals.list - sheet.totals.line_discount;
        match sheet.header_discount {
            HeaderDiscount::None => prop_assert_eq!(sheet.totals.header_discount, 0),
            HeaderDiscount::Amount(amount) => prop_assert_eq!(sheet.totals.header_discount, amount),
            HeaderDiscount::Percent(percent) => {
                let exact = Decimal::from(after) * percent / Decimal::ONE_HUNDRED;
                let step = Decimal::from(10_i64.pow(4 - sheet.decimals));
                let off = (Decimal::from(sheet.totals.header_discount) - exact).abs();
                prop_assert!(off * Decimal::TWO <= step, "{} {}", sheet.totals.header_discount, exact);
            }
        }
    }

    #[test]
    fn gross_becomes_net_and_gross_again(net in 0_i64..1_000_000_000_000, rate in 0_i64..=1_000_000, decimals in 0_u32..=4) {
        let step = 10_i64.pow(4 - decimals);
        let priced = |amount: i64, price_includes_tax| {
            let line = Line {
                quantity: Decimal::ONE,
                list_price: Some(Decimal::new(amount, 4)),
                tax_rate_percent: Some(Decimal::new(rate, 4)),
                ..Line::default()
            };
            let mut sheet = Sheet { decimals, price_includes_tax, lines: vec![line], ..Sheet::of("CNY") };
            compute(&mut sheet).unwrap();
            sheet.totals
        };
        let outward = priced(net / step * step, false);
        let back = priced(outward.gross, true);
        prop_assert_eq!((back.gross, back.net, back.tax), (outward.gross, outward.net, outward.tax));
    }

    #[test]
    fn parts_add_up_and_stay_below_their_weights(weights in prop::collection::vec(0_i64..1_000_000, 1..40), per_mille in 0_i64..=1000) {
        let sum: i64 = weights.iter().sum();
        let amount = sum * per_mille / 1000;
        let parts = spread(amount, &weights, 1);
        prop_assert_eq!(parts.iter().sum::<i64>(), if sum == 0 { 0 } else { amount });
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!(*part <= *weight);
            let exact = i128::from(amount) * i128::from(*weight);
            prop_assert!((i128::from(*part) * i128::from(sum) - exact).abs() < i128::from(sum.max(1)));
        }
    }
}
