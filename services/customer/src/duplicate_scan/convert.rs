//! Scans between the wire and the table.

use crm_kit_api::{Call, Error, Result, time};
use crm_kit_record::{Choice, rights::Rights};
use crm_proto::crm::customer::v1::{DuplicateScan as Wire, duplicate_scan::State};
use sqlx::types::Json;

use super::model::Scan;
use crate::duplicate::store::COLLECTIONS;

/// Threshold of a scan that names none: more likely one party than not.
const THRESHOLD: f64 = 0.5;

/// The name of a collection that has duplicates, as the program spells it.
pub fn collection(field: &str, name: &str) -> Result<&'static str> {
    COLLECTIONS.into_iter().find(|known| *known == name).ok_or_else(|| {
        Error::invalid_field(field, "COLLECTION_UNKNOWN", "is not a collection with rules about duplicates")
    })
}

/// A new scan from the wire.
pub fn read(call: &Call, wire: &Wire) -> Result<Scan> {
    Ok(Scan {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        start_time: None,
        end_time: None,
        creator_id: call.caller_id(),
        rights: Json(Rights::of(&call.access)),
        collection: collection("duplicate_scan.collection", &wire.collection)?.to_owned(),
        threshold: if wire.threshold > 0.0 { wire.threshold } else { THRESHOLD },
        state: Choice(State::Running),
        total_rows: 0,
        done_rows: 0,
        set_count: 0,
        failure: String::new(),
        attempt: 0,
    })
}

/// The scan on the wire.
pub fn to_wire(scan: &Scan) -> Wire {
    Wire {
        id: scan.id.to_string(),
        create_time: Some(time::timestamp(scan.create_time)),
        update_time: Some(time::timestamp(scan.update_time)),
        collection: scan.collection.clone(),
        threshold: scan.threshold,
        state: scan.state.number(),
        start_time: scan.start_time.map(time::timestamp),
        end_time: scan.end_time.map(time::timestamp),
        total_rows: scan.total_rows,
        done_rows: scan.done_rows,
        rows_per_second: rate(scan).unwrap_or(0.0),
        set_count: scan.set_count,
        failure: scan.failure.clone(),
        creator_id: scan.creator_id.to_string(),
    }
}

fn rate(scan: &Scan) -> Option<f64> {
    let elapsed = scan.end_time.unwrap_or(scan.update_time) - scan.start_time?;
    let (rows, millis) =
        (u32::try_from(scan.done_rows).ok()?, u32::try_from(elapsed.num_milliseconds()).ok()?);
    (millis > 0).then(|| f64::from(rows) * 1000.0 / f64::from(millis))
}
