//! Renews contracts that go on unless notice is given: a walk over all tenants, in pages, each contract in a transaction of its own by the very use case that people renew
//! with, so that of two processes, or a process and a person, one makes the contract that follows and the others find it.
//!
//! A contract is due once its day of notice is over in every zone of the world: until then notice can be given. One that ended long ago, which came in by an import or
//! while the service stood still, is left to people.

use std::time::Duration;

use chrono::{DateTime, Days, TimeDelta, Utc};
use crm_kit_api::{Error, Result, clock::Clock};
use crm_kit_record::custom_field::refresh::server_call;
use crm_proto::crm::sales::v1::RenewContractRequest;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;
use uuid::Uuid;

use super::{Contracts, store};

/// How often the walk is made.
const EVERY: Duration = Duration::from_mins(30);
/// Contracts of a page.
const PAGE: i64 = 500;
/// For how many days after its end a contract is still renewed.
const GRACE: u64 = 30;

impl Contracts {
    /// Starts the walks, at once and then twice an hour; they end with `shutdown`.
    pub fn spawn(&self, clock: &Clock, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let (contracts, clock, shutdown) = (self.clone(), clock.clone(), shutdown.clone());
        tasks.spawn(async move {
            loop {
                match contracts.renew_due(clock.now(), &shutdown).await {
                    Ok(0) => {}
                    Ok(renewed) => tracing::info!(renewed, "contracts were renewed"),
                    Err(error) => {
                        tracing::warn!(?error, "contracts are not renewed; the next walk tries again");
                    }
                }
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        });
    }

    /// Renews what is due at `now`; returns how many contracts.
    pub async fn renew_due(&self, now: DateTime<Utc>, shutdown: &CancellationToken) -> Result<usize> {
        let day = (now - TimeDelta::hours(12)).date_naive();
        let since = day.checked_sub_days(Days::new(GRACE)).unwrap_or(day);
        let (mut renewed, mut after) = (0, (Uuid::nil(), Uuid::nil()));
        loop {
            let mut conn = self.slice.db.system().await?;
            let page = store::renewable(&mut conn, (day, since), after, PAGE).await?;
            drop(conn);
            let Some(last) = page.last() else { return Ok(renewed) };
            after = *last;
            for place in page {
                if shutdown.is_cancelled() {
                    return Ok(renewed);
                }
                renewed += usize::from(self.renew_one(place, now).await);
            }
        }
    }

    /// Renews a contract; whether it was this one that did. What is wrong with one contract stops no other.
    async fn renew_one(&self, (tenant, id): (Uuid, Uuid), now: DateTime<Utc>) -> bool {
        match self.try_renew(tenant, id, now).await {
            Ok(()) => true,
            Err(error) if was_overtaken(&error) => false,
            // What the contract lacks only people can add, as a term that an import left out.
            Err(error) if error.code() == Code::InvalidArgument => {
                tracing::debug!(%tenant, contract = %id, ?error, "a contract cannot be renewed and is left to people");
                false
            }
            Err(error) => {
                metrics::counter!("crm_contract_renewals_failed_total").increment(1);
                tracing::warn!(%tenant, contract = %id, ?error, "a contract was not renewed; the next walk tries again");
                false
            }
        }
    }

    async fn try_renew(&self, tenant: Uuid, id: Uuid, now: DateTime<Utc>) -> Result<()> {
        let call = &server_call(tenant, now, "job/contract_renewal");
        let request = RenewContractRequest { id: id.to_string(), ..RenewContractRequest::default() };
        self.renew(call, &request).await.map(drop)
    }
}

/// Whether somebody else renewed or changed the contract meanwhile.
fn was_overtaken(error: &Error) -> bool {
    error.reason() == "CONTRACT_RENEWED" || matches!(error.code(), Code::Aborted | Code::NotFound)
}
