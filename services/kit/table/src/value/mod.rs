//! Typed values out of cells, under formats that the sender declared.
//!
//! Nothing is guessed: `03/04/2024` is what [`DateOrder`] says, `1.234` what [`DecimalMark`] says. An empty or blank cell is
//! `None` everywhere; what that means for the record, keep or clear, is for the import to say.

mod number;
mod time;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use unicode_normalization::UnicodeNormalization;

use crate::{Cell, writer};

pub use number::DecimalMark;
pub use time::DateOrder;

/// From here on whole numbers of a workbook are taken to have lost digits: spreadsheet programs keep fifteen.
const DIGITS_LOST_FROM: f64 = 1e15;

/// How the sender writes dates, times and numbers.
#[derive(Debug, Clone, Copy)]
pub struct Formats {
    /// The order of the parts of a date.
    pub dates: DateOrder,
    /// The zone of times without one of their own.
    pub zone: Tz,
    /// What stands before the decimals.
    pub decimal_mark: DecimalMark,
}

/// Why a cell is not a value of the wanted type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueError {
    /// Not a date in the declared order, or no such day.
    NotADate,
    /// Not a date with a time in the declared order.
    NotATime,
    /// A local time that the zone skips when its clocks go forward.
    NoSuchLocalTime,
    /// Not a number under the declared decimal mark.
    NotANumber,
    /// A number with more than 28 digits.
    NumberTooLarge,
    /// Neither yes nor no.
    NotABoolean,
    /// A number where a text is wanted, so long that the spreadsheet program has dropped its last digits.
    DigitsLost,
    /// The cell holds the error of a formula.
    FormulaError,
}

impl ValueError {
    /// The machine reason.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotADate => "VALUE_NOT_A_DATE",
            Self::NotATime => "VALUE_NOT_A_TIME",
            Self::NoSuchLocalTime => "VALUE_NO_SUCH_LOCAL_TIME",
            Self::NotANumber => "VALUE_NOT_A_NUMBER",
            Self::NumberTooLarge => "VALUE_NUMBER_TOO_LARGE",
            Self::NotABoolean => "VALUE_NOT_A_BOOLEAN",
            Self::DigitsLost => "VALUE_DIGITS_LOST",
            Self::FormulaError => "VALUE_FORMULA_ERROR",
        }
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotADate => "not a date in the declared format",
            Self::NotATime => "not a date and time in the declared format",
            Self::NoSuchLocalTime => "the clocks of the declared time zone skip this time",
            Self::NotANumber => "not a number in the declared format",
            Self::NumberTooLarge => "the number has too many digits",
            Self::NotABoolean => "neither yes nor no",
            Self::DigitsLost => "the spreadsheet has dropped digits of this number; format the column as text and enter it again",
            Self::FormulaError => "the cell holds the error of a formula",
        })
    }
}

impl std::error::Error for ValueError {}

/// The text of a cell, trimmed, as the person sees it: codes keep their leading zeros and the apostrophe that
/// [`writer::neutralise`] adds is taken off again.
pub fn text(cell: &Cell) -> Result<Option<String>, ValueError> {
    match cell {
        Cell::Error(_) => Err(ValueError::FormulaError),
        Cell::Number { value, shown: None } if value.abs() >= DIGITS_LOST_FROM => Err(ValueError::DigitsLost),
        Cell::Text(text) => Ok(non_blank(writer::restore(text).trim())),
        cell => Ok(non_blank(&cell.display())),
    }
}

/// The day of a cell. A time in the cell must be midnight.
pub fn date(cell: &Cell, formats: Formats) -> Result<Option<NaiveDate>, ValueError> {
    match cell {
        Cell::Date(date) => Ok(Some(*date)),
        Cell::DateTime(moment) if moment.time() == chrono::NaiveTime::MIN => Ok(Some(moment.date())),
        Cell::Empty | Cell::Text(_) => parsed(cell, |text| time::date(text, formats.dates)),
        Cell::Error(_) => Err(ValueError::FormulaError),
        _ => Err(ValueError::NotADate),
    }
}

/// The instant of a cell: with an offset of its own or in the declared zone. A day without a time is its first moment. Of a
/// local time that occurs twice, when clocks go back, it is the earlier.
pub fn instant(cell: &Cell, formats: Formats) -> Result<Option<DateTime<Utc>>, ValueError> {
    match cell {
        Cell::Date(date) => time::at(date.and_time(chrono::NaiveTime::MIN), formats.zone).map(Some),
        Cell::DateTime(moment) => time::at(*moment, formats.zone).map(Some),
        Cell::Empty | Cell::Text(_) => parsed(cell, |text| time::instant(text, formats)),
        Cell::Error(_) => Err(ValueError::FormulaError),
        _ => Err(ValueError::NotATime),
    }
}

/// The number of a cell. A percentage is its hundredth; a currency sign is dropped and not interpreted.
pub fn number(cell: &Cell, formats: Formats) -> Result<Option<Decimal>, ValueError> {
    match cell {
        Cell::Number { value, .. } => number::from_float(*value).map(Some),
        Cell::Empty | Cell::Text(_) => parsed(cell, |text| number::parse(text, formats.decimal_mark)),
        Cell::Error(_) => Err(ValueError::FormulaError),
        _ => Err(ValueError::NotANumber),
    }
}

/// The truth value of a cell.
pub fn boolean(cell: &Cell) -> Result<Option<bool>, ValueError> {
    match cell {
        Cell::Bool(value) => Ok(Some(*value)),
        Cell::Number { .. } | Cell::Empty | Cell::Text(_) => {
            parsed(cell, |text| match text.to_lowercase().as_str() {
                "yes" | "y" | "true" | "t" | "1" | "是" | "真" => Ok(true),
                "no" | "n" | "false" | "f" | "0" | "否" | "假" => Ok(false),
                _ => Err(ValueError::NotABoolean),
            })
        }
        Cell::Error(_) => Err(ValueError::FormulaError),
        Cell::Date(_) | Cell::DateTime(_) => Err(ValueError::NotABoolean),
    }
}

/// Parses the text of a cell in its compatibility form, where full-width digits and signs are plain ones, if it has any.
fn parsed<T>(
    cell: &Cell,
    parse: impl FnOnce(&str) -> Result<T, ValueError>,
) -> Result<Option<T>, ValueError> {
    let folded: String = text(cell)?.unwrap_or_default().nfkc().collect();
    let folded = folded.trim();
    if folded.is_empty() { Ok(None) } else { parse(folded).map(Some) }
}

fn non_blank(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_what_the_sender_sees() {
        for (cell, expected) in [
            (Cell::Empty, Ok(None)),
            (Cell::text("  "), Ok(None)),
            (Cell::text(" 00123 "), Ok(Some("00123"))),
            (Cell::text("'=1+1"), Ok(Some("=1+1"))),
            (Cell::text("'s-Hertogenbosch"), Ok(Some("'s-Hertogenbosch"))),
            (Cell::number(13_800_000_000.0), Ok(Some("13800000000"))),
            (Cell::Number { value: 42.0, shown: Some("00042".into()) }, Ok(Some("00042"))),
            (Cell::number(6.222_021_234_567_89e18), Err(ValueError::DigitsLost)),
            (Cell::Error("#N/A".into()), Err(ValueError::FormulaError)),
        ] {
            assert_eq!(text(&cell), expected.map(|text| text.map(str::to_owned)), "{cell:?}");
        }
    }

    #[test]
    fn booleans_are_read_in_both_languages() {
        for (cell, expected) in [
            (Cell::text("Yes"), Ok(Some(true))),
            (Cell::text("FALSE"), Ok(Some(false))),
            (Cell::text("是"), Ok(Some(true))),
            (Cell::text("否"), Ok(Some(false))),
            (Cell::text("１"), Ok(Some(true))),
            (Cell::number(0.0), Ok(Some(false))),
            (Cell::Bool(true), Ok(Some(true))),
            (Cell::Empty, Ok(None)),
            (Cell::number(2.0), Err(ValueError::NotABoolean)),
            (Cell::text("perhaps"), Err(ValueError::NotABoolean)),
        ] {
            assert_eq!(boolean(&cell), expected, "{cell:?}");
        }
    }
}
