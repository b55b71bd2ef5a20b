//! Events of receipts.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::sales::v1::{
    Receipt, ReceiptCreated, ReceiptDeleted, ReceiptPurged, ReceiptUndeleted, ReceiptUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to a receipt.
pub fn event(receipt: Receipt, happening: Happening<Receipt>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&ReceiptCreated { receipt: Some(receipt) }),
        Happening::Updated { fields, previous } => Telling::of(&ReceiptUpdated {
            receipt: Some(receipt),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&ReceiptDeleted { receipt: Some(receipt) }),
        Happening::Undeleted => Telling::of(&ReceiptUndeleted { receipt: Some(receipt) }),
        Happening::Purged => {
            let Receipt { id, delete_time, .. } = receipt;
            Telling::of(&ReceiptPurged { id, delete_time })
        }
    }
}
