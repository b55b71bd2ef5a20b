//! Files made to exhaust a reader. Each is read in a process of its own that may map no more than 512 MiB and has five seconds in a release build.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crm_kit_table::reader::{Options, Table};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const MEMORY_KIB: u64 = 512 << 10;
/// Inflating is twenty times slower without optimisation.
const SECONDS: u64 = if cfg!(debug_assertions) { 40 } else { 5 };

const RELS: &str = r#"<Relationships><Relationship Id="r" Type="x/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const WORKBOOK: &str = r#"<workbook><sheets><sheet name="S" sheetId="1" id="r"/></sheets></workbook>"#;
const SHEET: &str =
    r#"<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>name</v></c></row></sheetData></worksheet>"#;

/// A workbook of one sheet at the path, with more parts.
fn workbook(sheet_path: &str, sheet: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let rels = format!(
        r#"<Relationships><Relationship Id="r" Type="x/relationships/worksheet" Target="{sheet_path}"/></Relationships>"#
    );
    let path = format!("xl/{sheet_path}");
    let fixed = [
        ("_rels/.rels", RELS),
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", &rels),
        (&path, sheet),
    ];
    let all: Vec<_> =
        fixed.iter().map(|(name, text)| (*name, text.as_bytes())).chain(parts.iter().copied()).collect();
    archive(&all)
}

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut buffer = std::io::Cursor::new(Vec::new());
    let mut writer = ZipWriter::new(&mut buffer);
    for (name, content) in parts {
        writer.start_file(*name, SimpleFileOptions::default().compression_level(Some(1))).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap();
    buffer.rewind().unwrap();
    buffer.into_inner()
}

fn sheet(rows: &str) -> String {
    format!(
        r#"<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>name</v></c></row>{rows}</sheetData></worksheet>"#
    )
}

fn with_part(path: &str, content: &str) -> Vec<u8> {
    workbook("s.xml", SHEET, &[(path, content.as_bytes())])
}

fn spreadsheet(content: &str) -> Vec<u8> {
    archive(&[("META-INF/manifest.xml", b"<m/>"), ("content.xml", content.as_bytes())])
}

/// A part of blanks and counters, which deflates well but not beyond reason.
fn bulky(mebibytes: usize) -> String {
    let mut text = String::with_capacity(mebibytes << 20);
    let mut number = 0_u32;
    while text.len() < mebibytes << 20 {
        number += 1;
        write!(text, "<c>{number:64}</c>").unwrap();
    }
    text
}

fn rows_of(cell: impl Fn(u32) -> String, count: u32) -> String {
    let rows: Vec<_> = (2..count + 2).map(|row| format!(r#"<row r="{row}">{}</row>"#, cell(row))).collect();
    rows.concat()
}

/// Name, content, and the code the reading ends with; `READ` for none.
#[expect(clippy::too_many_lines, reason = "a list")]
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let long_text = "x".repeat(1_000_000);
    let deep = "<a>".repeat(1_000_000);
    let many_parts: Vec<_> = (0..60_000).map(|part| format!("p{part}")).collect();
    let many_parts: Vec<(&str, &[u8])> = many_parts.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let bulk = bulky(60);
    let parts: Vec<_> = (0..10).map(|part| format!("xl/p{part}.xml")).collect();
    let bulks: Vec<(&str, &[u8])> = parts.iter().map(|name| (name.as_str(), bulk.as_bytes())).collect();
    let xfs =
        format!("<styleSheet><cellXfs>{}</cellXfs></styleSheet>", r#"<xf numFmtId="164"/>"#.repeat(200_000));
    let formats = format!(
        r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="{}"/></numFmts><cellXfs>{}</cellXfs></styleSheet>"#,
        "0".repeat(60_000),
        r#"<xf numFmtId="164"/>"#.repeat(60_000)
    );
    let in_opaque =
        sheet(&format!(r#"<row r="2"><c r="A2" t="str"><v>{}</v></c></row>"#, "ab ".repeat(20 << 20)));
    let strings: String = (0..1_900_000).fold("<sst>".to_owned(), |mut all, number| {
        write!(all, "<si><t>{number:_>45}</t></si>").unwrap();
        all
    }) + "</sst>";
    let styles = format!(
        r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="{0}"/></numFmts><fonts><font><name val="{0}"/></font></fonts><cellXfs>{1}</cellXfs></styleSheet>"#,
        "0".repeat(980),
        r#"<xf numFmtId="164" fontId="0"/>"#.repeat(131_000)
    );
    let mut truncated = with_part("xl/a.xml", &bulk[..1 << 20]);
    truncated.truncate(truncated.len() / 2);
    let reversed = if cfg!(debug_assertions) { "TABLE_DAMAGED" } else { "READ" };
    vec![
        ("bomb.xlsx", with_part("xl/a.xml", &" ".repeat(64 << 20)), "TABLE_TOO_LARGE"),
        ("bulk.xlsx", workbook("s.xml", SHEET, &bulks), "TABLE_TOO_LARGE"),
        ("parts.xlsx", archive(&many_parts), "TABLE_TOO_LARGE"),
        (
            "declared_strings.xlsx",
            with_part("xl/sharedStrings.xml", r#"<sst uniqueCount="9000000000000000"><si/></sst>"#),
            "TABLE_TOO_LARGE",
        ),
        (
            "many_strings.xlsx",
            with_part(
                "xl/sharedStrings.xml",
                &format!("<sst>{}</sst>", "<si><t>a</t></si> <!-- -->".repeat(2_100_000)),
            ),
            "TABLE_TOO_LARGE",
        ),
        ("deep.xlsx", with_part("xl/sharedStrings.xml", &deep), "TABLE_TOO_LARGE"),
        (
            "entities.xlsx",
            with_part(
                "xl/sharedStrings.xml",
                r#"<!DOCTYPE sst [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><sst><si><t>&b;</t></si></sst>"#,
            ),
            "TABLE_FORBIDDEN_MARKUP",
        ),
        (
            "long_text.xlsx",
            workbook(
                "s.xml",
                &sheet(&format!(r#"<row r="2"><c r="A2" t="str"><v>{}</v></c></row>"#, long_text.repeat(2))),
                &[],
            ),
            "TABLE_TOO_LARGE",
        ),
        (
            "long_tag.xlsx",
            workbook("s.xml", &sheet(&format!(r#"<row r="2" x="{long_text}"/>"#)), &[]),
            "TABLE_TOO_LARGE",
        ),
        ("formats.xlsx", with_part("xl/styles.xml", &xfs), "TABLE_TOO_LARGE"),
        ("format_code.xlsx", with_part("xl/styles.xml", &formats), "TABLE_TOO_LARGE"),
        (
            "far_column.xlsx",
            workbook("s.xml", &sheet(r#"<row r="2"><c r="XFD2"><v>1</v></c></row>"#), &[]),
            "ROW_TOO_LARGE",
        ),
        (
            "far_row.xlsx",
            workbook("s.xml", &sheet(r#"<row r="4294967295"><c r="A4294967295"><v>1</v></c></row>"#), &[]),
            "ROW_TOO_LARGE",
        ),
        (
            "backwards.xlsx",
            workbook(
                "s.xml",
                &sheet(r#"<row r="9"><c r="A9"><v>1</v></c></row><row r="8"><c r="A8"><v>1</v></c></row>"#),
                &[],
            ),
            "ROW_OUT_OF_ORDER",
        ),
        (
            "dimension.xlsx",
            workbook("s.xml", &SHEET.replace("<sheetData>", r#"<dimension ref="B2:A1"/><sheetData>"#), &[]),
            reversed,
        ),
        (
            "repeated_string.xlsx",
            workbook(
                "s.xml",
                &sheet(&rows_of(|row| format!(r#"<c r="A{row}" t="s"><v>0</v></c>"#), 100_000)),
                &[("xl/sharedStrings.xml", format!("<sst><si><t>{long_text}</t></si></sst>").as_bytes())],
            ),
            "ROW_TOO_LARGE",
        ),
        ("sheet_as_picture.xlsx", workbook("s.png", &in_opaque, &[]), "ROW_CELL_TOO_LONG"),
        ("allowed_strings.xlsx", with_part("xl/sharedStrings.xml", &strings), "READ"),
        ("allowed_formats.xlsx", with_part("xl/styles.xml", &styles), "READ"),
        ("truncated.xlsx", truncated, "TABLE_DAMAGED"),
        (
            "repeated.ods",
            spreadsheet(
                r#"<d><table:table table:name="S"><table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/></table:table-row></table:table></d>"#,
            ),
            "TABLE_TOO_LARGE",
        ),
        (
            "repeated_cells.ods",
            spreadsheet(
                r#"<d><table:table table:name="S"><table:table-row table:number-rows-repeated="1048575"><table:table-cell table:number-columns-repeated="512" office:value-type="float" office:value="1"/></table:table-row></table:table></d>"#,
            ),
            "ROW_TOO_LARGE",
        ),
        (
            "counts.ods",
            spreadsheet(
                r#"<d><table:table table:name="S"><table:table-row table:number-rows-repeated="18446744073709551615"/><table:table-row table:number-rows-repeated="18446744073709551615"><table:table-cell table:number-columns-repeated="18446744073709551615"/><table:table-cell office:value-type="string"><text:p>a</text:p></table:table-cell></table:table-row></table:table></d>"#,
            ),
            "TABLE_TOO_LARGE",
        ),
        ("unclosed.csv", format!("a,b\n\"{}", "x,y\n".repeat(25 << 20)).into_bytes(), "ROW_TOO_LARGE"),
        ("one_line.csv", "x".repeat(100 << 20).into_bytes(), "TABLE_TOO_LARGE"),
        ("columns.csv", ",x".repeat(1 << 20).into_bytes(), "TABLE_TOO_LARGE"),
        ("zeros.csv", vec![0; 100 << 20], "TABLE_NOT_TEXT"),
    ]
}

/// Reads the whole file and says how it ended: by the first fault, or `READ`.
fn outcome(path: &Path) -> &'static str {
    let mut table = match Table::open(path, &Options::default()) {
        Ok(table) => table,
        Err(error) => return error.code(),
    };
    let mut outcome = "READ";
    for row in table.rows().unwrap() {
        match row {
            Err(error) if error.is_fatal() => return error.code(),
            Err(error) => outcome = error.code(),
            Ok(_) => {}
        }
    }
    outcome
}

/// The child: reads the file that the parent names, and does nothing without one.
#[test]
fn the_named_file_is_read() {
    if let Some(path) = std::env::var_os("HOSTILE_FILE") {
        let outcome = outcome(Path::new(&path));
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        println!("outcome={outcome}= {peak}");
    }
}

#[test]
fn hostile_files_are_refused_in_time_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (name, content, expected) in hostile() {
        let path = folder.path().join(name);
        File::create(&path).unwrap().write_all(&content).unwrap();
        let began = Instant::now();
        let output = Command::new("sh")
            .args([
                "-c",
                &format!("ulimit -v {MEMORY_KIB}; exec \"$0\" --exact hostile::the_named_file_is_read --nocapture --test-threads=1"),
            ])
            .arg(std::env::current_exe().unwrap())
            .envs([("HOSTILE_FILE", path.as_os_str()), ("MALLOC_ARENA_MAX", "1".as_ref()), ("RUST_BACKTRACE", "0".as_ref())])
            .output()
            .unwrap();
        let took = began.elapsed();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said.lines().find_map(|line| line.split_once("outcome=")).map_or("none", |(_, rest)| rest);
        println!("{name} ({} KiB): {line} in {} ms", content.len() >> 10, took.as_millis());
        if !line.starts_with(&format!("{expected}=")) || took > Duration::from_secs(SECONDS) {
            wrong.push(format!(
                "{name}: {line} in {took:?}, expected {expected}; {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        std::fs::remove_file(path).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
