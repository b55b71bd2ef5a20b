//! Numbers as people write them.

use rust_decimal::Decimal;

use super::ValueError;

/// What the sender writes before the decimals. The other mark then groups thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

/// Signs and codes of currencies that may stand before or after an amount, in upper case.
const CURRENCIES: [&str; 14] =
    ["¥", "$", "€", "£", "元", "CNY", "RMB", "USD", "EUR", "GBP", "JPY", "HKD", "US$", "HK$"];

/// A number in its compatibility form: an optional sign or parentheses, currency, thousands in groups of three, decimals, an
/// exponent or a percent sign.
pub(super) fn parse(text: &str, mark: DecimalMark) -> Result<Decimal, ValueError> {
    let (text, in_parentheses) = match text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(inner) => (inner.trim(), true),
        None => (text, false),
    };
    let (text, leading) = strip_sign(text);
    let (text, is_percentage) = match text.strip_suffix('%') {
        Some(text) => (text.trim_end(), true),
        None => (text, false),
    };
    let (text, inner) = strip_sign(strip_currency(text));
    if [in_parentheses, leading.is_some(), inner.is_some()].into_iter().filter(|signed| *signed).count() > 1 {
        return Err(ValueError::NotANumber);
    }
    let plain = plain(text, mark).ok_or(ValueError::NotANumber)?;
    let mut number = decimal(&plain)?;
    if is_percentage {
        number = number.checked_div(Decimal::ONE_HUNDRED).ok_or(ValueError::NumberTooLarge)?;
    }
    let is_negative = in_parentheses || leading == Some('-') || inner == Some('-');
    Ok(if is_negative { -number } else { number })
}

/// The number of a workbook, by the shortest decimal that stands for it.
pub(super) fn from_float(value: f64) -> Result<Decimal, ValueError> {
    if !value.is_finite() {
        return Err(ValueError::NotANumber);
    }
    decimal(&format!("{value:e}"))
}

fn decimal(plain: &str) -> Result<Decimal, ValueError> {
    let parsed = if plain.contains(['e', 'E']) {
        Decimal::from_scientific(plain)
    } else {
        Decimal::from_str_exact(plain)
    };
    parsed.map(|number| number.normalize()).map_err(|_| ValueError::NumberTooLarge)
}

fn strip_sign(text: &str) -> (&str, Option<char>) {
    // A minus sign proper is not folded by the compatibility form.
    for (written, sign) in [('-', '-'), ('\u{2212}', '-'), ('+', '+')] {
        if let Some(rest) = text.strip_prefix(written) {
            return (rest.trim_start(), Some(sign));
        }
        if sign == '-'
            && let Some(rest) = text.strip_suffix(written)
        {
            return (rest.trim_end(), Some(sign));
        }
    }
    (text, None)
}

fn strip_currency(text: &str) -> &str {
    // The longest first, so that `US$` is not taken for `$` after `US`.
    let mut currencies = CURRENCIES;
    currencies.sort_by_key(|currency| std::cmp::Reverse(currency.len()));
    for currency in currencies {
        let length = currency.len();
        if text.get(..length).is_some_and(|start| start.eq_ignore_ascii_case(currency)) {
            return text[length..].trim_start();
        }
        if let Some(start) = text.len().checked_sub(length)
            && text.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(currency))
        {
            return text[..start].trim_end();
        }
    }
    text
}

/// Digits with a point and perhaps an exponent, thousands taken out, if that is all there is.
fn plain(text: &str, mark: DecimalMark) -> Option<String> {
    let (decimal_mark, thousands) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once(decimal_mark).unwrap_or((mantissa, ""));
    let whole = ungroup(whole, thousands)?;
    if !is_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let mut plain = format!("{}{whole}", if whole.is_empty() { "0" } else { "" });
    if !fraction.is_empty() {
        plain.push('.');
        plain.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        let exponent: i16 = exponent.parse().ok()?;
        plain = format!("{plain}e{exponent}");
    }
    Some(plain)
}

/// The digits of a whole number whose thousands are grouped by the mark, a blank or an apostrophe, or not at all.
fn ungroup(whole: &str, thousands: char) -> Option<String> {
    let Some(separator) = whole.chars().find(|character| !character.is_ascii_digit()) else {
        return Some(whole.to_owned());
    };
    if separator != thousands && !matches!(separator, ' ' | '\'' | '\u{2019}') {
        return None;
    }
    let mut groups = whole.split(separator);
    let first = groups.next()?;
    let is_grouped = is_digits(first)
        && (1..=3).contains(&first.len())
        && groups.all(|group| group.len() == 3 && is_digits(group));
    is_grouped.then(|| whole.split(separator).collect())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cell;
    use crate::value::{DateOrder, Formats};
    use DecimalMark::{Comma, Point};
    use proptest::prelude::*;

    fn formats(decimal_mark: DecimalMark) -> Formats {
        Formats { dates: DateOrder::YearMonthDay, zone: chrono_tz::Tz::UTC, decimal_mark }
    }

    #[test]
    fn numbers_are_read_under_the_declared_mark() {
        for (text, mark, expected) in [
            ("1234.5", Point, Some("1234.5")),
            ("1,234,567.89", Point, Some("1234567.89")),
            ("1.234.567,89", Comma, Some("1234567.89")),
            ("1 234,5", Comma, Some("1234.5")),
            ("1\u{A0}234,5", Comma, Some("1234.5")),
            ("1'234.5", Point, Some("1234.5")),
            ("1,234", Comma, Some("1.234")),
            ("¥1,200", Point, Some("1200")),
            ("￥ 1,200.00元", Point, None),
            ("１２，３４５．６", Point, Some("12345.6")),
            ("1,200.00元", Point, Some("1200")),
            ("US$ 5", Point, Some("5")),
            ("-$5.10", Point, Some("-5.1")),
            ("$-5.10", Point, Some("-5.1")),
            ("5.10-", Point, Some("-5.1")),
            ("(1,000)", Point, Some("-1000")),
            ("($1,000.50)", Point, Some("-1000.5")),
            ("12.5%", Point, Some("0.125")),
            ("１２.５％", Point, Some("0.125")),
            ("1.38E+10", Point, Some("13800000000")),
            (".5", Point, Some("0.5")),
            ("+7", Point, Some("7")),
            ("\u{2212}7", Point, Some("-7")),
            ("12,34", Point, None),
            ("1,2345", Point, None),
            ("1.2.3", Point, None),
            ("(-5)", Point, None),
            ("--5", Point, None),
            ("5 apples", Point, None),
            ("%", Point, None),
            ("NaN", Point, None),
            ("1e99", Point, None),
            ("99999999999999999999999999999999", Point, None),
        ] {
            let found = super::super::number(&Cell::text(text), formats(mark)).ok().flatten();
            assert_eq!(
                found.map(|number| number.to_string()),
                expected.map(str::to_owned),
                "{text} {mark:?}"
            );
        }
    }

    #[test]
    fn numbers_of_a_workbook_are_their_shortest_decimal() {
        for (value, expected) in [
            (0.1, Ok("0.1")),
            (1e-7, Ok("0.0000001")),
            (1.38e10, Ok("13800000000")),
            (f64::NAN, Err(ValueError::NotANumber)),
            (1e300, Err(ValueError::NumberTooLarge)),
        ] {
            assert_eq!(
                from_float(value).map(|number| number.to_string()),
                expected.map(str::to_owned),
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_decimal_is_read_back(mantissa in -1_000_000_000_000_i64..1_000_000_000_000, scale in 0_u32..9) {
            let number = Decimal::new(mantissa, scale);
            prop_assert_eq!(parse(&number.to_string(), Point), Ok(number.normalize()));
            prop_assert_eq!(parse(&number.to_string().replace('.', ","), Comma), Ok(number.normalize()));
        }

        #[test]
        fn no_text_panics(text in "[0-9.,()+%$eE -]{0,16}|\\PC{0,12}") {
            let _ = parse(&text, Point);
        }
    }
}
