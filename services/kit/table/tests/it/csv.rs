//! The CSV edge cases of `shared/data/csv`.

use std::path::Path;

use crate::common;
use crm_kit_table::Row;
use crm_kit_table::reader::{Header, Options, RowError, Table};
use serde_json::Value;

type Rows = Vec<Result<Row, RowError>>;

fn read(path: &Path, header: Header) -> Result<(Vec<String>, Rows), &'static str> {
    let mut table =
        Table::open(path, &Options { header, ..Options::default() }).map_err(|error| error.code())?;
    let rows = table.rows().map_err(|error| error.code())?.collect();
    Ok((table.header().to_vec(), rows))
}

fn texts(row: &Row) -> Vec<String> {
    row.cells.iter().map(|cell| cell.display().into_owned()).collect()
}

/// Reads the file as its JSON twin says it is meant: arrays with the header among them, or objects under the header.
fn agrees_with(path: &Path, twin: &Value) -> bool {
    let lists: Vec<&Value> = twin.as_array().map_or_else(|| vec![twin], |rows| rows.iter().collect());
    if lists.iter().all(|row| row.is_object()) {
        let (header, rows) = read(path, Header::Auto).unwrap();
        rows.len() == lists.len()
            && rows.iter().zip(lists).all(|(row, expected)| {
                let found = header.iter().zip(texts(row.as_ref().unwrap()));
                found
                    .map(|(name, text)| (name.clone(), Value::String(text)))
                    .collect::<serde_json::Map<_, _>>()
                    == *expected.as_object().unwrap()
            })
    } else {
        let (_, rows) = read(path, Header::Absent).unwrap();
        let found: Vec<_> = rows.iter().map(|row| texts(row.as_ref().unwrap())).collect();
        serde_json::json!(found) == *twin
    }
}

#[test]
fn every_good_file_reads_as_its_twin() {
    let Some(folder) = common::shared_data("csv") else { return };
    let mut wrong = Vec::new();
    let mut count = 0;
    for set in ["rfc4180/csv", "spectrum/csvs"] {
        for path in common::files(&folder.join(set), &["csv"]) {
            let name = common::name(&path);
            let twin_path = path.parent().unwrap().with_file_name("json").join(name.replace(".csv", ".json"));
            // Its twin holds another telephone number than the file itself; see the test below.
            if name.starts_with("bad-") || name == "location_coordinates.csv" {
                continue;
            }
            count += 1;
            // `newlines_crlf.csv` lost its carriage returns before it came here; its twin still has one inside a field.
            let twin = std::fs::read_to_string(twin_path).unwrap().replace("\\r\\n", "\\n");
            let twin = serde_json::from_str(&twin).unwrap();
            if !agrees_with(&path, &twin) {
                wrong.push(name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(count, 29);
}

#[test]
fn every_bad_file_is_refused_or_reported() {
    let Some(folder) = common::shared_data("csv") else { return };
    for (name, expected) in [
        ("bad-header-less-fields", "ROW_TOO_FEW_FIELDS"),
        ("bad-header-more-fields", "ROW_TOO_MANY_FIELDS"),
        ("bad-header-no-header", "TABLE_EMPTY"),
        ("bad-missing-quote", "ROW_UNCLOSED_QUOTE"),
        ("bad-quotes-with-unescaped-quote", "ROW_TEXT_AFTER_QUOTE"),
        ("bad-unescaped-quote", "ROW_BARE_QUOTE"),
        // That these are not the wanted columns is for the mapping to say.
        ("bad-header-wrong-header", "NO_ROWS"),
    ] {
        let found = match read(&folder.join("rfc4180/csv").join(format!("{name}.csv")), Header::Auto) {
            Err(code) => code,
            Ok((_, rows)) => match rows.first() {
                None => "NO_ROWS",
                Some(Err(error)) => {
                    assert_eq!(error.line, 2, "{name}");
                    error.code()
                }
                Some(Ok(row)) => row.warning.map_or("READ", crm_kit_table::Warning::code),
            },
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_quote_in_a_coordinate_is_read_with_a_warning() {
    let Some(folder) = common::shared_data("csv") else { return };
    let (_, rows) = read(&folder.join("spectrum/csvs/location_coordinates.csv"), Header::Auto).unwrap();
    let row = rows[0].as_ref().unwrap();
    assert!(row.warning.is_some());
    assert_eq!(row.cells[0].display(), "2095257564");
    assert_eq!(row.cells[1].display(), "37\u{FFFD}36'37.8\"N 121\u{FFFD}2'17.9\"W");
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

#[test]
fn a_bad_byte_costs_its_row_and_names_its_line() {
    let file = written("名称,城市\n\"甲\n乙\",北京\n".repeat(30).as_bytes());
    let mut bytes = std::fs::read(file.path()).unwrap();
    bytes.extend_from_slice(b"\xFF,x\nlast,y\n");
    std::fs::write(file.path(), bytes).unwrap();
    let (_, rows) = read(file.path(), Header::Auto).unwrap();
    let errors: Vec<_> =
        rows.iter().filter_map(|row| row.as_ref().err()).map(|error| (error.line, error.code())).collect();
    assert_eq!(errors, [(91, "ROW_UNDECODABLE")]);
    assert_eq!(rows.last().unwrap().as_ref().unwrap().line, 92);
}

#[test]
fn declared_and_detected_forms_of_the_same_text_agree() {
    let text = "客户名称;省份\r\n\"北京;某某\";北京\r\n";
    let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let (gb18030, ..) = encoding_rs::GB18030.encode(text);
    for bytes in [
        text.as_bytes(),
        format!("\u{FEFF}{text}").as_bytes(),
        &utf16,
        &gb18030,
        format!("sep=;\r\n{text}").as_bytes(),
    ] {
        let (header, rows) = read(written(bytes).path(), Header::Auto).unwrap();
        assert_eq!(header, ["客户名称", "省份"]);
        assert_eq!(texts(rows[0].as_ref().unwrap()), ["北京;某某", "北京"]);
    }
}

#[test]
fn reading_goes_on_after_a_line() {
    let file = written(b"a,b\n1,\"x\ny\"\n\n2,z\n3,z\n");
    let mut table = Table::open(file.path(), &Options::default()).unwrap();
    let lines: Vec<_> = table.rows_after(2).unwrap().map(|row| row.unwrap().line).collect();
    assert_eq!(lines, [5, 6]);
    assert_eq!(table.rows().unwrap().count(), 3);
}

#[test]
fn what_is_no_text_is_refused() {
    for (bytes, code) in [
        (&b"\x7FELF\x02\x01\0\0\0\0"[..], "TABLE_NOT_TEXT"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "TABLE_OLD_OR_ENCRYPTED"),
        (b"PK\x03\x04 not a zip", "TABLE_DAMAGED"),
        (b"\n\n \n", "TABLE_EMPTY"),
        (b"", "TABLE_EMPTY"),
        (b"\n,,\n", "TABLE_EMPTY"),
    ] {
        let found = read(written(bytes).path(), Header::Auto).map_or_else(|code| code, |_| "READ");
        assert_eq!(found, code, "{:?}", String::from_utf8_lossy(bytes));
    }
}
