//! Pipelines in memory: the catalog of custom fields loads them with a tenant's own fields and keeps them as long.

use std::sync::Arc;

use crm_kit_api::Result;
use crm_kit_pg::Db;
use crm_kit_record::custom_field::{Loader, Settings};
use uuid::Uuid;

use super::{model::Pipeline, store};

/// Loads the pipelines of a tenant from `db`.
pub fn loader(db: Db) -> Loader {
    Loader::new(move |tenant_id| {
        let db = db.clone();
        Box::pin(async move { Ok(Arc::new(all(&db, tenant_id).await?) as Settings) })
    })
}

async fn all(db: &Db, tenant_id: Uuid) -> Result<Vec<Pipeline>> {
    db.read_for_tenant(tenant_id, move |tx| Box::pin(async move { store::all(tx.conn(), tenant_id).await }))
        .await
}
