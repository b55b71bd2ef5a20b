//! Events of price entries.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::sales::v1::{
    PriceEntry, PriceEntryCreated, PriceEntryDeleted, PriceEntryPurged, PriceEntryUndeleted,
    PriceEntryUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to a price.
pub fn event(price_entry: PriceEntry, happening: Happening<PriceEntry>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&PriceEntryCreated { price_entry: Some(price_entry) }),
        Happening::Updated { fields, previous } => Telling::of(&PriceEntryUpdated {
            price_entry: Some(price_entry),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&PriceEntryDeleted { price_entry: Some(price_entry) }),
        Happening::Undeleted => Telling::of(&PriceEntryUndeleted { price_entry: Some(price_entry) }),
        Happening::Purged => {
            let PriceEntry { id, delete_time, .. } = price_entry;
            Telling::of(&PriceEntryPurged { id, delete_time })
        }
    }
}
