//! Use cases of relations.

use crm_kit_api::{
    Call, Error, Result, etag, id, mask,
    page::{self, Binding, Token},
};
use crm_kit_pg::{Db, Tx};
use crm_kit_record::hierarchy;
use crm_proto::crm::customer::v1::{
    AccountRelation as Wire, ListAccountRelationsRequest, ListAccountRelationsResponse,
};
use prost::Name as _;
use prost_types::FieldMask;
use uuid::Uuid;

use super::{
    COLLECTION, convert, events,
    model::Relation,
    store::{self, Wanted},
};
use crate::account;

/// The use cases of relations. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AccountRelations {
    /// The service's database.
    pub db: Db,
}

impl AccountRelations {
    /// One relation.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Wire> {
        let (tenant, id) = (call.tenant_id(), id::parse("id", id)?);
        let owners = call.access.scope.owners();
        let found = self.db.read_one(call, move |one| {
            Box::pin(async move { store::get(one.conn(), tenant, id, owners).await })
        });
        found.await?.as_ref().map(convert::to_wire).ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// A page of the relations of an account.
    pub async fn list(
        &self,
        call: &Call,
        request: &ListAccountRelationsRequest,
    ) -> Result<ListAccountRelationsResponse> {
        let (tenant, owners) = (call.tenant_id(), call.access.scope.owners());
        let account_id = id::parse("account_id", &request.account_id)?;
        let (size, kind) = (page::size(request.page_size), i16::try_from(request.kind).unwrap_or(0));
        let binding = Binding::new(tenant, &[COLLECTION, &account_id.to_string(), &kind.to_string()]);
        let before = Token::decode(&request.page_token, binding, 0)?.map(|token| token.id);
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let wanted = Wanted { account_id, kind, before, limit };
        let found = self.db.read(call, move |tx| {
            Box::pin(async move {
                let missing = account::store::missing(tx.conn(), tenant, &[account_id], owners).await?;
                match missing {
                    Some(id) => Err(Error::not_found(account::COLLECTION, id)),
                    None => store::of_account(tx.conn(), tenant, wanted, owners).await,
                }
            })
        });
        let mut found = found.await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next = last.map(|last| Token { keys: Vec::new(), id: last.relation.id }.encode(binding));
        Ok(ListAccountRelationsResponse {
            related_accounts: found.iter().map(|one| convert::related(call, account_id, one)).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    /// Relates two accounts.
    pub async fn create(&self, call: &Call, wire: Wire) -> Result<Wire> {
        let relation = &Relation { revision: 1, ..convert::read(call, wire, convert::fresh(call))? };
        self.db
            .write(call, "create", move |tx| Box::pin(async move { create(tx, call, relation).await }))
            .await
    }

    /// Changes a relation.
    pub async fn update(&self, call: &Call, wire: Wire, update_mask: Option<FieldMask>) -> Result<Wire> {
        let (wire, update_mask) = (&wire, update_mask.as_ref());
        self.db
            .write(call, "update", move |tx| {
                Box::pin(async move { update(tx, call, wire, update_mask).await })
            })
            .await
    }

    /// Removes a relation.
    pub async fn delete(&self, call: &Call, id: &str, etag: &str) -> Result<()> {
        let id = id::parse("id", id)?;
        self.db
            .write(call, "delete", move |tx| {
                Box::pin(async move {
                    let (relation, owner_id) = held(tx, call, id).await?;
                    etag::check(etag, relation.revision)?;
                    let tenant = tx.tenant_id();
                    store::delete(tx.conn(), tenant, id).await?;
                    tx.record(events::deleted(&relation, owner_id));
                    Ok(())
                })
            })
            .await
    }
}

async fn create(tx: &mut Tx<'_>, call: &Call, relation: &Relation) -> Result<Wire> {
    let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
    let ends = [("from_account_id", relation.from_account_id), ("to_account_id", relation.to_account_id)];
    let seen = store::owners_of(tx.conn(), tenant, &ends.map(|(_, id)| id), owners).await?;
    if let Some((field, id)) = ends.into_iter().find(|(_, id)| !seen.contains_key(id)) {
        return Err(hierarchy::missing(account::COLLECTION, id, &format!("account_relation.{field}")));
    }
    store::insert(tx.conn(), relation).await?;
    let [from, to] = ends.map(|(_, id)| seen.get(&id).copied().flatten());
    tx.record(events::created(relation, from.filter(|_| from == to)));
    Ok(convert::to_wire(relation))
}

async fn update(tx: &mut Tx<'_>, call: &Call, wire: &Wire, update_mask: Option<&FieldMask>) -> Result<Wire> {
    let (was, owner_id) = held(tx, call, id::parse("account_relation.id", &wire.id)?).await?;
    etag::check(&wire.etag, was.revision)?;
    let before = convert::to_wire(&was);
    let descriptor = crm_proto::message(&Wire::full_name());
    let merged = mask::merge(&descriptor, &before, wire, update_mask, convert::FIXED)?;
    let mut relation = convert::read(call, merged, was.clone())?;
    if relation == was {
        return Ok(before);
    }
    relation.revision += 1;
    relation.update_time = call.now;
    store::update(tx.conn(), &relation).await?;
    tx.record(events::updated(&was, &relation, owner_id)?);
    Ok(convert::to_wire(&relation))
}

/// The relation, held, when the caller sees both of its accounts, and whose records they are when they have the same owner.
async fn held(tx: &mut Tx<'_>, call: &Call, id: Uuid) -> Result<(Relation, Option<Uuid>)> {
    let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
    let held = store::lock(tx.conn(), tenant, id).await?.ok_or_else(|| Error::not_found(COLLECTION, id))?;
    let ends = [held.from_account_id, held.to_account_id];
    let seen = store::owners_of(tx.conn(), tenant, &ends, owners).await?;
    let [Some(from), Some(to)] = ends.map(|id| seen.get(&id).copied()) else {
        return Err(Error::not_found(COLLECTION, id));
    };
    Ok((held, from.filter(|_| from == to)))
}
