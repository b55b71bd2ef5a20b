//! Products: what the tenant sells (产品). They belong to the tenant as a whole.
//!
//! Invariants: the code of a live product is unique in the tenant; a retired product has no price, and documents that name it stay as they are.

pub mod convert;
pub mod events;
pub mod files;
pub mod model;
pub mod record;
pub mod rpc;
pub mod schema;
pub mod store;

pub use model::Product;

/// The use cases of products.
pub type Products = crm_kit_record::Slice<Product>;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "products";
