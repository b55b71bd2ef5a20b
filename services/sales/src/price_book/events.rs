//! Changes of price books, as events and audit rows tell them.

use crm_kit_api::{Result, mask};
use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::sales::v1::{PriceBook as Wire, PriceBookCreated, PriceBookUpdated};
use prost::Name as _;
use prost_types::FieldMask;

use super::{COLLECTION, convert, model::PriceBook};

/// Tells of a new price book.
pub fn created(price_book: &PriceBook) -> Change {
    let wire = convert::to_wire(price_book);
    let event = PriceBookCreated { price_book: Some(wire.clone()) };
    Change::new(COLLECTION, price_book.id, ChangeKind::Create, &event).audited(None, Some(&wire))
}

/// Tells of a changed price book.
pub fn updated(before: &PriceBook, after: &PriceBook) -> Result<Change> {
    let descriptor = crm_proto::message(&Wire::full_name());
    let (before, wire) = (convert::to_wire(before), convert::to_wire(after));
    let mut fields = mask::changed(&descriptor, &before, &wire)?;
    fields.retain(|name| !matches!(name.as_str(), "update_time" | "etag"));
    let previous = mask::only(&descriptor, &before, &fields)?;
    let current = mask::only(&descriptor, &wire, &fields)?;
    let event = PriceBookUpdated {
        price_book: Some(wire),
        previous: Some(previous.clone()),
        changed_fields: Some(FieldMask { paths: fields.clone() }),
    };
    let change = Change::new(COLLECTION, after.id, ChangeKind::Update, &event);
    Ok(change.of_fields(fields).audited(Some(&previous), Some(&current)))
}
