//! Import jobs between the wire and the table.

use crm_kit_api::{Result, error::Violations, etag, time};
use crm_proto::crm::record::v1::{
    ColumnMapping, FieldTemplate, ImportError, ImportErrorCount, ImportFormat, ImportJob as Wire,
    ImportProgress,
    import_format::FileKind,
    import_job::{Mode, State},
};
use sqlx::types::Json;

use super::{
    errors::{FaultCount, RowFault},
    model::{Format, Job, Mapping, Template},
};
use crate::Choice;
use crate::column::{Columns, rewrite::Pattern};
use crm_kit_value::{text, text::Lines};

/// Fields that an update never changes.
pub const FIXED: &[&str] =
    &["id", "create_time", "update_time", "etag", "collection", "state", "progress", "failure", "creator_id"];

/// System of external ids when the caller names none.
const SYSTEM: &str = "import";

/// Takes the settings of a job from the wire. `columns` are those of the collection, and `reads_cards` whether vCards hold its records.
pub fn read(wire: Wire, columns: &Columns, reads_cards: bool, base: Job) -> Result<Job> {
    let mut violations = Violations::default();
    let mode = if wire.mode() == Mode::Unspecified { Mode::Upsert } else { wire.mode() };
    if let Err(error) = text::check(&wire.display_name, Lines::Single, 255) {
        violations.add("import_job.display_name", error.reason(), error.to_string());
    }
    let format = format(wire.format.unwrap_or_default(), reads_cards, &mut violations);
    check_columns(&wire.columns, columns, &mut violations);
    check_templates(&wire.templates, &wire.columns, columns, &mut violations);
    let stated = mappings(wire.columns, &base.columns);
    let templates = wire.templates.into_iter().map(|made| Template { field: made.field, text: made.text });
    let format = Format { templates: templates.collect(), ..format };
    let job = Job {
        display_name: wire.display_name,
        mode: Choice(mode),
        format: Json(format),
        columns: Json(stated),
        external_system: if wire.external_system.is_empty() {
            SYSTEM.to_owned()
        } else {
            wire.external_system
        },
        ..base
    };
    violations.into_result(job)
}

/// The job on the wire.
pub fn to_wire(job: &Job) -> Wire {
    let columns = job.columns.iter().filter(|mapping| !mapping.column.is_empty());
    Wire {
        id: job.id.to_string(),
        create_time: Some(time::timestamp(job.create_time)),
        update_time: Some(time::timestamp(job.update_time)),
        etag: etag::of(job.revision),
        display_name: job.display_name.clone(),
        collection: job.collection.clone(),
        mode: job.mode.number(),
        format: Some(wire_format(&job.format)),
        columns: columns
            .map(|Mapping { column, field, suggested, values }| ColumnMapping {
                column: column.clone(),
                field: field.clone(),
                suggested: *suggested,
                values: values.clone(),
            })
            .collect(),
        external_system: job.external_system.clone(),
        state: job.state.number(),
        progress: Some(ImportProgress {
            total_rows: job.total_rows,
            done_rows: job.done_rows,
            created_rows: job.created_rows,
            updated_rows: job.updated_rows,
            unchanged_rows: job.unchanged_rows,
            failed_rows: job.failed_rows,
            rows_left: rows_left(job),
            rows_per_second: job.rows_per_second(),
            uploaded_bytes: job.uploaded_bytes,
        }),
        failure: job.failure.clone(),
        creator_id: job.creator_id.to_string(),
        templates: job
            .format
            .templates
            .iter()
            .map(|made| FieldTemplate { field: made.field.clone(), text: made.text.clone() })
            .collect(),
    }
}

/// A fault of a row on the wire.
pub fn error_to_wire(fault: RowFault) -> ImportError {
    ImportError {
        line: fault.line,
        column: fault.column_name,
        field: fault.field,
        code: fault.code,
        message: fault.message,
    }
}

/// Counted faults on the wire.
pub fn count_to_wire(count: FaultCount) -> ImportErrorCount {
    ImportErrorCount {
        column: count.column_name,
        field: count.field,
        code: count.code,
        message: count.message,
        rows: count.rows,
        first_line: count.first_line,
    }
}

fn rows_left(job: &Job) -> i64 {
    match job.state.0 {
        State::Validating | State::Applying => (job.total_rows - job.done_rows).max(0),
        _ => 0,
    }
}

fn format(wire: ImportFormat, reads_cards: bool, violations: &mut Violations) -> Format {
    if wire.file_kind() == FileKind::Vcard && !reads_cards {
        let message = "vCard files hold people";
        violations.add("import_job.format.file_kind", "FILE_KIND_UNFIT", message);
    }
    if !wire.delimiter.is_ascii() || wire.delimiter.contains(['"', '\r', '\n', '\0']) {
        violations.add(
            "import_job.format.delimiter",
            "DELIMITER_INVALID",
            "must be one ASCII character other than a quote",
        );
    }
    if !wire.time_zone.is_empty() && wire.time_zone.parse::<chrono_tz::Tz>().is_err() {
        violations.add("import_job.format.time_zone", "TIME_ZONE_INVALID", "is not an IANA time zone");
    }
    Format {
        file_kind: wire.file_kind,
        encoding: wire.encoding,
        delimiter: wire.delimiter,
        sheet: wire.sheet,
        header_line: wire.header_line,
        date_order: wire.date_order,
        decimal_separator: wire.decimal_separator,
        time_zone: wire.time_zone,
        region_code: wire.region_code,
        currency_code: wire.currency_code,
        templates: Vec::new(),
    }
}

fn wire_format(format: &Format) -> ImportFormat {
    let Format {
        file_kind,
        encoding,
        delimiter,
        sheet,
        header_line,
        date_order,
        decimal_separator,
        time_zone,
        region_code,
        currency_code,
        templates: _,
    } = format.clone();
    ImportFormat {
        file_kind,
        encoding,
        delimiter,
        sheet,
        header_line,
        date_order,
        decimal_separator,
        time_zone,
        region_code,
        currency_code,
    }
}

/// Fields must be ones that a file can set, each from one column unless it takes several.
fn check_columns(wire: &[ColumnMapping], columns: &Columns, violations: &mut Violations) {
    let mut used: Vec<&str> = Vec::new();
    for (index, mapping) in wire.iter().enumerate().filter(|(_, mapping)| !mapping.field.is_empty()) {
        let place = format!("import_job.columns[{index}].field");
        match columns.get(&mapping.field).filter(|column| column.settable) {
            None => violations.add(
                place,
                "FIELD_UNKNOWN",
                format!("{} is not a field that a file can set", mapping.field),
            ),
            Some(column) if !column.repeats() && used.contains(&mapping.field.as_str()) => {
                violations.add(place, "REPEATED", format!("{} takes one column", mapping.field));
            }
            Some(_) => used.push(&mapping.field),
        }
    }
}

/// Templates make fields that a file can set and that no column goes to.
fn check_templates(
    wire: &[FieldTemplate],
    stated: &[ColumnMapping],
    columns: &Columns,
    violations: &mut Violations,
) {
    for (index, made) in wire.iter().enumerate() {
        let place = |part: &str| format!("import_job.templates[{index}].{part}");
        let is_taken = stated.iter().any(|entry| entry.field == made.field && !entry.suggested)
            || wire[..index].iter().any(|other| other.field == made.field);
        if columns.get(&made.field).is_none_or(|column| !column.settable) {
            let message = format!("{} is not a field that a file can set", made.field);
            violations.add(place("field"), "FIELD_UNKNOWN", message);
        } else if is_taken {
            violations.add(place("field"), "REPEATED", format!("{} is set already", made.field));
        }
        if Pattern::parse(&made.text).is_none() {
            violations.add(place("text"), "TEMPLATE_INVALID", "has a brace too many; `{{` is a brace");
        }
    }
}

/// What the caller states. An entry that repeats what was suggested stays a suggestion, and so does one that states values alone.
fn mappings(wire: Vec<ColumnMapping>, before: &[Mapping]) -> Vec<Mapping> {
    let entries = wire.into_iter().map(|ColumnMapping { column, field, values, .. }| {
        let suggested = (field.is_empty() && !values.is_empty())
            || before.iter().any(|known| known.suggested && known.column == column && known.field == field);
        Mapping { column, field, suggested, values }
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custom_field::Fields;
    use crate::import_job::model::sample;
    use crate::sample::FIRMS;

    fn columns() -> Columns {
        Columns::new(&FIRMS, &Fields::default())
    }

    fn mapping(column: &str, field: &str) -> ColumnMapping {
        ColumnMapping { column: column.to_owned(), field: field.to_owned(), ..ColumnMapping::default() }
    }

    #[test]
    fn every_wrong_setting_is_told() {
        let wire = Wire {
            display_name: "a\nb".to_owned(),
            format: Some(ImportFormat {
                file_kind: FileKind::Vcard.into(),
                delimiter: "；".to_owned(),
                time_zone: "Mars/Base".to_owned(),
                ..ImportFormat::default()
            }),
            columns: vec![
                mapping("A", "phone"),
                mapping("B", "phone"),
                mapping("C", "create_time"),
                mapping("D", "nothing"),
                mapping("E", ""),
            ],
            ..Wire::default()
        };
        let error = read(wire, &columns(), false, sample(State::Uploading)).unwrap_err();
        let told: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(
            told,
            [
                "import_job.display_name",
                "import_job.format.file_kind",
                "import_job.format.delimiter",
                "import_job.format.time_zone",
                "import_job.columns[1].field",
                "import_job.columns[2].field",
                "import_job.columns[3].field",
            ]
        );
    }

    #[test]
    fn defaults_are_filled_in_and_settings_come_back() {
        let wire = Wire { columns: vec![mapping("Tel", "phone")], ..Wire::default() };
        let again = to_wire(&read(wire, &columns(), false, sample(State::Uploading)).unwrap());
        assert_eq!((again.mode(), again.external_system.as_str()), (Mode::Upsert, "import"));
        assert_eq!(again.columns, [mapping("Tel", "phone")]);
    }
}
