//! Use cases of pipelines.

use crm_kit_api::{
    Call, Error, Result, etag, id, mask,
    page::{self, Binding, Token},
};
use crm_kit_pg::{Db, Tx};
use crm_kit_record::custom_field::Catalog;
use crm_proto::crm::sales::v1::Pipeline as Wire;
use prost::Name as _;
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use super::{
    COLLECTION, convert, events,
    model::{MAX_PIPELINES, Pipeline, Stage},
    seed, store,
};
use crate::{DOMAIN, opportunity};

/// The use cases of pipelines. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipelines {
    /// The service's database.
    pub db: Db,
    /// Keeps the tenants' pipelines in memory.
    pub catalog: Catalog,
}

impl Pipelines {
    /// Makes the default pipeline of the caller's tenant unless the tenant has pipelines.
    pub async fn ensure(&self, call: &Call) -> Result<()> {
        let tenant_id = call.tenant_id();
        let fields = self.catalog.fields(tenant_id, opportunity::COLLECTION).await?;
        if fields.settings::<Vec<Pipeline>>().is_some_and(|pipelines| !pipelines.is_empty()) {
            return Ok(());
        }
        let pipeline = &seed::pipeline(call);
        let seeded = self
            .db
            .write_rows(call, "seed", move |tx| {
                Box::pin(async move {
                    // Somebody else may just have made it.
                    if store::insert_first(tx.conn(), pipeline).await? {
                        tx.record(events::created(pipeline));
                    }
                    Ok(())
                })
            })
            .await;
        self.catalog.forget(tenant_id);
        seeded
    }

    /// The pipeline with an id.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Wire> {
        let (tenant, id) = (call.tenant_id(), id::parse("id", id)?);
        let found = self
            .db
            .read_one(call, move |one| Box::pin(async move { store::get(one.conn(), tenant, id).await }))
            .await?;
        found.as_ref().map(convert::to_wire).ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// A page of pipelines and the token of the next one.
    pub async fn list(
        &self,
        call: &Call,
        page_size: i32,
        page_token: &str,
        show_retired: bool,
    ) -> Result<(Vec<Wire>, String)> {
        let (tenant, size) = (call.tenant_id(), page::size(page_size));
        let binding = Binding::new(tenant, &[COLLECTION, if show_retired { "retired" } else { "" }]);
        let after = Token::decode(page_token, binding, 0)?.map_or(Uuid::nil(), |token| token.id);
        self.ensure(call).await?;
        let limit = i64::try_from(size + 1).map_err(Error::internal)?;
        let mut found = self
            .db
            .read_one(call, move |one| {
                Box::pin(async move { store::page(one.conn(), tenant, show_retired, after, limit).await })
            })
            .await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next = last.map(|last| Token { keys: Vec::new(), id: last.id }.encode(binding));
        Ok((found.iter().map(convert::to_wire).collect(), next.unwrap_or_default()))
    }

    /// Creates a pipeline.
    pub async fn create(&self, call: &Call, wire: Wire) -> Result<Wire> {
        // The default comes first, so that a tenant always has one.
        self.ensure(call).await?;
        let pipeline = &convert::read(wire, convert::fresh(call))?;
        let created = self
            .db
            .write(call, "create", move |tx| Box::pin(async move { create(tx, call, pipeline).await }))
            .await;
        self.catalog.forget(call.tenant_id());
        created
    }

    /// Changes a pipeline.
    pub async fn update(&self, call: &Call, wire: Wire, update_mask: Option<FieldMask>) -> Result<Wire> {
        let (wire, update_mask) = (&wire, update_mask.as_ref());
        let updated = self
            .db
            .write(call, "update", move |tx| {
                Box::pin(async move { update(tx, call, wire, update_mask).await })
            })
            .await;
        self.catalog.forget(call.tenant_id());
        updated
    }
}

async fn create(tx: &mut Tx<'_>, call: &Call, pipeline: &Pipeline) -> Result<Wire> {
    let tenant = tx.tenant_id();
    let known = store::lock_all(tx.conn(), tenant).await?;
    if known.len() >= MAX_PIPELINES {
        let message = format!("the tenant has {MAX_PIPELINES} pipelines already");
        let error = Error::new(Code::ResourceExhausted, DOMAIN, "PIPELINE_LIMIT", message);
        return Err(error.with("limit", MAX_PIPELINES));
    }
    if pipeline.is_default {
        check_default(pipeline)?;
        take_default(tx, call, &known).await?;
    }
    store::insert(tx.conn(), pipeline).await?;
    tx.record(events::created(pipeline));
    Ok(convert::to_wire(pipeline))
}

async fn update(tx: &mut Tx<'_>, call: &Call, wire: &Wire, update_mask: Option<&FieldMask>) -> Result<Wire> {
    let (tenant, id) = (tx.tenant_id(), id::parse("pipeline.id", &wire.id)?);
    let known = store::lock_all(tx.conn(), tenant).await?;
    let was = known.iter().find(|known| known.id == id).ok_or_else(|| Error::not_found(COLLECTION, id))?;
    etag::check(&wire.etag, was.revision)?;
    let before = convert::to_wire(was);
    let descriptor = crm_proto::message(&Wire::full_name());
    let merged = mask::merge(&descriptor, &before, wire, update_mask, convert::FIXED)?;
    let mut pipeline = convert::read(merged, was.clone())?;
    if pipeline == *was {
        return Ok(before);
    }
    pipeline.revision += 1;
    pipeline.update_time = call.now;
    if was.is_default && !pipeline.is_default {
        return Err(default_needed(was));
    }
    check_default(&pipeline)?;
    if pipeline.is_default && !was.is_default {
        take_default(tx, call, &known).await?;
    }
    store::update(tx.conn(), &pipeline).await?;
    tx.record(events::updated(was, &pipeline)?);
    for stage in pipeline.stages.iter().filter(|stage| limit_changed(was, stage)) {
        opportunity::store::limit_stays(tx.conn(), &pipeline, stage).await?;
    }
    Ok(convert::to_wire(&pipeline))
}

/// Whether deals may now stay in a stage for another time than before.
fn limit_changed(was: &Pipeline, stage: &Stage) -> bool {
    was.stage(&stage.key).is_some_and(|before| before.max_days != stage.max_days)
}

/// Refuses a default pipeline that takes no deals.
fn check_default(pipeline: &Pipeline) -> Result<()> {
    if pipeline.is_default && pipeline.retired { Err(default_needed(pipeline)) } else { Ok(()) }
}

/// Takes the mark of the default from the pipeline that has it.
async fn take_default(tx: &mut Tx<'_>, call: &Call, known: &[Pipeline]) -> Result<()> {
    for was in known.iter().filter(|known| known.is_default) {
        let mut pipeline = was.clone();
        pipeline.is_default = false;
        pipeline.revision += 1;
        pipeline.update_time = call.now;
        store::update(tx.conn(), &pipeline).await?;
        tx.record(events::updated(was, &pipeline)?);
    }
    Ok(())
}

fn default_needed(pipeline: &Pipeline) -> Error {
    let message = "the tenant needs a default pipeline that takes deals: make another one the default first";
    Error::new(Code::FailedPrecondition, DOMAIN, "DEFAULT_PIPELINE_NEEDED", message).with("id", pipeline.id)
}
