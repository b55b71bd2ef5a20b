//! Payment plans: what customers are to pay and when (回款计划). One record is one instalment.
//!
//! ```text
//!            receipts are allocated
//! create --> PENDING <--> PARTIALLY_PAID <--> PAID
//!              |            they are taken back
//!              '--cancel--> CANCELLED
//! ```
//!
//! Invariants: `allocated` is the sum of the allocations to the instalment and lies between 0 and its amount; all states but CANCELLED follow from
//! it; what is paid of is neither cancelled nor deleted. Whether an instalment is overdue follows from the day and is not stored. Account, order and
//! contract are ids that come with the request.

pub mod convert;
pub mod events;
pub mod files;
pub mod model;
pub mod ops;
pub mod record;
pub mod rpc;
pub mod schema;
pub mod split;
pub mod store;

pub use model::PaymentPlan;

/// The use cases of payment plans.
pub type PaymentPlans = crm_kit_record::Slice<PaymentPlan>;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "paymentPlans";
