//! Use cases of opportunities beyond the life that all records share: moving, winning, losing, invalidating, reopening, and the history of stages.

use crm_kit_api::{Call, Error, Result, id, time};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Record as _, Slice, Update,
    custom_field::Fields,
    field::Checker,
    life::{self, Revision},
};
use crm_proto::{
    crm::sales::v1::{Opportunity as Wire, StageEntry, opportunity::State},
    google::r#type::Date,
};
use prost_types::FieldMask;

use super::{
    COLLECTION, Opportunity, convert,
    gate::{self, Refusal},
    history,
};
use crate::pipeline::{Pipeline, Pipelines, Stage, model::Kind};

/// The use cases of opportunities. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Opportunities {
    /// The life that all records share.
    pub slice: Slice<Opportunity>,
    /// The pipelines they go through.
    pub pipelines: Pipelines,
}

/// How a deal ended.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The day; unset for today.
    pub closed_date: Option<Date>,
    /// Why.
    pub close_reason: String,
}

/// What is done with a deal.
#[derive(Clone, Copy, Debug)]
pub enum Verb<'v> {
    /// It goes to the stage with this key.
    Move(&'v str),
    /// It is won: it goes to the first stage of that kind.
    Win(&'v Closing),
    /// It is lost: it goes to the first stage of that kind.
    Lose(&'v Closing),
    /// It never was one.
    Invalidate(&'v Closing),
    /// It is open again, in the stage with this key or the last open one it stood in.
    Reopen(&'v str),
}

impl Verb<'_> {
    fn action(self) -> &'static str {
        match self {
            Self::Move(_) => "moveStage",
            Self::Win(_) => "win",
            Self::Lose(_) => "lose",
            Self::Invalidate(_) => "invalidate",
            Self::Reopen(_) => "reopen",
        }
    }
}

impl Opportunities {
    /// Does a verb with a deal: holds it, checks its etag, stores what the verb makes of it and tells of it.
    pub async fn act(&self, call: &Call, (id, etag): (&str, &str), verb: Verb<'_>) -> Result<Wire> {
        self.pipelines.ensure(call).await?;
        let (fields, id) = (&self.slice.fields(call).await?, id::parse("id", id)?);
        self.slice
            .db
            .write(call, verb.action(), move |tx| {
                Box::pin(async move {
                    let was = life::hold_one::<Opportunity>(tx, call, id, etag).await?;
                    let revision = match verb {
                        Verb::Move(stage_key) => shift(call, fields, was, stage_key, None)?,
                        Verb::Win(closing) => close(call, fields, was, Kind::Won, closing)?,
                        Verb::Lose(closing) => close(call, fields, was, Kind::Lost, closing)?,
                        Verb::Invalidate(closing) => invalidate(call, fields, was, closing)?,
                        Verb::Reopen(stage_key) => reopen(tx, call, fields, was, stage_key).await?,
                    };
                    life::write_one(tx, call, fields, revision).await
                })
            })
            .await
    }

    /// The stages a deal stood in.
    pub async fn stage_entries(&self, call: &Call, id: &str) -> Result<Vec<StageEntry>> {
        let id = id::parse("opportunity_id", id)?;
        let (tenant, owners) = (call.tenant_id(), call.access.scope.owners());
        let entries = self
            .slice
            .db
            .read(call, move |tx| {
                Box::pin(async move {
                    let found = Opportunity::get(tx.conn(), tenant, &[id], owners).await?;
                    if found.is_empty() {
                        return Err(Error::not_found(COLLECTION, id));
                    }
                    history::entries(tx.conn(), tenant, id).await
                })
            })
            .await?;
        Ok(history::to_wire(&entries, call.now))
    }
}

/// A move as an update of the deal, with how it ended when it ends.
fn shift(
    call: &Call,
    fields: &Fields,
    was: Opportunity,
    stage_key: &str,
    closing: Option<&Closing>,
) -> Result<Revision<Opportunity>> {
    refuse_closed(&was)?;
    let mut wire = Wire { stage_key: stage_key.to_owned(), ..Wire::default() };
    let mut paths = vec!["stage_key".to_owned()];
    if let Some(closing) = closing {
        wire.close_reason.clone_from(&closing.close_reason);
        wire.closed_date = closing.closed_date;
        paths.extend(["close_reason", "closed_date"].map(str::to_owned));
    }
    life::revise(call, fields, was, &Update { wire, mask: Some(FieldMask { paths }) })
}

/// Closes a deal: it goes to the first stage of the kind.
fn close(
    call: &Call,
    fields: &Fields,
    was: Opportunity,
    kind: Kind,
    closing: &Closing,
) -> Result<Revision<Opportunity>> {
    let pipeline = pipeline_of(fields, &was)?;
    let stage = pipeline.first(kind).ok_or_else(|| Error::bug("a pipeline lacks a closed stage"))?;
    shift(call, fields, was, &stage.key, Some(closing))
}

fn invalidate(
    call: &Call,
    fields: &Fields,
    was: Opportunity,
    closing: &Closing,
) -> Result<Revision<Opportunity>> {
    refuse_closed(&was)?;
    let mut check = Checker::new("", "");
    let mut deal = was.clone();
    deal.close_reason = check.line("close_reason", closing.close_reason.clone(), 200);
    deal.closed_date =
        closing.closed_date.and_then(|day| time::naive_date("closed_date", &day, check.violations()));
    if deal.closed_date.is_some_and(|day| day < was.open_date) {
        check.refuse("closed_date", "DATE_ORDER", "lies before the day the deal was opened");
    }
    check.into_violations().into_result(())?;
    gate::invalidate(&mut deal, convert::act(call));
    Ok(Revision::new(fields, was, deal))
}

async fn reopen(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    was: Opportunity,
    stage_key: &str,
) -> Result<Revision<Opportunity>> {
    if was.state.0 == State::Open {
        return Err(Refusal::Open { stage: was.stage_key }.into());
    }
    let pipeline = pipeline_of(fields, &was)?;
    let entries = history::entries(tx.conn(), was.tenant_id, was.id).await?;
    let stage = open_stage(pipeline, &entries, stage_key)?;
    let mut deal = was.clone();
    gate::reopen(&mut deal, pipeline, stage, convert::act(call));
    gate::lets_in(stage, &deal)?;
    Ok(Revision::new(fields, was, deal))
}

fn refuse_closed(was: &Opportunity) -> Result<()> {
    if was.state.0 == State::Open { Ok(()) } else { Err(Refusal::Closed(was.state.0).into()) }
}

fn pipeline_of<'f>(fields: &'f Fields, deal: &Opportunity) -> Result<&'f Pipeline> {
    let found = convert::pipelines(fields)?.iter().find(|pipeline| pipeline.id == deal.pipeline_id);
    found.ok_or_else(Error::concurrent_change)
}

/// The stage to open a deal in: the one named, else the last open one it stood in, else the first of the pipeline.
fn open_stage<'p>(pipeline: &'p Pipeline, entries: &[history::Entry], key: &str) -> Result<&'p Stage> {
    let named = pipeline.stage(key).filter(|stage| stage.kind == Kind::Open);
    if !key.is_empty() {
        let message = format!("the pipeline {} has no such open stage", pipeline.display_name);
        return named.ok_or_else(|| Error::invalid_field("stage_key", "STAGE_UNKNOWN", message));
    }
    let last = history::last_open(entries, pipeline.id).and_then(|key| pipeline.stage(key));
    let last = last.filter(|stage| stage.kind == Kind::Open && !stage.retired);
    last.or_else(|| pipeline.first(Kind::Open)).ok_or_else(|| Error::bug("a pipeline lacks an open stage"))
}
