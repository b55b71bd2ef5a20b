//! Use cases of API keys.

use crm_kit_api::{Call, Error, Result, call::Permissions, id};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1::{self as wire, ListApiKeysRequest, ListApiKeysResponse};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    convert::ApiKey,
    events::{self, COLLECTION},
    store,
};
use crate::{
    paging::Paging,
    reason,
    role::{
        self,
        model::{Rights, intersection},
    },
    secret::{ApiKeyText, Secret},
    user,
};

/// Keys of one service account.
const MOST: i64 = 50;

/// Creates a key, which stands in the answer of the first attempt only.
pub async fn create(db: &Db, call: &Call, wire: &wire::ApiKey) -> Result<wire::ApiKey> {
    let key = ApiKey::from_wire(call, wire)?;
    let text = ApiKeyText { tenant_id: call.tenant_id(), id: key.id, secret: Secret::random() };
    let hash = text.secret.hash();
    let mut created = db.write(call, "api_key.create", |tx| create_in(tx, call, &key, &hash).boxed()).await?;
    if created.id == key.id.to_string() {
        created.key = text.reveal();
    }
    Ok(created)
}

async fn create_in(tx: &mut Tx<'_>, call: &Call, key: &ApiKey, hash: &[u8]) -> Result<wire::ApiKey> {
    let account = user::ops::locked(tx, key.user_id, "").await?;
    if !account.service_account {
        return Err(reason::not_service_account(key.user_id));
    }
    check_cover(tx, call, key, &account.role_ids).await?;
    user::reach::check_all(tx, call, account.id).await?;
    let tenant_id = tx.tenant_id();
    if store::count(tx.conn(), tenant_id, key.user_id).await? >= MOST {
        return Err(reason::api_key_limit(MOST));
    }
    store::insert(tx.conn(), tenant_id, key, hash).await?;
    tx.record(events::created(key));
    Ok(key.to_wire())
}

/// Fails unless the caller has every permission of the key's list itself, and the scope and sight that the key gets from its account.
async fn check_cover(tx: &mut Tx<'_>, call: &Call, key: &ApiKey, role_ids: &[Uuid]) -> Result<()> {
    let listed = Permissions::new(key.permissions.iter().cloned());
    let missing = listed.names().find(|permission| !call.access.permissions.allows(permission));
    if let Some(permission) = missing {
        return Err(reason::rights_exceeded("permission", permission));
    }
    let of_roles = role::ops::rights_of(tx, role_ids).await?;
    let gained = Rights { permissions: intersection(&listed, &of_roles.permissions), ..of_roles };
    role::ops::own_rights(tx, call).await?.check_cover(&gained)
}

/// One page of keys.
pub async fn list(db: &Db, call: &Call, request: &ListApiKeysRequest) -> Result<ListApiKeysResponse> {
    let paging = Paging::read(call, request.page_size, &request.page_token, &[&request.user_id])?;
    let user_id = id::parse_optional("user_id", &request.user_id)?;
    let tenant_id = call.tenant_id();
    let rows = db.read(call, |tx| store::page(tx.conn(), tenant_id, user_id, &paging).boxed()).await?;
    let (keys, next_page_token) = paging.cut(rows, |key| key.id);
    Ok(ListApiKeysResponse { api_keys: keys.iter().map(ApiKey::to_wire).collect(), next_page_token })
}

/// Revokes a key.
pub async fn delete(db: &Db, call: &Call, id: Uuid) -> Result<wire::ApiKey> {
    db.write(call, "api_key.delete", |tx| delete_in(tx, id).boxed()).await
}

async fn delete_in(tx: &mut Tx<'_>, id: Uuid) -> Result<wire::ApiKey> {
    let tenant_id = tx.tenant_id();
    let key = store::delete(tx.conn(), tenant_id, Some(id), None).await?.pop();
    let key = key.ok_or_else(|| Error::not_found(COLLECTION, id))?;
    tx.record(events::deleted(&key));
    Ok(key.to_wire())
}

/// Revokes every key of a service account.
pub async fn revoke_all(tx: &mut Tx<'_>, user_id: Uuid) -> Result<()> {
    let tenant_id = tx.tenant_id();
    for key in store::delete(tx.conn(), tenant_id, None, Some(user_id)).await? {
        tx.record(events::deleted(&key));
    }
    Ok(())
}
