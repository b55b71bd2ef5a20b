//! Why a file or a row cannot be read.

use std::error::Error;
use std::fmt;
use std::io;

use super::Limit;

/// A refused file. Nothing of it was imported.
#[derive(Debug)]
pub enum TableError {
    /// The file on disk cannot be read; not the sender's fault.
    Unreadable(io::Error),
    /// There is no row that could be a header.
    Empty,
    /// A text file was expected and this is not text.
    NotText,
    /// An old binary `.xls`, or a workbook encrypted with a password: both have the same outer form.
    OldOrEncrypted,
    /// An ODS file with a password.
    Encrypted,
    /// A package that is neither a workbook of XLSX nor of ODS.
    UnknownFormat,
    /// The package is damaged or breaks its own format.
    Damaged(Box<dyn Error + Send + Sync>),
    /// More than a table may have.
    TooLarge(Limit),
    /// The part has a document type declaration, which may define entities.
    ForbiddenMarkup,
    /// No sheet has the asked name.
    SheetNotFound {
        /// The sheets there are.
        sheets: Vec<String>,
    },
    /// The row of column names cannot be read.
    BadHeader(RowError),
    /// The asked header line is blank or past the end.
    HeaderNotFound {
        /// The asked line.
        line: u64,
    },
}

impl TableError {
    /// The machine reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "TABLE_UNREADABLE",
            Self::Empty => "TABLE_EMPTY",
            Self::NotText => "TABLE_NOT_TEXT",
            Self::OldOrEncrypted => "TABLE_OLD_OR_ENCRYPTED",
            Self::Encrypted => "TABLE_ENCRYPTED",
            Self::UnknownFormat => "TABLE_UNKNOWN_FORMAT",
            Self::Damaged(_) => "TABLE_DAMAGED",
            Self::TooLarge(_) => "TABLE_TOO_LARGE",
            Self::ForbiddenMarkup => "TABLE_FORBIDDEN_MARKUP",
            Self::SheetNotFound { .. } => "TABLE_SHEET_NOT_FOUND",
            Self::BadHeader(_) => "TABLE_BAD_HEADER",
            Self::HeaderNotFound { .. } => "TABLE_HEADER_NOT_FOUND",
        }
    }

    pub(super) fn damaged(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Damaged(cause.into())
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(_) => f.write_str("the file could not be read; try again"),
            Self::Empty => f.write_str("the file has no rows"),
            Self::NotText => f.write_str("the file is neither text nor a workbook"),
            Self::OldOrEncrypted => {
                f.write_str("the file is an old .xls workbook or is protected by a password; save it as .xlsx without one")
            }
            Self::Encrypted => f.write_str("the file is protected by a password"),
            Self::UnknownFormat => f.write_str("the archive is not an .xlsx or .ods workbook"),
            Self::Damaged(_) => f.write_str("the workbook is damaged; open it in a spreadsheet program and save it again"),
            Self::TooLarge(limit) => write!(f, "the file is too large: {limit}"),
            Self::ForbiddenMarkup => f.write_str("the workbook contains a document type declaration"),
            Self::SheetNotFound { .. } => f.write_str("the workbook has no sheet of that name"),
            Self::BadHeader(error) => write!(f, "the column names on line {} cannot be read: {error}", error.line),
            Self::HeaderNotFound { line } => write!(f, "line {line} has no column names"),
        }
    }
}

impl Error for TableError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable(cause) => Some(cause),
            Self::Damaged(cause) => Some(cause.as_ref()),
            Self::BadHeader(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for TableError {
    fn from(cause: io::Error) -> Self {
        Self::Unreadable(cause)
    }
}

/// A row that cannot be read.
#[derive(Debug)]
pub struct RowError {
    /// Where the row starts.
    pub line: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a row.
#[derive(Debug)]
pub enum Fault {
    /// Bytes that the declared or detected encoding does not have.
    Undecodable,
    /// Fewer fields than the header has.
    TooFewFields {
        /// Fields in the row.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// Filled fields right of the last header column.
    TooManyFields {
        /// Fields in the row.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// Something other than a delimiter follows a closing quote.
    TextAfterQuote,
    /// A quoted field never ends. Nothing after it can be trusted.
    UnclosedQuote,
    /// A cell has more characters than [`crate::MAX_CELL_CHARS`].
    CellTooLong,
    /// The file runs past a limit here. Nothing after it is read.
    TooLarge(Limit),
    /// The rows of a sheet go backwards. Nothing after it is read.
    OutOfOrder,
    /// The workbook is damaged here. Nothing after it is read.
    Damaged(Box<dyn Error + Send + Sync>),
    /// The file on disk can no longer be read. Nothing after it is read.
    Unreadable(io::Error),
}

impl RowError {
    pub(super) const fn new(line: u64, fault: Fault) -> Self {
        Self { line, fault }
    }

    /// The machine reason.
    pub const fn code(&self) -> &'static str {
        match self.fault {
            Fault::Undecodable => "ROW_UNDECODABLE",
            Fault::TooFewFields { .. } => "ROW_TOO_FEW_FIELDS",
            Fault::TooManyFields { .. } => "ROW_TOO_MANY_FIELDS",
            Fault::TextAfterQuote => "ROW_TEXT_AFTER_QUOTE",
            Fault::UnclosedQuote => "ROW_UNCLOSED_QUOTE",
            Fault::CellTooLong => "ROW_CELL_TOO_LONG",
            Fault::TooLarge(_) => "ROW_TOO_LARGE",
            Fault::OutOfOrder => "ROW_OUT_OF_ORDER",
            Fault::Damaged(_) => "ROW_DAMAGED",
            Fault::Unreadable(_) => "ROW_UNREADABLE",
        }
    }

    /// Whether this is the last row the file can give.
    pub const fn is_fatal(&self) -> bool {
        matches!(
            self.fault,
            Fault::UnclosedQuote
                | Fault::TooLarge(_)
                | Fault::OutOfOrder
                | Fault::Damaged(_)
                | Fault::Unreadable(_)
        )
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::Undecodable => f.write_str("the row has bytes that its encoding does not allow"),
            Fault::TooFewFields { found, expected } | Fault::TooManyFields { found, expected } => {
                write!(f, "the row has {found} fields where {expected} are expected")
            }
            Fault::TextAfterQuote => {
                f.write_str("text follows a closing quote; write a quote inside a field twice")
            }
            Fault::UnclosedQuote => f.write_str("a quoted field that starts here never ends"),
            Fault::CellTooLong => {
                write!(f, "a cell has more than {} characters", crate::MAX_CELL_CHARS)
            }
            Fault::TooLarge(limit) => write!(f, "the file is too large: {limit}"),
            Fault::OutOfOrder => f.write_str("the rows of the sheet are not in order"),
            Fault::Damaged(_) => f.write_str("the workbook is damaged here"),
            Fault::Unreadable(_) => f.write_str("the file could not be read; try again"),
        }
    }
}

impl Error for RowError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.fault {
            Fault::Damaged(cause) => Some(cause.as_ref()),
            Fault::Unreadable(cause) => Some(cause),
            _ => None,
        }
    }
}
