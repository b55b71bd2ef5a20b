//! Rules that a tenant sets once for a collection: a row for each tenant, and the defaults as long as there is none.

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Error, Result, etag, mask, time};
use crm_kit_pg::{Change, ChangeKind, Db};
use prost::{Message, Name};
use prost_types::{FieldMask, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

/// Fields that a caller may send back but never sets.
const FIXED: &[&str] = &["id", "create_time", "update_time", "etag"];

/// Whose rules they are, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub tenant_id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    /// 0 for the defaults.
    pub revision: i64,
}

/// The rules of a collection.
pub trait Rules: Clone + std::fmt::Debug + PartialEq + Default + Send + Sync {
    /// The rules on the wire.
    type Wire: Message + Name + Default + Clone;
    /// The event that tells of them.
    type Told: Message + Name;
    /// Name of the collection in events.
    const COLLECTION: &'static str;

    /// The tenant's row.
    fn load(
        conn: &mut PgConnection,
        tenant_id: Uuid,
    ) -> impl Future<Output = Result<Option<(Stamp, Self)>>> + Send;
    /// Writes the row over revision `stamp.revision - 1`, which is 0 when there is none; whether it was that one.
    fn store(&self, conn: &mut PgConnection, stamp: &Stamp) -> impl Future<Output = Result<bool>> + Send;
    /// Reads rules, collecting every violation.
    fn read(wire: Self::Wire) -> Result<Self>;
    /// The rules on the wire.
    fn to_wire(&self, stamp: &Stamp) -> Self::Wire;
    /// The etag that a caller sent.
    fn etag(wire: &Self::Wire) -> &str;
    /// The event that tells of a change.
    fn told(wire: Self::Wire) -> Self::Told;
}

impl Stamp {
    fn of_defaults(tenant_id: Uuid) -> Self {
        let (create_time, update_time) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        Self { tenant_id, create_time, update_time, revision: 0 }
    }

    fn next(self, now: DateTime<Utc>) -> Self {
        let create_time = if self.revision == 0 { now } else { self.create_time };
        Self { create_time, update_time: now, revision: self.revision + 1, ..self }
    }

    /// When the rules were first set and last changed; unset for the defaults.
    pub fn times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let instant = |time| (self.revision > 0).then(|| time::timestamp(time));
        (instant(self.create_time), instant(self.update_time))
    }
}

/// The tenant's rules, or the defaults.
pub async fn get<R: Rules>(conn: &mut PgConnection, tenant_id: Uuid) -> Result<(Stamp, R)> {
    let found = R::load(conn, tenant_id).await?;
    Ok(found.unwrap_or_else(|| (Stamp::of_defaults(tenant_id), R::default())))
}

/// The rules of the caller's tenant.
pub async fn read<R: Rules>(db: &Db, call: &Call) -> Result<R::Wire> {
    let tenant = call.tenant_id();
    let read = db.read_one(call, move |one| Box::pin(async move { get::<R>(one.conn(), tenant).await }));
    let (stamp, rules) = read.await?;
    Ok(rules.to_wire(&stamp))
}

/// Sets the rules of the caller's tenant.
pub async fn set<R: Rules>(
    db: &Db,
    call: &Call,
    (wire, update_mask): (&R::Wire, Option<&FieldMask>),
) -> Result<R::Wire> {
    db.write(call, "update", move |tx| {
        Box::pin(async move {
            let tenant = tx.tenant_id();
            let (was_stamp, was) = get::<R>(tx.conn(), tenant).await?;
            etag::check(R::etag(wire), was_stamp.revision)?;
            let (before, descriptor) = (was.to_wire(&was_stamp), crm_proto::message(&R::Wire::full_name()));
            let rules = R::read(mask::merge(&descriptor, &before, wire, update_mask, FIXED)?)?;
            if rules == was {
                return Ok(before);
            }
            let stamp = was_stamp.next(call.now);
            if !rules.store(tx.conn(), &stamp).await? {
                return Err(Error::concurrent_change());
            }
            let after = rules.to_wire(&stamp);
            let mut fields = mask::changed(&descriptor, &before, &after)?;
            fields.retain(|field| !FIXED.contains(&field.as_str()));
            let change = Change::new(R::COLLECTION, tenant, ChangeKind::Update, &R::told(after.clone()));
            tx.record(change.of_fields(fields).audited(Some(&before), Some(&after)));
            Ok(after)
        })
    })
    .await
}
