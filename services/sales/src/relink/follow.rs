//! What merges in the customer service ask for.

use std::sync::Arc;

use crm_kit_api::{Call, Error, Result, clock::Clock};
use crm_kit_pg::{
    Db, Tx,
    follow::{Feed, Follower, Incoming, Open},
    jobs,
};
use crm_proto::crm::customer::v1::{Merge, RecordsMerged, RecordsUnmerged};
use uuid::Uuid;

use super::{
    JOB_KIND,
    model::{ACCOUNTS, CONTACTS, Relink},
    store,
};
use crate::app;

/// What is followed.
const FEED: Feed =
    Feed { follower: "merges", service: app::NAME, source: "customer", collections: &["merges"] };

/// The follower of merges.
pub fn follower(db: Db, clock: Clock, open: Open) -> Follower {
    Follower::new(db, clock, FEED, open, Arc::new(|tx, call, event| Box::pin(apply(tx, call, event))))
}

async fn apply(tx: &mut Tx<'_>, call: &Call, event: &Incoming) -> Result<()> {
    let (merge, display_name, undone) = if let Some(merged) = event.payload::<RecordsMerged>()? {
        (merged.merge.unwrap_or_default(), merged.display_name, false)
    } else if let Some(unmerged) = event.payload::<RecordsUnmerged>()? {
        (unmerged.merge.unwrap_or_default(), String::new(), true)
    } else {
        return Ok(());
    };
    if merge.collection != ACCOUNTS && merge.collection != CONTACTS {
        return Ok(());
    }
    let relink = read(event.tenant_id, merge, display_name, undone)?;
    store::put(tx.conn(), &relink, call.now).await?;
    jobs::enqueue(tx.conn(), relink.tenant_id, relink.id, JOB_KIND, call.now).await
}

fn read(tenant_id: Uuid, merge: Merge, display_name: String, undone: bool) -> Result<Relink> {
    let id = |text: &str| Uuid::try_parse(text).map_err(Error::internal);
    Ok(Relink {
        tenant_id,
        id: id(&merge.id)?,
        from_ids: merge.loser_ids.iter().map(|text| id(text)).collect::<Result<_>>()?,
        into_id: id(&merge.survivor_id)?,
        collection: merge.collection,
        display_name,
        undone,
        turn: 0,
        settled: false,
    })
}
