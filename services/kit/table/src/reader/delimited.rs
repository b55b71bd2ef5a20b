//! Records of a delimited text (RFC 4180 and its usual variants).
//!
//! The `csv` crate is not used for reading because it accepts what an import must report: a quote that never closes, text after
//! a closing quote; because it counts records rather than physical lines inside quotes; and because one record may take all
//! memory. It is the oracle of the tests instead.

use std::io::BufRead;

use super::encoding::UNDECODABLE;
use super::error::{Fault, RowError};
use super::limits::{COLUMNS, Limit, RECORD_BYTES};
use crate::{Cell, MAX_CELL_CHARS, Row, Warning};

/// The delimiters that are looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Records a delimiter is judged by.
const SNIFFED_RECORDS: usize = 50;

/// The delimiter of a text by its beginning: the one that cuts the most records into the same number of fields, two at least.
pub(super) fn sniff(sample: &[u8]) -> u8 {
    let mut best = (0, 0, b',');
    for delimiter in DELIMITERS {
        let (agreeing, fields) = agreement(sample, delimiter);
        if fields > 1 && (agreeing, fields) > (best.0, best.1) {
            best = (agreeing, fields, delimiter);
        }
    }
    best.2
}

/// How many of the first records have the commonest number of fields, and that number.
fn agreement(sample: &[u8], delimiter: u8) -> (usize, usize) {
    let mut counts = std::collections::BTreeMap::<usize, usize>::new();
    for row in Records::new(sample, delimiter).take(SNIFFED_RECORDS).flatten() {
        if row.cells.iter().any(|cell| !cell.is_empty()) {
            *counts.entry(row.cells.len()).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .filter(|&(fields, _)| fields > 1)
        .map(|(fields, agreeing)| (agreeing, fields))
        .max()
        .unwrap_or((0, 1))
}

/// A stream of records. Ends after a fatal error.
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    line: u64,
    after_return: bool,
    ended: bool,
    record: Record,
}

#[derive(Default)]
struct Record {
    state: State,
    cells: Vec<Cell>,
    field: Vec<u8>,
    bytes: usize,
    bare_quote: bool,
    fault: Option<Fault>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    RecordStart,
    FieldStart,
    Unquoted,
    Quoted,
    QuoteInQuoted,
    /// Past a fault, on the way to the end of the physical line.
    Skipping,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(input: R, delimiter: u8) -> Self {
        Self { input, delimiter, line: 1, after_return: false, ended: false, record: Record::default() }
    }

    /// Reads to the end of the next record; false at the end of the input.
    fn advance(&mut self) -> Result<bool, Fault> {
        loop {
            let chunk = self.input.fill_buf().map_err(Fault::Unreadable)?;
            if chunk.is_empty() {
                return match self.record.state {
                    State::RecordStart => Ok(false),
                    State::Quoted => Err(Fault::UnclosedQuote),
                    _ => Ok(true),
                };
            }
            let mut used = 0;
            let mut complete = false;
            for &byte in chunk {
                used += 1;
                let is_second_half = byte == b'\n' && std::mem::take(&mut self.after_return);
                self.after_return = byte == b'\r';
                self.line += u64::from(!is_second_half && matches!(byte, b'\r' | b'\n'));
                if is_second_half && self.record.state == State::RecordStart {
                    continue;
                }
                complete = self.record.take(byte, self.delimiter);
                if complete {
                    break;
                }
            }
            self.input.consume(used);
            if complete {
                return Ok(true);
            }
            if self.record.bytes > RECORD_BYTES {
                return Err(Fault::TooLarge(Limit::Record));
            }
        }
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.line;
        self.record.clear();
        let row = match self.advance() {
            Ok(false) => None,
            Ok(true) => Some(self.record.finish(line)),
            Err(fault) => Some(Err(RowError::new(line, fault))),
        };
        self.ended = match &row {
            None => true,
            Some(row) => row.as_ref().is_err_and(RowError::is_fatal),
        };
        row
    }
}

impl Record {
    fn clear(&mut self) {
        *self = Self { field: std::mem::take(&mut self.field), ..Self::default() };
        self.field.clear();
    }

    /// Takes the next byte; true when it ends the record.
    fn take(&mut self, byte: u8, delimiter: u8) -> bool {
        self.bytes += 1;
        match self.state {
            State::Quoted if byte == b'"' => self.state = State::QuoteInQuoted,
            State::Quoted => self.push(byte),
            State::QuoteInQuoted if byte == b'"' => {
                self.state = State::Quoted;
                self.push(byte);
            }
            _ if matches!(byte, b'\r' | b'\n') => return self.end_line(),
            State::Skipping => {}
            _ if byte == delimiter => self.end_field(),
            State::RecordStart | State::FieldStart if byte == b'"' => self.state = State::Quoted,
            State::QuoteInQuoted => {
                self.fault = Some(Fault::TextAfterQuote);
                self.state = State::Skipping;
            }
            State::RecordStart | State::FieldStart | State::Unquoted => {
                self.bare_quote |= byte == b'"';
                self.state = State::Unquoted;
                self.push(byte);
            }
        }
        false
    }

    fn end_line(&mut self) -> bool {
        if self.state == State::RecordStart {
            self.state = State::FieldStart;
        }
        true
    }

    fn push(&mut self, byte: u8) {
        if matches!(byte, UNDECODABLE | 0) {
            self.fault.get_or_insert(Fault::Undecodable);
        } else {
            self.field.push(byte);
        }
    }

    fn end_field(&mut self) {
        self.state = State::FieldStart;
        if self.cells.len() >= COLUMNS {
            self.fault.get_or_insert(Fault::TooLarge(Limit::Columns));
        } else if self.field.len() > MAX_CELL_CHARS
            && String::from_utf8_lossy(&self.field).chars().count() > MAX_CELL_CHARS
        {
            self.fault.get_or_insert(Fault::CellTooLong);
        } else {
            self.cells.push(Cell::text(String::from_utf8_lossy(&self.field)));
        }
        self.field.clear();
    }

    fn finish(&mut self, line: u64) -> Result<Row, RowError> {
        self.end_field();
        match self.fault.take() {
            Some(fault) => Err(RowError::new(line, fault)),
            None => Ok(Row {
                line,
                cells: std::mem::take(&mut self.cells),
                warning: self.bare_quote.then_some(Warning::BareQuote),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Read = Result<(u64, Vec<String>), (u64, &'static str)>;

    fn read(text: &str) -> Vec<Read> {
        Records::new(text.as_bytes(), b',')
            .map(|row| match row {
                Ok(row) => Ok((row.line, row.cells.iter().map(|cell| cell.display().into_owned()).collect())),
                Err(error) => Err((error.line, error.code())),
            })
            .collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "stands beside errors in the expected lists")]
    fn row(line: u64, cells: &[&str]) -> Read {
        Ok((line, cells.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn lines_are_physical_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("a,b{end}{end}\"one{end}two\",x{end}last,\"q\"\"q\"");
            let two = format!("one{end}two");
            assert_eq!(
                read(&text),
                [row(1, &["a", "b"]), row(2, &[""]), row(3, &[&two, "x"]), row(5, &["last", "q\"q"])],
                "{end:?}"
            );
        }
    }

    #[test]
    fn faults_of_quoting_are_reported_with_their_line() {
        assert_eq!(
            read("a\n\"b\"c,d\ne\n"),
            [row(1, &["a"]), Err((2, "ROW_TEXT_AFTER_QUOTE")), row(3, &["e"])]
        );
        assert_eq!(read("a\n\"b\nc\n"), [row(1, &["a"]), Err((2, "ROW_UNCLOSED_QUOTE"))]);
        let long = format!("a\n\"{}", "b\n".repeat(RECORD_BYTES));
        assert_eq!(read(&long), [row(1, &["a"]), Err((2, "ROW_TOO_LARGE"))]);
        let cell = "字".repeat(MAX_CELL_CHARS);
        assert_eq!(read(&cell), [row(1, &[&cell])]);
        assert_eq!(read(&format!("{cell}字\nb")), [Err((1, "ROW_CELL_TOO_LONG")), row(2, &["b"])]);
    }

    #[test]
    fn a_quote_inside_an_unquoted_field_is_a_warning() {
        let rows: Vec<_> = Records::new(&b"5\" pipe,1\nplain,2"[..], b',').map(Result::unwrap).collect();
        assert_eq!(rows[0].cells[0], Cell::text("5\" pipe"));
        assert_eq!(rows[0].warning, Some(Warning::BareQuote));
        assert_eq!(rows[1].warning, None);
    }

    #[test]
    fn the_delimiter_is_the_one_that_cuts_evenly() {
        for (sample, expected) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,5\n3,5;4,5\n", b';'),
            ("a\tb, c\n1\t2\n", b'\t'),
            ("a|b\n1|\"x,y|z\"\n", b'|'),
            ("alone\n", b','),
            ("", b','),
        ] {
            assert_eq!(sniff(sample.as_bytes()), expected, "{sample:?}");
        }
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_back(
            table in prop::collection::vec(prop::collection::vec("[a-z \",;\r\n中é]{0,6}", 2..5), 1..6),
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for record in &table {
                writer.write_record(record).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let rows: Vec<Vec<String>> = Records::new(&bytes[..], b',')
                .map(|row| row.unwrap().cells.iter().map(|cell| cell.display().into_owned()).collect())
                .collect();
            prop_assert_eq!(rows, table);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Records::new(&bytes[..], b',').count() <= bytes.len() + 1);
        }
    }
}
