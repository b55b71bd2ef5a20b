//! Events of orders.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::sales::v1::{
    Order, OrderCreated, OrderDeleted, OrderPurged, OrderUndeleted, OrderUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to an order.
pub fn event(order: Order, happening: Happening<Order>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&OrderCreated { order: Some(order) }),
        Happening::Updated { fields, previous } => Telling::of(&OrderUpdated {
            order: Some(order),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&OrderDeleted { order: Some(order) }),
        Happening::Undeleted => Telling::of(&OrderUndeleted { order: Some(order) }),
        Happening::Purged => {
            let Order { id, delete_time, .. } = order;
            Telling::of(&OrderPurged { id, delete_time })
        }
    }
}
