//! Receivables: what customers owe, by how long it is overdue (应收账龄), and what they paid in advance.
//!
//! Computed when asked for, over the view `receivable`: open instalments, and confirmed receipts that are not allocated in full.

pub mod ageing;
pub mod rpc;
pub mod store;

use crm_kit_pg::Db;

/// The figures. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Receivables {
    /// The service's database.
    pub db: Db,
}
