//! Dates, times of day and instants as people write them.

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::{Formats, ValueError};

/// The order in which the sender writes the parts of a date. Parts may be joined by `-`, `/` or `.`, or named by 年月日 in
/// the first order; a month and a day may have one digit, a year has four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// `2024-01-05`, `2024/1/5`, `20240105`, `2024年1月5日`.
    YearMonthDay,
    /// `05/01/2024`.
    DayMonthYear,
    /// `01/05/2024`.
    MonthDayYear,
}

/// A date. A midnight that programs append is allowed.
pub(super) fn date(text: &str, order: DateOrder) -> Result<NaiveDate, ValueError> {
    let (date, rest) = split_date(text, order).ok_or(ValueError::NotADate)?;
    match rest {
        "" => Ok(date),
        rest if time_of_day(rest) == Some(NaiveTime::MIN) => Ok(date),
        _ => Err(ValueError::NotADate),
    }
}

/// An instant, with an offset of its own or in the declared zone.
pub(super) fn instant(text: &str, formats: Formats) -> Result<DateTime<Utc>, ValueError> {
    let (date, rest) = split_date(text, formats.dates).ok_or(ValueError::NotATime)?;
    if rest.is_empty() {
        return at(date.and_time(NaiveTime::MIN), formats.zone);
    }
    let (rest, offset) = split_offset(rest);
    let moment = date.and_time(time_of_day(rest).ok_or(ValueError::NotATime)?);
    match offset {
        Some(offset) => offset
            .from_local_datetime(&moment)
            .single()
            .map(|moment| moment.to_utc())
            .ok_or(ValueError::NotATime),
        None => at(moment, formats.zone),
    }
}

/// The instant of a local time; the earlier of two.
pub(super) fn at(moment: NaiveDateTime, zone: Tz) -> Result<DateTime<Utc>, ValueError> {
    match zone.from_local_datetime(&moment) {
        LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => Ok(moment.to_utc()),
        LocalResult::None => Err(ValueError::NoSuchLocalTime),
    }
}

/// The date a text begins with and what follows it, without the blank or `T` between them.
fn split_date(text: &str, order: DateOrder) -> Option<(NaiveDate, &str)> {
    let (numbers, rest) = split_numbers(text, order)?;
    let rest = match rest.strip_prefix(['T', ' ']) {
        Some(rest) => rest.trim_start(),
        None if rest.is_empty() || text.contains('日') => rest,
        None => return None,
    };
    let [(a, a_digits), (b, _), (c, c_digits)] = numbers;
    let (year, year_digits, month, day) = match order {
        DateOrder::YearMonthDay => (a, a_digits, b, c),
        DateOrder::DayMonthYear => (c, c_digits, b, a),
        DateOrder::MonthDayYear => (c, c_digits, a, b),
    };
    (year_digits == 4)
        .then(|| NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day))
        .flatten()
        .map(|date| (date, rest))
}

type Numbers = [(u32, usize); 3];

/// Three numbers with their count of digits, the separators between them alike.
fn split_numbers(text: &str, order: DateOrder) -> Option<(Numbers, &str)> {
    if order == DateOrder::YearMonthDay
        && let Some((digits, rest)) = text.split_at_checked(8)
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !rest.starts_with(|next: char| next.is_ascii_digit())
    {
        return Some(([leading(&digits[..4])?.0, leading(&digits[4..6])?.0, leading(&digits[6..])?.0], rest));
    }
    let (first, rest) = leading(text)?;
    let separator = rest.chars().next()?;
    let (second, rest) = leading(rest[separator.len_utf8()..].trim_start())?;
    let (third, rest) = match separator {
        '-' | '/' | '.' => leading(rest.strip_prefix(separator)?)?,
        '年' if order == DateOrder::YearMonthDay => {
            let (third, rest) = leading(rest.strip_prefix('月')?.trim_start())?;
            (third, rest.strip_prefix('日')?)
        }
        _ => return None,
    };
    Some(([first, second, third], rest))
}

/// The number of at most four digits a text begins with, its count of digits, and the rest.
fn leading(text: &str) -> Option<((u32, usize), &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    ((1..=4).contains(&digits)).then(|| Some(((text[..digits].parse().ok()?, digits), &text[digits..])))?
}

/// The offset a time ends with.
fn split_offset(text: &str) -> (&str, Option<FixedOffset>) {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return (rest.trim_end(), FixedOffset::east_opt(0));
    }
    let Some(sign) = text.rfind(['+', '-']) else {
        return (text, None);
    };
    let digits: String = text[sign + 1..].chars().filter(|&character| character != ':').collect();
    let offset = (digits.len() == 4).then(|| digits.parse::<i32>().ok()).flatten().and_then(|digits| {
        let seconds = (digits / 100 * 60 + digits % 100) * 60;
        FixedOffset::east_opt(if text[sign..].starts_with('-') { -seconds } else { seconds })
    });
    if offset.is_some() { (text[..sign].trim_end(), offset) } else { (text, None) }
}

/// A time of day: `9:05`, `09:05:30.25`, `9:05 PM`, `下午9:05`.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    let text = text.trim().to_uppercase();
    let (clock, is_afternoon) =
        if let Some(rest) = text.strip_suffix("AM").or_else(|| text.strip_prefix("上午")) {
            (rest.trim(), Some(false))
        } else if let Some(rest) = text.strip_suffix("PM").or_else(|| text.strip_prefix("下午")) {
            (rest.trim(), Some(true))
        } else {
            (text.as_str(), None)
        };
    let mut parts = clock.splitn(3, ':');
    let hour: u32 = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let seconds = parts.next().unwrap_or("0");
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let nanos: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let hour = match is_afternoon {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(is_afternoon) => hour % 12 + if is_afternoon { 12 } else { 0 },
    };
    NaiveTime::from_hms_nano_opt(hour, minute, second.parse().ok()?, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::DecimalMark;
    use DateOrder::{DayMonthYear, MonthDayYear, YearMonthDay};

    #[test]
    fn dates_are_what_the_declared_order_says() {
        for (text, order, expected) in [
            ("2024-01-05", YearMonthDay, Some("2024-01-05")),
            ("2024/1/5", YearMonthDay, Some("2024-01-05")),
            ("20240105", YearMonthDay, Some("2024-01-05")),
            ("2024年01月05日", YearMonthDay, Some("2024-01-05")),
            ("2024年1月5日", YearMonthDay, Some("2024-01-05")),
            ("2024-01-05 00:00:00", YearMonthDay, Some("2024-01-05")),
            ("03/04/2024", DayMonthYear, Some("2024-04-03")),
            ("03/04/2024", MonthDayYear, Some("2024-03-04")),
            ("3.4.2024", DayMonthYear, Some("2024-04-03")),
            ("29/02/2024", DayMonthYear, Some("2024-02-29")),
            ("29/02/2023", DayMonthYear, None),
            ("13/01/2024", MonthDayYear, None),
            ("2024-01-05", DayMonthYear, None),
            ("03/04/24", DayMonthYear, None),
            ("2024-01/05", YearMonthDay, None),
            ("2024-01-05 10:00", YearMonthDay, None),
            ("2024-01-05x", YearMonthDay, None),
            ("202401055", YearMonthDay, None),
            ("2024年1月5", YearMonthDay, None),
            ("45000", YearMonthDay, None),
            ("", YearMonthDay, None),
        ] {
            assert_eq!(
                date(text, order).ok().map(|date| date.to_string()),
                expected.map(str::to_owned),
                "{text} {order:?}"
            );
        }
    }

    #[test]
    fn instants_are_in_the_declared_zone_unless_they_say_otherwise() {
        for (text, zone, expected) in [
            ("2024-01-05 09:30", Tz::Asia__Shanghai, Ok("2024-01-05 01:30:00 UTC")),
            ("2024-01-05", Tz::Asia__Shanghai, Ok("2024-01-04 16:00:00 UTC")),
            ("2024年1月5日 下午9:30", Tz::Asia__Shanghai, Ok("2024-01-05 13:30:00 UTC")),
            ("2024年1月5日21:30", Tz::Asia__Shanghai, Ok("2024-01-05 13:30:00 UTC")),
            ("2024-01-05 12:00 AM", Tz::UTC, Ok("2024-01-05 00:00:00 UTC")),
            ("2024-01-05T09:30:00.5Z", Tz::Asia__Shanghai, Ok("2024-01-05 09:30:00.500 UTC")),
            ("2012-05-25T15:25:57.000+0000", Tz::Asia__Shanghai, Ok("2012-05-25 15:25:57 UTC")),
            ("2024-01-05T09:30:00-05:00", Tz::UTC, Ok("2024-01-05 14:30:00 UTC")),
            ("2024-03-31 02:30", Tz::Europe__Berlin, Err(ValueError::NoSuchLocalTime)),
            ("2024-10-27 02:30", Tz::Europe__Berlin, Ok("2024-10-27 00:30:00 UTC")),
            ("2024-01-05 25:00", Tz::UTC, Err(ValueError::NotATime)),
            ("2024-01-05 13:00 PM", Tz::UTC, Err(ValueError::NotATime)),
            ("soon", Tz::UTC, Err(ValueError::NotATime)),
        ] {
            let formats = Formats { dates: YearMonthDay, zone, decimal_mark: DecimalMark::Point };
            assert_eq!(
                instant(text, formats).map(|moment| moment.to_string()),
                expected.map(str::to_owned),
                "{text} {zone}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[0-9年月日TZ:+./ -]{0,24}|\\PC{0,12}") {
            for order in [YearMonthDay, DayMonthYear, MonthDayYear] {
                let _ = instant(&text, Formats { dates: order, zone: Tz::UTC, decimal_mark: DecimalMark::Point });
            }
        }
    }
}
