//! Tables as files: what import reads and export writes.
//!
//! - [`reader`] streams rows out of an uploaded CSV, XLSX or ODS file and refuses hostile ones.
//! - [`value`] turns a cell into a date, an instant, a number, a truth value or a text under declared formats.
//! - [`mapping`] suggests which column feeds which field.
//! - [`writer`] streams rows into CSV or XLSX that a spreadsheet program never runs as formulas.
//! - [`vcard`] streams people out of a `.vcf` file.
//!
//! Everything here is blocking and pure of the service: it knows files, cells and names, not records or a database. Run
//! it on a blocking thread.

pub mod mapping;
pub mod reader;
pub mod value;
pub mod vcard;
pub mod writer;

use std::borrow::Cow;

use chrono::{NaiveDate, NaiveDateTime};

/// The longest text a cell may hold, in characters; the limit of every spreadsheet program.
pub const MAX_CELL_CHARS: usize = 32_767;

/// One value of a row, typed as far as the file says. A CSV file only ever has texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell {
    /// Nothing, or a text of no characters.
    #[default]
    Empty,
    /// Text as stored, untrimmed.
    Text(String),
    /// A number of a workbook.
    Number {
        /// The stored value. Whole numbers from 10^15 on have lost digits in most programs; see [`value::text`].
        value: f64,
        /// What the program displays, when that differs for a reason that matters: a format such as `00000`.
        shown: Option<Box<str>>,
    },
    /// A truth value of a workbook.
    Bool(bool),
    /// A day without a time.
    Date(NaiveDate),
    /// A day with a time, in no zone.
    DateTime(NaiveDateTime),
    /// What a failed formula left, such as `#N/A`.
    Error(String),
}

impl Cell {
    /// A text cell, or an empty one.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    /// A number cell without a display text of its own.
    pub const fn number(value: f64) -> Self {
        Self::Number { value, shown: None }
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// What a person reads in the cell: whole numbers without a fraction or exponent, dates as `YYYY-MM-DD`.
    pub fn display(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) | Self::Error(text) => Cow::Borrowed(text),
            Self::Number { shown: Some(shown), .. } => Cow::Borrowed(shown),
            Self::Number { value, shown: None } => Cow::Owned(value.to_string()),
            Self::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Self::Date(date) => Cow::Owned(date.to_string()),
            Self::DateTime(time) => Cow::Owned(time.to_string()),
        }
    }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Where the row starts: the physical line of a text file or the row number of a sheet, both from 1.
    pub line: u64,
    /// One cell for each header column.
    pub cells: Vec<Cell>,
    /// Something the sender should look at although the row could be read.
    pub warning: Option<Warning>,
}

/// A doubt about a row that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// A quote stands inside an unquoted field and was taken as a character.
    BareQuote,
}

impl Warning {
    /// The machine reason.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BareQuote => "ROW_BARE_QUOTE",
        }
    }
}
