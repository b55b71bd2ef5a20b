//! Locks published quotas once their period is over: a walk over all tenants, in pages, each page tenant by tenant. Until the walk comes by, a change is refused
//! all the same.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Result, clock::Clock};
use crm_kit_record::{
    Choice, Slice,
    custom_field::refresh::server_call,
    life::{self, Revision},
};
use crm_proto::crm::sales::v1::quota::State;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{Quota, store};

/// How often the walk is made.
const EVERY: Duration = Duration::from_mins(30);
/// Quotas of a page.
const PAGE: i64 = 500;

/// Starts the walks, at once and then twice an hour; they end with `shutdown`.
pub fn spawn(slice: Slice<Quota>, clock: Clock, tasks: &TaskTracker, shutdown: CancellationToken) {
    tasks.spawn(async move {
        loop {
            match run(&slice, clock.now(), &shutdown).await {
                Ok(0) => {}
                Ok(quotas) => tracing::info!(quotas, "quotas whose period is over were locked"),
                Err(error) => tracing::warn!(?error, "quotas are not locked; the next walk tries again"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    });
}

/// Locks what is due at `now`; returns how many quotas. A day is over when it is over in every zone of the world.
pub async fn run(slice: &Slice<Quota>, now: DateTime<Utc>, shutdown: &CancellationToken) -> Result<usize> {
    let day = (now - TimeDelta::hours(12)).date_naive();
    let mut locked = 0;
    while !shutdown.is_cancelled() {
        let due = store::ended(&mut *slice.db.system().await?, day, PAGE).await?;
        let mut tenants: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
        for (tenant, id) in &due {
            tenants.entry(*tenant).or_default().push(*id);
        }
        let before = locked;
        for (tenant, ids) in &tenants {
            match lock(slice, *tenant, ids, now).await {
                Ok(more) => locked += more,
                // What is wrong with one tenant stops no other.
                Err(error) => {
                    tracing::warn!(?error, %tenant, "quotas were not locked; the next walk tries again");
                }
            }
        }
        if locked == before || i64::try_from(due.len()).is_ok_and(|found| found < PAGE) {
            break;
        }
    }
    Ok(locked)
}

async fn lock(slice: &Slice<Quota>, tenant: Uuid, ids: &[Uuid], now: DateTime<Utc>) -> Result<usize> {
    let call = &server_call(tenant, now, "quotas.lock");
    let fields = &slice.fields(call).await?;
    let written = slice.db.write_rows(call, "lock", move |tx| {
        Box::pin(async move {
            let held = life::hold::<Quota>(tx, call, ids).await?;
            let due = held
                .into_values()
                .filter(|quota| quota.state.0 == State::Published && quota.delete_time.is_none());
            let revisions = due.map(|was| {
                let quota = Quota { state: Choice(State::Locked), ..was.clone() };
                Revision::new(fields, was, quota)
            });
            life::write(tx, call, fields, revisions.collect()).await
        })
    });
    Ok(written.await?.len())
}
