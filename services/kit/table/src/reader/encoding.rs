//! Text encodings: which one a file is in, and its bytes as UTF-8.
//!
//! [`Decoded`] never fails on a bad byte: it puts [`UNDECODABLE`], a byte that UTF-8 does not have, in its place, so that the
//! record reader can blame the row and go on.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek};
use std::path::Path;
use std::sync::LazyLock;

use encoding_rs::{DecoderResult, GB18030, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Stands in the decoded stream where the file had bytes its encoding does not allow.
pub(super) const UNDECODABLE: u8 = 0xFF;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// Bytes decoded at once.
const TEXT_CHUNK: usize = 2 * CHUNK;
/// Less room than this is not worth another call of the decoder, which wants some for its longest character.
const MIN_ROOM: usize = 64;

/// The encoding of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Look at the whole file and decide.
    #[default]
    Auto,
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16; a byte order mark says which, little endian without one.
    Utf16,
    /// GB18030, and so GBK and GB 2312.
    Gb18030,
    /// Windows-1252, and so ISO 8859-1.
    Windows1252,
}

/// An encoding that is settled.
pub(super) type Settled = &'static encoding_rs::Encoding;

/// The encoding to read the file with: the declared one, or the likeliest by a pass over all its bytes.
pub(super) fn settle(path: &Path, declared: Encoding) -> io::Result<Settled> {
    let mut head = [0; 3];
    let length = read_full(&mut File::open(path)?, &mut head)?;
    let marked = encoding_rs::Encoding::for_bom(&head[..length]).map(|(encoding, _)| encoding);
    Ok(match declared {
        Encoding::Utf8 => UTF_8,
        Encoding::Utf16 => marked.filter(|&encoding| encoding == UTF_16BE).unwrap_or(UTF_16LE),
        Encoding::Gb18030 => GB18030,
        Encoding::Windows1252 => WINDOWS_1252,
        Encoding::Auto => match marked {
            Some(encoding) => encoding,
            None => detect(path)?,
        },
    })
}

/// Decides by how the bytes outside ASCII decode.
///
/// A few bad bytes in an otherwise clean UTF-8 or GB18030 file are faults of their rows, not proof of another encoding. As
/// nearly any pair of an accented letter and a letter is *some* rare GB18030 character, only text that mostly consists of
/// the common ones of GB 2312 counts as Chinese.
fn detect(path: &Path) -> io::Result<Settled> {
    let utf8 = survey(path, UTF_8)?;
    if utf8.undecodable * 20 <= utf8.beyond_ascii {
        return Ok(UTF_8);
    }
    let chinese = survey(path, GB18030)?;
    let clean = chinese.undecodable * 50 <= chinese.beyond_ascii;
    let common = chinese.common_chinese * 5 >= chinese.beyond_ascii * 4;
    Ok(if clean && common && chinese.common_chinese > 0 { GB18030 } else { WINDOWS_1252 })
}

#[derive(Default)]
struct Survey {
    undecodable: u64,
    beyond_ascii: u64,
    common_chinese: u64,
}

fn survey(path: &Path, encoding: Settled) -> io::Result<Survey> {
    let mut decoded = Decoded::open(path, encoding)?;
    let mut survey = Survey::default();
    loop {
        let chunk = decoded.fill_buf()?;
        if chunk.is_empty() {
            return Ok(survey);
        }
        for part in chunk.split_inclusive(|&byte| byte == UNDECODABLE) {
            let text = part.strip_suffix(&[UNDECODABLE]).unwrap_or(part);
            survey.undecodable += u64::from(text.len() < part.len());
            if !text.is_ascii() {
                // The decoder writes whole characters only, so a chunk never splits one.
                for character in
                    String::from_utf8_lossy(text).chars().filter(|character| !character.is_ascii())
                {
                    survey.beyond_ascii += 1;
                    survey.common_chinese += u64::from(is_common_chinese(character));
                }
            }
        }
        let read = chunk.len();
        decoded.consume(read);
    }
}

/// Whether GB 2312 has the character in its rows of punctuation, full-width forms and Chinese characters.
fn is_common_chinese(character: char) -> bool {
    COMMON_CHINESE.get(character as usize).copied().unwrap_or(false)
}

/// The code points of those rows: both bytes high, the first in `A1..=A3` or `B0..=F7`. Made by decoding, as encoding is a linear
/// search for each character.
static COMMON_CHINESE: LazyLock<Box<[bool]>> = LazyLock::new(|| {
    let mut common = vec![false; 1 << 16].into_boxed_slice();
    for lead in (0xA1..=0xA3).chain(0xB0..=0xF7) {
        for trail in 0xA1..=0xFE {
            let pair = [lead, trail];
            let (text, _, _) = GB18030.decode(&pair);
            for character in text.chars().filter(|&character| character != char::REPLACEMENT_CHARACTER) {
                if let Some(slot) = common.get_mut(character as usize) {
                    *slot = true;
                }
            }
        }
    }
    common
});

/// A file as UTF-8, decoded in chunks, without its byte order mark.
pub(super) struct Decoded {
    file: File,
    decoder: encoding_rs::Decoder,
    raw: Box<[u8]>,
    raw_range: (usize, usize),
    at_end: bool,
    finished: bool,
    text: Box<[u8]>,
    consumed: usize,
    filled: usize,
}

impl Decoded {
    pub(super) fn open(path: &Path, encoding: Settled) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.rewind()?;
        Ok(Self {
            file,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; CHUNK].into_boxed_slice(),
            raw_range: (0, 0),
            at_end: false,
            finished: false,
            text: vec![0; TEXT_CHUNK].into_boxed_slice(),
            consumed: 0,
            filled: 0,
        })
    }

    /// Fills the text with at least one byte, unless the file has ended.
    fn refill(&mut self) -> io::Result<()> {
        self.consumed = 0;
        self.filled = 0;
        while self.filled == 0 && !self.finished {
            if self.raw_range.0 == self.raw_range.1 && !self.at_end {
                let read = self.file.read(&mut self.raw)?;
                self.raw_range = (0, read);
                self.at_end = read == 0;
            }
            self.decode();
        }
        Ok(())
    }

    /// Decodes what was read, up to its end or that of the room for text; the room always leaves a byte for a mark.
    fn decode(&mut self) {
        loop {
            let raw = &self.raw[self.raw_range.0..self.raw_range.1];
            let room = &mut self.text[self.filled..TEXT_CHUNK - 1];
            if room.len() < MIN_ROOM {
                return;
            }
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(raw, room, self.at_end);
            self.raw_range.0 += read;
            self.filled += written;
            match result {
                DecoderResult::Malformed(..) => {
                    self.text[self.filled] = UNDECODABLE;
                    self.filled += 1;
                }
                DecoderResult::InputEmpty => {
                    self.finished = self.at_end;
                    return;
                }
                DecoderResult::OutputFull => return,
            }
        }
    }
}

impl Read for Decoded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Decoded {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.consumed == self.filled {
            self.refill()?;
        }
        Ok(&self.text[self.consumed..self.filled])
    }

    fn consume(&mut self, amount: usize) {
        self.consumed += amount;
    }
}

/// Reads until the buffer is full or the source ends, and says how much was read.
pub(super) fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(bytes: &[u8]) -> Settled {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        settle(file.path(), Encoding::Auto).unwrap()
    }

    #[test]
    fn an_undeclared_encoding_is_found_from_the_bytes() {
        let chinese = "客户名称,省份\n北京某某科技有限公司,北京\n".repeat(40);
        let gb18030 = GB18030.encode(&chinese).0.into_owned();
        let mut broken_gb18030 = gb18030.clone();
        broken_gb18030.extend_from_slice(b"\xFF\n");
        let mut broken_utf8 = chinese.clone().into_bytes();
        broken_utf8.extend_from_slice(b"\xFF\n");
        let western =
            WINDOWS_1252.encode("name,city\nMüller,Köln\nGarçon,Besançon\nJosé,Málaga\n").0.into_owned();
        for (what, bytes, expected) in [
            ("nothing", &b""[..], UTF_8),
            ("ascii", b"a,b\n1,2\n", UTF_8),
            ("utf-8", chinese.as_bytes(), UTF_8),
            ("utf-8 with a bad byte", &broken_utf8, UTF_8),
            ("gb18030", &gb18030, GB18030),
            ("gb18030 with a bad byte", &broken_gb18030, GB18030),
            ("windows-1252", &western, WINDOWS_1252),
            ("utf-16 little endian", b"\xFF\xFEa\0", UTF_16LE),
            ("utf-16 big endian", b"\xFE\xFF\0a", UTF_16BE),
        ] {
            assert_eq!(settled(bytes), expected, "{what}");
        }
    }

    #[test]
    fn a_bad_byte_is_marked_and_the_text_around_it_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"\xEF\xBB\xBFa\xFFb").unwrap();
        let mut text = Vec::new();
        Decoded::open(file.path(), UTF_8).unwrap().read_to_end(&mut text).unwrap();
        assert_eq!(text, b"a\xFFb");
    }
}
