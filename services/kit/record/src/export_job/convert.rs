//! Export jobs between the wire and the table.

use crm_kit_api::{Call, Result, error::Violations, time};
use crm_proto::crm::record::v1::{
    ExportJob as Wire,
    export_job::{FileKind, State},
};
use sqlx::types::Json;

use super::model::Job;
use crate::column::Columns;
use crate::{Choice, rights::Rights};
use crm_kit_value::{text, text::Lines};

/// A new job from the wire.
pub fn read(call: &Call, wire: Wire, columns: &Columns) -> Result<Job> {
    let mut violations = Violations::default();
    if let Err(error) = text::check(&wire.display_name, Lines::Single, 255) {
        violations.add("export_job.display_name", error.reason(), error.to_string());
    }
    for (index, path) in wire.fields.iter().enumerate() {
        let place = format!("export_job.fields[{index}]");
        if columns.get(path).is_none_or(|column| !column.is_written()) {
            violations.add(place, "FIELD_UNKNOWN", format!("{path} is not a field that a file can have"));
        } else if wire.fields[..index].contains(path) {
            violations.add(place, "REPEATED", "stands twice");
        }
    }
    let kind = if wire.file_kind() == FileKind::Xlsx { FileKind::Xlsx } else { FileKind::Csv };
    let display_name = if wire.display_name.is_empty() {
        file_name(call, &wire.collection, kind)
    } else {
        wire.display_name
    };
    let job = Job {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        purge_time: None,
        creator_id: call.caller_id(),
        rights: Json(Rights::of(&call.access)),
        display_name,
        collection: wire.collection,
        filter: wire.filter,
        fields: wire.fields,
        file_kind: Choice(kind),
        header_language: if wire.header_language.is_empty() {
            "path".to_owned()
        } else {
            wire.header_language
        },
        state: Choice(State::Running),
        done_rows: 0,
        file_bytes: 0,
        failure: String::new(),
        attempt: 0,
    };
    violations.into_result(job)
}

/// The job on the wire.
pub fn to_wire(job: &Job) -> Wire {
    Wire {
        id: job.id.to_string(),
        create_time: Some(time::timestamp(job.create_time)),
        update_time: Some(time::timestamp(job.update_time)),
        purge_time: job.purge_time.map(time::timestamp),
        display_name: job.display_name.clone(),
        collection: job.collection.clone(),
        filter: job.filter.clone(),
        fields: job.fields.clone(),
        file_kind: job.file_kind.number(),
        header_language: job.header_language.clone(),
        state: job.state.number(),
        done_rows: job.done_rows,
        file_bytes: job.file_bytes,
        failure: job.failure.clone(),
        creator_id: job.creator_id.to_string(),
    }
}

/// The collection and the day where the tenant is.
fn file_name(call: &Call, collection: &str, kind: FileKind) -> String {
    let zone: chrono_tz::Tz = call.zone();
    let ending = if kind == FileKind::Xlsx { "xlsx" } else { "csv" };
    format!("{collection}-{}.{ending}", call.now.with_timezone(&zone).date_naive())
}
