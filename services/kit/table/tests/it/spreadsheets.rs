//! The odd and hostile workbooks of `shared/data/spreadsheets`.

use std::time::{Duration, Instant};

use crate::common;
use crm_kit_table::Cell;
use crm_kit_table::reader::{Header, Options, Table};
use serde_json::Value;

/// What the expected file says about a sheet, gathered from our rows.
#[derive(Debug, PartialEq)]
struct Summary {
    filled: u64,
    sum: f64,
    first: Vec<String>,
}

fn summarise(path: &std::path::Path, sheet: &str) -> Summary {
    let options = Options { sheet: Some(sheet.to_owned()), header: Header::Absent, ..Options::default() };
    let mut table =
        Table::open(path, &options).unwrap_or_else(|error| panic!("{} {sheet}: {error:?}", path.display()));
    let mut summary = Summary { filled: 0, sum: 0.0, first: Vec::new() };
    for row in table.rows().unwrap() {
        let row = row.unwrap_or_else(|error| panic!("{} {sheet}: {error:?}", path.display()));
        // The other reader has no value for a failed formula.
        for cell in row.cells.iter().filter(|cell| !matches!(cell, Cell::Empty | Cell::Error(_))) {
            summary.filled += 1;
            if let Cell::Number { value, .. } = cell {
                summary.sum += value;
            }
            if summary.first.len() < 6 {
                summary.first.push(match cell {
                    // The expected file keeps nine decimals.
                    Cell::Number { value, .. } => ((value * 1e9).round() / 1e9).to_string(),
                    cell => cell.display().into_owned(),
                });
            }
        }
    }
    summary
}

fn expected(sheet: &Value) -> Summary {
    Summary {
        filled: sheet["filled"].as_u64().unwrap(),
        sum: sheet["numsum"].as_f64().unwrap(),
        first: sheet["first"].as_array().unwrap().iter().map(shown).collect(),
    }
}

/// The expected file writes a date as `T:` and Python's text of it; a duration as days and a time, where we keep hours.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text == "T:10 days, 15:10:10" => "255:10:10".to_owned(),
        Value::String(text) => text.strip_prefix("T:").unwrap_or(text).to_owned(),
        Value::Number(number) => number.as_f64().unwrap().to_string(),
        other => other.to_string(),
    }
}

#[test]
fn every_workbook_is_read_or_refused_as_expected() {
    let Some(folder) = common::shared_data("spreadsheets") else { return };
    if !common::is_alone("spreadsheets::every_workbook_is_read_or_refused_as_expected") {
        return;
    }
    let lines = std::fs::read_to_string(folder.join("expected.jsonl")).unwrap();
    let mut wrong = Vec::new();
    let (mut read, mut sheets, mut refused) = (0, 0, 0);
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let path = folder.join(case["file"].as_str().unwrap());
        let began = Instant::now();
        if case["expect"] == "reject" {
            refused += 1;
            match Table::open(&path, &Options::default()) {
                Ok(_) => wrong.push(format!("{path:?} was opened")),
                Err(error) => println!("{} -> {}: {error}", common::name(&path), error.code()),
            }
        } else {
            read += 1;
            for (name, sheet) in case["sheets"].as_object().unwrap() {
                sheets += 1;
                let (found, expected) = (summarise(&path, name), expected(sheet));
                let sums_agree = (found.sum - expected.sum).abs() <= 1e-6_f64.max(1e-12 * expected.sum.abs());
                if (found.filled, &found.first) != (expected.filled, &expected.first) || !sums_agree {
                    wrong.push(format!("{path:?} {name}\n  found    {found:?}\n  expected {expected:?}"));
                }
            }
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{path:?} took {:?}", began.elapsed());
    }
    println!(
        "{read} workbooks with {sheets} sheets read, {refused} refused, peak memory {} MiB",
        common::peak_memory()
    );
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((read, refused), (75, 4));
    assert!(common::peak_memory() < 512);
}
