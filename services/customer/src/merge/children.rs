//! What refers to merged records: it follows them to the survivor, and back when the merge is undone.
//!
//! Kinds of records are moved by [`Mover`], as updates with event and audit row; `app.rs` lists them, so a kind that comes to refer to accounts, contacts or
//! leads is added there and implements [`Movable`]. Rows of tables that are no records are moved by [`settle`] and put back by [`unsettle`],
//! and those that hang on one kind by its [`super::kind::Mergeable::parts`].

use std::sync::Arc;

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Slice,
    custom_field::Fields,
    recycle_bin::{self, Gone},
    revert::{self, Patch},
};
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use super::{
    MOST_MOVED,
    kind::Movable,
    model::{Change, Conflict},
    store,
};
use crate::{
    DOMAIN,
    activity::{self, store::Standing},
    contact, duplicate, duplicate_scan,
};

/// Records written by one statement.
const PAGE: usize = 500;

/// Records that go, and the one that takes their place.
#[derive(Clone, Copy, Debug)]
pub struct Going<'g> {
    /// Those that go.
    pub gone: Gone<'g>,
    /// The one that stays.
    pub into: Uuid,
}

/// A kind whose records refer to others that can be merged.
pub trait Mover: Send + Sync {
    /// Its collection.
    fn collection(&self) -> &'static str;
    /// The tenant's own fields.
    fn fields<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Arc<Fields>>>;
    /// Lets records refer to the one that stays; returns what changed of them.
    fn follow<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        going: Going<'a>,
    ) -> BoxFuture<'a, Result<Vec<Change>>>;
    /// Takes changes back; returns what was changed since.
    fn put_back<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<Vec<Conflict>>>;
}

impl<R: Movable> Mover for Slice<R> {
    fn collection(&self) -> &'static str {
        R::KIND.collection
    }

    fn fields<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Arc<Fields>>> {
        Box::pin(Self::fields(self, call))
    }

    fn follow<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        going: Going<'a>,
    ) -> BoxFuture<'a, Result<Vec<Change>>> {
        Box::pin(follow::<R>(tx, call, fields, going))
    }

    fn put_back<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<Vec<Conflict>>> {
        Box::pin(put_back::<R>(tx, call, fields, changes))
    }
}

/// Lets a record refer to `into` where it refers to records that go, in its standard and its custom fields.
pub fn repoint<R: Movable>(record: &mut R, fields: &Fields, Going { gone, into }: Going<'_>) {
    record.repoint(gone, into);
    let goes = gone.ids.iter().map(Uuid::to_string).collect::<Vec<_>>();
    for key in recycle_bin::references(fields, gone) {
        let target = record.head().custom.get(key).and_then(Value::as_str);
        if target.is_some_and(|target| goes.iter().any(|id| id == target)) {
            record.head_mut().custom.set(key, Some(Value::String(into.to_string())));
        }
    }
}

async fn follow<R: Movable>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    going: Going<'_>,
) -> Result<Vec<Change>> {
    let (tenant, most) = (tx.tenant_id(), i64::try_from(MOST_MOVED + 1).unwrap_or(i64::MAX));
    let mut ids = recycle_bin::referring::<R>(tx, fields, going.gone, most).await?;
    ids.extend(R::following(tx.conn(), tenant, going.gone, most).await?);
    // The survivor is written with what it gains; it refers to no loser any more then.
    ids.remove(&going.into);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    if ids.len() > MOST_MOVED {
        return Err(too_large(R::KIND.collection));
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let mut changes = Vec::with_capacity(ids.len());
    for page in ids.chunks(PAGE) {
        let alter = |record: &mut R| repoint(record, fields, going);
        let patches = revert::change::<R>(tx, call, fields, (page, R::TOGETHER), alter).await?;
        changes.extend(patches.into_iter().map(|(id, patch)| kept::<R>(id, patch)));
    }
    Ok(changes)
}

/// What changed of a record; `None` when nothing did.
pub fn change<R: Movable>(was: &R, record: &R) -> Result<Option<Change>> {
    let patch = Patch::between(&revert::document(was)?, &revert::document(record)?, R::TOGETHER);
    Ok((!patch.is_empty()).then(|| kept::<R>(record.head().id, patch)))
}

fn kept<R: Movable>(record_id: Uuid, patch: Patch) -> Change {
    Change { collection: R::KIND.collection.to_owned(), record_id, patch: Json(patch) }
}

/// `FAILED_PRECONDITION / MERGE_TOO_LARGE`.
pub fn too_large(collection: &str) -> Error {
    let message = format!("more than {MOST_MOVED} records refer to those that are merged");
    Error::new(Code::FailedPrecondition, DOMAIN, "MERGE_TOO_LARGE", message)
        .with("collection", collection)
        .with("limit", MOST_MOVED)
}

/// Takes changes of records of a kind back; returns what was changed since. Records that are gone are left out.
pub async fn put_back<R: Movable>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    changes: &[Change],
) -> Result<Vec<Conflict>> {
    let mut conflicts = Vec::new();
    for page in changes.chunks(PAGE) {
        let patches: Vec<_> = page.iter().map(|change| (change.record_id, &*change.patch)).collect();
        for (record_id, since) in revert::put_back::<R>(tx, call, fields, &patches, R::TOGETHER).await? {
            let conflict = |path| Conflict { collection: R::KIND.collection.to_owned(), record_id, path };
            conflicts.extend(since.into_iter().map(conflict));
        }
    }
    Ok(conflicts)
}

/// What stands in time lines of accounts by contacts that go. Time lines tell where people were when it happened, so it stays there, wherever the
/// survivor is.
pub async fn standing(tx: &mut Tx<'_>, gone: Gone<'_>) -> Result<Vec<Standing>> {
    if gone.collection != contact::COLLECTION {
        return Ok(Vec::new());
    }
    let (tenant, most) = (tx.tenant_id(), i64::try_from(MOST_MOVED + 1).unwrap_or(i64::MAX));
    activity::store::of_contacts(tx.conn(), tenant, gone.ids, most).await
}

/// Moves what no record is: keys and sets of duplicates, and who answered for the losers.
pub async fn settle(tx: &mut Tx<'_>, call: &Call, Going { gone, into }: Going<'_>) -> Result<()> {
    let tenant = tx.tenant_id();
    duplicate::store::forget(tx.conn(), tenant, gone.ids).await?;
    duplicate_scan::merged(tx.conn(), (tenant, call.caller_id()), gone.collection, into, gone.ids, call.now)
        .await?;
    store::turn_ownership(tx.conn(), tenant, gone.ids, call.now, true).await
}

/// Puts that back, for a merge that took place at `at`. Sets of duplicates come with the next scan.
pub async fn unsettle(tx: &mut Tx<'_>, Going { gone, into }: Going<'_>, at: DateTime<Utc>) -> Result<()> {
    let tenant = tx.tenant_id();
    duplicate_scan::unmerged(tx.conn(), tenant, gone.collection, into, at).await?;
    store::turn_ownership(tx.conn(), tenant, gone.ids, at, false).await
}
