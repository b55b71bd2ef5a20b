//! Claims: taking records out of a pool for oneself.
//!
//! Rows are held from the check to the write, so of several who claim a record at once one finds it in the pool. Claims of one user follow one another,
//! so what it claimed today and what it owns are counted without a race.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Call, Error, Result, filter::Filter, order::Order};
use crm_kit_pg::{Tx, list::List};
use crm_kit_record::{
    custom_field::Fields,
    life::{self, Revision},
};
use crm_proto::crm::customer::v1::ownership_period::Act;
use tonic::Code;
use uuid::Uuid;

use super::{model::Pool, place::Pooled, store};
use crate::{DOMAIN, ownership};

/// What became of each record that was to be claimed.
pub type Claimed<W> = Vec<Result<W>>;

/// Takes records out of a pool for the caller, as many as it may have; the others are told why not.
pub async fn claim<R: Pooled>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    pool: &Pool,
    ids: &[Uuid],
) -> Result<Claimed<R::Wire>> {
    let (tenant, caller) = (tx.tenant_id(), call.caller_id());
    store::hold_claims(tx.conn(), tenant, caller).await?;
    let found = R::lock(tx.conn(), tenant, ids, None).await?;
    let mut held: BTreeMap<Uuid, R> = found.into_iter().map(|record| (record.head().id, record)).collect();
    let mut allowance = if pool.limits(&call.access) {
        Allowance::read::<R>(tx, call, fields, pool, ids).await?
    } else {
        Allowance::default()
    };
    let (mut revisions, mut outcomes) = (Vec::new(), Vec::with_capacity(ids.len()));
    for id in ids {
        let outcome = in_pool(&mut held, *id, pool).and_then(|was| allowance.take(*id).map(|()| was));
        outcomes.push(outcome.map(|was| {
            let mut record = was.clone();
            record.give(caller, "", call.now);
            revisions.push(Revision::new(fields, was, record));
        }));
    }
    let claimed: Vec<Uuid> =
        ids.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(id, _)| *id).collect();
    let wires = life::write(tx, call, fields, revisions).await?;
    ownership::store::explain(tx.conn(), tenant, &claimed, Act::Claimed, "").await?;
    let mut wires = wires.into_iter();
    let missing = || Error::bug("a record was claimed and not answered");
    let outcomes = outcomes.into_iter();
    Ok(outcomes.map(|outcome| outcome.and_then(|()| wires.next().ok_or_else(missing))).collect())
}

/// Takes a record that waits in the pool out of those held.
pub fn in_pool<R: Pooled>(held: &mut BTreeMap<Uuid, R>, id: Uuid, pool: &Pool) -> Result<R> {
    let record = held.remove(&id).filter(|record| record.head().delete_time.is_none());
    let record = record.ok_or_else(|| life::not_found::<R>(&id))?;
    let place = record.place();
    if place.pool_id == Some(pool.id) {
        return record.may_move().map(|()| record);
    }
    let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let message = "the record is not in the pool any more";
    Err(Error::new(Code::Aborted, DOMAIN, "ALREADY_CLAIMED", message)
        .with("id", id)
        .with("owner_id", text(place.owner_id))
        .with("pool_id", text(place.pool_id)))
}

/// What a user may still claim.
#[derive(Default)]
struct Allowance {
    /// How many more, with the limit and its name, for each limit there is.
    left: Vec<(&'static str, i64, i64)>,
    /// Records that come too early, with the instant from which they may be claimed.
    early: BTreeMap<Uuid, DateTime<Utc>>,
}

impl Allowance {
    async fn read<R: Pooled>(
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &Fields,
        pool: &Pool,
        ids: &[Uuid],
    ) -> Result<Self> {
        let (tenant, caller) = (tx.tenant_id(), call.caller_id());
        let mut allowance = Self::default();
        if pool.daily_claim_limit > 0 {
            let today = call.start_of(call.today());
            let used = ownership::store::claims_since(tx.conn(), tenant, caller, pool.id, today).await?;
            allowance.left.push(("daily_claim_limit", pool.daily_claim_limit.into(), used));
        }
        if pool.holding_limit > 0 {
            let used = holding::<R>(tx, call, fields, pool).await?;
            allowance.left.push(("holding_limit", pool.holding_limit.into(), used));
        }
        let days = |days: i32| TimeDelta::days(days.into());
        if pool.cool_down_days > 0 {
            let since = call.now - days(pool.cool_down_days);
            for (id, lost) in ownership::store::lost_since(tx.conn(), tenant, caller, ids, since).await? {
                allowance.early.insert(id, lost + days(pool.cool_down_days));
            }
        }
        if pool.freeze_days > 0 {
            let since = call.now - days(pool.freeze_days);
            for (id, came) in ownership::store::pooled_since(tx.conn(), tenant, ids, since).await? {
                let until = came + days(pool.freeze_days);
                let known = allowance.early.entry(id).or_insert(until);
                *known = until.max(*known);
            }
        }
        Ok(allowance)
    }

    /// Counts one more record.
    fn take(&mut self, id: Uuid) -> Result<()> {
        if let Some(until) = self.early.get(&id) {
            let message = "you had the record lately, or it came into the pool lately";
            return Err(Error::new(Code::FailedPrecondition, DOMAIN, "CLAIM_TOO_EARLY", message)
                .with("id", id)
                .with("until", until.to_rfc3339()));
        }
        if let Some((name, limit, used)) = self.left.iter().find(|(_, limit, used)| used >= limit) {
            let message = format!("{name} of the pool is {limit}, and you have {used}");
            return Err(Error::new(Code::ResourceExhausted, DOMAIN, "CLAIM_LIMIT", message)
                .with("which", name)
                .with("limit", limit)
                .with("used", used));
        }
        for (.., used) in &mut self.left {
            *used += 1;
        }
        Ok(())
    }
}

/// How many records in work the caller owns, without those that the pool does not count.
async fn holding<R: Pooled>(tx: &mut Tx<'_>, call: &Call, fields: &Fields, pool: &Pool) -> Result<i64> {
    let exempt = match pool.holding_exempt.trim() {
        "" => String::new(),
        exempt => format!(" && !({exempt})"),
    };
    let text = format!("{} && owner_id == \"{}\"{exempt}", R::IN_WORK, call.caller_id());
    // What may be counted is the pool's to say, not a matter of what the caller may see.
    let schema = R::KIND.schema.filter_schema(fields, &crm_kit_api::sensitivity::Masks::default());
    let filter = Filter::parse(&text, &schema)?;
    let order = Order { keys: Vec::new() };
    let list = List {
        table: R::KIND.table,
        columns: R::KIND.columns,
        owners: None,
        show_deleted: false,
        filter: &filter,
        moment: call.moment(),
        search: Vec::new(),
        order: &order,
        after: None,
        limit: 0,
    };
    let tenant = tx.tenant_id();
    Ok(list.count(tx.conn(), tenant).await?.rows)
}
