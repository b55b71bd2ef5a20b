//! How a job reads its file: which column goes where, and in which formats.

use std::collections::BTreeMap;

use crm_kit_api::call::TenantSettings;
use crm_proto::crm::record::v1::import_format::{DateOrder as WireOrder, FileKind};

use super::model::{Format, Mapping, Template};
use crate::column::rewrite::{Pattern, Rewriting};
use crate::{column::Column, column::Columns, column::Kind, column::suggest, files::Files};
use crm_kit_table::{
    Row, reader, reader::Encoding, reader::Header, reader::Options, value::DateOrder, value::DecimalMark,
    value::Formats,
};

/// Columns of a file, in its order, and those that the caller named but the file does not have.
#[derive(Debug, PartialEq, Eq)]
pub struct Merged {
    /// One for each column of the file.
    pub mappings: Vec<Mapping>,
    /// Columns that the file does not have.
    pub unknown: Vec<Mapping>,
}

/// Joins what the caller states with what the file suggests; the caller wins.
pub fn merge(
    columns: &Columns,
    files: &Files,
    stated: &[Mapping],
    (header, sample): (&[String], &[Row]),
    templates: &[Template],
) -> Merged {
    let mut taken: BTreeMap<usize, String> = BTreeMap::new();
    let is_strange =
        |entry: &&Mapping| entry.suggested && !entry.values.is_empty() && !header.contains(&entry.column);
    let mut unknown: Vec<Mapping> = stated.iter().filter(is_strange).cloned().collect();
    for entry in stated.iter().filter(|entry| !entry.suggested) {
        let mut places = header.iter().enumerate().filter(|(_, name)| **name == entry.column);
        match places.find(|(index, _)| !taken.contains_key(index)) {
            Some((index, _)) => drop(taken.insert(index, entry.field.clone())),
            None => unknown.push(entry.clone()),
        }
    }
    // Fields that templates make are given out already.
    let given = templates.iter().enumerate().map(|(index, made)| (header.len() + index, made.field.clone()));
    taken.extend(given);
    let values =
        |column: &str| stated.iter().find(|entry| entry.column == column && !entry.values.is_empty());
    let suggested = suggest::suggest(columns, files, header, &taken, sample);
    let mappings = header.iter().zip(suggested).enumerate().map(|(index, (name, suggested))| {
        let stated = taken.get(&index);
        Mapping {
            column: name.clone(),
            field: stated.map_or(suggested.unwrap_or_default(), String::as_str).to_owned(),
            suggested: stated.is_none(),
            values: values(name).map(|entry| entry.values.clone()).unwrap_or_default(),
        }
    });
    Merged { mappings: mappings.collect(), unknown }
}

/// What the caller states after it changed some columns: the new entries, and earlier ones of other columns.
pub fn restate(before: &[Mapping], now: Vec<Mapping>) -> Vec<Mapping> {
    let named = |column: &str| now.iter().any(|entry| entry.column == column);
    let kept = before.iter().filter(|entry| !entry.suggested && !named(&entry.column)).cloned();
    let kept: Vec<Mapping> = kept.collect();
    let is_stated = |entry: &Mapping| !entry.suggested || !entry.values.is_empty();
    kept.into_iter().chain(now.into_iter().filter(is_stated)).collect()
}

/// The columns that are read, each with its place in a row; what templates make stands behind the file's own cells.
pub fn taken(columns: &Columns, mappings: &[Mapping], templates: &[Template]) -> Vec<(usize, Column)> {
    let fields = mappings.iter().map(|entry| &entry.field).chain(templates.iter().map(|made| &made.field));
    let known = fields.enumerate();
    known.filter_map(|(index, field)| columns.get(field).map(|column| (index, column.clone()))).collect()
}

/// The columns that templates name and the file does not have.
pub fn strange(templates: &[Template], header: &[String]) -> Vec<Mapping> {
    let named = templates.iter().flat_map(|made| {
        let columns = Pattern::parse(&made.text).unwrap_or_default();
        let columns: Vec<String> = columns.columns().map(str::to_owned).collect();
        columns.into_iter().map(|column| (column, made.field.clone()))
    });
    named
        .filter(|(column, _)| !header.contains(column))
        .map(|(column, field)| Mapping { column, field, suggested: false, values: BTreeMap::new() })
        .collect()
}

/// What is done to the cells of a row before they are read.
pub fn rewriting(mappings: &[Mapping], templates: &[Template]) -> Rewriting {
    let header: Vec<&str> = mappings.iter().map(|entry| entry.column.as_str()).collect();
    let valued = mappings.iter().enumerate().filter(|(_, entry)| !entry.values.is_empty());
    Rewriting {
        width: header.len(),
        values: valued.map(|(index, entry)| (index, entry.values.clone())).collect(),
        made: templates
            .iter()
            .map(|made| Pattern::parse(&made.text).unwrap_or_default().over(&header))
            .collect(),
    }
}

/// The place of the key in a row.
pub fn key_index(taken: &[(usize, Column)]) -> Option<usize> {
    taken.iter().find(|(_, column)| matches!(column.kind, Kind::Key)).map(|(index, _)| *index)
}

/// The kind of file that was stated.
pub fn kind(format: &Format) -> FileKind {
    FileKind::try_from(format.file_kind).unwrap_or_default()
}

/// How the table is read.
pub fn options(format: &Format) -> Options {
    Options {
        format: match kind(format) {
            FileKind::Csv => reader::Format::Csv,
            FileKind::Xlsx => reader::Format::Workbook,
            _ => reader::Format::Auto,
        },
        encoding: match format.encoding.as_str() {
            "utf-8" => Encoding::Utf8,
            "utf-16" => Encoding::Utf16,
            "gb18030" => Encoding::Gb18030,
            "windows-1252" => Encoding::Windows1252,
            _ => Encoding::Auto,
        },
        delimiter: format.delimiter.bytes().next(),
        sheet: Some(format.sheet.clone()).filter(|sheet| !sheet.is_empty()),
        header: u64::try_from(format.header_line)
            .ok()
            .filter(|line| *line > 0)
            .map_or(Header::Auto, Header::Line),
    }
}

/// How cells are read.
pub fn formats(format: &Format, tenant: &TenantSettings) -> Formats {
    let zone = if format.time_zone.is_empty() { &tenant.time_zone } else { &format.time_zone };
    Formats {
        dates: match WireOrder::try_from(format.date_order) {
            Ok(WireOrder::Dmy) => DateOrder::DayMonthYear,
            Ok(WireOrder::Mdy) => DateOrder::MonthDayYear,
            _ => DateOrder::YearMonthDay,
        },
        zone: zone.parse().unwrap_or(chrono_tz::UTC),
        decimal_mark: if format.decimal_separator == "," { DecimalMark::Comma } else { DecimalMark::Point },
    }
}

/// The tenant's settings with what the job states instead.
pub fn settings(format: &Format, tenant: &TenantSettings) -> TenantSettings {
    let stated =
        |stated: &String, usual: &String| if stated.is_empty() { usual.clone() } else { stated.clone() };
    TenantSettings {
        region_code: stated(&format.region_code, &tenant.region_code),
        currency_code: stated(&format.currency_code, &tenant.currency_code),
        ..tenant.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custom_field::Fields;
    use crate::sample::FIRMS;

    fn entry(column: &str, field: &str, suggested: bool) -> Mapping {
        Mapping { column: column.to_owned(), field: field.to_owned(), suggested, values: BTreeMap::new() }
    }

    #[test]
    fn the_caller_wins_and_the_rest_is_suggested() {
        let columns = Columns::new(&FIRMS, &Fields::default());
        let header = ["Name", "Phone", "Tel", "Note", "Note"].map(str::to_owned);
        let stated = [
            entry("Tel", "phone", false),
            entry("Note", "", false),
            entry("Note", "industry", false),
            entry("Fax", "source", false),
        ];
        let merged = merge(&columns, &FIRMS.files, &stated, (&header, &[]), &[]);
        assert_eq!(
            merged.mappings,
            [
                entry("Name", "display_name", true),
                entry("Phone", "", true),
                entry("Tel", "phone", false),
                entry("Note", "", false),
                entry("Note", "industry", false),
            ]
        );
        assert_eq!(merged.unknown, [entry("Fax", "source", false)]);
        let taken: Vec<_> = taken(&columns, &merged.mappings, &[])
            .into_iter()
            .map(|(index, column)| (index, column.path))
            .collect();
        assert_eq!(
            taken,
            [(0, "display_name".to_owned()), (2, "phone".to_owned()), (4, "industry".to_owned())]
        );
    }

    #[test]
    fn a_change_of_some_columns_keeps_what_was_stated_of_others() {
        let before = [entry("A", "phone", false), entry("B", "email", true), entry("C", "region", false)];
        let now = vec![entry("C", "source", false), entry("B", "email", true)];
        assert_eq!(restate(&before, now), [entry("A", "phone", false), entry("C", "source", false)]);
    }
}
