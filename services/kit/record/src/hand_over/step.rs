//! A group of records on its way to others, and what is noted of it in the same transaction. A dry run takes the same way and writes nothing.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use crm_kit_api::{Call, Error, Result, filter::Filter, order::Order, page::Token};
use crm_kit_pg::{
    ChangeKind, Tx,
    list::{List, Page},
};
use crm_proto::crm::record::v1::hand_over::State;
use uuid::Uuid;

use super::{
    model::HandOver,
    ops::{HandOvers, caller, hold, is_final, tell},
    store,
};
use crate::{
    Record, Slice,
    custom_field::Fields,
    life::{self, Revision},
};

/// Most records in one transaction.
pub const GROUP: usize = 200;
/// Records that a dry run reads at once.
const REHEARSED: usize = 1000;

/// What became of a group.
#[derive(Debug)]
pub enum Group {
    /// It went, and the hand-over is that much further.
    Went,
    /// Nothing of it went, because a change of one of these records is refused.
    Refused { ids: Vec<Uuid>, error: Error },
}

/// Moves a group of at most `limit` of the records that the rule at work is about, and notes it.
pub async fn run<R: Record>(
    jobs: &HandOvers,
    slice: &Slice<R>,
    job: &HandOver,
    limit: usize,
) -> Result<Group> {
    let call = &caller(jobs, job).call();
    let fields = &slice.fields(call).await?;
    let rule = job.rule().ok_or_else(|| Error::bug("a hand-over without a rule"))?;
    let filter = &Filter::parse(&rule.filter, &R::filter_schema(fields, call))?;
    let page = page::<R>(slice, call, (job, filter), job.after_id, limit).await?;
    let ids = &page.rows.iter().map(|record| record.head().id).collect::<Vec<Uuid>>();
    let next = page.next.map(|token| token.id);
    slice.people.meet(call, rule.to_user_ids.iter().copied()).await?;
    let moving = &AtomicBool::new(false);
    let written = slice
        .db
        .write_rows(call, "handOver", move |tx| {
            Box::pin(async move {
                moving.store(false, Ordering::Relaxed);
                let was = hold(tx, job).await?;
                let standing = slice.people.standing(tx, call, rule.to_user_ids.iter().copied()).await?;
                rule.to_user_ids.iter().try_for_each(|user| standing.check(call, "to_user_ids", *user))?;
                // What fails from here on until the records are written is about them and not about the hand-over.
                moving.store(true, Ordering::Relaxed);
                let mut after = move_all::<R>(tx, call, (fields, filter), ids, was.clone()).await?;
                moving.store(false, Ordering::Relaxed);
                after.advance(next);
                after.update_time = call.now;
                if after.rule().is_none() {
                    after.end(State::Done, "", call.now);
                    tell(tx, ChangeKind::Update, Some(&was), &after);
                }
                store::save(tx.conn(), &after).await
            })
        })
        .await;
    match written {
        Err(error) if is_final(&error) && moving.load(Ordering::Relaxed) => {
            Ok(Group::Refused { ids: ids.clone(), error })
        }
        written => written.map(|()| Group::Went),
    }
}

/// Counts what would go to whom by the rule at work, page by page. A record that an earlier rule takes is left to it.
pub async fn rehearse<R: Record>(slice: &Slice<R>, call: &Call, mut job: HandOver) -> Result<HandOver> {
    let fields = slice.fields(call).await?;
    let schema = R::filter_schema(&fields, call);
    let rule = job.rule().ok_or_else(|| Error::bug("a hand-over without a rule"))?;
    let filter = Filter::parse(&rule.filter, &schema)?;
    let earlier = job.earlier().map(|rule| Ok(Filter::parse(&rule.filter, &schema)?));
    let earlier = earlier.collect::<Result<Vec<_>>>()?;
    let moment = call.moment();
    let mut after = None;
    loop {
        call.time_left()?;
        let page = page::<R>(slice, call, (&job, &filter), after, REHEARSED).await?;
        for mut record in page.rows {
            let standard = |path: &str| record.filter_value(path);
            let lookup = |path: &str| fields.lookup(record.head().custom, &standard, path);
            let is_earlier = earlier.iter().any(|filter| filter.matches(&lookup, moment));
            let owner = job.next_owner().filter(|owner| record.hand_over(*owner, call.now));
            // What an earlier rule leaves where it is, because it is over, stays by this one too.
            if owner.is_none() || !is_earlier {
                job.count(owner);
            }
        }
        after = page.next.map(|token| token.id);
        if after.is_none() {
            job.advance(None);
            return Ok(job);
        }
    }
}

/// Records of the user that satisfy the filter of the rule, by id.
async fn page<R: Record>(
    slice: &Slice<R>,
    call: &Call,
    (job, filter): (&HandOver, &Filter),
    after: Option<Uuid>,
    limit: usize,
) -> Result<Page<R>> {
    let order = Order { keys: Vec::new() };
    let owners = [job.from_user_id];
    let list = &List {
        table: R::KIND.table,
        columns: R::KIND.columns,
        owners: Some(&owners),
        show_deleted: false,
        filter,
        moment: call.moment(),
        search: Vec::new(),
        order: &order,
        after: after.map(|id| Token { keys: Vec::new(), id }),
        limit,
    };
    let tenant = call.tenant_id();
    slice.db.list(call, move |tx| Box::pin(async move { list.fetch(tx.conn(), tenant).await })).await
}

/// Gives those of the records that still are the user's and still satisfy the filter to whose turn it is.
async fn move_all<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    (fields, filter): (&Fields, &Filter),
    ids: &[Uuid],
    mut job: HandOver,
) -> Result<HandOver> {
    let (tenant, moment) = (tx.tenant_id(), call.moment());
    let found = R::lock(tx.conn(), tenant, ids, Some(&[job.from_user_id])).await?;
    let held: BTreeMap<Uuid, R> = found.into_iter().map(|record| (record.head().id, record)).collect();
    let mut revisions = Vec::with_capacity(held.len());
    for was in held.into_values() {
        let standard = |path: &str| was.filter_value(path);
        let is_wanted = filter.matches(&|path| fields.lookup(was.head().custom, &standard, path), moment);
        if was.head().delete_time.is_some() || !is_wanted {
            continue;
        }
        let mut record = was.clone();
        let owner = job.next_owner().filter(|owner| record.hand_over(*owner, call.now));
        job.count(owner);
        if owner.is_some() {
            revisions.push(Revision::new(fields, was, record));
        }
    }
    life::write(tx, call, fields, revisions).await?;
    Ok(job)
}
