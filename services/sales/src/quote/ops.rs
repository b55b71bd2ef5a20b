//! Use cases of quotes beyond the life that all records share: what their state machine does.

use crm_kit_api::{Call, Result, clock::Clock, etag, id};
use crm_kit_pg::{
    Tx,
    jobs::{self, Job, Verdict, Worker},
};
use crm_kit_record::{
    Choice, Slice,
    custom_field::{Fields, refresh::server_call},
    life::{self as record, Revision},
};
use crm_proto::crm::sales::v1::{
    Quote as Wire,
    quote::{ApprovalState, State},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{OBJECT_TYPE, Quote, life, store, submit};
use crate::approval;

/// Kind of the jobs that say when quotes are expired; their record is the quote.
pub const EXPIRY_JOB: &str = "quote_expiry";

/// The use cases of quotes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Quotes {
    /// The life that all records share.
    pub slice: Slice<Quote>,
    /// Tells jobs the time.
    pub clock: Clock,
}

/// What is done with a quote.
#[derive(Clone, Copy, Debug)]
pub enum Verb<'v> {
    /// It is submitted, with a word for the approvers.
    Submit(&'v str),
    /// It is taken back from approval, with a reason.
    Withdraw(&'v str),
    /// The customer has it.
    Present,
    /// The customer takes it, with a reason.
    Accept(&'v str),
    /// The customer does not take it, with a reason.
    Reject(&'v str),
}

impl Verb<'_> {
    fn action(self) -> &'static str {
        match self {
            Self::Submit(_) => "submit",
            Self::Withdraw(_) => "withdraw",
            Self::Present => "present",
            Self::Accept(_) => "accept",
            Self::Reject(_) => "reject",
        }
    }

    /// Whether other revisions take part.
    fn holds_revisions(self) -> bool {
        matches!(self, Self::Submit(_) | Self::Accept(_))
    }
}

impl Quotes {
    /// Starts saying when quotes are expired.
    pub fn spawn(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let quotes = self.clone();
        let worker = Worker::new(self.slice.db.clone(), self.clock.clone(), EXPIRY_JOB);
        worker.spawn(tasks, shutdown.clone(), move |job| {
            let quotes = quotes.clone();
            Box::pin(async move { quotes.expire(job).await })
        });
    }

    /// Does a verb with a quote: holds it, checks its etag, stores what the verb makes of it and tells of it.
    pub async fn act(&self, call: &Call, (id, etag): (&str, &str), verb: Verb<'_>) -> Result<Wire> {
        let (fields, id) = (&self.slice.fields(call).await?, id::parse("id", id)?);
        self.slice
            .db
            .write(call, verb.action(), move |tx| {
                Box::pin(async move {
                    let (was, others) = hold(tx, call, id, verb.holds_revisions()).await?;
                    etag::check(etag, was.revision)?;
                    match verb {
                        Verb::Submit(comment) => submit::submit(tx, call, fields, was, others, comment).await,
                        Verb::Withdraw(reason) => withdraw(tx, call, fields, was, reason).await,
                        Verb::Present => present(tx, call, fields, was).await,
                        Verb::Accept(reason) => accept(tx, call, fields, was, reason).await,
                        Verb::Reject(reason) => {
                            life::must_be(&was, call.now, &[State::Presented])?;
                            close(tx, call, fields, was, State::Rejected, reason).await
                        }
                    }
                })
            })
            .await
    }

    /// Says that a quote is expired once its last day is over; for its job.
    pub async fn expire(&self, job: &Job) -> Result<Verdict> {
        let call = &server_call(job.tenant_id, self.clock.now(), "job/quote_expiry");
        let (fields, id) = (&self.slice.fields(call).await?, job.id);
        let again = self
            .slice
            .db
            .write_rows(call, "expire", move |tx| {
                Box::pin(async move {
                    let held = record::hold::<Quote>(tx, call, &[id]).await?.remove(&id);
                    let Some(was) = held.filter(|quote| quote.delete_time.is_none()) else { return Ok(None) };
                    if was.state_at(call.now) != was.state.0 {
                        let quote = Quote { state: Choice(State::Expired), ..was.clone() };
                        record::write(tx, call, fields, vec![Revision::new(fields, was, quote)]).await?;
                        return Ok(None);
                    }
                    let runs = matches!(was.state.0, State::Approved | State::Presented);
                    Ok(was.expire_time.filter(|_| runs))
                })
            })
            .await?;
        Ok(again.map_or(Verdict::Done, Verdict::Again))
    }
}

/// The quote, held, and with `revisions` the other revisions of it, which are held first, in the order of their ids.
pub async fn hold(tx: &mut Tx<'_>, call: &Call, id: Uuid, revisions: bool) -> Result<(Quote, Vec<Quote>)> {
    let tenant = tx.tenant_id();
    let mut others = if revisions { store::lock_revisions(tx.conn(), tenant, id).await? } else { Vec::new() };
    others.retain(|quote| quote.id != id && quote.delete_time.is_none());
    let mut held = record::hold::<Quote>(tx, call, &[id]).await?;
    Ok((record::live(&mut held, &id)?, others))
}

/// The accepted quote with an id, held with all its revisions, none of which was submitted after it.
pub async fn hold_accepted(tx: &mut Tx<'_>, call: &Call, id: Uuid) -> Result<Quote> {
    let (quote, others) = hold(tx, call, id, true).await?;
    life::refuse_revised(&quote, &others)?;
    life::must_be(&quote, call.now, &[State::Accepted])?;
    Ok(quote)
}

/// Stores what a quote becomes.
pub async fn save(tx: &mut Tx<'_>, call: &Call, fields: &Fields, was: Quote, quote: Quote) -> Result<Wire> {
    let written = record::write(tx, call, fields, vec![Revision::new(fields, was, quote)]).await?;
    Ok(crm_kit_record::only(written))
}

/// Has a quote say that it is expired when its last day is over.
pub async fn watch(tx: &mut Tx<'_>, quote: &Quote) -> Result<()> {
    let (tenant, Some(end)) = (tx.tenant_id(), quote.expire_time) else { return Ok(()) };
    jobs::enqueue(tx.conn(), tenant, quote.id, EXPIRY_JOB, end).await
}

async fn withdraw(tx: &mut Tx<'_>, call: &Call, fields: &Fields, was: Quote, reason: &str) -> Result<Wire> {
    life::must_be(&was, call.now, &[State::InApproval])?;
    approval::take_back(tx, call, OBJECT_TYPE, (was.id, was.submitted_revision)).await?;
    let quote = Quote {
        state: Choice(State::Draft),
        approval_state: Choice(ApprovalState::Withdrawn),
        approval_comment: reason.to_owned(),
        ..was.clone()
    };
    save(tx, call, fields, was, quote).await
}

async fn present(tx: &mut Tx<'_>, call: &Call, fields: &Fields, was: Quote) -> Result<Wire> {
    life::must_be(&was, call.now, &[State::Approved])?;
    let quote = Quote { state: Choice(State::Presented), ..was.clone() };
    save(tx, call, fields, was, quote).await
}

async fn accept(tx: &mut Tx<'_>, call: &Call, fields: &Fields, was: Quote, reason: &str) -> Result<Wire> {
    life::must_be(&was, call.now, &[State::Presented])?;
    if let Some(deal) = was.opportunity_id {
        let tenant = tx.tenant_id();
        if let Some(other) = store::accepted(tx.conn(), tenant, deal).await? {
            return Err(life::accepted(&was, Some(other)));
        }
    }
    close(tx, call, fields, was, State::Accepted, reason).await
}

async fn close(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    was: Quote,
    state: State,
    reason: &str,
) -> Result<Wire> {
    let quote = Quote {
        state: Choice(state),
        close_time: Some(call.now),
        close_reason: reason.to_owned(),
        ..was.clone()
    };
    save(tx, call, fields, was, quote).await
}
