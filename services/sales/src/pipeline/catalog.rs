//! Pipelines in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::Db;
use moka::future::Cache;
use uuid::Uuid;

use super::{events, model::Pipeline, seed, store};

/// How long a process may work with pipelines that another one has changed.
pub const LIFE: Duration = Duration::from_secs(5);
/// Most tenants in memory.
const TENANTS: u64 = 1000;

/// The pipelines of every tenant, kept for a few seconds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    db: Db,
    tenants: Cache<(Uuid, u64), Arc<Vec<Pipeline>>>,
    /// How often this process changed the pipelines of a tenant. It is part of the cache's key, so that a reading that began before a change
    /// can never be taken for one after it.
    generations: Arc<Mutex<HashMap<Uuid, u64>>>,
}

impl Catalog {
    /// Pipelines kept in `db`.
    pub fn new(db: Db) -> Self {
        let tenants = Cache::builder().time_to_live(LIFE).max_capacity(TENANTS).build();
        Self { db, tenants, generations: Arc::default() }
    }

    /// The pipelines of the caller's tenant, oldest first; never none: the first look makes the default one.
    pub async fn pipelines(&self, call: &Call) -> Result<Arc<Vec<Pipeline>>> {
        let tenant_id = call.tenant_id();
        let key = (tenant_id, self.generation(tenant_id));
        let loaded = self.tenants.try_get_with(key, self.load(call)).await;
        loaded.map_err(|error: Arc<Error>| Error::clone(&error))
    }

    /// Forgets what is known of a tenant, after its pipelines changed.
    pub fn forget(&self, tenant_id: Uuid) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        *generations.entry(tenant_id).or_default() += 1;
    }

    fn generation(&self, tenant_id: Uuid) -> u64 {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.get(&tenant_id).copied().unwrap_or_default()
    }

    async fn load(&self, call: &Call) -> Result<Arc<Vec<Pipeline>>> {
        let mut found = self.all(call.tenant_id()).await?;
        if found.is_empty() {
            self.seed(call).await?;
            found = self.all(call.tenant_id()).await?;
        }
        Ok(Arc::new(found))
    }

    async fn all(&self, tenant_id: Uuid) -> Result<Vec<Pipeline>> {
        self.db
            .read_for_tenant(tenant_id, move |tx| {
                Box::pin(async move { store::all(tx.conn(), tenant_id).await })
            })
            .await
    }

    /// Makes the default pipeline unless somebody else just did.
    async fn seed(&self, call: &Call) -> Result<()> {
        let pipeline = &seed::pipeline(call);
        self.db
            .write_rows(call, "seed", move |tx| {
                Box::pin(async move {
                    if store::insert_first(tx.conn(), pipeline).await? {
                        tx.record(events::created(pipeline));
                    }
                    Ok(())
                })
            })
            .await
    }
}
