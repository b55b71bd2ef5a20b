//! Rows of an XLSX sheet, streamed by calamine.

use std::any::Any;
use std::fs::File;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use calamine::{
    Cell as RawCell, DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, XlsxCellReader, XlsxError,
};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::error::{Fault, RowError, TableError};
use super::limits::{self, Limit};
use crate::{Cell, MAX_CELL_CHARS, Row};

type Source = BufReader<File>;

/// An opened workbook with its sheet chosen. The package must have been inspected.
pub(super) struct Workbook {
    xlsx: Xlsx<Source>,
    sheet: String,
    is_chart: bool,
}

impl Workbook {
    /// Opens the sheet of the name, or the first visible one.
    pub(super) fn open(path: &Path, sheet: Option<&str>) -> Result<Self, TableError> {
        let file = BufReader::new(File::open(path)?);
        let xlsx = shielded(|| Xlsx::new(file)).map_err(|error| match error {
            Failure::Refused(XlsxError::Password) => TableError::OldOrEncrypted,
            error => TableError::damaged(error.into_cause()),
        })?;
        let sheets = xlsx.sheets_metadata();
        let chosen = match sheet {
            Some(name) => sheets.iter().find(|sheet| sheet.name == name),
            None => sheets
                .iter()
                .find(|sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet),
        };
        let Some(chosen) = chosen else {
            return Err(TableError::SheetNotFound {
                sheets: sheets.iter().map(|sheet| sheet.name.clone()).collect(),
            });
        };
        let (sheet, is_chart) = (chosen.name.clone(), chosen.typ != SheetType::WorkSheet);
        Ok(Self { xlsx, sheet, is_chart })
    }

    /// Starts over at the first row.
    pub(super) fn records(&mut self) -> Result<SheetRows<'_>, TableError> {
        let cells = if self.is_chart {
            None
        } else {
            let (xlsx, sheet) = (&mut self.xlsx, &self.sheet);
            Some(
                shielded(|| xlsx.worksheet_cells_reader(sheet))
                    .map_err(|error| TableError::damaged(error.into_cause()))?,
            )
        };
        Ok(SheetRows { cells, pending: None, last_row: None, cell_count: 0, text_bytes: 0 })
    }
}

/// A cell with its row and column, from 0.
type Placed = (u32, usize, Cell);

/// A stream of the rows that have cells. Ends after a fatal error.
pub(super) struct SheetRows<'a> {
    cells: Option<XlsxCellReader<'a, Source>>,
    /// What was read past the end of the last row: a cell of the next, or why there is none.
    pending: Option<Result<Placed, RowError>>,
    last_row: Option<u32>,
    cell_count: u64,
    text_bytes: u64,
}

impl SheetRows<'_> {
    fn read_row(&mut self) -> Result<Option<Row>, RowError> {
        let Some((row, column, cell)) = self.take_cell()? else {
            return Ok(None);
        };
        let line = u64::from(row) + 1;
        if self.last_row.is_some_and(|last| last >= row) {
            return Err(RowError::new(line, Fault::OutOfOrder));
        }
        self.last_row = Some(row);
        let mut gathered = Gathered::default();
        gathered.put(column, cell);
        while let Some(next) = self.take_cell().transpose() {
            match next {
                Ok((next_row, column, cell)) if next_row == row => gathered.put(column, cell),
                next => {
                    self.pending = Some(next);
                    break;
                }
            }
        }
        match gathered.fault {
            Some(fault) => Err(RowError::new(line, fault)),
            None => Ok(Some(Row { line, cells: gathered.cells, warning: None })),
        }
    }

    fn take_cell(&mut self) -> Result<Option<Placed>, RowError> {
        if let Some(pending) = self.pending.take() {
            return pending.map(Some);
        }
        let line = self.last_row.map_or(1, |row| u64::from(row) + 2);
        let fail = |fault| RowError::new(line, fault);
        let Some(reader) = self.cells.as_mut() else {
            return Ok(None);
        };
        let next = shielded(|| reader.next_cell_with_style_id())
            .map_err(|error| fail(Fault::Damaged(error.into_cause())))?;
        let Some((raw, style)) = next else {
            // Asked again, the reader would look for the end of the sheet a second time and fail.
            self.cells = None;
            return Ok(None);
        };
        let (row, column) = raw.get_position();
        if u64::from(row) >= limits::ROWS {
            return Err(fail(Fault::TooLarge(Limit::Rows)));
        }
        self.cell_count += 1;
        self.text_bytes += text_bytes(&raw);
        if self.cell_count > limits::CELLS || self.text_bytes > limits::CELL_TEXT_BYTES {
            return Err(fail(Fault::TooLarge(Limit::Cells)));
        }
        let format = reader
            .styles()
            .get(style)
            .and_then(|style| style.number_format.as_ref())
            .map(|format| format.format_code.as_str());
        Ok(Some((row, column as usize, convert(raw.get_value(), format))))
    }
}

impl Iterator for SheetRows<'_> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.read_row().transpose();
        if row.as_ref().is_none_or(|row| row.as_ref().is_err_and(RowError::is_fatal)) {
            self.cells = None;
            self.pending = None;
        }
        row
    }
}

/// The cells of one row, put into their columns.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) cells: Vec<Cell>,
    pub(super) fault: Option<Fault>,
}

impl Gathered {
    /// Puts a cell in its column, whatever the order they come in.
    pub(super) fn put(&mut self, column: usize, cell: Cell) {
        if cell.is_empty() {
            return;
        }
        if column >= limits::COLUMNS {
            self.fault.get_or_insert(Fault::TooLarge(Limit::Columns));
            return;
        }
        if let Cell::Text(text) = &cell
            && text.len() > MAX_CELL_CHARS
            && text.chars().count() > MAX_CELL_CHARS
        {
            self.fault.get_or_insert(Fault::CellTooLong);
            return;
        }
        if self.cells.len() <= column {
            self.cells.resize(column + 1, Cell::Empty);
        }
        self.cells[column] = cell;
    }
}

fn text_bytes(cell: &RawCell<DataRef<'_>>) -> u64 {
    match cell.get_value() {
        DataRef::String(text) => text.len() as u64,
        DataRef::SharedString(text) => text.len() as u64,
        _ => 0,
    }
}

fn convert(raw: &DataRef<'_>, format: Option<&str>) -> Cell {
    match raw {
        DataRef::Empty => Cell::Empty,
        DataRef::String(text) => Cell::text(text.as_str()),
        DataRef::SharedString(text) => Cell::text(*text),
        DataRef::Bool(value) => Cell::Bool(*value),
        DataRef::Error(error) => Cell::Error(error.to_string()),
        DataRef::Int(value) => number(value.to_string().parse().unwrap_or_default(), format),
        DataRef::Float(value) => number(*value, format),
        DataRef::DateTime(serial) => from_serial(serial),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => from_iso(text),
    }
}

/// A number, with the leading zeros that a format of nothing but zeros shows.
fn number(value: f64, format: Option<&str>) -> Cell {
    let width =
        format.filter(|format| format.len() > 1 && format.bytes().all(|byte| byte == b'0')).map(str::len);
    match width {
        Some(width) if value >= 0.0 && value.fract() == 0.0 => {
            Cell::Number { value, shown: Some(format!("{value:0width$}").into_boxed_str()) }
        }
        _ => Cell::number(value),
    }
}

/// A serial number under a date format: a date, an instant, or the text of a time of day or of a duration.
fn from_serial(serial: &ExcelDateTime) -> Cell {
    let value = serial.as_f64();
    let Some(moment) = serial.as_datetime() else {
        return Cell::number(value);
    };
    if serial.is_duration() {
        let Some(seconds) = serial.as_duration().map(|duration| duration.num_milliseconds().div_euclid(1000))
        else {
            return Cell::number(value);
        };
        return Cell::text(format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    }
    if value < 1.0 { Cell::text(moment.time().to_string()) } else { from_moment(moment) }
}

fn from_moment(moment: NaiveDateTime) -> Cell {
    if moment.time() == NaiveTime::MIN { Cell::Date(moment.date()) } else { Cell::DateTime(moment) }
}

/// A cell that stores a date as ISO 8601 text.
pub(super) fn from_iso(text: &str) -> Cell {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Cell::Date(date);
    }
    match text.trim_end_matches('Z').parse::<NaiveDateTime>() {
        Ok(moment) => Cell::DateTime(moment),
        Err(_) => Cell::text(text),
    }
}

/// Why a call into the workbook reader failed.
enum Failure {
    Refused(XlsxError),
    Panicked(Box<dyn Any + Send>),
}

impl Failure {
    fn into_cause(self) -> Box<dyn std::error::Error + Send + Sync> {
        match self {
            Self::Refused(error) => Box::new(error),
            Self::Panicked(payload) => {
                let what = payload.downcast_ref::<&str>().copied().unwrap_or("no message");
                format!("the workbook reader panicked: {what}").into()
            }
        }
    }
}

/// Calls the workbook reader, which panics on a few malformed inputs (a dimension that ends before it starts) instead of
/// failing. A reader that has panicked is not used again.
fn shielded<T>(call: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Failure::Refused),
        Err(payload) => Err(Failure::Panicked(payload)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_of_zeros_keeps_leading_zeros() {
        for (value, format, shown) in [
            (42.0, Some("00000"), "00042"),
            (42.0, Some("0"), "42"),
            (42.5, Some("00000"), "42.5"),
            (13_800_000_000.0, None, "13800000000"),
            (42.0, Some("0.00"), "42"),
        ] {
            assert_eq!(number(value, format).display(), shown, "{value} {format:?}");
        }
    }

    #[test]
    fn iso_texts_become_dates_and_instants() {
        assert_eq!(from_iso("2021-01-01"), Cell::Date(NaiveDate::from_ymd_opt(2021, 1, 1).unwrap()));
        assert!(matches!(from_iso("2021-01-01T10:10:10"), Cell::DateTime(_)));
        assert_eq!(from_iso("10:10:10"), Cell::text("10:10:10"));
    }
}
