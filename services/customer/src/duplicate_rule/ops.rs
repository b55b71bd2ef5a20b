//! Use cases of rules.

use crm_kit_api::{Call, Error, Result, etag, id, mask};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::customer::v1::DuplicateRule as Wire;
use prost::Name as _;
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use super::{
    COLLECTION, convert, events,
    model::{MAX_RULES, StoredRule},
    store,
};
use crate::{
    DOMAIN,
    duplicate::{rule, store::COLLECTIONS},
};

/// The use cases of rules. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DuplicateRules {
    /// The service's database.
    pub db: Db,
}

impl DuplicateRules {
    /// The rules in use, built-in ones where the tenant has none.
    pub async fn list(&self, call: &Call, collection: &str) -> Result<Vec<Wire>> {
        let tenant = call.tenant_id();
        let own = self
            .db
            .read(call, move |tx| Box::pin(async move { store::of(tx.conn(), tenant, "").await }))
            .await?;
        let mut wires = Vec::new();
        for of in COLLECTIONS.into_iter().filter(|of| collection.is_empty() || *of == collection) {
            let before = wires.len();
            wires.extend(own.iter().filter(|rule| rule.collection == of).map(convert::to_wire));
            if wires.len() == before {
                wires.extend(rule::defaults(of).iter().map(|rule| convert::built_in(of, rule)));
            }
        }
        Ok(wires)
    }

    /// The rule with an id.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Wire> {
        let (tenant, id) = (call.tenant_id(), id::parse("id", id)?);
        let own = self
            .db
            .read(call, move |tx| Box::pin(async move { store::of(tx.conn(), tenant, "").await }))
            .await?;
        let found = own.iter().find(|rule| rule.id == id);
        found.map(convert::to_wire).ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// Creates a rule.
    pub async fn create(&self, call: &Call, wire: Wire) -> Result<Wire> {
        let rule = &StoredRule { revision: 1, ..convert::read(call, wire, convert::fresh(call))? };
        self.db.write(call, "create", move |tx| Box::pin(async move { create(tx, rule).await })).await
    }

    /// Changes a rule.
    pub async fn update(&self, call: &Call, wire: Wire, update_mask: Option<FieldMask>) -> Result<Wire> {
        let (wire, update_mask) = (&wire, update_mask.as_ref());
        self.db
            .write(call, "update", move |tx| {
                Box::pin(async move { update(tx, call, wire, update_mask).await })
            })
            .await
    }

    /// Deletes a rule.
    pub async fn delete(&self, call: &Call, id: &str, etag: &str) -> Result<()> {
        let id = id::parse("id", id)?;
        self.db
            .write(call, "delete", move |tx| {
                Box::pin(async move {
                    let rule = held(tx, id).await?;
                    etag::check(etag, rule.revision)?;
                    let tenant = tx.tenant_id();
                    store::delete(tx.conn(), tenant, id).await?;
                    tx.record(events::deleted(&rule));
                    Ok(())
                })
            })
            .await
    }
}

async fn create(tx: &mut Tx<'_>, rule: &StoredRule) -> Result<Wire> {
    let tenant = tx.tenant_id();
    if store::of(tx.conn(), tenant, &rule.collection).await?.len() >= MAX_RULES {
        let message = format!("{} has {MAX_RULES} rules already", rule.collection);
        return Err(
            Error::new(Code::ResourceExhausted, DOMAIN, "RULE_LIMIT", message).with("limit", MAX_RULES)
        );
    }
    store::insert(tx.conn(), rule).await?;
    tx.record(events::created(rule));
    Ok(convert::to_wire(rule))
}

async fn update(tx: &mut Tx<'_>, call: &Call, wire: &Wire, update_mask: Option<&FieldMask>) -> Result<Wire> {
    let was = held(tx, id::parse("duplicate_rule.id", &wire.id)?).await?;
    etag::check(&wire.etag, was.revision)?;
    let before = convert::to_wire(&was);
    let descriptor = crm_proto::message(&Wire::full_name());
    let merged = mask::merge(&descriptor, &before, wire, update_mask, convert::FIXED)?;
    let mut rule = convert::read(call, merged, was.clone())?;
    if rule == was {
        return Ok(before);
    }
    rule.revision += 1;
    rule.update_time = call.now;
    store::update(tx.conn(), &rule).await?;
    tx.record(events::updated(&was, &rule)?);
    Ok(convert::to_wire(&rule))
}

async fn held(tx: &mut Tx<'_>, id: Uuid) -> Result<StoredRule> {
    let tenant = tx.tenant_id();
    store::lock(tx.conn(), tenant, id).await?.ok_or_else(|| Error::not_found(COLLECTION, id))
}
