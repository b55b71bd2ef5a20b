//! Inspection of a zipped workbook before any parser sees it.
//!
//! The workbook readers hold shared strings, styles, sheet lists and the tag or text at hand in memory, and trust counts that the
//! file declares. So every part is inflated once, into nothing, and refused when anything in it could make them take more
//! memory or time than an upload deserves. Nothing that is declared is believed: sizes, ratios and counts are those found.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use super::error::TableError;
use super::limits::{self, Limit};
use super::markup::Scanner;

/// What the package holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Xlsx,
    Ods,
}

/// Parts that are pictures or programs: their size counts, their content is no markup.
const OPAQUE: [&str; 11] =
    [".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".bin", ".tiff", ".bmp", ".ico", ".ttf"];
/// The largest opaque part, which bounds what a reader takes if a sheet is said to be one.
const OPAQUE_BYTES: u64 = 64 << 20;

/// Inflates every part and says what kind of workbook it is.
pub(super) fn inspect(path: &Path) -> Result<Kind, TableError> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() > limits::ARCHIVE_BYTES {
        return Err(TableError::TooLarge(Limit::Archive));
    }
    if count_entries(&mut file)? > limits::PARTS {
        return Err(TableError::TooLarge(Limit::Parts));
    }
    file.rewind()?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(TableError::damaged)?;
    let kind = kind(&archive)?;
    let mut total = 0;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(TableError::damaged)?;
        total += inspect_part(part, kind, limits::INFLATED_BYTES - total)?;
    }
    Ok(kind)
}

/// Counts the headers of the central directory in the whole file, since the directory's own count may lie and the archive
/// reader takes memory for each.
fn count_entries(file: &mut File) -> io::Result<usize> {
    const HEADER: &[u8] = b"PK\x01\x02";
    let mut buffer = vec![0; 256 << 10];
    let mut kept = 0;
    let mut count = 0;
    loop {
        let read = file.read(&mut buffer[kept..])?;
        if read == 0 {
            return Ok(count);
        }
        let filled = kept + read;
        count += memchr::memmem::find_iter(&buffer[..filled], HEADER).count();
        kept = filled.min(HEADER.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

fn kind<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<Kind, TableError> {
    let mut kind = Err(TableError::UnknownFormat);
    for name in archive.file_names() {
        // Some programs write backslashes, others another case.
        let name = name.map_err(TableError::damaged)?.replace('\\', "/").to_ascii_lowercase();
        match name.as_str() {
            "_rels/.rels" => kind = Ok(Kind::Xlsx),
            "content.xml" => return Ok(Kind::Ods),
            _ => {}
        }
    }
    kind
}

/// Inflates one part of at most `allowance` bytes and returns its size.
fn inspect_part<R: Read>(
    mut part: zip::read::ZipFile<'_, R>,
    kind: Kind,
    allowance: u64,
) -> Result<u64, TableError> {
    let (name, declared, packed) = {
        let name = part.name().map_err(TableError::damaged)?.to_ascii_lowercase();
        (name, part.size(), part.compressed_size())
    };
    let opaque = OPAQUE.iter().any(|ending| name.ends_with(ending));
    let mut scanner = Scanner::new(kind == Kind::Xlsx && name.ends_with("styles.xml"));
    let mut chunk = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let read = part.read(&mut chunk).map_err(TableError::damaged)?;
        if read == 0 {
            break;
        }
        size += read as u64;
        if size > allowance
            || (size > limits::RATIO_FROM && size / limits::RATIO > packed)
            || (opaque && size > OPAQUE_BYTES)
        {
            return Err(TableError::TooLarge(Limit::Inflated));
        }
        if size > declared {
            return Err(TableError::damaged("a part is larger than declared"));
        }
        if !opaque {
            scanner.scan(&chunk[..read])?;
        }
    }
    if size < declared {
        return Err(TableError::damaged("a part is smaller than declared"));
    }
    Ok(size)
}
