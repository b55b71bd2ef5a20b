//! How fast and how lean: run with `cargo test --release --test it figures -- --ignored --nocapture`.

use std::path::Path;
use std::time::Instant;

use chrono::NaiveDate;
use crm_kit_table::Cell;
use crm_kit_table::reader::{Options, Table};
use crm_kit_table::writer::{ByteOrderMark, CsvWriter, XlsxWriter};

const ROWS: u32 = 100_000;

fn row(number: u32) -> Vec<Cell> {
    vec![
        Cell::text(format!("北京某某科技有限公司{number}")),
        Cell::text(format!("{number:018}")),
        Cell::text("信息技术"),
        Cell::text(format!("+86138{number:08}")),
        Cell::text(format!("user{number}@example.com")),
        Cell::number(f64::from(number) * 1.25),
        Cell::Date(NaiveDate::from_ymd_opt(2024, 1, 5).unwrap()),
        Cell::Bool(number.is_multiple_of(2)),
        Cell::text("北京市海淀区中关村大街1号"),
        Cell::text("note, with a comma"),
    ]
}

fn report(what: &str, began: Instant, path: &Path) {
    let seconds = began.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak: u64 = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let size = std::fs::metadata(path).unwrap().len() >> 10;
    println!(
        "{what}: {ROWS} rows of 10 in {seconds:.2} s, {:.0} rows/s, file {size} KiB, peak so far {} MiB",
        f64::from(ROWS) / seconds,
        peak >> 10
    );
}

fn read(what: &str, path: &Path) {
    let began = Instant::now();
    let mut table = Table::open(path, &Options::default()).unwrap();
    println!("{what}: opened after {} ms", began.elapsed().as_millis());
    let count = table.rows().unwrap().map(|row| assert_eq!(row.unwrap().cells.len(), 10)).count();
    assert_eq!(count, ROWS as usize);
    report(what, began, path);
}

#[test]
#[ignore = "takes seconds and only says something in release"]
fn a_hundred_thousand_rows() {
    let folder = tempfile::tempdir().unwrap();
    let header: Vec<_> = (0..10).map(|column| Cell::text(format!("column {column}"))).collect();

    let path = folder.path().join("a.csv");
    let began = Instant::now();
    let mut writer =
        CsvWriter::new(std::io::BufWriter::new(std::fs::File::create(&path).unwrap()), ByteOrderMark::Write)
            .unwrap();
    writer.write(&header).unwrap();
    (0..ROWS).for_each(|number| writer.write(&row(number)).unwrap());
    drop(writer.finish().unwrap());
    report("csv written", began, &path);
    read("csv read", &path);

    let gb18030 = folder.path().join("b.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&gb18030, encoding_rs::GB18030.encode(text.trim_start_matches('\u{FEFF}')).0).unwrap();
    drop(text);
    read("csv in gb18030 read", &gb18030);

    let path = folder.path().join("a.xlsx");
    let began = Instant::now();
    let mut writer = XlsxWriter::new("data").unwrap();
    writer.write(&header).unwrap();
    (0..ROWS).for_each(|number| writer.write(&row(number)).unwrap());
    writer.finish(std::fs::File::create(&path).unwrap()).unwrap();
    report("xlsx written", began, &path);
    read("xlsx read", &path);
}
