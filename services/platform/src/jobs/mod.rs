//! Housekeeping, in every process of the service alike: each step may run twice or at once without harm.

use std::time::Duration;

use crm_kit_api::{Result, clock::Clock};
use crm_kit_pg::Db;
use futures::FutureExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{session, signing_key::Keys, tenant};

/// How often.
const EVERY: Duration = Duration::from_mins(10);

/// Starts the housekeeping; it ends with `shutdown`.
pub fn spawn(tasks: &TaskTracker, shutdown: CancellationToken, db: Db, keys: Keys, clock: Clock) {
    tasks.spawn(async move {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(error) = tidy(&db, &keys, &clock).await {
                tracing::warn!(?error, "housekeeping failed; the next round tries again");
            }
        }
    });
}

/// One round: signing keys are replaced and dropped by age; sessions that ran out and forgotten failures go away, tenant by tenant.
async fn tidy(db: &Db, keys: &Keys, clock: &Clock) -> Result<()> {
    keys.refresh().await?;
    let now = clock.now();
    for tenant_id in db.for_tenant(Uuid::nil(), |tx| tenant::store::ids(tx.conn()).boxed()).await? {
        db.for_tenant(tenant_id, |tx| session::prune(tx.conn(), tenant_id, now).boxed()).await?;
    }
    db.for_tenant(Uuid::nil(), |tx| session::prune(tx.conn(), Uuid::nil(), now).boxed()).await
}
