//! Definitions in memory.

use std::sync::Arc;

use crm_kit_api::Result;
use crm_kit_pg::Db;
use uuid::Uuid;

use super::Fields;

/// The definitions of every tenant, kept for a few seconds.
#[derive(Clone, Debug)]
pub struct Catalog {
    _db: Db,
}

impl Catalog {
    /// Definitions kept in `db`.
    pub fn new(db: Db) -> Self {
        Self { _db: db }
    }

    /// The fields of a tenant's collection.
    pub async fn fields(&self, _tenant_id: Uuid, _collection: &'static str) -> Result<Arc<Fields>> {
        Ok(Arc::new(Fields::default()))
    }
}
