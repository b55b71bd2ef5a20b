//! Use cases of hand-overs.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{
    Call, Error, Result,
    call::Scope,
    clock::Clock,
    id,
    page::{self, Binding, Token},
};
use crm_kit_pg::{
    Change, ChangeKind, Db, Tx,
    jobs::{self, Verdict},
    people::People,
};
use crm_proto::crm::record::v1::{HandOver as Wire, hand_over::State};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use uuid::Uuid;

use super::{
    COLLECTION, JOB_KIND, convert,
    model::HandOver,
    step::{self, Group},
    store,
};
use crate::{collection::Collections, rights::Caller};

/// What audit rows and events name as the method.
const METHOD: &str = "/crm.record.v1.HandOverService/CreateHandOver";
/// Attempts at a hand-over that fail one after another, before it is given up. Clashes with others are none.
const ATTEMPTS: i32 = 6;
/// Clashes in a row after which the worker turns to other jobs.
const CLASHES: u32 = 6;
/// The first pause after a clash and the longest one, in milliseconds.
const FIRST_PAUSE: i64 = 50;
const LONGEST_PAUSE: i64 = 5000;

/// The use cases. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HandOvers {
    /// The service's database.
    pub db: Db,
    /// Tells the time to jobs.
    pub clock: Clock,
    /// What may be handed over.
    pub collections: Collections,
    /// Who may get records.
    pub people: People,
    /// Cancelled when the process ends.
    pub shutdown: CancellationToken,
}

impl HandOvers {
    /// One hand-over.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Wire> {
        let (id, tenant, creator) = (id::parse("id", id)?, call.tenant_id(), seen_by(call));
        let found = self
            .db
            .read(call, move |tx| Box::pin(async move { store::get(tx.conn(), tenant, id, creator).await }));
        found.await?.as_ref().map(convert::to_wire).ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// A page of hand-overs, newest first, and the token of the next one.
    pub async fn list(&self, call: &Call, size: i32, token: &str) -> Result<(Vec<Wire>, String)> {
        let (tenant, creator, size) = (call.tenant_id(), seen_by(call), page::size(size));
        let binding = Binding::new(tenant, &[COLLECTION]);
        let before = Token::decode(token, binding, 0)?.map(|token| token.id);
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let found = self.db.read(call, move |tx| {
            Box::pin(async move { store::list(tx.conn(), tenant, creator, before, limit).await })
        });
        let mut found = found.await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|job| Token { keys: Vec::new(), id: job.id });
        let next = last.map(|token| token.encode(binding)).unwrap_or_default();
        Ok((found.iter().map(convert::to_wire).collect(), next))
    }

    /// Begins a hand-over, or tells what it would do.
    pub async fn create(&self, call: &Call, wire: Wire, dry_run: bool) -> Result<Wire> {
        let recipients = &convert::recipients(&wire);
        let job = convert::read(call, wire, &self.collections)?;
        self.check(call, &job).await?;
        self.people.meet(call, recipients.iter().map(|(_, user)| *user)).await?;
        if dry_run {
            self.db.read(call, |tx| Box::pin(self.check_people(tx, call, recipients))).await?;
            return Ok(convert::rehearsed(&self.rehearse(call, job).await?));
        }
        let job = &job;
        self.db
            .write(call, "create", move |tx| {
                Box::pin(async move {
                    self.check_people(tx, call, recipients).await?;
                    store::insert(tx.conn(), job).await?;
                    jobs::enqueue(tx.conn(), job.tenant_id, job.id, JOB_KIND, call.now).await?;
                    Ok(tell(tx, ChangeKind::Create, None, job))
                })
            })
            .await
    }

    /// Stops a hand-over.
    pub async fn cancel(&self, call: &Call, id: &str) -> Result<Wire> {
        let (id, tenant, creator) = (id::parse("id", id)?, call.tenant_id(), seen_by(call));
        self.db
            .write(call, "cancel", move |tx| {
                Box::pin(async move {
                    let was = store::lock(tx.conn(), tenant, id, creator).await?;
                    let was = was.ok_or_else(|| Error::not_found(COLLECTION, id))?;
                    was.require_running()?;
                    let mut job = was.clone();
                    job.end(State::Cancelled, "", call.now);
                    job.update_time = call.now;
                    store::save(tx.conn(), &job).await?;
                    Ok(tell(tx, ChangeKind::Update, Some(&was), &job))
                })
            })
            .await
    }

    /// Works on a hand-over that a worker claimed, group by group. A group of which one change is refused is halved until the record is alone; it stays.
    pub async fn work(&self, claimed: &jobs::Job) -> Result<Verdict> {
        let (tenant, id) = (claimed.tenant_id, claimed.id);
        let (mut limit, mut clashes) = (step::GROUP, 0);
        loop {
            let found = self.db.for_tenant(tenant, move |tx| {
                Box::pin(async move { store::get(tx.conn(), tenant, id, None).await })
            });
            let job = found.await?.filter(|job| job.state.0 == State::Running);
            let Some(job) = job else { return Ok(Verdict::Done) };
            if self.shutdown.is_cancelled() {
                return Ok(Verdict::Again(self.clock.now()));
            }
            let rule = job.rule().ok_or_else(|| Error::bug("a hand-over that runs has a rule"))?;
            let collection = self.collections.get("collection", &rule.collection)?;
            let mut outcome = collection.hand_over(self, &job, limit).await;
            if let Ok(Group::Refused { ids, error }) = &outcome {
                match ids.as_slice() {
                    [one] => outcome = self.leave(&job, *one, error).await.map(|()| Group::Went),
                    // The group is read anew, so that it may have grown smaller than it was.
                    ids => limit = (ids.len() / 2).max(1),
                }
            }
            match outcome {
                Ok(Group::Went) => (limit, clashes) = ((limit * 2).min(step::GROUP), 0),
                Ok(Group::Refused { .. }) => {}
                // Somebody works on one of the records right now, or cancelled the hand-over.
                Err(error) if error.code() == Code::Aborted => {
                    clashes += 1;
                    let wait = pause(clashes, id::new(self.clock.now()));
                    if clashes >= CLASHES {
                        return Ok(Verdict::Again(self.clock.now() + wait));
                    }
                    self.wait(wait).await;
                }
                Err(error) if is_final(&error) => self.fail(&job, &convert::failure(&error)).await?,
                Err(error) if claimed.attempts >= ATTEMPTS => {
                    tracing::error!(hand_over = %id, ?error, "a hand-over was given up");
                    self.fail(&job, "records cannot be moved at the moment; hand over the rest later")
                        .await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits, but not beyond the end of the process.
    async fn wait(&self, wait: TimeDelta) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = tokio::time::sleep(wait.to_std().unwrap_or_default()) => {}
        }
    }

    /// Notes that a record stays because its change was refused, and goes on after it.
    async fn leave(&self, job: &HandOver, record_id: Uuid, error: &Error) -> Result<()> {
        tracing::info!(hand_over = %job.id, record = %record_id, reason = error.reason(), "a record stays with its owner");
        self.change(job, |job, now| {
            job.refuse(record_id, error);
            job.update_time = now;
        })
        .await
    }

    /// Whose records they are must be the caller's to see, and transferring records of each collection the caller's right. Filters are read.
    async fn check(&self, call: &Call, job: &HandOver) -> Result<()> {
        if !call.access.scope.covers(Some(job.from_user_id)) {
            return Err(Error::not_found("users", job.from_user_id));
        }
        for rule in job.rules.iter() {
            let collection = self.collections.get("collection", &rule.collection)?;
            call.require(collection.kind().transfer)?;
            collection.check_filter(call, &rule.filter).await?;
        }
        Ok(())
    }

    async fn check_people(&self, tx: &mut Tx<'_>, call: &Call, people: &[(String, Uuid)]) -> Result<()> {
        let distinct: BTreeSet<Uuid> = people.iter().map(|(_, user)| *user).collect();
        let standing = self.people.standing(tx, call, distinct).await?;
        people.iter().try_for_each(|(field, user)| standing.check(call, field, *user))
    }

    async fn rehearse(&self, call: &Call, mut job: HandOver) -> Result<HandOver> {
        while let Some(rule) = job.rule() {
            let collection = self.collections.get("collection", &rule.collection)?;
            job = collection.rehearse_hand_over(call, job).await?;
        }
        Ok(job)
    }

    async fn fail(&self, job: &HandOver, why: &str) -> Result<()> {
        self.change(job, |job, now| {
            job.end(State::Failed, why, now);
            job.update_time = now;
        })
        .await
    }

    /// Changes a hand-over that is as far as it was when it was read, and tells of it.
    async fn change(
        &self,
        job: &HandOver,
        change: impl Fn(&mut HandOver, DateTime<Utc>) + Send + Sync,
    ) -> Result<()> {
        let (call, change) = (&caller(self, job).call(), &change);
        let written = self.db.write_rows(call, "handOver", move |tx| {
            Box::pin(async move {
                let was = hold(tx, job).await?;
                let mut job = was.clone();
                change(&mut job, call.now);
                store::save(tx.conn(), &job).await?;
                tell(tx, ChangeKind::Update, Some(&was), &job);
                Ok(())
            })
        });
        written.await
    }
}

/// How long to wait after so many clashes in a row: twice as long each time and at most five seconds, half of it by chance, so that two who met do not
/// meet again.
fn pause(clashes: u32, chance: Uuid) -> TimeDelta {
    let longest = (FIRST_PAUSE << clashes.min(10)).min(LONGEST_PAUSE);
    let chance = i64::from(chance.as_bytes()[15]);
    TimeDelta::milliseconds(longest / 2 + longest * chance / 510)
}

/// Whether trying again would meet the same fault.
pub fn is_final(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::NotFound
    )
}

/// In whose name records change hands: who asked for it, with the rights of then.
pub fn caller(jobs: &HandOvers, job: &HandOver) -> Caller {
    let access = job.rights.access(job.tenant_id);
    Caller::new(access, jobs.clock.clone(), &format!("hand-over-{}", job.id), METHOD)
}

/// The hand-over, held, as long as it runs and is as far as it was when it was read.
pub async fn hold(tx: &mut Tx<'_>, job: &HandOver) -> Result<HandOver> {
    let held = store::lock(tx.conn(), job.tenant_id, job.id, None).await?;
    let place = |job: &HandOver| (job.rule_index, job.after_id, job.turn);
    let is_ours = |held: &HandOver| held.state.0 == State::Running && place(held) == place(job);
    held.filter(is_ours).ok_or_else(Error::concurrent_change)
}

/// Remembers a change of a hand-over and returns it as told.
pub fn tell(tx: &mut Tx<'_>, kind: ChangeKind, before: Option<&HandOver>, job: &HandOver) -> Wire {
    let (before, wire) = (before.map(convert::to_wire), convert::to_wire(job));
    let change = Change::new(COLLECTION, job.id, kind, &wire).owned_by(Some(job.creator_id));
    tx.record(change.audited(before.as_ref(), Some(&wire)));
    wire
}

/// The creator whose hand-overs a caller sees; `None` for all.
fn seen_by(call: &Call) -> Option<Uuid> {
    (call.access.scope != Scope::All).then(|| call.caller_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ_by_chance() {
        let at = |clashes, chance: u8| pause(clashes, Uuid::from_bytes([chance; 16])).num_milliseconds();
        assert_eq!((at(1, 0), at(1, 255)), (50, 100));
        assert_eq!((at(2, 0), at(2, 255)), (100, 200));
        assert_eq!((at(20, 0), at(20, 255)), (2500, 5000));
        assert!(at(3, 10) < at(3, 200));
    }
}
