//! Taking records back to their pool by its rules (回收).
//!
//! A run reads records that a rule matches page by page, and takes back each page in a transaction of its own. A run that broke off is simply run
//! again: what it took back matches no more. A record is taken back once for a rule and the day it was due, which a table notes in the same
//! transaction. A run takes back as many records as the pool allows and no more, so that an outage is not followed by a flood.

use std::{collections::BTreeMap, time::Duration};

use chrono::{NaiveDate, TimeDelta};
use crm_kit_api::{Call, Error, Result, filter::Filter, order::Order, page::Token, time};
use crm_kit_pg::{
    jobs::{Job, Verdict, Worker},
    list::{List, Page},
};
use crm_kit_record::{
    Slice,
    custom_field::refresh::server_call,
    life::{self, Revision},
};
use crm_proto::crm::customer::v1::{Reclaim, ReclaimPoolRecordsResponse, ownership_period::Act};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;
use uuid::Uuid;

use super::{
    model::{Pool, RecycleRule},
    ops::Pools,
    place::Pooled,
    rule, store,
};
use crate::{DOMAIN, account, ownership};

/// Kind of the jobs that run the rules of a pool.
pub const JOB_KIND: &str = "reclaim";
/// Time from run to run.
pub const EVERY: Duration = Duration::from_hours(1);
/// Records in one transaction.
const PAGE: usize = 100;

impl Pools {
    /// Starts the worker that runs the rules of all pools.
    pub fn spawn(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let pools = self.clone();
        let worker = Worker::new(self.db.clone(), self.clock.clone(), JOB_KIND);
        worker.spawn(tasks, shutdown.clone(), move |job| {
            let pools = pools.clone();
            Box::pin(async move { pools.work(job).await })
        });
    }

    /// Runs the rules of a pool by the clock. A pool that is gone is left alone, and one that is paused until it changes.
    pub async fn work(&self, job: &Job) -> Result<Verdict> {
        let (tenant, id) = (job.tenant_id, job.id);
        let pool = self
            .db
            .read_for_tenant(tenant, move |tx| {
                Box::pin(async move { store::get(tx.conn(), tenant, id).await })
            })
            .await?;
        let Some(pool) = pool.filter(|pool| !pool.recycle_paused && !pool.recycle_rules.is_empty()) else {
            return Ok(Verdict::Done);
        };
        let call = server_call(tenant, self.clock.now(), "job/reclaim");
        let done = self.run(&call, &pool, false).await?;
        tracing::info!(pool = %pool.id, records = done.reclaims.len(), more = done.more, "records were taken back");
        let next = TimeDelta::from_std(EVERY).unwrap_or_default();
        Ok(Verdict::Again(self.clock.now() + next))
    }

    /// Runs the rules of a pool once, or tells what they would take back.
    pub async fn reclaim(
        &self,
        call: &Call,
        pool: &Pool,
        dry_run: bool,
    ) -> Result<ReclaimPoolRecordsResponse> {
        if pool.recycle_paused && !dry_run {
            let message = "the rules of the pool are switched off";
            let error = Error::new(Code::FailedPrecondition, DOMAIN, "RECYCLE_PAUSED", message);
            return Err(error.with("id", pool.id));
        }
        // Rules work for the tenant, whatever the caller may see; the caller stands in what is written as the one who ran them.
        let mut run = server_call(call.tenant_id(), call.now, &call.method);
        run.request_id = call.request_id.clone();
        let access = std::sync::Arc::make_mut(&mut run.access);
        access.caller_id = call.caller_id();
        self.run(&run, pool, dry_run).await
    }

    async fn run(&self, call: &Call, pool: &Pool, dry_run: bool) -> Result<ReclaimPoolRecordsResponse> {
        if pool.collection == account::COLLECTION {
            run(&self.accounts, call, pool, dry_run).await
        } else {
            run(&self.leads, call, pool, dry_run).await
        }
    }
}

async fn run<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    pool: &Pool,
    dry_run: bool,
) -> Result<ReclaimPoolRecordsResponse> {
    let fields = slice.fields(call).await?;
    let schema = R::filter_schema(&fields, call);
    let limit = usize::try_from(pool.recycle_limit).unwrap_or(0);
    let mut found: BTreeMap<Uuid, Reclaim> = BTreeMap::new();
    for rule in pool.recycle_rules.iter() {
        let filter = match rule::filter(rule, pool, (&schema, R::IN_WORK), call.now) {
            Ok(filter) => filter,
            Err(error) => {
                // A field it used is gone. A rule that cannot be read takes back nothing.
                tracing::warn!(pool = %pool.id, rule = rule.key, %error, "a recycle rule cannot be read");
                continue;
            }
        };
        let mut after = None;
        loop {
            let (page, next) = page::<R>(slice, call, &filter, after).await?;
            let mine = of_pool(slice, call, pool, page).await?;
            for (index, part) in mine.chunks(PAGE).enumerate() {
                let room = limit.saturating_sub(found.len());
                if room == 0 && !part.is_empty() {
                    return Ok(answer(found, true));
                }
                let more = part.len() > room || index > 0;
                let part = &part[..part.len().min(room)];
                let taken = if dry_run {
                    part.iter().map(|record| of(record, rule)).collect()
                } else {
                    take_back(slice, call, (pool, rule), part).await?
                };
                found.extend(
                    taken.into_iter().filter_map(|reclaim| Some((reclaim.record_id.parse().ok()?, reclaim))),
                );
                if more && found.len() >= limit {
                    return Ok(answer(found, true));
                }
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(answer(found, false))
}

fn answer(found: BTreeMap<Uuid, Reclaim>, more: bool) -> ReclaimPoolRecordsResponse {
    ReclaimPoolRecordsResponse { reclaims: found.into_values().collect(), more }
}

/// A page of the records that a rule matches, by id.
async fn page<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    filter: &Filter,
    after: Option<Token>,
) -> Result<(Vec<R>, Option<Token>)> {
    let order = Order { keys: Vec::new() };
    let list = &List {
        table: R::KIND.table,
        columns: R::KIND.columns,
        owners: None,
        show_deleted: false,
        filter,
        moment: call.moment(),
        search: Vec::new(),
        order: &order,
        after,
        limit: PAGE,
    };
    let tenant = call.tenant_id();
    let page: Page<R> =
        slice.db.list(call, move |tx| Box::pin(async move { list.fetch(tx.conn(), tenant).await })).await?;
    Ok((page.rows, page.next))
}

/// Those of the records that the pool's rules concern: those that were in it last, and in the default pool those that never were in any.
async fn of_pool<R: Pooled>(slice: &Slice<R>, call: &Call, pool: &Pool, records: Vec<R>) -> Result<Vec<R>> {
    let tenant = call.tenant_id();
    let ids: Vec<Uuid> = records.iter().map(|record| record.head().id).collect();
    let ids = &ids;
    let last = slice
        .db
        .read_for_tenant(tenant, move |tx| {
            Box::pin(async move { ownership::store::last_pools(tx.conn(), tenant, ids).await })
        })
        .await?;
    let last: BTreeMap<Uuid, Uuid> = last.into_iter().collect();
    let is_mine = |record: &R| last.get(&record.head().id).map_or(pool.is_default, |last| *last == pool.id);
    Ok(records.into_iter().filter(is_mine).collect())
}

/// Takes records back that are still as they were read; those that changed meanwhile are looked at again by the next run.
async fn take_back<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    (pool, rule): (&Pool, &RecycleRule),
    read: &[R],
) -> Result<Vec<Reclaim>> {
    let fields = &slice.fields(call).await?;
    slice
        .db
        .write_rows(call, "reclaim", move |tx| {
            Box::pin(async move {
                let tenant = tx.tenant_id();
                let ids: Vec<Uuid> = read.iter().map(|record| record.head().id).collect();
                let mut held = life::hold::<R>(tx, call, &ids).await?;
                let is_as_read =
                    |id: &Uuid, record: &R| read.iter().any(|read| read.head().id == *id && read == record);
                held.retain(|id, record| is_as_read(id, record) && record.may_move().is_ok());
                let (ids, days): (Vec<Uuid>, Vec<NaiveDate>) = held
                    .values()
                    .map(|record| (record.head().id, rule::due_date(rule, record.times())))
                    .unzip();
                let key = (tenant, pool.id, rule.key.as_str());
                let noted = store::note_reclaims(tx.conn(), key, &ids, &days, call.now).await?;
                held.retain(|id, _| noted.contains(id));
                let taken: Vec<Reclaim> = held.values().map(|record| of(record, rule)).collect();
                let mut revisions = Vec::with_capacity(held.len());
                for was in held.into_values() {
                    let mut record = was.clone();
                    record.put(pool.id, &rule.key, call.now)?;
                    revisions.push(Revision::new(fields, was, record));
                }
                life::write(tx, call, fields, revisions).await?;
                ownership::store::explain(tx.conn(), tenant, &noted, Act::Reclaimed, &rule.key).await?;
                Ok(taken)
            })
        })
        .await
}

fn of<R: Pooled>(record: &R, rule: &RecycleRule) -> Reclaim {
    let owner_id = record.place().owner_id.map(|id| id.to_string()).unwrap_or_default();
    Reclaim {
        record_id: record.head().id.to_string(),
        owner_id,
        rule_key: rule.key.clone(),
        due_date: Some(time::date(rule::due_date(rule, record.times()))),
    }
}
