//! Use cases of users, except passwords.

use crm_kit_api::{Call, Error, Result, etag};
use crm_kit_pg::{Change, Db, Tx};
use crm_proto::crm::platform::v1::{self as wire, UpdateUserRequest};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    events::{self, COLLECTION},
    guardrails,
    model::{PasswordHash, State, User},
    reach, store,
};
use crate::{
    edit::{self, Edit, Sent},
    password::{self, Hasher},
    reason, session,
};

/// Output-only fields of a user, and the one that is fixed at creation.
const FIXED: [&str; 5] =
    ["state", "service_account", "password_change_required", "last_sign_in_time", "first_password"];

/// One user, also a deleted one.
pub async fn get(db: &Db, call: &Call, id: Uuid) -> Result<User> {
    db.read(call, |tx| one(tx, id).boxed()).await
}

async fn one(tx: &mut Tx<'_>, id: Uuid) -> Result<User> {
    let tenant_id = tx.tenant_id();
    store::find(tx.conn(), tenant_id, id).await?.ok_or_else(|| Error::not_found(COLLECTION, id))
}

/// Fails unless the user exists and is not deleted.
pub async fn require_live(tx: &mut Tx<'_>, id: Uuid) -> Result<()> {
    live(one(tx, id).await?).map(drop)
}

fn live(user: User) -> Result<User> {
    if user.delete_time.is_none() { Ok(user) } else { Err(Error::not_found(COLLECTION, user.id)) }
}

/// A user that is not deleted, held for a change.
pub async fn locked(tx: &mut Tx<'_>, id: Uuid, etag: &str) -> Result<User> {
    let user = live(locked_any(tx, id).await?)?;
    etag::check(etag, user.revision)?;
    Ok(user)
}

async fn locked_any(tx: &mut Tx<'_>, id: Uuid) -> Result<User> {
    let tenant_id = tx.tenant_id();
    store::lock(tx.conn(), tenant_id, id).await?;
    one(tx, id).await
}

/// Creates a user; a person gets a first password, which stands in the answer of the first attempt only.
pub async fn create(db: &Db, hasher: &Hasher, call: &Call, wire: &wire::User) -> Result<wire::User> {
    let user = User { service_account: wire.service_account, ..User::new(call) };
    let mut user = user.with_wire(wire, &call.access.tenant.region_code)?;
    let mut first_password = String::new();
    if !user.service_account {
        first_password = password::first();
        user.password_hash = Some(PasswordHash(hasher.hash(&first_password).await?));
        user.password_change_required = true;
    }
    let mut created = db.write(call, "user.create", |tx| create_in(tx, call, &user).boxed()).await?;
    if created.id == user.id.to_string() {
        created.first_password = first_password;
    }
    Ok(created)
}

async fn create_in(tx: &mut Tx<'_>, call: &Call, user: &User) -> Result<wire::User> {
    guardrails::check(tx, call, None, user).await?;
    let before = reach::before(tx, call, None, user).await?;
    let wire = insert(tx, user).await?;
    reach::after(tx, call, user.id, before).await?;
    Ok(wire)
}

/// Adds a user whose values are checked.
pub async fn insert(tx: &mut Tx<'_>, user: &User) -> Result<wire::User> {
    let tenant_id = tx.tenant_id();
    store::insert(tx.conn(), tenant_id, user).await?;
    let wire = user.to_wire();
    tx.record(events::created(user.id, &wire));
    Ok(wire)
}

/// Changes a user.
pub async fn update(db: &Db, call: &Call, id: Uuid, request: &UpdateUserRequest) -> Result<wire::User> {
    db.write(call, "user.update", |tx| update_in(tx, call, id, request).boxed()).await
}

async fn update_in(
    tx: &mut Tx<'_>,
    call: &Call,
    id: Uuid,
    request: &UpdateUserRequest,
) -> Result<wire::User> {
    let sent = request.user.as_ref().ok_or_else(|| Error::bug("validation lets no empty user pass"))?;
    let before = locked(tx, id, &sent.etag).await?;
    let sent = Sent { field: "user", message: sent, update_mask: request.update_mask.as_ref() };
    let merged = edit::merge(sent, &before.to_wire(), &FIXED, &call.access.masks)?;
    let after = before.with_wire(&merged, &call.access.tenant.region_code)?;
    save(tx, call, &before, after).await
}

/// Checks and writes a step of a user, if it is one.
pub async fn save(tx: &mut Tx<'_>, call: &Call, before: &User, after: User) -> Result<wire::User> {
    if after == *before {
        return Ok(before.to_wire());
    }
    guardrails::check(tx, call, Some(before), &after).await?;
    let reached = reach::before(tx, call, Some(before), &after).await?;
    let after = User { update_time: call.now, revision: before.revision + 1, ..after };
    let tenant_id = tx.tenant_id();
    store::update(tx.conn(), tenant_id, &after).await?;
    reach::after(tx, call, after.id, reached).await?;
    let wire = after.to_wire();
    if let Some(change) = told(before, &after, &wire)? {
        tx.record(change);
    }
    Ok(wire)
}

fn told(before: &User, after: &User, wire: &wire::User) -> Result<Option<Change>> {
    let edit = match (before.delete_time, after.delete_time) {
        (None, Some(_)) => return Ok(Some(events::deleted(after.id, wire))),
        (Some(_), None) => return Ok(Some(events::undeleted(after.id, wire))),
        _ => edit::between(&before.to_wire(), wire)?,
    };
    // A new password is a change too, although nothing of it shows.
    let edit = edit.or_else(|| after.password_hash.is_some().then(Edit::invisible));
    Ok(edit.map(|edit| events::updated(after.id, wire, edit)))
}

/// Disables a user and ends its sessions.
pub async fn disable(db: &Db, call: &Call, id: Uuid, etag: &str) -> Result<wire::User> {
    db.write(call, "user.disable", |tx| disable_in(tx, call, id, etag).boxed()).await
}

async fn disable_in(tx: &mut Tx<'_>, call: &Call, id: Uuid, etag: &str) -> Result<wire::User> {
    let before = locked(tx, id, etag).await?;
    guardrails::check_cover_user(tx, call, &before).await?;
    session::ops::end_all(tx, id).await?;
    let after = User { state: State::Disabled, ..before.clone() };
    save(tx, call, &before, after).await
}

/// Lets a user sign in again and ends a lock-out.
pub async fn enable(db: &Db, call: &Call, id: Uuid, etag: &str) -> Result<wire::User> {
    db.write(call, "user.enable", |tx| enable_in(tx, call, id, etag).boxed()).await
}

async fn enable_in(tx: &mut Tx<'_>, call: &Call, id: Uuid, etag: &str) -> Result<wire::User> {
    let before = locked(tx, id, etag).await?;
    guardrails::check_cover_user(tx, call, &before).await?;
    session::ops::forgive(tx, &before.username).await?;
    let after = User { state: State::Active, ..before.clone() };
    save(tx, call, &before, after).await
}

/// Deletes a user: its name becomes free, its sessions end, its API keys are revoked.
pub async fn delete(db: &Db, call: &Call, id: Uuid, etag: &str) -> Result<wire::User> {
    db.write(call, "user.delete", |tx| delete_in(tx, call, id, etag).boxed()).await
}

async fn delete_in(tx: &mut Tx<'_>, call: &Call, id: Uuid, etag: &str) -> Result<wire::User> {
    let before = locked(tx, id, etag).await?;
    guardrails::check_cover_user(tx, call, &before).await?;
    session::ops::end_all(tx, id).await?;
    crate::api_key::ops::revoke_all(tx, id).await?;
    let after = User { delete_time: Some(call.now), ..before.clone() };
    save(tx, call, &before, after).await
}

/// Brings a deleted user back, disabled.
pub async fn undelete(db: &Db, call: &Call, id: Uuid, etag: &str) -> Result<wire::User> {
    db.write(call, "user.undelete", |tx| undelete_in(tx, call, id, etag).boxed()).await
}

async fn undelete_in(tx: &mut Tx<'_>, call: &Call, id: Uuid, etag: &str) -> Result<wire::User> {
    let before = locked_any(tx, id).await?;
    if before.delete_time.is_none() {
        return Err(reason::not_deleted(COLLECTION, id));
    }
    etag::check(etag, before.revision)?;
    let after = User { delete_time: None, state: State::Disabled, ..before.clone() };
    save(tx, call, &before, after).await
}
