//! Rows of an ODS sheet, streamed.
//!
//! calamine reads all sheets of an ODS file into memory at once, repeated cells included, so a kilobyte can ask for
//! gigabytes. This reader goes through `content.xml` once per pass and repeats a row only when it has something in it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;
use zip::read::ZipFile;

use super::error::{Fault, RowError, TableError};
use super::limits::{self, Limit};
use super::workbook::{Gathered, from_iso};
use crate::{Cell, Row};

type Archive = ZipArchive<BufReader<File>>;
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An opened file with its sheet chosen. The package must have been inspected.
pub(super) struct OpenDocument {
    archive: Archive,
    sheet: String,
}

impl OpenDocument {
    /// Opens the sheet of the name, or the first.
    pub(super) fn open(path: &Path, sheet: Option<&str>) -> Result<Self, TableError> {
        let mut archive = ZipArchive::new(BufReader::new(File::open(path)?)).map_err(TableError::damaged)?;
        if is_encrypted(&mut archive)? {
            return Err(TableError::Encrypted);
        }
        let mut sheets = sheet_names(&mut archive).map_err(TableError::Damaged)?;
        let chosen = match sheet {
            Some(name) => sheets.iter().position(|sheet| sheet == name),
            None => (!sheets.is_empty()).then_some(0),
        };
        match chosen {
            Some(index) => Ok(Self { archive, sheet: sheets.swap_remove(index) }),
            None => Err(TableError::SheetNotFound { sheets }),
        }
    }

    /// Starts over at the first row.
    pub(super) fn records(&mut self) -> Result<OpenDocumentRows<'_>, TableError> {
        let mut rows = OpenDocumentRows {
            xml: content(&mut self.archive).map_err(TableError::Damaged)?,
            buffer: Vec::new(),
            line: 0,
            skipped: 0,
            repeated: None,
            ended: false,
            cell_count: 0,
            text_bytes: 0,
        };
        rows.find_sheet(&self.sheet).map_err(TableError::Damaged)?;
        Ok(rows)
    }
}

fn is_encrypted(archive: &mut Archive) -> Result<bool, TableError> {
    let manifest = archive.by_name("META-INF/manifest.xml").map_err(TableError::damaged)?;
    let mut text = String::new();
    manifest.take(1 << 20).read_to_string(&mut text).map_err(TableError::damaged)?;
    Ok(text.contains("encryption-data"))
}

fn content(archive: &mut Archive) -> Result<Xml<'_>, Cause> {
    let mut xml = Reader::from_reader(BufReader::new(archive.by_name("content.xml")?));
    xml.config_mut().expand_empty_elements = true;
    Ok(xml)
}

type Xml<'a> = Reader<BufReader<ZipFile<'a, BufReader<File>>>>;

fn sheet_names(archive: &mut Archive) -> Result<Vec<String>, Cause> {
    let mut xml = content(archive)?;
    let mut buffer = Vec::new();
    let mut names = Vec::new();
    loop {
        buffer.clear();
        match xml.read_event_into(&mut buffer)? {
            Event::Start(tag) if tag.name().as_ref() == "table:table" => {
                names.push(attribute(&tag, "table:name")?.unwrap_or_default());
            }
            Event::Eof => return Ok(names),
            _ => {}
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, Cause> {
    Ok(match tag.try_get_attribute(name)? {
        Some(attribute) => Some(quick_xml::escape::unescape(&attribute.value)?.into_owned()),
        None => None,
    })
}

fn repeats(tag: &BytesStart<'_>, name: &str) -> Result<u64, Cause> {
    Ok(attribute(tag, name)?.map_or(Ok(1), |count| count.parse())?)
}

/// A stream of the rows that have cells. Ends after a fatal error.
pub(super) struct OpenDocumentRows<'a> {
    xml: Xml<'a>,
    buffer: Vec<u8>,
    /// Rows that are behind, blank ones included.
    line: u64,
    /// Copies of a faulty row that are not reported again.
    skipped: u64,
    repeated: Option<(Row, u64)>,
    ended: bool,
    cell_count: u64,
    text_bytes: u64,
}

impl OpenDocumentRows<'_> {
    fn find_sheet(&mut self, wanted: &str) -> Result<(), Cause> {
        loop {
            self.buffer.clear();
            match self.xml.read_event_into(&mut self.buffer)? {
                Event::Start(tag)
                    if tag.name().as_ref() == "table:table"
                        && attribute(&tag, "table:name")?.unwrap_or_default() == wanted =>
                {
                    return Ok(());
                }
                Event::Eof => return Err("the sheet is gone".into()),
                _ => {}
            }
        }
    }

    /// The next row that is not blank, or the next copy of the last one.
    fn read_row(&mut self) -> Result<Option<Row>, Fault> {
        if let Some((row, left)) = self.repeated.take() {
            let mut copy = row.clone();
            copy.line = self.line + 1;
            self.charge(&copy)?;
            self.repeated = (left > 1).then_some((row, left - 1));
            return Ok(Some(copy));
        }
        while let Some(repeats) = self.next_row_tag().map_err(Fault::Damaged)? {
            let gathered = self.read_cells()?;
            if gathered.cells.is_empty() && gathered.fault.is_none() {
                self.line = self.line.saturating_add(repeats);
                continue;
            }
            if self.line.saturating_add(repeats) > limits::ROWS {
                return Err(Fault::TooLarge(Limit::Rows));
            }
            if let Some(fault) = gathered.fault {
                self.skipped = repeats - 1;
                return Err(fault);
            }
            let row = Row { line: self.line + 1, cells: gathered.cells, warning: None };
            self.charge(&row)?;
            self.repeated = (repeats > 1).then(|| (row.clone(), repeats - 1));
            return Ok(Some(row));
        }
        Ok(None)
    }

    fn charge(&mut self, row: &Row) -> Result<(), Fault> {
        self.cell_count += row.cells.len() as u64;
        self.text_bytes += row
            .cells
            .iter()
            .map(|cell| if let Cell::Text(text) = cell { text.len() as u64 } else { 0 })
            .sum::<u64>();
        if self.cell_count > limits::CELLS || self.text_bytes > limits::CELL_TEXT_BYTES {
            return Err(Fault::TooLarge(Limit::Cells));
        }
        Ok(())
    }

    /// Goes into the next row of the sheet and says how often it is repeated.
    fn next_row_tag(&mut self) -> Result<Option<u64>, Cause> {
        loop {
            self.buffer.clear();
            match self.xml.read_event_into(&mut self.buffer)? {
                Event::Start(tag) if tag.name().as_ref() == "table:table-row" => {
                    return match repeats(&tag, "table:number-rows-repeated")? {
                        0 => Err("a row is repeated 0 times".into()),
                        repeats => Ok(Some(repeats)),
                    };
                }
                Event::End(tag) if tag.name().as_ref() == "table:table" => return Ok(None),
                Event::Eof => return Err("the sheet does not end".into()),
                _ => {}
            }
        }
    }

    fn read_cells(&mut self) -> Result<Gathered, Fault> {
        let mut gathered = Gathered::default();
        let mut column = 0_u64;
        while let Some((cell, repeats)) = self.next_cell().map_err(Fault::Damaged)? {
            // One past the limit is enough to be refused, however often it is repeated.
            let limit = limits::COLUMNS as u64;
            let end = column.saturating_add(repeats).min(limit + 1);
            for index in column.min(limit)..if cell.is_empty() { 0 } else { end } {
                gathered.put(usize::try_from(index).unwrap_or(usize::MAX), cell.clone());
            }
            column = column.saturating_add(repeats);
        }
        Ok(gathered)
    }

    /// The next cell of the row and how often it is repeated. A cell hidden under a merged one counts and is empty.
    fn next_cell(&mut self) -> Result<Option<(Cell, u64)>, Cause> {
        loop {
            self.buffer.clear();
            match self.xml.read_event_into(&mut self.buffer)? {
                Event::Start(tag)
                    if matches!(tag.name().as_ref(), "table:table-cell" | "table:covered-table-cell") =>
                {
                    let repeats = repeats(&tag, "table:number-columns-repeated")?;
                    let form = attribute(&tag, "office:value-type")?;
                    let value = match form.as_deref() {
                        Some("float" | "percentage" | "currency") => attribute(&tag, "office:value")?,
                        Some("boolean") => attribute(&tag, "office:boolean-value")?,
                        Some("date") => attribute(&tag, "office:date-value")?,
                        Some("time") => attribute(&tag, "office:time-value")?,
                        _ => attribute(&tag, "office:string-value")?,
                    };
                    let name = tag.name().as_ref().to_owned();
                    let text = self.read_text(&name)?;
                    return Ok(Some((typed(form.as_deref(), value, text)?, repeats)));
                }
                Event::End(tag) if tag.name().as_ref() == "table:table-row" => return Ok(None),
                Event::Eof => return Err("a row does not end".into()),
                _ => {}
            }
        }
    }

    /// The paragraphs of a cell up to its end, without its annotation.
    fn read_text(&mut self, cell: &str) -> Result<String, Cause> {
        let mut text = String::new();
        let mut paragraphs = 0;
        let mut annotations = 0;
        loop {
            self.buffer.clear();
            match self.xml.read_event_into(&mut self.buffer)? {
                Event::Start(tag) => match tag.name().as_ref() {
                    "office:annotation" => annotations += 1,
                    _ if annotations > 0 => {}
                    "text:p" => {
                        text.push_str(if paragraphs > 0 { "\n" } else { "" });
                        paragraphs += 1;
                    }
                    "text:s" => text.extend(std::iter::repeat_n(
                        ' ',
                        usize::try_from(repeats(&tag, "text:c")?.min(1024))?,
                    )),
                    "text:tab" => text.push('\t'),
                    "text:line-break" => text.push('\n'),
                    _ => {}
                },
                Event::Text(part) if annotations == 0 && paragraphs > 0 => {
                    text.push_str(&part.xml10_content());
                }
                Event::GeneralRef(reference) if annotations == 0 => {
                    text.push_str(&quick_xml::escape::unescape(&format!("&{};", &*reference))?);
                }
                Event::End(tag) if tag.name().as_ref() == "office:annotation" => annotations -= 1,
                Event::End(tag) if tag.name().as_ref() == cell => return Ok(text),
                Event::Eof => return Err("a cell does not end".into()),
                _ => {}
            }
        }
    }
}

impl Iterator for OpenDocumentRows<'_> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row =
            self.read_row().map_err(|fault| RowError::new(self.line.saturating_add(1), fault)).transpose();
        self.line = self.line.saturating_add(1 + std::mem::take(&mut self.skipped));
        self.ended = row.as_ref().is_none_or(|row| row.as_ref().is_err_and(RowError::is_fatal));
        row
    }
}

/// The cell by its declared type; its text when it has none.
fn typed(form: Option<&str>, value: Option<String>, text: String) -> Result<Cell, Cause> {
    Ok(match (form, value) {
        (Some("float" | "percentage" | "currency"), Some(value)) => {
            let number: f64 = value.parse()?;
            let has_leading_zero =
                text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
            Cell::Number { value: number, shown: has_leading_zero.then(|| text.into_boxed_str()) }
        }
        (Some("boolean"), Some(value)) => Cell::Bool(value == "true"),
        (Some("date"), Some(value)) => from_iso(&value),
        (Some("time"), Some(_)) => Cell::text(text),
        (_, Some(value)) if text.is_empty() => Cell::text(value),
        _ => Cell::text(text),
    })
}
