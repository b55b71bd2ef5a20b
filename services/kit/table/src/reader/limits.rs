//! How large an uploaded table may be, and the names of what was exceeded.

use std::fmt;

/// Bytes of an archive on disk.
pub(super) const ARCHIVE_BYTES: u64 = 256 << 20;
/// Parts of an archive.
pub(super) const PARTS: usize = 10_000;
/// Bytes of all parts of an archive when inflated.
pub(super) const INFLATED_BYTES: u64 = 512 << 20;
/// Bytes of shared strings, which are held in memory.
pub(super) const SHARED_STRING_BYTES: u64 = 128 << 20;
/// Shared strings.
pub(super) const SHARED_STRINGS: u64 = 2_000_000;
/// Bytes of the style part, whose records are held in memory several times their size.
pub(super) const STYLE_BYTES: u64 = 8 << 20;
/// Bytes of a tag of a number format or a font name: each cell format copies both.
pub(super) const STYLE_TAG_BYTES: usize = 1 << 10;
/// Bytes of a part that lists sheets, names or relations, all of which are held in memory.
pub(super) const CATALOGUE_BYTES: u64 = 32 << 20;
/// Entries of such a list, and cell formats.
pub(super) const CATALOGUE_ENTRIES: u64 = 131_072;
/// Bytes of a tag with its attributes.
pub(super) const TAG_BYTES: usize = 64 << 10;
/// Bytes of a text between two tags; a full cell of escaped characters stays below.
pub(super) const TEXT_BYTES: usize = 1 << 20;
/// Nesting of tags.
pub(super) const DEPTH: u32 = 128;
/// Inflated by deflated bytes, for parts over [`RATIO_FROM`]; sheets of repeated rows reach about 60.
pub(super) const RATIO: u64 = 250;
/// Parts below this size may have any ratio.
pub(super) const RATIO_FROM: u64 = 8 << 20;
/// Columns of a table.
pub(super) const COLUMNS: usize = 512;
/// Rows of a sheet.
pub(super) const ROWS: u64 = 1_048_576;
/// Cells read from a sheet, empty ones included.
pub(super) const CELLS: u64 = 50_000_000;
/// Bytes of text read from a sheet, counting a shared string each time it is used.
pub(super) const CELL_TEXT_BYTES: u64 = 1 << 30;
/// Bytes of one record of a text file; a longer one is an unclosed quote.
pub(super) const RECORD_BYTES: usize = 4 << 20;

/// What was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The archive itself.
    Archive,
    /// The number of its parts.
    Parts,
    /// The inflated size of its parts, or how much larger than the archive they are.
    Inflated,
    /// The shared strings of a workbook.
    SharedStrings,
    /// The style part of a workbook.
    Styles,
    /// The list of sheets, names or relations.
    Catalogue,
    /// A tag, a text or the nesting of tags.
    Markup,
    /// Columns of the table.
    Columns,
    /// Rows of the table.
    Rows,
    /// Cells, or the text in them, all together.
    Cells,
    /// A record of a text file.
    Record,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive => write!(f, "more than {} MiB", ARCHIVE_BYTES >> 20),
            Self::Parts => write!(f, "more than {PARTS} parts"),
            Self::Inflated => {
                write!(f, "more than {} MiB unpacked, or packed beyond reason", INFLATED_BYTES >> 20)
            }
            Self::SharedStrings => {
                write!(
                    f,
                    "more than {SHARED_STRINGS} different texts or {} MiB of them",
                    SHARED_STRING_BYTES >> 20
                )
            }
            Self::Styles => f.write_str("too many cell formats"),
            Self::Catalogue => f.write_str("too many sheets or defined names"),
            Self::Markup => f.write_str("a part of the workbook has too long or too deep a structure"),
            Self::Columns => write!(f, "more than {COLUMNS} columns"),
            Self::Rows => write!(f, "more than {ROWS} rows"),
            Self::Cells => {
                write!(f, "more than {CELLS} cells or {} MiB of text in them", CELL_TEXT_BYTES >> 20)
            }
            Self::Record => write!(
                f,
                "a row of more than {} MiB, perhaps for want of a closing quote",
                RECORD_BYTES >> 20
            ),
        }
    }
}
