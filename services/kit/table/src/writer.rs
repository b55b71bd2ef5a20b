//! Rows into a CSV text or an XLSX workbook, streamed, with nothing in them that a spreadsheet program runs.
//!
//! A workbook says which cells are texts, so texts are written as texts there. A CSV text cannot: a field that begins with
//! `=`, `+`, `-`, `@`, a tab or a carriage return (or the full-width form of the signs) may be taken for a formula. Such a
//! field gets an apostrophe in front, except where it is a plain number (`-5.10`) or a telephone number (`+8613800000000`,
//! `+86 138-0000-0000`), which a program at worst computes with. [`restore`] undoes it when the file comes back.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Seek, Write};

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::{Cell, MAX_CELL_CHARS};

/// Rows a sheet can hold.
const MAX_ROWS: u32 = 1_048_576;

/// Whether a CSV text begins with the mark by which Excel knows that it is UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrderMark {
    /// For people who open the file in Excel.
    Write,
    /// For programs.
    Omit,
}

/// Why a row could not be written.
#[derive(Debug)]
pub enum WriteError {
    /// The destination fails.
    Io(io::Error),
    /// A text is longer than a cell of a workbook can hold.
    CellTooLong,
    /// A sheet has no more rows.
    TooManyRows,
    /// The workbook library fails.
    Workbook(Box<XlsxError>),
}

impl WriteError {
    /// The machine reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io(_) | Self::Workbook(_) => "EXPORT_FAILED",
            Self::CellTooLong => "EXPORT_CELL_TOO_LONG",
            Self::TooManyRows => "EXPORT_TOO_MANY_ROWS",
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) | Self::Workbook(_) => f.write_str("the file could not be written; try again"),
            Self::CellTooLong => {
                write!(
                    f,
                    "a text has more than the {MAX_CELL_CHARS} characters a workbook can hold; export as csv"
                )
            }
            Self::TooManyRows => write!(f, "a sheet holds {MAX_ROWS} rows; export as csv"),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(cause) => Some(cause),
            Self::Workbook(cause) => Some(cause.as_ref()),
            _ => None,
        }
    }
}

impl From<XlsxError> for WriteError {
    fn from(cause: XlsxError) -> Self {
        match cause {
            XlsxError::MaxStringLengthExceeded => Self::CellTooLong,
            XlsxError::RowColumnLimitError => Self::TooManyRows,
            cause => Self::Workbook(Box::new(cause)),
        }
    }
}

/// Writes rows as UTF-8 CSV with CRLF line ends.
pub struct CsvWriter<W: Write> {
    csv: csv::Writer<W>,
}

impl<W: Write> CsvWriter<W> {
    /// Starts a text.
    pub fn new(mut destination: W, mark: ByteOrderMark) -> Result<Self, WriteError> {
        if mark == ByteOrderMark::Write {
            destination.write_all("\u{FEFF}".as_bytes()).map_err(WriteError::Io)?;
        }
        let csv = csv::WriterBuilder::new()
            .flexible(true)
            .terminator(csv::Terminator::CRLF)
            .from_writer(destination);
        Ok(Self { csv })
    }

    /// Writes one row, header or not.
    pub fn write(&mut self, cells: &[Cell]) -> Result<(), WriteError> {
        for cell in cells {
            let shown = cell.display();
            let field =
                if matches!(cell, Cell::Text(_) | Cell::Error(_)) { neutralise(&shown) } else { shown };
            self.csv.write_field(field.as_bytes()).map_err(csv_error)?;
        }
        self.csv.write_record(None::<&[u8]>).map_err(csv_error)
    }

    /// Writes what is held back and gives the destination back.
    pub fn finish(self) -> Result<W, WriteError> {
        self.csv.into_inner().map_err(|error| WriteError::Io(error.into_error()))
    }
}

fn csv_error(error: csv::Error) -> WriteError {
    WriteError::Io(error.into())
}

/// The field with an apostrophe in front when a spreadsheet program might take it for a formula.
pub fn neutralise(text: &str) -> Cow<'_, str> {
    if text.starts_with(begins_formula) && !is_number_or_phone(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text without the apostrophe that [`neutralise`] put in front.
pub fn restore(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(begins_formula) => rest,
        _ => text,
    }
}

fn begins_formula(first: char) -> bool {
    matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
}

/// A sign, a digit, then nothing but digits and the blanks, points, hyphens and parentheses of numbers, each alone and between
/// digits. `+1-2` is a telephone number here and 'minus one' to a program, which harms nobody; a name, and so a function,
/// needs a letter.
fn is_number_or_phone(text: &str) -> bool {
    let Some(body) = text.strip_prefix(['+', '-']) else { return false };
    body.starts_with(|first: char| first.is_ascii_digit())
        && body.ends_with(|last: char| last.is_ascii_digit())
        && body.chars().all(|character| matches!(character, '0'..='9' | ' ' | '.' | '-' | '(' | ')'))
}

/// Writes rows as a workbook of one sheet. Rows are kept in a temporary file, not in memory, until the end.
pub struct XlsxWriter {
    workbook: Workbook,
    row: u32,
    date: Format,
    date_time: Format,
}

impl XlsxWriter {
    /// Starts a workbook whose sheet has the name.
    pub fn new(sheet: &str) -> Result<Self, WriteError> {
        let mut workbook = Workbook::new();
        workbook.add_worksheet_with_constant_memory()?.set_name(sheet)?;
        Ok(Self {
            workbook,
            row: 0,
            date: Format::new().set_num_format("yyyy-mm-dd"),
            date_time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        })
    }

    /// Writes one row, header or not.
    pub fn write(&mut self, cells: &[Cell]) -> Result<(), WriteError> {
        if self.row >= MAX_ROWS {
            return Err(WriteError::TooManyRows);
        }
        let sheet = self.workbook.worksheet_from_index(0)?;
        for (column, cell) in (0_u16..).zip(cells) {
            write_cell(sheet, self.row, column, cell, [&self.date, &self.date_time])?;
        }
        self.row += 1;
        Ok(())
    }

    /// Packs the workbook into the destination.
    pub fn finish(mut self, destination: impl Write + Seek + Send) -> Result<(), WriteError> {
        Ok(self.workbook.save_to_writer(destination)?)
    }
}

/// Numbers with a display text of their own are written as that text: a code is not to lose its zeros on the way out either.
fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell,
    formats: [&Format; 2],
) -> Result<(), WriteError> {
    let [date_format, date_time_format] = formats;
    match cell {
        Cell::Empty => {}
        Cell::Text(text) | Cell::Error(text) => {
            sheet.write_string(row, column, text)?;
        }
        Cell::Number { value, shown: None } if value.is_finite() => {
            sheet.write_number(row, column, *value)?;
        }
        Cell::Number { .. } => {
            sheet.write_string(row, column, cell.display())?;
        }
        Cell::Bool(value) => {
            sheet.write_boolean(row, column, *value)?;
        }
        Cell::Date(date) => match ExcelDateTime::parse_from_str(&date.to_string()) {
            Ok(date) => {
                sheet.write_datetime_with_format(row, column, date, date_format)?;
            }
            // Before 1900 a workbook knows no dates.
            Err(_) => {
                sheet.write_string(row, column, date.to_string())?;
            }
        },
        Cell::DateTime(moment) => {
            sheet.write_datetime_with_format(row, column, moment, date_time_format)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{Header, Options, Table};
    use chrono::NaiveDate;
    use proptest::prelude::*;

    #[test]
    fn what_might_be_a_formula_is_neutralised_and_restored() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+SUM(A1)", "'+SUM(A1)"),
            ("-A1", "'-A1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("＝1", "'＝1"),
            ("-", "'-"),
            ("-5.10", "-5.10"),
            ("+8613800000000", "+8613800000000"),
            ("+86 138-0000-0000", "+86 138-0000-0000"),
            ("+1 (212) 555 0100", "+1 (212) 555 0100"),
            ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
            ("a=1", "a=1"),
            ("'quoted", "'quoted"),
            ("", ""),
        ] {
            assert_eq!(neutralise(text), expected);
            assert_eq!(restore(expected), text);
        }
    }

    fn cells() -> Vec<Cell> {
        vec![
            Cell::text("=HYPERLINK(\"http://evil\")"),
            Cell::text("北京, \"某\"\n公司"),
            Cell::text("00123"),
            Cell::number(1234.5),
            Cell::Bool(true),
            Cell::Date(NaiveDate::from_ymd_opt(2024, 2, 29).unwrap()),
            Cell::DateTime(NaiveDate::from_ymd_opt(2024, 2, 29).unwrap().and_hms_opt(9, 30, 0).unwrap()),
            Cell::Empty,
            Cell::text("end"),
        ]
    }

    fn read_back(path: &std::path::Path) -> Vec<Cell> {
        let mut table = Table::open(path, &Options { header: Header::Absent, ..Options::default() }).unwrap();
        table.rows().unwrap().next().unwrap().unwrap().cells
    }

    #[test]
    fn a_workbook_comes_back_as_it_was_and_has_no_formula() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = XlsxWriter::new("客户").unwrap();
        writer.write(&cells()).unwrap();
        writer.finish(file.reopen().unwrap()).unwrap();
        assert_eq!(read_back(file.path()), cells());
        let mut archive = zip::ZipArchive::new(file.reopen().unwrap()).unwrap();
        let sheet = io::read_to_string(archive.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
        assert!(sheet.contains("HYPERLINK") && !sheet.contains("<f"), "{sheet}");
        assert!(matches!(
            XlsxWriter::new("s").unwrap().write(&[Cell::text("x".repeat(MAX_CELL_CHARS + 1))]),
            Err(WriteError::CellTooLong)
        ));
    }

    #[test]
    fn a_csv_text_comes_back_as_the_texts_people_see() {
        for mark in [ByteOrderMark::Write, ByteOrderMark::Omit] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let mut writer = CsvWriter::new(file.reopen().unwrap(), mark).unwrap();
            writer.write(&cells()).unwrap();
            writer.finish().unwrap();
            let expected =
                cells().iter().map(|cell| Cell::text(neutralise(&cell.display()))).collect::<Vec<_>>();
            assert_eq!(read_back(file.path()), expected);
            assert_eq!(
                std::fs::read(file.path()).unwrap().starts_with(b"\xEF\xBB\xBF"),
                mark == ByteOrderMark::Write
            );
        }
    }

    proptest! {
        #[test]
        fn no_field_begins_a_formula_and_all_are_restored(text in "[=+@'\t\r－＝-]?\\PC{0,8}") {
            let field = neutralise(&text).into_owned();
            prop_assert!(!field.starts_with(begins_formula) || !field.contains(char::is_alphabetic));
            if !(text.starts_with('\'') && text[1..].starts_with(begins_formula)) {
                prop_assert_eq!(restore(&field), text);
            }
        }
    }
}
