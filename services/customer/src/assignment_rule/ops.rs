//! Use cases of rules.

use crm_kit_api::{Call, Error, Result, etag, filter::Schema, id, mask};
use crm_kit_pg::{Db, Tx};
use crm_kit_record::Record as _;
use crm_proto::crm::customer::v1::AssignmentRule as Wire;
use prost::Name as _;
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use super::{
    COLLECTION, convert, events,
    model::{AssignmentRule, MAX_RULES},
    store,
};
use crate::{
    DOMAIN,
    lead::{self, Lead, Leads},
    pool,
};

/// The use cases of rules. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AssignmentRules {
    /// The service's database.
    pub db: Db,
    /// What the rules are about.
    pub leads: Leads,
}

impl AssignmentRules {
    /// The rule with an id.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Wire> {
        let id = id::parse("id", id)?;
        let rules = self.all(call).await?;
        let found = rules.iter().find(|rule| rule.id == id);
        found.map(convert::to_wire).ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// The rules in the order they are tried.
    pub async fn list(&self, call: &Call) -> Result<Vec<Wire>> {
        Ok(self.all(call).await?.iter().map(convert::to_wire).collect())
    }

    async fn all(&self, call: &Call) -> Result<Vec<AssignmentRule>> {
        let tenant = call.tenant_id();
        self.db.read_one(call, move |one| Box::pin(async move { store::all(one.conn(), tenant).await })).await
    }

    /// Creates a rule.
    pub async fn create(&self, call: &Call, wire: Wire) -> Result<Wire> {
        let rule = &convert::read(wire, convert::fresh(call), &self.schema(call).await?)?;
        self.leads.people.meet(call, rule.user_ids.iter().copied()).await?;
        self.db
            .write(call, "create", move |tx| {
                Box::pin(async move {
                    let tenant = tx.tenant_id();
                    let known = store::lock_all(tx.conn(), tenant).await?;
                    if known.len() >= MAX_RULES {
                        let message = format!("the tenant has {MAX_RULES} rules already");
                        let error = Error::new(Code::ResourceExhausted, DOMAIN, "RULE_LIMIT", message);
                        return Err(error.with("limit", MAX_RULES));
                    }
                    self.check(tx, call, rule, None).await?;
                    store::insert(tx.conn(), rule).await?;
                    tx.record(events::created(rule));
                    Ok(convert::to_wire(rule))
                })
            })
            .await
    }

    /// Changes a rule.
    pub async fn update(&self, call: &Call, wire: Wire, update_mask: Option<FieldMask>) -> Result<Wire> {
        let id = id::parse("assignment_rule.id", &wire.id)?;
        let schema = &self.schema(call).await?;
        let users = wire.user_ids.iter().filter_map(|text| Uuid::try_parse(text).ok());
        self.leads.people.meet(call, users).await?;
        let (wire, update_mask) = (&wire, update_mask.as_ref());
        self.db
            .write(call, "update", move |tx| {
                Box::pin(async move {
                    let was = &held(tx, id, &wire.etag).await?;
                    let before = convert::to_wire(was);
                    let descriptor = crm_proto::message(&Wire::full_name());
                    let merged = mask::merge(&descriptor, &before, wire, update_mask, convert::FIXED)?;
                    let mut rule = convert::read(merged, was.clone(), schema)?;
                    if rule == *was {
                        return Ok(before);
                    }
                    rule.revision += 1;
                    rule.update_time = call.now;
                    self.check(tx, call, &rule, Some(was)).await?;
                    store::update(tx.conn(), &rule).await?;
                    tx.record(events::updated(was, &rule)?);
                    Ok(convert::to_wire(&rule))
                })
            })
            .await
    }

    /// Removes a rule.
    pub async fn delete(&self, call: &Call, id: &str, etag: &str) -> Result<Wire> {
        let id = id::parse("id", id)?;
        self.db
            .write(call, "delete", move |tx| {
                Box::pin(async move {
                    let rule = held(tx, id, etag).await?;
                    store::delete(tx.conn(), &rule).await?;
                    tx.record(events::deleted(&rule));
                    Ok(convert::to_wire(&rule))
                })
            })
            .await
    }

    async fn schema(&self, call: &Call) -> Result<Schema> {
        let fields = self.leads.fields(call).await?;
        Ok(Lead::filter_schema(&fields, call))
    }

    /// Checks that users who are new to the rule are live, and that its pool is one of leads.
    async fn check(
        &self,
        tx: &mut Tx<'_>,
        call: &Call,
        rule: &AssignmentRule,
        was: Option<&AssignmentRule>,
    ) -> Result<()> {
        let known = |id: &Uuid| was.is_some_and(|was| was.user_ids.contains(id));
        let new: Vec<Uuid> = rule.user_ids.iter().copied().filter(|id| !known(id)).collect();
        let standing = self.leads.people.standing(tx, call, new.iter().copied()).await?;
        for id in new {
            standing.check(call, "assignment_rule.user_ids", id)?;
        }
        let Some(pool_id) = rule.pool_id else { return Ok(()) };
        let tenant = tx.tenant_id();
        let pool = pool::store::get(tx.conn(), tenant, pool_id).await?;
        let fits = pool.is_some_and(|pool| pool.collection == lead::COLLECTION);
        if fits { Ok(()) } else { Err(Error::not_found(pool::COLLECTION, pool_id)) }
    }
}

async fn held(tx: &mut Tx<'_>, id: Uuid, etag: &str) -> Result<AssignmentRule> {
    let tenant = tx.tenant_id();
    let known = store::lock_all(tx.conn(), tenant).await?;
    let rule = known.into_iter().find(|known| known.id == id);
    let rule = rule.ok_or_else(|| Error::not_found(COLLECTION, id))?;
    etag::check(etag, rule.revision)?;
    Ok(rule)
}
