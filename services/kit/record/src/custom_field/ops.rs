//! Use cases of definitions.

use crm_kit_api::{
    Call, Error, Result, etag, id, mask,
    page::{self, Binding, Token},
};
use crm_kit_pg::{Db, Tx, jobs};
use crm_proto::crm::record::v1::{CustomField as Wire, custom_field::Type};
use prost::Name as _;
use prost_types::FieldMask;
use tonic::Code;

use super::{
    COLLECTION, Catalog, convert, events,
    jobs::DEFINITION_JOB,
    model::{Definition, MAX_FIELDS},
    retype, rules, store,
};
use crate::{DOMAIN, Kinds};

/// The use cases of definitions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CustomFields {
    /// The service's database.
    pub db: Db,
    /// Forgets a tenant's definitions when they change.
    pub catalog: Catalog,
}

impl CustomFields {
    /// The definition with an id.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Wire> {
        let (tenant, id) = (call.tenant_id(), id::parse("id", id)?);
        let found = self
            .db
            .read(call, move |tx| Box::pin(async move { store::get(tx.conn(), tenant, id).await }))
            .await?;
        found.as_ref().map(convert::to_wire).ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// A page of definitions and the token of the next one.
    pub async fn list(
        &self,
        call: &Call,
        collection: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<Wire>, String)> {
        let (tenant, size) = (call.tenant_id(), page::size(page_size));
        let binding = Binding::new(tenant, &[COLLECTION, collection]);
        let after = Token::decode(page_token, binding, 2)?.map(|token| token.keys).unwrap_or_default();
        let place = (after.first().map_or("", String::as_str), after.get(1).map_or("", String::as_str));
        let limit = i64::try_from(size + 1).map_err(Error::internal)?;
        let mut found = self
            .db
            .read(call, move |tx| {
                Box::pin(async move { store::page(tx.conn(), tenant, collection, place, limit).await })
            })
            .await?;
        let more = found.len() > size;
        found.truncate(size);
        let next = found.last().filter(|_| more).map(|last| {
            Token { keys: vec![last.collection.clone(), last.key.clone()], id: last.id }.encode(binding)
        });
        Ok((found.iter().map(convert::to_wire).collect(), next.unwrap_or_default()))
    }

    /// Creates a definition.
    pub async fn create(&self, call: &Call, wire: Wire) -> Result<Wire> {
        let definition =
            &Definition { revision: 1, ..convert::read(&self.catalog.kinds, wire, convert::fresh(call))? };
        let kinds = &self.catalog.kinds;
        let created = self
            .db
            .write(call, "create", move |tx| {
                Box::pin(async move { create(tx, call, kinds, definition).await })
            })
            .await;
        self.catalog.forget(call.tenant_id());
        created
    }

    /// Changes a definition.
    pub async fn update(&self, call: &Call, wire: Wire, update_mask: Option<FieldMask>) -> Result<Wire> {
        let (kinds, wire, update_mask) = (&self.catalog.kinds, &wire, update_mask.as_ref());
        let updated = self
            .db
            .write(call, "update", move |tx| {
                Box::pin(async move { update(tx, call, kinds, (wire, update_mask)).await })
            })
            .await;
        self.catalog.forget(call.tenant_id());
        updated
    }
}

async fn create(tx: &mut Tx<'_>, call: &Call, kinds: &Kinds, definition: &Definition) -> Result<Wire> {
    let known = hold_all(tx).await?;
    let same: Vec<&Definition> =
        known.iter().filter(|known| known.collection == definition.collection).collect();
    if same.iter().any(|known| known.key == definition.key) {
        return Err(store::key_taken(definition));
    }
    if same.len() >= MAX_FIELDS {
        let message = format!("{} has {MAX_FIELDS} fields already", definition.collection);
        return Err(
            Error::new(Code::ResourceExhausted, DOMAIN, "FIELD_LIMIT", message).with("limit", MAX_FIELDS)
        );
    }
    rules::check(kinds, &known, definition)?;
    store::insert(tx.conn(), definition).await?;
    tx.record(events::created(definition));
    if matches!(definition.kind(), Type::Formula | Type::RollUp) {
        ask_for_job(tx, call, definition).await?;
    }
    Ok(convert::to_wire(definition))
}

async fn update(
    tx: &mut Tx<'_>,
    call: &Call,
    kinds: &Kinds,
    (wire, update_mask): (&Wire, Option<&FieldMask>),
) -> Result<Wire> {
    let id = id::parse("custom_field.id", &wire.id)?;
    let known = hold_all(tx).await?;
    let was = known.iter().find(|known| known.id == id).ok_or_else(|| Error::not_found(COLLECTION, id))?;
    etag::check(&wire.etag, was.revision)?;
    let before = convert::to_wire(was);
    let descriptor = crm_proto::message(&Wire::full_name());
    let merged = mask::merge(&descriptor, &before, wire, update_mask, convert::FIXED)?;
    let mut definition = convert::read(kinds, merged, was.clone())?;
    if definition == *was {
        return Ok(before);
    }
    definition.revision += 1;
    definition.update_time = call.now;
    rules::check(kinds, &known, &definition)?;
    if let Some(kind) = kinds.get(&definition.collection) {
        retype::apply(tx, call, kind, (was, &definition)).await?;
    }
    store::update(tx.conn(), &definition).await?;
    tx.record(events::updated(was, &definition)?);
    if reaches_records(was, &definition) {
        ask_for_job(tx, call, &definition).await?;
    }
    Ok(convert::to_wire(&definition))
}

/// Every definition of the tenant, held until the transaction ends.
async fn hold_all(tx: &mut Tx<'_>) -> Result<Vec<Definition>> {
    let tenant = tx.tenant_id();
    store::lock_all(tx.conn(), tenant).await?;
    store::all(tx.conn(), tenant).await
}

/// Whether a change means work on stored records.
fn reaches_records(before: &Definition, after: &Definition) -> bool {
    before.value_type != after.value_type
        || before.formula != after.formula
        || before.formula_type != after.formula_type
        || before.roll_up != after.roll_up
        || before.is_unique != after.is_unique
}

async fn ask_for_job(tx: &mut Tx<'_>, call: &Call, definition: &Definition) -> Result<()> {
    let tenant = tx.tenant_id();
    jobs::enqueue(tx.conn(), tenant, definition.id, DEFINITION_JOB, call.now).await
}
