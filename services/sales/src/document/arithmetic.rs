//! What lines and a document amount to. Pure, exact, and the only place where amounts of documents are computed.
//!
//! Amounts are ten-thousandths of the currency's unit in whole steps of the sheet's last digit. Each is rounded once, half away from zero. The header
//! discount is spread by largest remainder over what the lines come to after their own discounts.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    model::{AMOUNT_DECIMALS, Amounts, HeaderDiscount, Line, PERCENT_DECIMALS, PRICE_DECIMALS, Sheet},
    tax::{WHOLE, fixed},
};
use crate::money::divide;

/// Ten-thousandths in the largest amount of a line or a document.
pub const MAX_AMOUNT: i64 = 10_000_000_000_000 * 10_000;
/// Parts of quantity times price in one ten-thousandth.
const PARTS: i128 = 100_000_000;
/// Decimals of the discounts that are told.
const TOLD_DECIMALS: u32 = 6;

/// Why a sheet has no amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A line, or without a place the whole, is worth more than an amount can hold.
    TooLarge { line: Option<usize> },
    /// The header discount is more than what the lines come to, in ten-thousandths.
    HeaderDiscountTooLarge { lines: i64 },
    /// The header discount has more digits than the sheet's amounts.
    HeaderDiscountTooFine,
}

/// Computes every amount of a sheet whose lines have their prices.
pub fn compute(sheet: &mut Sheet) -> Result<(), Fault> {
    let step = step(sheet.decimals);
    let mut discounted = Vec::with_capacity(sheet.lines.len());
    for (index, line) in sheet.lines.iter_mut().enumerate() {
        let (list, after) = own_amounts(line, step).ok_or(Fault::TooLarge { line: Some(index) })?;
        line.amounts = Amounts { list, line_discount: list - after, ..Amounts::default() };
        discounted.push(after);
    }
    let sum: i128 = discounted.iter().copied().map(i128::from).sum();
    let sum = i64::try_from(sum).ok().filter(|sum| *sum <= MAX_AMOUNT);
    let sum = sum.ok_or(Fault::TooLarge { line: None })?;
    let header = header_amount(sheet.header_discount, sum, step)?;
    let shares = spread(header, &discounted, step);
    let percent = header_percent(sheet.header_discount, sum);
    let mut totals = Amounts::default();
    for (index, (line, (after, share))) in
        sheet.lines.iter_mut().zip(discounted.into_iter().zip(shares)).enumerate()
    {
        let too_large = Fault::TooLarge { line: Some(index) };
        line.amounts.header_discount = share;
        taxed(line, after - share, sheet.price_includes_tax, step).ok_or(too_large)?;
        line.total_discount_percent = total_discount(line, percent);
        totals = totals.checked_add(&line.amounts).ok_or(Fault::TooLarge { line: None })?;
    }
    sheet.totals = totals;
    sheet.discount_percent = sheet.lines.iter().filter_map(|line| line.total_discount_percent).max();
    Ok(())
}

/// Ten-thousandths in the last of so many digits.
fn step(decimals: u32) -> i64 {
    10_i64.pow(AMOUNT_DECIMALS.saturating_sub(decimals))
}

/// What a line costs by the list, and what after its own discounts.
fn own_amounts(line: &Line, step: i64) -> Option<(i64, i64)> {
    let list_price = line.list_price.or(line.unit_price).unwrap_or_default();
    let list = match line.list_parts {
        Some(parts) => (i128::from(parts), 1),
        None => (exact(line.quantity, list_price)?, PARTS),
    };
    let priced = if line.is_at_list_price() {
        list
    } else {
        (exact(line.quantity, line.unit_price.unwrap_or_default())?, PARTS)
    };
    let kept = WHOLE - fixed(line.discount_percent, PERCENT_DECIMALS)?;
    let after = (priced.0.checked_mul(kept)?, priced.1 * WHOLE);
    Some((rounded(list, step)?, rounded(after, step)?))
}

/// Quantity times price, in parts.
fn exact(quantity: Decimal, price: Decimal) -> Option<i128> {
    let product = fixed(quantity, PRICE_DECIMALS)?.checked_mul(fixed(price, PRICE_DECIMALS)?)?;
    (product <= i128::from(MAX_AMOUNT) * PARTS).then_some(product)
}

/// A fraction of ten-thousandths, rounded to whole steps.
fn rounded((numerator, denominator): (i128, i128), step: i64) -> Option<i64> {
    let steps = divide(numerator, denominator.checked_mul(step.into())?)?;
    i64::try_from(steps.checked_mul(step.into())?).ok()
}

/// What the header takes off lines that come to `sum`.
fn header_amount(discount: HeaderDiscount, sum: i64, step: i64) -> Result<i64, Fault> {
    match discount {
        HeaderDiscount::None => Ok(0),
        HeaderDiscount::Percent(percent) => {
            let percent = fixed(percent, PERCENT_DECIMALS).unwrap_or_default();
            rounded((i128::from(sum) * percent, WHOLE), step).ok_or(Fault::TooLarge { line: None })
        }
        HeaderDiscount::Amount(amount) if amount % step != 0 => Err(Fault::HeaderDiscountTooFine),
        HeaderDiscount::Amount(amount) if amount > sum => Err(Fault::HeaderDiscountTooLarge { lines: sum }),
        HeaderDiscount::Amount(amount) => Ok(amount),
    }
}

/// An amount in parts that stand to each other as `weights` do and add up to it: each gets the whole steps of its share, and the steps that are left go
/// to the largest remainders, of equal ones to the first.
///
/// No part is larger than its weight when the amount is not larger than their sum.
pub fn spread(amount: i64, weights: &[i64], step: i64) -> Vec<i64> {
    let sum: i128 = weights.iter().copied().map(i128::from).sum();
    if sum == 0 || step == 0 {
        return vec![0; weights.len()];
    }
    let steps = i128::from(amount / step);
    let share = |weight: i64| (steps * i128::from(weight) / sum, steps * i128::from(weight) % sum);
    let mut parts: Vec<i128> = weights.iter().map(|weight| share(*weight).0).collect();
    let left = steps - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(share(weights[*index]).1));
    for index in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        parts[index] += 1;
    }
    // A part is at most the amount, which fits.
    parts.into_iter().map(|part| i64::try_from(part).unwrap_or(0) * step).collect()
}

/// Net, tax and gross of a line of which `amount` is left after all discounts.
fn taxed(line: &mut Line, amount: i64, includes_tax: bool, step: i64) -> Option<()> {
    let rate = fixed(line.tax_rate_percent.unwrap_or_default(), PERCENT_DECIMALS)?;
    let (net, gross) = if includes_tax {
        (rounded((i128::from(amount) * WHOLE, WHOLE + rate), step)?, amount)
    } else {
        (amount, amount.checked_add(rounded((i128::from(amount) * rate, WHOLE), step)?)?)
    };
    (line.amounts.net, line.amounts.tax, line.amounts.gross) = (net, gross - net, gross);
    Some(())
}

/// The header discount in percent, before it is rounded to steps.
fn header_percent(discount: HeaderDiscount, sum: i64) -> Decimal {
    match discount {
        HeaderDiscount::None => Decimal::ZERO,
        HeaderDiscount::Percent(percent) => percent,
        HeaderDiscount::Amount(amount) => {
            let percent = Decimal::from(amount).checked_mul(Decimal::ONE_HUNDRED);
            percent.and_then(|percent| percent.checked_div(Decimal::from(sum))).unwrap_or_default()
        }
    }
}

/// How much less than by the list a line costs, in percent; `None` when it costs nothing there. It is computed from prices and percentages, so that the
/// rounding of small amounts is no discount.
fn total_discount(line: &Line, header_percent: Decimal) -> Option<Decimal> {
    let list = line.list_price.filter(|price| !price.is_zero())?;
    let ratio = if line.is_at_list_price() { Decimal::ONE } else { line.unit_price?.checked_div(list)? };
    let kept = (Decimal::ONE_HUNDRED - line.discount_percent)
        .checked_mul(Decimal::ONE_HUNDRED - header_percent)?
        .checked_mul(ratio)?
        .checked_div(Decimal::ONE_HUNDRED)?;
    let percent = Decimal::ONE_HUNDRED.checked_sub(kept)?;
    Some(percent.round_dp_with_strategy(TOLD_DECIMALS, RoundingStrategy::MidpointAwayFromZero).normalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn line(quantity: &str, list: &str, unit: &str, discount: &str, tax: &str) -> Line {
        Line {
            quantity: number(quantity),
            list_price: Some(number(list)),
            unit_price: Some(number(unit)),
            discount_percent: number(discount),
            tax_rate_percent: Some(number(tax)),
            ..Line::default()
        }
    }

    fn sheet(currency: &str, lines: Vec<Line>, header_discount: HeaderDiscount) -> Sheet {
        let mut sheet = Sheet { header_discount, lines, ..Sheet::of(currency) };
        compute(&mut sheet).unwrap();
        sheet
    }

    #[test]
    fn a_line_goes_from_list_to_gross() {
        let sheet = sheet("CNY", vec![line("3", "100", "90", "10", "13")], HeaderDiscount::None);
        let amounts = sheet.totals;
        assert_eq!(
            [amounts.list, amounts.line_discount, amounts.net, amounts.tax, amounts.gross],
            [3_000_000, 570_000, 2_430_000, 315_900, 2_745_900]
        );
        assert_eq!(sheet.discount_percent, Some(number("19")));
    }

    #[test]
    fn prices_with_tax_keep_their_gross() {
        let mut sheet = Sheet {
            price_includes_tax: true,
            lines: vec![line("1", "100", "100", "0", "13")],
            ..Sheet::of("CNY")
        };
        compute(&mut sheet).unwrap();
        let amounts = sheet.totals;
        assert_eq!([amounts.net, amounts.tax, amounts.gross], [885_000, 115_000, 1_000_000]);
    }

    #[test]
    fn currencies_round_to_their_own_digits_and_a_sheet_may_have_others() {
        let lines = || vec![line("1", "10.5555", "10.5555", "0", "0")];
        for (currency, net) in [("JPY", 110_000), ("CNY", 105_600), ("KWD", 105_560), ("CLF", 105_555)] {
            assert_eq!(sheet(currency, lines(), HeaderDiscount::None).totals.net, net, "{currency}");
        }
        let mut fine = Sheet { decimals: 4, lines: lines(), ..Sheet::of("CNY") };
        compute(&mut fine).unwrap();
        assert_eq!(fine.totals.net, 105_555);
    }

    #[test]
    fn a_header_discount_goes_to_the_largest_remainders() {
        // 0.10 over 3.33, 3.33 and 3.34: 3.33, 3.33 and 3.34 cents, of which the last has the largest remainder.
        let three = ["3.33", "3.33", "3.34"].map(|price| line("1", price, price, "0", "0")).to_vec();
        let sheet = sheet("CNY", three, HeaderDiscount::Amount(1_000));
        let shares: Vec<i64> = sheet.lines.iter().map(|line| line.amounts.header_discount).collect();
        assert_eq!(shares, [300, 300, 400]);
        assert_eq!(sheet.totals.net, 99_000);
        assert_eq!(sheet.discount_percent, Some(number("1")));
    }

    #[test]
    fn rounding_of_small_amounts_is_no_discount() {
        let sheet = sheet("CNY", vec![line("1", "0.06", "0.06", "10", "0")], HeaderDiscount::None);
        assert_eq!((sheet.totals.line_discount, sheet.discount_percent), (100, Some(number("10"))));
        let dearer = self::sheet("CNY", vec![line("1", "10", "12", "0", "0")], HeaderDiscount::None);
        assert_eq!((dearer.totals.line_discount, dearer.discount_percent), (-20_000, Some(number("-20"))));
        let free = self::sheet("CNY", vec![line("1", "0", "0", "0", "0")], HeaderDiscount::None);
        assert_eq!(free.discount_percent, None);
    }

    #[test]
    fn quantities_priced_in_parts_cost_their_parts() {
        let parts = Line { list_parts: Some(123_400), ..line("3", "4.113333", "4.113333", "50", "0") };
        let sheet = sheet("CNY", vec![parts], HeaderDiscount::None);
        assert_eq!((sheet.totals.list, sheet.totals.net), (123_400, 61_700));
    }

    #[test]
    fn what_cannot_be_is_told() {
        let outcome = |lines: Vec<Line>, header_discount| {
            compute(&mut Sheet { header_discount, lines, ..Sheet::of("CNY") })
        };
        let dear = line("1000000000000", "1000000000000", "1000000000000", "0", "0");
        let cheap = line("1", "1", "1", "0", "0");
        assert_eq!(
            outcome(vec![cheap.clone(), dear], HeaderDiscount::None),
            Err(Fault::TooLarge { line: Some(1) })
        );
        let half = line("1", "1000000000000", "1000000000000", "0", "0");
        assert_eq!(outcome(vec![half; 11], HeaderDiscount::None), Err(Fault::TooLarge { line: None }));
        let more = HeaderDiscount::Amount(10_100);
        assert_eq!(outcome(vec![cheap.clone()], more), Err(Fault::HeaderDiscountTooLarge { lines: 10_000 }));
        assert_eq!(outcome(vec![cheap], HeaderDiscount::Amount(1)), Err(Fault::HeaderDiscountTooFine));
        assert_eq!(outcome(vec![], HeaderDiscount::Percent(number("10"))), Ok(()));
    }
}
