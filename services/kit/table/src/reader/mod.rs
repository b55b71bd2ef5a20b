//! Rows out of an uploaded file.
//!
//! A file is opened twice in effect: [`Table::open`] inspects it as a whole (encoding, delimiter, or every part of a package)
//! and finds the header, then each call of [`Table::rows`] streams from the start in bounded memory. What the file claims about
//! itself is not believed; the bounds are in `limits.rs`.
//!
//! The header is the first line that is not blank, unless it has fewer than half as many filled cells as a line among the
//! twenty after it: then lines before the table are notes, as in the exports of `LinkedIn` and Salesforce templates, and
//! the header is the first line that has at least half. A caller who knows better says so with [`Header::Line`].

mod delimited;
mod encoding;
mod error;
mod limits;
mod markup;
mod opendocument;
mod package;
mod workbook;

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::{Cell, Row};
use encoding::{Decoded, Settled};
use opendocument::{OpenDocument, OpenDocumentRows};
use package::Kind;
use workbook::{SheetRows, Workbook};

pub use encoding::Encoding;
pub use error::{Fault, RowError, TableError};
pub use limits::Limit;

/// Lines that are looked at to find the header.
const HEADER_WINDOW: usize = 20;
/// Bytes that are looked at to find the delimiter.
const SNIFFED_BYTES: usize = 64 << 10;

/// What the sender declared about a file. The default looks at the file for everything.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The form of the file.
    pub format: Format,
    /// The encoding of a text file.
    pub encoding: Encoding,
    /// The delimiter of a text file; looked for when absent.
    pub delimiter: Option<u8>,
    /// The sheet of a workbook; the first visible one when absent.
    pub sheet: Option<String>,
    /// Where the column names are.
    pub header: Header,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A workbook if it is a zip archive, else a text.
    #[default]
    Auto,
    /// A delimited text.
    Csv,
    /// A workbook: XLSX, XLSM or ODS.
    Workbook,
}

/// Where the column names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Header {
    /// Found as described for the module.
    #[default]
    Auto,
    /// On this line, counted as [`Row::line`] is.
    Line(u64),
    /// Nowhere: every line is a row, as wide as it happens to be.
    Absent,
}

/// An opened table.
pub struct Table {
    source: Source,
    names: Vec<String>,
    header_line: u64,
    has_header: bool,
}

enum Source {
    Delimited { path: PathBuf, encoding: Settled, delimiter: u8, declared_delimiter_line: u64 },
    Workbook(Box<Workbook>),
    OpenDocument(OpenDocument),
}

enum Records<'a> {
    Delimited(Box<delimited::Records<Decoded>>),
    Workbook(Box<SheetRows<'a>>),
    OpenDocument(Box<OpenDocumentRows<'a>>),
}

impl Table {
    /// Inspects the file and finds its header.
    pub fn open(path: &Path, options: &Options) -> Result<Self, TableError> {
        let mut source = Source::open(path, options)?;
        let header = match options.header {
            Header::Absent => None,
            Header::Auto => Some(find_header(source.records()?)?),
            Header::Line(line) => Some(header_at(source.records()?, line)?),
        };
        let has_header = header.is_some();
        let (names, header_line) = header.map_or((Vec::new(), 0), |row| (names(&row), row.line));
        Ok(Self { source, names, header_line, has_header })
    }

    /// The column names, trimmed; a column without a name has an empty one. Empty with [`Header::Absent`].
    pub fn header(&self) -> &[String] {
        &self.names
    }

    /// The line the column names were found on, 0 with [`Header::Absent`].
    pub const fn header_line(&self) -> u64 {
        self.header_line
    }

    /// The rows below the header.
    pub fn rows(&mut self) -> Result<Rows<'_>, TableError> {
        self.rows_after(0)
    }

    /// The rows below the header that start after the line: what is left when the rows up to it are done.
    pub fn rows_after(&mut self, line: u64) -> Result<Rows<'_>, TableError> {
        Ok(Rows {
            after: line.max(self.header_line),
            width: self.has_header.then_some(self.names.len()),
            records: self.source.records()?,
        })
    }
}

impl Source {
    fn open(path: &Path, options: &Options) -> Result<Self, TableError> {
        let mut start = [0; 8];
        let length = encoding::read_full(&mut File::open(path)?, &mut start)?;
        let start = &start[..length];
        if start == b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" {
            return Err(TableError::OldOrEncrypted);
        }
        let is_archive = start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06");
        match options.format {
            Format::Csv if is_archive => Err(TableError::NotText),
            Format::Workbook if !is_archive => Err(TableError::UnknownFormat),
            _ if is_archive => match package::inspect(path)? {
                Kind::Xlsx => Ok(Self::Workbook(Box::new(Workbook::open(path, options.sheet.as_deref())?))),
                Kind::Ods => Ok(Self::OpenDocument(OpenDocument::open(path, options.sheet.as_deref())?)),
            },
            _ => Self::open_delimited(path, options),
        }
    }

    fn open_delimited(path: &Path, options: &Options) -> Result<Self, TableError> {
        let encoding = encoding::settle(path, options.encoding)?;
        let mut sample = vec![0; SNIFFED_BYTES];
        let length = encoding::read_full(&mut Decoded::open(path, encoding)?, &mut sample)?;
        let sample = &sample[..length];
        if sample.contains(&0) {
            return Err(TableError::NotText);
        }
        // A line that some programs write for others: `sep=;`.
        let declared = match sample {
            [b's', b'e', b'p', b'=', delimiter, b'\r' | b'\n', ..] => Some(*delimiter),
            _ => None,
        };
        Ok(Self::Delimited {
            path: path.to_owned(),
            encoding,
            delimiter: options.delimiter.or(declared).unwrap_or_else(|| delimited::sniff(sample)),
            declared_delimiter_line: u64::from(declared.is_some()),
        })
    }

    /// Starts over at the first line.
    fn records(&mut self) -> Result<Records<'_>, TableError> {
        Ok(match self {
            Self::Delimited { path, encoding, delimiter, declared_delimiter_line } => {
                let mut records = delimited::Records::new(Decoded::open(path, encoding)?, *delimiter);
                if *declared_delimiter_line > 0 {
                    records.next();
                }
                Records::Delimited(Box::new(records))
            }
            Self::Workbook(workbook) => Records::Workbook(Box::new(workbook.records()?)),
            Self::OpenDocument(document) => Records::OpenDocument(Box::new(document.records()?)),
        })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Delimited(records) => records.next(),
            Self::Workbook(rows) => rows.next(),
            Self::OpenDocument(rows) => rows.next(),
        }
    }
}

/// The rows of a table, each as wide as its header. Blank rows are left out, unless a table has but one column. An error
/// stands for one row; after a fatal one nothing follows.
pub struct Rows<'a> {
    records: Records<'a>,
    after: u64,
    width: Option<usize>,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.records.next()? {
                Err(error) if error.line <= self.after && !error.is_fatal() => continue,
                Err(error) => return Some(Err(error)),
                Ok(row) if row.line <= self.after => continue,
                Ok(row) => row,
            };
            match self.width {
                None => return Some(Ok(row)),
                Some(width) if width > 1 && row.cells.iter().all(Cell::is_empty) => {}
                Some(width) => return Some(self.fit(row, width)),
            }
        }
    }
}

impl Rows<'_> {
    /// Makes a row as wide as the header: empty cells too many are cut. A text row that is too short was broken somewhere; a
    /// sheet does not store the empty cells at its right.
    fn fit(&self, mut row: Row, width: usize) -> Result<Row, RowError> {
        let found = row.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        if found > width {
            return Err(RowError::new(
                row.line,
                Fault::TooManyFields { found: row.cells.len(), expected: width },
            ));
        }
        if row.cells.len() < width && matches!(self.records, Records::Delimited(_)) {
            return Err(RowError::new(
                row.line,
                Fault::TooFewFields { found: row.cells.len(), expected: width },
            ));
        }
        row.cells.resize(width, Cell::Empty);
        Ok(row)
    }
}

/// The header by the rule of the module. A row above it that cannot be read may have been it, so it is refused then.
fn find_header(records: Records<'_>) -> Result<Row, TableError> {
    let mut window = Vec::with_capacity(HEADER_WINDOW);
    let mut first_error = None;
    for row in records {
        match row {
            Ok(row) if filled(&row) > 0 => window.push(row),
            Ok(_) => {}
            Err(error) => first_error = first_error.or(Some(error)),
        }
        if window.len() == HEADER_WINDOW {
            break;
        }
    }
    let widest = window.iter().map(filled).max().unwrap_or(0);
    let header = window.into_iter().find(|row| filled(row) * 2 >= widest);
    match (header, first_error) {
        (Some(row), Some(error)) if error.line < row.line => Err(refuse(error)),
        (Some(row), _) => Ok(row),
        (None, Some(error)) => Err(refuse(error)),
        (None, None) => Err(TableError::Empty),
    }
}

fn header_at(records: Records<'_>, line: u64) -> Result<Row, TableError> {
    for row in records {
        match row {
            Ok(row) if row.line == line && filled(&row) > 0 => return Ok(row),
            Ok(row) if row.line >= line => break,
            Err(error) if error.line >= line || error.is_fatal() => return Err(refuse(error)),
            _ => {}
        }
    }
    Err(TableError::HeaderNotFound { line })
}

/// What a fault of the header row means for the file.
fn refuse(error: RowError) -> TableError {
    match error.fault {
        Fault::TooLarge(limit) => TableError::TooLarge(limit),
        Fault::Unreadable(cause) => TableError::Unreadable(cause),
        Fault::Damaged(cause) => TableError::Damaged(cause),
        fault => TableError::BadHeader(RowError::new(error.line, fault)),
    }
}

fn filled(row: &Row) -> usize {
    row.cells.iter().filter(|cell| !cell.display().trim().is_empty()).count()
}

fn names(header: &Row) -> Vec<String> {
    let width = header.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    header.cells[..width].iter().map(|cell| cell.display().trim().to_owned()).collect()
}
