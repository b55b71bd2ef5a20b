//! Use cases of sessions that exist, and the counting of attempts.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1::{self as wire, ListSessionsResponse};
use futures::FutureExt as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    events::{self, COLLECTION},
    guard::Kind,
    model::{Opening, Session},
    store,
};
use crate::text;

/// Lets a caller see and end sessions of others.
const MANAGE: &str = "platform.users.update";

/// Stores a session.
pub async fn open(tx: &mut Tx<'_>, opening: &Opening) -> Result<()> {
    let tenant_id = tx.tenant_id();
    store::insert(tx.conn(), tenant_id, opening).await?;
    tx.record(events::created(&opening.session));
    Ok(())
}

/// Ends every session of a user.
pub async fn end_all(tx: &mut Tx<'_>, user_id: Uuid) -> Result<()> {
    let tenant_id = tx.tenant_id();
    for session in store::delete_all(tx.conn(), tenant_id, user_id).await? {
        tx.record(events::deleted(&session));
    }
    Ok(())
}

/// The live sessions of the caller or, with the permission, of another user.
pub async fn list(db: &Db, call: &Call, user_id: &str) -> Result<ListSessionsResponse> {
    let user_id = id::parse_optional("user_id", user_id)?.unwrap_or_else(|| call.caller_id());
    if user_id != call.caller_id() {
        call.require(MANAGE)?;
    }
    let (tenant_id, now) = (call.tenant_id(), call.now);
    let sessions = db.read(call, |tx| store::of_user(tx.conn(), tenant_id, user_id, now).boxed()).await?;
    Ok(ListSessionsResponse { sessions: sessions.iter().map(Session::to_wire).collect() })
}

/// Ends a session of the caller or, with the permission, of another user.
pub async fn delete(db: &Db, call: &Call, id: Uuid) -> Result<wire::Session> {
    let owner = (!call.access.permissions.allows(MANAGE)).then(|| call.caller_id());
    db.write(call, "session.delete", |tx| delete_in(tx, id, owner).boxed()).await
}

/// Ends a session, of `owner` only when one is given.
pub async fn delete_in(tx: &mut Tx<'_>, id: Uuid, owner: Option<Uuid>) -> Result<wire::Session> {
    let tenant_id = tx.tenant_id();
    let session = store::delete(tx.conn(), tenant_id, id, owner).await?;
    let session = session.ok_or_else(|| Error::not_found(COLLECTION, id))?;
    tx.record(events::deleted(&session));
    Ok(session.to_wire())
}

/// Counts an attempt for a name of a tenant, known or not; the inner error is the time until attempts succeed again.
pub async fn attempt(
    db: &Db,
    tenant_id: Uuid,
    username: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), Duration>> {
    let subject = name_subject(username);
    db.for_tenant(tenant_id, |tx| count(tx, Kind::Name, &subject, now).boxed()).await
}

/// Counts an attempt before its outcome is known.
pub async fn count(
    tx: &mut Tx<'_>,
    kind: Kind,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), Duration>> {
    let tenant_id = tx.tenant_id();
    let guard = store::lock_guard(tx.conn(), tenant_id, subject, now).await?;
    if let Some(until) = guard.locked_until(now) {
        return Ok(Err((until - now).to_std().unwrap_or_default()));
    }
    store::put_guard(tx.conn(), tenant_id, subject, &guard.after_attempt(kind, now)).await?;
    Ok(Ok(()))
}

/// Forgets the failed attempts for a name, and so ends its lock.
pub async fn forgive(tx: &mut Tx<'_>, username: &str) -> Result<()> {
    let tenant_id = tx.tenant_id();
    store::delete_guard(tx.conn(), tenant_id, &name_subject(username)).await
}

/// What attempts for a name are counted under.
pub fn name_subject(username: &str) -> String {
    subject("name", &text::key(username))
}

/// What attempts of a network are counted under, in the nil tenant.
pub fn source_subject(network: &str) -> String {
    subject("source", network)
}

fn subject(kind: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize();
    format!("{kind}:{}", URL_SAFE_NO_PAD.encode(&hash[..16]))
}
