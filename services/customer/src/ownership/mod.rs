//! Who answered for a record, or which pool it waited in, from when to when (归属记录).
//!
//! Periods are written with the record, by whatever writes it: [`follow`] sees every change of owner and pool. A record that never changed hands has
//! no rows, so that creating records costs nothing; its first period is written together with the second.

pub mod store;

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result, time};
use crm_kit_pg::Tx;
use crm_kit_record::{Choice, field::id_text};
use crm_proto::crm::customer::v1::{OwnershipPeriod as Wire, ownership_period::Act};
use uuid::Uuid;

/// Who has a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The owner.
    pub owner_id: Option<Uuid>,
    /// The pool.
    pub pool_id: Option<Uuid>,
}

/// A record that changed hands.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// The record.
    pub id: Uuid,
    /// The revision that the move made.
    pub revision: i64,
    /// When the record was created.
    pub create_time: DateTime<Utc>,
    /// Who had it.
    pub from: Place,
    /// Who has it.
    pub to: Place,
}

/// A row of `ownership_period`.
#[derive(Clone, Debug)]
pub struct Period {
    pub owner_id: Option<Uuid>,
    pub pool_id: Option<Uuid>,
    pub from_time: DateTime<Utc>,
    pub to_time: Option<DateTime<Utc>>,
    pub act: Choice<Act>,
    pub operator_id: Uuid,
    pub reason: String,
}

impl Move {
    /// What the move is when nobody says more of it.
    fn act(&self) -> Act {
        match (self.from.pool_id, self.to.pool_id) {
            (None, None) => Act::HandedOver,
            (None, Some(_)) => Act::Returned,
            (Some(_), None) => Act::Assigned,
            (Some(_), Some(_)) => Act::Moved,
        }
    }
}

/// Stores that records of a collection changed hands; those that did not are left out.
pub async fn follow(tx: &mut Tx<'_>, call: &Call, collection: &str, mut moves: Vec<Move>) -> Result<()> {
    moves.retain(|change| change.from != change.to);
    if moves.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant_id();
    store::follow(tx.conn(), tenant, collection, &moves, (call.now, call.caller_id())).await
}

/// The period on the wire.
pub fn to_wire(period: &Period) -> Wire {
    Wire {
        from_time: Some(time::timestamp(period.from_time)),
        to_time: period.to_time.map(time::timestamp),
        owner_id: id_text(period.owner_id),
        pool_id: id_text(period.pool_id),
        act: period.act.number(),
        operator_id: period.operator_id.to_string(),
        reason: period.reason.clone(),
    }
}

impl Period {
    /// The first period of a record that never changed hands.
    pub fn first(place: Place, create_time: DateTime<Utc>) -> Self {
        Self {
            owner_id: place.owner_id,
            pool_id: place.pool_id,
            from_time: create_time,
            to_time: None,
            act: Choice(Act::Created),
            operator_id: Uuid::nil(),
            reason: String::new(),
        }
    }
}
