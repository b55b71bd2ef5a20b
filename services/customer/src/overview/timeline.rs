//! The time line of an account: entries of several sources in one order, page by page.

use std::collections::HashMap;

use chrono::SecondsFormat;
use crm_kit_api::{
    Call, Error, Result,
    page::{self, Binding, Token},
    time,
};
use crm_kit_pg::Tx;
use crm_kit_record::{Choice, Record};
use crm_proto::crm::customer::v1::{
    LeadStatusChange, OwnershipPeriod, TimelineEntry as Wire,
    account_overview::{Gap, Reason},
    timeline_entry::{Entry as Told, LeadStep},
};
use uuid::Uuid;

use super::{
    gap::Section,
    ops::AllFields,
    store::{self, Entry, Place, Source, Span},
};
use crate::{
    app,
    interaction::Interaction,
    ownership::{self, Period},
    task::Task,
};

/// What stands in time lines, and the right that each takes.
const SECTIONS: [(Source, Section); 4] = [
    (Source::Interaction, section("timeline.interaction", "customer.interactions.read")),
    (Source::Task, section("timeline.task", "customer.tasks.read")),
    (Source::Ownership, section("timeline.ownership", "customer.pools.read")),
    (Source::LeadStep, section("timeline.lead_step", "customer.leads.read")),
];

const fn section(name: &'static str, permission: &'static str) -> Section {
    Section { service: app::NAME, name, permission }
}

/// A page of a time line that is wanted.
pub struct Wanted {
    account_id: Uuid,
    /// What the caller may read, by the numbers of [`Source`].
    sources: Vec<i16>,
    after: Option<Place>,
    size: usize,
    binding: Binding,
}

impl Wanted {
    /// Reads what a request asks for.
    pub fn read(call: &Call, account_id: Uuid, page_size: i32, page_token: &str) -> Result<Self> {
        let binding = Binding::new(call.tenant_id(), &["account timeline", &account_id.to_string()]);
        let after = Token::decode(page_token, binding, 3)?;
        let after =
            after.map(|token| place(&token).ok_or_else(|| Error::bug("a page token without a place")));
        let seen = SECTIONS.into_iter().filter(|(_, section)| section.is_open_to(call));
        Ok(Self {
            account_id,
            sources: seen.map(|(source, _)| source as i16).collect(),
            after: after.transpose()?,
            size: page::size(page_size),
            binding,
        })
    }
}

/// Gaps for what the caller may not read.
pub fn gaps(call: &Call) -> impl Iterator<Item = Gap> {
    let closed = SECTIONS.into_iter().filter(|(_, section)| !section.is_open_to(call));
    closed.map(|(_, section)| section.gap(Reason::NoPermission))
}

/// A page of the time line, with the token of the next one.
pub async fn page(
    tx: &mut Tx<'_>,
    call: &Call,
    wanted: &Wanted,
    fields: &AllFields,
) -> Result<(Vec<Wire>, String)> {
    let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
    let Wanted { account_id, sources, after, size, binding } = wanted;
    let limit = i64::try_from(size + 1).map_err(Error::internal)?;
    let span = Span { account_id: *account_id, sources, after: *after, limit };
    let mut entries = store::timeline(tx.conn(), tenant, span, owners).await?;
    let has_more = entries.len() > *size;
    entries.truncate(*size);
    let next = entries.last().filter(|_| has_more).map(|last| token(last).encode(*binding));
    let mut interactions = by_id::<Interaction>(tx, call, &ids(&entries, Source::Interaction)).await?;
    let mut tasks = by_id::<Task>(tx, call, &ids(&entries, Source::Task)).await?;
    let told = entries.into_iter().filter_map(|entry| {
        let time = Some(time::timestamp(entry.time));
        let told = match entry.source {
            Source::Interaction => {
                Told::Interaction(interactions.remove(&entry.id)?.to_wire(&fields.interactions))
            }
            Source::Task => {
                let mut task = tasks.remove(&entry.id)?.to_wire(&fields.tasks);
                Task::derive(&mut task, call.now);
                Told::Task(task)
            }
            Source::Ownership => Told::Ownership(period(entry)?),
            Source::LeadStep => Told::LeadStep(step(entry)),
        };
        Some(Wire { time, entry: Some(told) })
    });
    Ok((told.collect(), next.unwrap_or_default()))
}

fn ids(entries: &[Entry], source: Source) -> Vec<Uuid> {
    entries.iter().filter(|entry| entry.source == source).map(|entry| entry.id).collect()
}

fn token(last: &Entry) -> Token {
    let time = last.time.to_rfc3339_opts(SecondsFormat::Micros, true);
    Token { keys: vec![time, (last.source as i16).to_string(), last.number.to_string()], id: last.id }
}

fn place(token: &Token) -> Option<Place> {
    let [time, source, number] = token.keys.as_slice() else { return None };
    let source: i16 = source.parse().ok()?;
    let (source, _) = SECTIONS.into_iter().find(|(known, _)| *known as i16 == source)?;
    Some(Place { time: time.parse().ok()?, id: token.id, source, number: number.parse().ok()? })
}

fn period(entry: Entry) -> Option<OwnershipPeriod> {
    let period = Period {
        owner_id: entry.owner_id,
        pool_id: entry.pool_id,
        from_time: entry.time,
        to_time: entry.to_time,
        act: Choice(i32::from(entry.code).try_into().ok()?),
        operator_id: entry.actor_id,
        reason: entry.reason,
    };
    Some(ownership::to_wire(&period))
}

fn step(entry: Entry) -> LeadStep {
    let change = LeadStatusChange {
        change_time: Some(time::timestamp(entry.time)),
        from_status: entry.code.into(),
        to_status: entry.to_code.into(),
        actor_id: entry.actor_id.to_string(),
        reason: entry.reason,
    };
    LeadStep { lead_id: entry.id.to_string(), change: Some(change) }
}

/// Records by their ids within the caller's scope; no statement for none.
pub async fn by_id<R: Record>(tx: &mut Tx<'_>, call: &Call, ids: &[Uuid]) -> Result<HashMap<Uuid, R>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let tenant = tx.tenant_id();
    let found = R::get(tx.conn(), tenant, ids, call.access.scope.owners()).await?;
    Ok(found.into_iter().map(|record| (record.head().id, record)).collect())
}
