//! Definitions in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crm_kit_api::{Error, Result};
use crm_kit_pg::Db;
use crm_proto::crm::record::v1::custom_field::Type;
use futures::future::BoxFuture;
use moka::future::Cache;
use uuid::Uuid;

use super::{Fields, Settings, model::Definition, store};
use crate::{Kind, Kinds};

/// How long a process may work with definitions that another one has changed.
pub const LIFE: Duration = Duration::from_secs(5);
/// Most tenants in memory.
const TENANTS: u64 = 1000;

/// The definitions of every tenant, kept for a few seconds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The collections that take custom fields.
    pub kinds: Kinds,
    db: Db,
    settings: Option<Loader>,
    tenants: Cache<(Uuid, u64), Arc<Tenant>>,
    /// How often this process changed the definitions of a tenant. It is part of the cache's key, so that a reading that began before a change
    /// can never be taken for one after it.
    generations: Arc<Mutex<HashMap<Uuid, u64>>>,
}

/// Loads what the kinds of a service need of a tenant beside its own fields. It is kept as long as they are.
#[derive(Clone)]
pub struct Loader(Arc<dyn Fn(Uuid) -> BoxFuture<'static, Result<Settings>> + Send + Sync>);

impl Loader {
    /// A loader for a tenant.
    pub fn new(load: impl Fn(Uuid) -> BoxFuture<'static, Result<Settings>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(load))
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Loader")
    }
}

/// The fields of a tenant, by collection.
type Tenant = HashMap<&'static str, Arc<Fields>>;

impl Catalog {
    /// Definitions of fields of `kinds`, kept in `db`.
    pub fn new(db: Db, kinds: Kinds) -> Self {
        let tenants = Cache::builder().time_to_live(LIFE).max_capacity(TENANTS).build();
        Self { kinds, db, settings: None, tenants, generations: Arc::default() }
    }

    /// The catalog with what the kinds need beside the tenant's own fields.
    #[must_use]
    pub fn with_settings(self, loader: Loader) -> Self {
        Self { settings: Some(loader), ..self }
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
        let settings = match &self.settings {
            Some(Loader(load)) => Some(load(tenant_id).await?),
            None => None,
        };
        let fields = self.kinds.iter().map(|kind| {
            let (fields, faults) = compile(&self.kinds, kind, &definitions);
            for fault in faults {
                tracing::warn!(%tenant_id, kind.collection, ?fault, "a definition cannot be used");
            }
            (kind.collection, Arc::new(fields.with_settings(settings.clone())))
        });
        Ok(Arc::new(fields.collect()))
    }
}

/// The fields of a collection out of all definitions of a tenant, with what is wrong with their expressions.
pub fn compile(
    kinds: &Kinds,
    kind: &Kind,
    definitions: &[Definition],
) -> (Fields, Vec<super::formula::Fault>) {
    let of = |collection: &'static str| {
        definitions.iter().filter(move |definition| definition.collection == collection)
    };
    let rolls_up = |collection| of(collection).any(|definition| definition.kind() == Type::RollUp);
    let feeds_roll_ups = kind.parent.is_some_and(|parent| rolls_up(parent.collection));
    Fields::compile((kinds, kind), of(kind.collection).cloned().collect(), feeds_roll_ups)
}
