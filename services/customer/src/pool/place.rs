//! What pools need to know of the records they hold.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_record::Record;
use crm_proto::crm::customer::v1::{self as wire, PoolRecord, lead::Status, pool_record};
use uuid::Uuid;

use crate::{
    account::Account,
    lead::{self, Lead, status},
    ownership::{Move, Place},
};

/// A kind of record that has an owner or waits in a pool.
pub trait Pooled: Record {
    /// CEL expression that records satisfy which somebody works on.
    const IN_WORK: &'static str;

    /// Who has the record.
    fn place(&self) -> Place;
    /// When it was created, claimed, and last worked with.
    fn times(&self) -> Times;
    /// Whether it may change hands.
    fn may_move(&self) -> Result<()> {
        Ok(())
    }
    /// Takes it out of a pool for an owner.
    fn give(&mut self, owner_id: Uuid, reason: &str, now: DateTime<Utc>);
    /// Puts it into a pool.
    fn put(&mut self, pool_id: Uuid, reason: &str, now: DateTime<Utc>) -> Result<()>;
    /// It on the wire of pools.
    fn pooled(wire: Self::Wire) -> PoolRecord;
}

/// The dates that rules count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the record was created.
    pub created: DateTime<Utc>,
    /// When its owner got it.
    pub claimed: Option<DateTime<Utc>>,
    /// When somebody last worked with it.
    pub last_activity: Option<DateTime<Utc>>,
}

/// How records changed hands between what they were and what they are.
pub fn moves<R: Pooled>(records: &[R], was: &[R]) -> Vec<Move> {
    let pairs = records.iter().zip(was);
    let moves = pairs.map(|(record, was)| Move {
        id: record.head().id,
        revision: record.head().revision,
        create_time: record.times().created,
        from: was.place(),
        to: record.place(),
    });
    moves.collect()
}

impl Pooled for Account {
    const IN_WORK: &'static str = "has(owner_id)";

    fn place(&self) -> Place {
        Place { owner_id: self.owner_id, pool_id: self.pool_id }
    }

    fn times(&self) -> Times {
        Times { created: self.create_time, claimed: self.claim_time, last_activity: self.last_activity_time }
    }

    fn give(&mut self, owner_id: Uuid, _reason: &str, now: DateTime<Utc>) {
        (self.owner_id, self.pool_id, self.claim_time) = (Some(owner_id), None, Some(now));
    }

    fn put(&mut self, pool_id: Uuid, _reason: &str, _now: DateTime<Utc>) -> Result<()> {
        (self.owner_id, self.pool_id, self.claim_time) = (None, Some(pool_id), None);
        Ok(())
    }

    fn pooled(wire: wire::Account) -> PoolRecord {
        PoolRecord { record: Some(pool_record::Record::Account(wire)) }
    }
}

impl Pooled for Lead {
    const IN_WORK: &'static str = "has(owner_id) && status in [\"STATUS_NEW\", \"STATUS_ASSIGNED\", \"STATUS_WORKING\", \"STATUS_QUALIFIED\"]";

    fn place(&self) -> Place {
        Place { owner_id: self.owner_id, pool_id: self.pool_id }
    }

    fn times(&self) -> Times {
        Times { created: self.create_time, claimed: self.claim_time, last_activity: self.last_activity_time }
    }

    fn may_move(&self) -> Result<()> {
        lead::convert::may_change(self)
    }

    fn give(&mut self, owner_id: Uuid, reason: &str, now: DateTime<Utc>) {
        let was = self.status;
        Self::give(self, owner_id, now);
        if self.status != was {
            reason.clone_into(&mut self.status_reason);
        }
    }

    fn put(&mut self, pool_id: Uuid, reason: &str, now: DateTime<Utc>) -> Result<()> {
        self.may_move()?;
        if self.owner_id.is_some() && status::is_open(self.status.0) {
            self.enter(Status::Recycled, reason.to_owned(), now);
        }
        (self.owner_id, self.pool_id, self.claim_time) = (None, Some(pool_id), None);
        Ok(())
    }

    fn pooled(wire: wire::Lead) -> PoolRecord {
        PoolRecord { record: Some(pool_record::Record::Lead(wire)) }
    }
}
