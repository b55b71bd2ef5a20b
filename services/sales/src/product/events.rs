//! Events of products.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::sales::v1::{
    Product, ProductCreated, ProductDeleted, ProductPurged, ProductUndeleted, ProductUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to a product.
pub fn event(product: Product, happening: Happening<Product>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&ProductCreated { product: Some(product) }),
        Happening::Updated { fields, previous } => Telling::of(&ProductUpdated {
            product: Some(product),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&ProductDeleted { product: Some(product) }),
        Happening::Undeleted => Telling::of(&ProductUndeleted { product: Some(product) }),
        Happening::Purged => {
            let Product { id, delete_time, .. } = product;
            Telling::of(&ProductPurged { id, delete_time })
        }
    }
}
