//! The steps of a conversion that makes an opportunity, each a transaction; between the first two the sales service is asked.
//!
//! A question is counted before it is asked. It ends after [`ASKING`] on our side, its identity token two minutes after it was signed, and whatever it
//! began in the sales database a minute after that process stopped working on it; so [`DOUBT`] after it was asked it cannot take effect any more. Until
//! then, and as long as sales knows an opportunity of the conversion, nothing is taken back.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{
    Call, Error, Result,
    call::{Access, Statistics},
};
use crm_kit_pg::jobs::{self, Job, Verdict, Worker};
use crm_kit_record::{
    Choice,
    life::{self, Revision},
};
use crm_proto::crm::customer::v1::{conversion::State, lead::Status};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{
    Conversions, JOB_KIND,
    deal::{self, Answer},
    model::{Conversion, Problem},
    store,
};
use crate::{app::NAME, lead::Lead};

/// Longest wait for an answer of sales.
const ASKING: Duration = Duration::from_secs(6);
/// How long before a caller's deadline its question ends, so that it is told what became of it.
const SPARE: Duration = Duration::from_millis(500);
/// How long a question without a certain answer may take effect.
pub const DOUBT: TimeDelta = TimeDelta::minutes(5);
/// How long sales is asked again when it answers that something is wrong with itself.
const PATIENCE: TimeDelta = TimeDelta::hours(24);
/// Longest wait between two questions.
const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(60);
/// Conversions that a process takes further at once.
const WORKERS: usize = 3;
/// What audit rows and events name as the method.
const METHOD: &str = "/crm.customer.v1.LeadService/ConvertLead";

/// When a question asked for a caller ends.
pub fn until(call: &Call) -> Instant {
    let longest = Instant::now() + ASKING;
    call.deadline.and_then(|deadline| deadline.checked_sub(SPARE)).map_or(longest, |end| end.min(longest))
}

/// Converts the lead.
pub fn complete(lead: &mut Lead, conversion: &Conversion, now: DateTime<Utc>) {
    if let Some(owner_id) = conversion.owner_id.filter(|owner| lead.owner_id != Some(*owner)) {
        lead.give(owner_id, now);
    }
    lead.enter(Status::Converted, String::new(), now);
    lead.converted_account_id = conversion.account_id;
    lead.converted_contact_id = conversion.contact_id;
    lead.converted_opportunity_id = conversion.opportunity_id;
    lead.convert_time = Some(now);
}

impl Conversions {
    /// Goes on with conversions whose process did not come back, until `shutdown`.
    pub fn spawn(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        for _ in 0..WORKERS {
            let conversions = self.clone();
            Worker::new(self.leads.db.clone(), self.clock.clone(), JOB_KIND).spawn(
                tasks,
                shutdown.clone(),
                move |job: &Job| {
                    let (conversions, tenant_id, id) = (conversions.clone(), job.tenant_id, job.id);
                    Box::pin(async move { conversions.work(tenant_id, id).await })
                },
            );
        }
    }

    async fn work(&self, tenant_id: Uuid, id: Uuid) -> Result<Verdict> {
        let conversion = Box::pin(self.advance(tenant_id, id, None)).await?;
        Ok(match conversion.filter(|conversion| !conversion.has_ended()) {
            Some(conversion) => Verdict::Again(self.clock.now() + wait(conversion.attempts)),
            None => Verdict::Done,
        })
    }

    /// Takes a conversion as far as it goes. `first` ends the question that was counted when the conversion began; without it one more is counted.
    pub async fn advance(
        &self,
        tenant_id: Uuid,
        id: Uuid,
        mut first: Option<Instant>,
    ) -> Result<Option<Conversion>> {
        loop {
            let read = self.leads.db.read_for_tenant(tenant_id, move |tx| {
                Box::pin(async move { store::get(tx.conn(), tenant_id, id).await })
            });
            let Some(mut conversion) = read.await? else { return Ok(None) };
            let call = self.call(&conversion);
            match conversion.state.0 {
                State::OpportunityDone => self.commit(&call, &conversion).await?,
                State::AccountsDone => {
                    let is_late = conversion.create_time + PATIENCE < call.now;
                    let answer = if is_late && first.is_none() {
                        deal::find(&self.peers, &call, &conversion).await?
                    } else {
                        let until = match first.take() {
                            Some(until) => {
                                conversion.attempts = 1;
                                until
                            }
                            None => self.count(&call, &mut conversion).await?,
                        };
                        let Some(request) = conversion.request.as_deref() else { continue };
                        deal::make(&self.peers, &call, &conversion, request, until).await?
                    };
                    if !self.take(&call, &conversion, answer, is_late).await? {
                        return Ok(Some(conversion));
                    }
                }
                State::Unspecified | State::Committed | State::Compensated => return Ok(Some(conversion)),
            }
        }
    }

    /// Counts a question; when it ends.
    async fn count(&self, call: &Call, conversion: &mut Conversion) -> Result<Instant> {
        let until = Instant::now() + ASKING;
        let (key, now) = ((conversion.tenant_id, conversion.id), call.now);
        let counted = self.leads.db.for_tenant(conversion.tenant_id, move |tx| {
            Box::pin(async move { store::ask(tx.conn(), key, now, DOUBT).await })
        });
        match counted.await? {
            Some(attempts) => conversion.attempts = attempts,
            // Somebody else took it further.
            None => conversion.request = None,
        }
        Ok(until)
    }

    /// Takes what sales said; whether the conversion came further by it.
    async fn take(
        &self,
        call: &Call,
        conversion: &Conversion,
        answer: Answer,
        is_late: bool,
    ) -> Result<bool> {
        match answer {
            Answer::Made(opportunity_id) => self.meet(call, conversion, opportunity_id).await.map(|()| true),
            Answer::Refused(problem) => {
                // Sales knows of none; why not, it said before.
                let told = conversion.problem.as_deref().filter(|_| is_late).cloned();
                let problem = told.unwrap_or(problem);
                if self.compensate(call, conversion, &problem, is_late).await? {
                    return Ok(true);
                }
                self.wait(call, conversion, problem, !is_late).await
            }
            Answer::Silent(problem) => {
                tracing::warn!(conversion = %conversion.id, reason = problem.reason, "a conversion waits for sales");
                self.wait(call, conversion, problem, false).await
            }
        }
    }

    /// Remembers why the conversion is not further, and has a job go on with it.
    async fn wait(
        &self,
        call: &Call,
        conversion: &Conversion,
        problem: Problem,
        certain: bool,
    ) -> Result<bool> {
        let (problem, now) = (&problem, call.now);
        let due = now + wait(conversion.attempts);
        let noted = self.leads.db.for_tenant(conversion.tenant_id, move |tx| {
            Box::pin(async move {
                store::note(tx.conn(), conversion, now, problem, certain).await?;
                jobs::enqueue(tx.conn(), conversion.tenant_id, conversion.id, JOB_KIND, due).await
            })
        });
        noted.await.map(|()| false)
    }

    async fn meet(&self, call: &Call, conversion: &Conversion, opportunity_id: Uuid) -> Result<()> {
        let (key, now) = ((conversion.tenant_id, conversion.id), call.now);
        let met = self.leads.db.for_tenant(conversion.tenant_id, move |tx| {
            Box::pin(async move {
                let met = store::meet(tx.conn(), key, opportunity_id, now).await?;
                Ok(met || store::get(tx.conn(), key.0, key.1).await?.is_some_and(is_met))
            })
        });
        if !met.await? {
            tracing::error!(conversion = %conversion.id, %opportunity_id, "an opportunity came of a conversion that was taken back");
        }
        Ok(())
    }

    /// The last step.
    async fn commit(&self, call: &Call, conversion: &Conversion) -> Result<()> {
        let fields = &self.leads.fields(call).await?;
        self.leads
            .db
            .write_rows(call, "convert", move |tx| {
                Box::pin(async move {
                    let (tenant, id) = (conversion.tenant_id, conversion.id);
                    let mut held = life::hold::<Lead>(tx, call, &[conversion.lead_id]).await?;
                    let known = store::lock(tx.conn(), tenant, id).await?;
                    let Some(mut row) = known.filter(|row| row.state.0 == State::OpportunityDone) else {
                        return Ok(());
                    };
                    let was = held.remove(&row.lead_id).ok_or_else(|| Error::bug("a locked lead is gone"))?;
                    let mut lead = was.clone();
                    complete(&mut lead, &row, call.now);
                    life::write(tx, call, fields, vec![Revision::new(fields, was, lead)]).await?;
                    (row.state, row.update_time) = (Choice(State::Committed), Some(call.now));
                    store::end(tx.conn(), &row).await
                })
            })
            .await
    }

    /// A call of the service itself, for whoever converts.
    fn call(&self, conversion: &Conversion) -> Call {
        let settings = conversion.context.settings.clone();
        let access = Access::of_service(NAME.into(), conversion.tenant_id, conversion.operator_id, settings);
        Call {
            access: access.into(),
            now: self.clock.now(),
            deadline: None,
            request_id: format!("conversion-{}", conversion.id).into(),
            method: METHOD.into(),
            idempotency: None,
            overrides: std::sync::Arc::default(),
            statistics: Statistics::default().into(),
        }
    }
}

fn is_met(conversion: Conversion) -> bool {
    matches!(conversion.state.0, State::OpportunityDone | State::Committed)
}

/// How long to wait after so many questions.
fn wait(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.clamp(1, 10) - 1).unwrap_or(0);
    TimeDelta::seconds(1_i64 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_come_further_apart_but_never_far() {
        assert_eq!([1, 2, 5, 7, 1000].map(|attempts| wait(attempts).num_seconds()), [1, 2, 16, 60, 60]);
    }
}
