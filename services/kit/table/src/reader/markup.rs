//! A scan of inflated markup that parses nothing and allocates nothing that grows.

use memchr::memchr;

use super::error::TableError;
use super::limits::{self, Limit};

/// Looks at markup chunk by chunk for what could exhaust a parser.
pub(super) struct Scanner {
    place: Place,
    /// The tag so far, as far as it is kept.
    tag: Vec<u8>,
    is_style: bool,
    length: usize,
    depth: u32,
    size: u64,
    strings: u64,
    entries: u64,
}

#[derive(Clone, Copy)]
enum Place {
    Text,
    /// In a tag, and in which quotes of it.
    Tag(Option<u8>),
    /// In a comment or character data, which end with the two bytes and `>`.
    Until([u8; 2]),
}

impl Scanner {
    /// A scanner for a part, which may be the style part of an XLSX workbook.
    pub(super) fn new(is_style: bool) -> Self {
        Self {
            place: Place::Text,
            tag: Vec::with_capacity(limits::TAG_BYTES),
            is_style,
            length: 0,
            depth: 0,
            size: 0,
            strings: 0,
            entries: 0,
        }
    }

    /// Scans the next bytes of the part.
    pub(super) fn scan(&mut self, mut bytes: &[u8]) -> Result<(), TableError> {
        self.size += bytes.len() as u64;
        if self.is_style && self.size > limits::STYLE_BYTES {
            return Err(TableError::TooLarge(Limit::Styles));
        }
        if self.strings > 0 && self.size > limits::SHARED_STRING_BYTES {
            return Err(TableError::TooLarge(Limit::SharedStrings));
        }
        if self.entries > 0 && self.size > limits::CATALOGUE_BYTES {
            return Err(TableError::TooLarge(Limit::Catalogue));
        }
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Text => self.scan_text(bytes)?,
                Place::Tag(quote) => self.scan_tag(bytes, quote)?,
                Place::Until(ending) => self.scan_until(bytes, ending)?,
            };
        }
        Ok(())
    }

    fn grow(&mut self, by: usize, limit: usize) -> Result<(), TableError> {
        self.length += by;
        if self.length > limit { Err(TableError::TooLarge(Limit::Markup)) } else { Ok(()) }
    }

    fn enter(&mut self, place: Place) {
        self.place = place;
        self.length = 0;
        self.tag.clear();
    }

    fn scan_text<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], TableError> {
        let Some(end) = memchr(b'<', bytes) else {
            self.grow(bytes.len(), limits::TEXT_BYTES)?;
            return Ok(&[]);
        };
        self.grow(end, limits::TEXT_BYTES)?;
        self.enter(Place::Tag(None));
        Ok(&bytes[end + 1..])
    }

    fn scan_tag<'b>(&mut self, bytes: &'b [u8], mut quote: Option<u8>) -> Result<&'b [u8], TableError> {
        for (index, &byte) in bytes.iter().enumerate() {
            match quote {
                None if byte == b'>' => {
                    self.end_tag()?;
                    self.enter(Place::Text);
                    return Ok(&bytes[index + 1..]);
                }
                None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
                Some(open) if open == byte => quote = None,
                _ => {}
            }
            self.grow(1, limits::TAG_BYTES)?;
            self.tag.push(byte);
            if let Some(ending) = ending_of(&self.tag) {
                self.enter(Place::Until(ending));
                return Ok(&bytes[index + 1..]);
            }
        }
        self.place = Place::Tag(quote);
        Ok(&[])
    }

    fn scan_until<'b>(&mut self, bytes: &'b [u8], ending: [u8; 2]) -> Result<&'b [u8], TableError> {
        for (index, &byte) in bytes.iter().enumerate() {
            self.grow(1, limits::TEXT_BYTES)?;
            if byte == b'>' && self.tag.ends_with(&ending) {
                self.enter(Place::Text);
                return Ok(&bytes[index + 1..]);
            }
            if self.tag.len() == 2 {
                self.tag.remove(0);
            }
            self.tag.push(byte);
        }
        Ok(&[])
    }

    fn end_tag(&mut self) -> Result<(), TableError> {
        match self.tag.first() {
            Some(b'!') => return Err(TableError::ForbiddenMarkup),
            Some(b'?') | None => return Ok(()),
            Some(b'/') => {
                self.depth = self.depth.saturating_sub(1);
                return Ok(());
            }
            Some(_) if self.tag.last() != Some(&b'/') => self.depth += 1,
            Some(_) => {}
        }
        if self.depth > limits::DEPTH {
            return Err(TableError::TooLarge(Limit::Markup));
        }
        self.count_tag()
    }

    fn count_tag(&mut self) -> Result<(), TableError> {
        match local_name(&self.tag) {
            b"si" => self.strings += 1,
            b"sheet" | b"definedName" | b"Relationship" | b"xf" => self.entries += 1,
            b"numFmt" | b"name" if self.is_style && self.tag.len() > limits::STYLE_TAG_BYTES => {
                return Err(TableError::TooLarge(Limit::Styles));
            }
            // The workbook reader reserves room for as many strings as declared.
            b"sst" if declared_count(&self.tag) > limits::SHARED_STRINGS => {
                return Err(TableError::TooLarge(Limit::SharedStrings));
            }
            _ => {}
        }
        if self.strings > limits::SHARED_STRINGS {
            return Err(TableError::TooLarge(Limit::SharedStrings));
        }
        if self.entries > limits::CATALOGUE_ENTRIES {
            return Err(TableError::TooLarge(Limit::Catalogue));
        }
        Ok(())
    }
}

/// The ending of what the start of a tag opens, when that is no tag.
fn ending_of(tag: &[u8]) -> Option<[u8; 2]> {
    match tag {
        b"!--" => Some(*b"--"),
        b"![CDATA[" => Some(*b"]]"),
        _ => None,
    }
}

/// The name of a tag without its prefix.
fn local_name(tag: &[u8]) -> &[u8] {
    let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(tag.len());
    let start = tag[..end].iter().rposition(|&byte| byte == b':').map_or(0, |colon| colon + 1);
    &tag[start..end]
}

/// The number of strings that a string table says it has.
fn declared_count(tag: &[u8]) -> u64 {
    const ATTRIBUTE: &[u8] = b"uniqueCount";
    memchr::memmem::find_iter(tag, ATTRIBUTE)
        .map(|start| {
            let value = &tag[start + ATTRIBUTE.len()..];
            let from = value.iter().position(u8::is_ascii_digit).unwrap_or(value.len());
            value[from..].iter().take_while(|byte| byte.is_ascii_digit()).fold(0_u64, |number, digit| {
                number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
            })
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(is_style: bool, markup: &[u8]) -> Result<(), &'static str> {
        // Byte by byte, so that every state is left and entered across chunks.
        let mut scanner = Scanner::new(is_style);
        markup.chunks(1).try_for_each(|chunk| scanner.scan(chunk)).map_err(|error| error.code())
    }

    #[test]
    fn ordinary_markup_passes() {
        let markup =
            br#"<?xml version="1.0"?><!-- a > b --><x:a q=">"><![CDATA[ <!DOCTYPE ]]> text<b/></x:a>"#;
        assert_eq!(scan(false, markup), Ok(()));
        let table = br#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="7000000" uniqueCount="5"><si/></sst>"#;
        assert_eq!(scan(false, table), Ok(()));
    }

    #[test]
    fn what_exhausts_a_parser_is_refused() {
        let deep = b"<a>".repeat(limits::DEPTH as usize + 1);
        let long_text = [&b"<a>"[..], &vec![b'x'; limits::TEXT_BYTES + 1]].concat();
        let long_tag = [&b"<a "[..], &vec![b'x'; limits::TAG_BYTES]].concat();
        let long_style = [&b"<numFmt "[..], &vec![b'x'; limits::STYLE_TAG_BYTES], b">"].concat();
        let many = b"<xf/>".repeat(usize::try_from(limits::CATALOGUE_ENTRIES).unwrap() + 1);
        for (is_style, markup, code) in [
            (false, &deep[..], "TABLE_TOO_LARGE"),
            (false, &long_text, "TABLE_TOO_LARGE"),
            (false, &long_tag, "TABLE_TOO_LARGE"),
            (true, &long_style, "TABLE_TOO_LARGE"),
            (false, &many, "TABLE_TOO_LARGE"),
            (false, b"<x:sst uniqueCount='99999999999999999999'>", "TABLE_TOO_LARGE"),
            (false, b"<!DOCTYPE a [<!ENTITY b 'c'>]>", "TABLE_FORBIDDEN_MARKUP"),
        ] {
            assert_eq!(scan(is_style, markup), Err(code), "{:?}", String::from_utf8_lossy(&markup[..20]));
        }
        assert_eq!(scan(false, &long_style), Ok(()));
    }
}
