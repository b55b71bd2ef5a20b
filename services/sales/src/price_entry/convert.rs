//! Price entries between the wire and the table. Reading collects every violation.

use crm_kit_api::{Call, Result, etag, time};
use crm_kit_record::{
    Choice, custom_field::Fields, external_id::ExternalId, field::Checker, life::purge_time,
};
use crm_proto::crm::sales::v1::{PriceEntry as Wire, price_entry::TierMode};
use sqlx::types::Json;
use uuid::Uuid;

use super::{model::PriceEntry, tier::Tier};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "delete_time", "purge_time", "etag"];

/// Reads a price entry. `base` keeps what the server sets.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: PriceEntry) -> Result<PriceEntry> {
    let mut check = Checker::new("price_entry", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let mut entry = standard(wire, base, &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| entry.filter_value(path), moment, &mut check);
    entry.custom = Json(custom);
    check.into_violations().into_result(entry)
}

fn standard(wire: Wire, base: PriceEntry, check: &mut Checker<'_>) -> PriceEntry {
    let mode = wire.tier_mode();
    let (start_date, end_date) =
        (check.day("start_date", wire.start_date), check.day("end_date", wire.end_date));
    if start_date.zip(end_date).is_some_and(|(start, end)| end < start) {
        check.refuse("end_date", "DATE_ORDER", "lies before the first day");
    }
    PriceEntry {
        price_book_id: fixed("price_book_id", &wire.price_book_id, base.price_book_id, check),
        product_id: fixed("product_id", &wire.product_id, base.product_id, check),
        unit: check.line("unit", wire.unit, 40),
        start_date,
        end_date,
        tier_mode: Choice(if mode == TierMode::Unspecified { TierMode::Volume } else { mode }),
        tiers: Json(Tier::read_all("tiers", &wire.tiers, check)),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// An id that is given at creation and never changes.
fn fixed(field: &str, text: &str, base: Uuid, check: &mut Checker<'_>) -> Uuid {
    match check.reference(field, text) {
        None if base.is_nil() => {
            check.refuse(field, "REQUIRED", "is required");
            base
        }
        Some(id) if !base.is_nil() && id != base => {
            check.refuse(field, "FIXED", "cannot be changed");
            base
        }
        id => id.unwrap_or(base),
    }
}

/// A fresh price entry of the caller, before anything is read into it.
pub fn fresh(call: &Call) -> PriceEntry {
    PriceEntry {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        owner_id: call.caller_id(),
        ..PriceEntry::default()
    }
}

/// The price entry on the wire.
pub fn to_wire(entry: &PriceEntry, fields: &Fields) -> Wire {
    Wire {
        id: entry.id.to_string(),
        create_time: Some(time::timestamp(entry.create_time)),
        update_time: Some(time::timestamp(entry.update_time)),
        delete_time: entry.delete_time.map(time::timestamp),
        purge_time: purge_time(entry.delete_time),
        etag: etag::of(entry.revision),
        price_book_id: entry.price_book_id.to_string(),
        product_id: entry.product_id.to_string(),
        unit: entry.unit.clone(),
        start_date: entry.start_date.map(time::date),
        end_date: entry.end_date.map(time::date),
        tier_mode: entry.tier_mode.number(),
        tiers: entry.tiers.iter().map(Tier::to_wire).collect(),
        owner_id: entry.owner_id.to_string(),
        external_ids: entry.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&entry.custom),
    }
}
