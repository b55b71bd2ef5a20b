//! Definitions in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crm_kit_api::{Error, Result};
use crm_kit_pg::Db;
use crm_proto::crm::customer::v1::custom_field::Type;
use moka::future::Cache;
use uuid::Uuid;

use super::{Fields, model::Definition, standard, store};
use crate::contact;

/// How long a process may work with definitions that another one has changed.
pub const LIFE: Duration = Duration::from_secs(5);
/// Most tenants in memory.
const TENANTS: u64 = 1000;

/// The definitions of every tenant, kept for a few seconds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    db: Db,
    tenants: Cache<(Uuid, u64), Arc<Tenant>>,
    /// How often this process changed the definitions of a tenant. It is part of the cache's key, so that a reading that began before a change
    /// can never be taken for one after it.
    generations: Arc<Mutex<HashMap<Uuid, u64>>>,
}

/// The fields of a tenant, by collection.
type Tenant = HashMap<&'static str, Arc<Fields>>;

impl Catalog {
    /// Definitions kept in `db`.
    pub fn new(db: Db) -> Self {
        let tenants = Cache::builder().time_to_live(LIFE).max_capacity(TENANTS).build();
        Self { db, tenants, generations: Arc::default() }
    }

    /// The fields of a tenant's collection.
    pub async fn fields(&self, tenant_id: Uuid, collection: &'static str) -> Result<Arc<Fields>> {
        let key = (tenant_id, self.generation(tenant_id));
        let tenant = self.tenants.try_get_with(key, self.load(tenant_id)).await;
        let tenant = tenant.map_err(|error: Arc<Error>| Error::clone(&error))?;
        Ok(tenant.get(collection).cloned().unwrap_or_default())
    }

    /// Forgets what is known of a tenant, after its definitions changed.
    pub fn forget(&self, tenant_id: Uuid) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        *generations.entry(tenant_id).or_default() += 1;
    }

    fn generation(&self, tenant_id: Uuid) -> u64 {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.get(&tenant_id).copied().unwrap_or_default()
    }

    async fn load(&self, tenant_id: Uuid) -> Result<Arc<Tenant>> {
        let definitions = self
            .db
            .for_tenant(tenant_id, move |tx| Box::pin(async move { store::all(tx.conn(), tenant_id).await }))
            .await?;
        let fields = standard::COLLECTIONS.map(|collection| {
            let (fields, faults) = compile(collection, &definitions);
            for fault in faults {
                tracing::warn!(%tenant_id, collection, ?fault, "a definition cannot be used");
            }
            (collection, Arc::new(fields))
        });
        Ok(Arc::new(HashMap::from(fields)))
    }
}

/// The fields of a collection out of all definitions of a tenant, with what is wrong with their expressions.
pub fn compile(collection: &str, definitions: &[Definition]) -> (Fields, Vec<super::formula::Fault>) {
    let own = definitions.iter().filter(|definition| definition.collection == collection);
    let rolls_up = definitions.iter().any(|definition| definition.kind() == Type::RollUp);
    Fields::compile(collection, own.cloned().collect(), rolls_up && collection == contact::COLLECTION)
}
