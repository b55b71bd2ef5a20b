//! What a kind of record brings to the life that all records share: its constants, its fields and its SQL.

use chrono::{DateTime, Utc};
use crm_kit_api::{
    Call, Result,
    filter::{self, Schema},
    order::Column,
};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_table::vcard::Card;
use prost::{Message, Name};
use sqlx::{FromRow, PgConnection, postgres::PgRow};
use uuid::Uuid;

use crate::{
    column::read::Reading,
    custom_field::{Fields, Values, describe::Parts},
    external_id::ExternalId,
    files::Files,
    recycle_bin::Gone,
    rows,
    schema::Standard,
    search,
};

/// Constants of a kind of record.
#[derive(Debug)]
pub struct Kind {
    /// Domain of the error reasons of its life, that of its service.
    pub domain: &'static str,
    /// Name in errors, events and paths.
    pub collection: &'static str,
    /// Name of the field that holds a record in requests.
    pub field: &'static str,
    /// Full name of its message in the contract.
    pub message: &'static str,
    /// Its table, with the columns `tenant_id`, `id`, `create_time`, `update_time`, `delete_time`, `revision`, `owner_id`, `external_ids` and
    /// `custom`, and an index over the deleted rows by (`delete_time`, `tenant_id`, `id`).
    pub table: &'static str,
    /// Columns of its model.
    pub columns: &'static str,
    /// What lists filter and order by.
    pub schema: &'static Standard,
    /// Columns that `q` searches.
    pub search: search::Columns,
    /// Order of a list that states none.
    pub default_order: &'static str,
    /// Fields that a caller may send back but never sets.
    pub fixed: &'static [&'static str],
    /// Permission to give a record to somebody outside the caller's scope. Empty for a kind that belongs to the tenant as a whole: whoever may read
    /// the kind sees every record of it, whatever the scope.
    pub transfer: &'static str,
    /// Series and prefix of numbers for records that bring none; `None` for kinds without numbers.
    pub series: Option<(&'static str, &'static str)>,
    /// The kind above, whose roll-ups count its records.
    pub parent: Option<Parent>,
    /// Messages of its own among its fields, whose parts are described one by one.
    pub parts: &'static [Parts],
    /// How it comes in and goes out in files.
    pub files: Files,
}

impl Kind {
    /// The owners whose records the caller sees; `None` for all.
    pub fn owners<'c>(&self, call: &'c Call) -> Option<&'c [Uuid]> {
        if self.is_common() { None } else { call.access.scope.owners() }
    }

    /// Whether the kind belongs to the tenant as a whole.
    pub fn is_common(&self) -> bool {
        self.transfer.is_empty()
    }
}

/// The kind of record above another one.
#[derive(Clone, Copy, Debug)]
pub struct Parent {
    /// Its collection, of the same service.
    pub collection: &'static str,
    /// The column of the lower record that holds the upper one's id.
    pub column: &'static str,
}

/// What the life of a record needs to know of it.
#[derive(Clone, Copy, Debug)]
pub struct Head<'r> {
    /// The record.
    pub id: Uuid,
    /// Who answers for it.
    pub owner_id: Option<Uuid>,
    /// When it went to the recycle bin.
    pub delete_time: Option<DateTime<Utc>>,
    /// Raised by every write.
    pub revision: i64,
    /// Its names in other systems.
    pub external_ids: &'r [ExternalId],
    /// Its values of the tenant's own fields.
    pub custom: &'r Values,
}

/// What the life of a record changes of it.
#[derive(Debug)]
pub struct HeadMut<'r> {
    /// The instant of the last write.
    pub update_time: &'r mut DateTime<Utc>,
    /// When it went to the recycle bin.
    pub delete_time: &'r mut Option<DateTime<Utc>>,
    /// Raised by every write.
    pub revision: &'r mut i64,
    /// Its names in other systems.
    pub external_ids: &'r mut Vec<ExternalId>,
    /// Its values of the tenant's own fields.
    pub custom: &'r mut Values,
}

/// What a caller sent to name a record, and whom it is for.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'w> {
    /// Its id.
    pub id: &'w str,
    /// The etag it must still have.
    pub etag: &'w str,
    /// The owner it is to have; empty when the caller names none.
    pub owner_id: &'w str,
    /// Its number; empty for kinds without numbers.
    pub number: &'w str,
}

/// What happened to a record.
#[derive(Debug)]
pub enum Happening<W> {
    /// It was created.
    Created,
    /// These fields changed; the message holds them as they were.
    Updated { fields: Vec<String>, previous: W },
    /// It went to the recycle bin.
    Deleted,
    /// It came back.
    Undeleted,
    /// It is gone for good. The message holds its id and when it was deleted, and nothing else.
    Purged,
}

/// A kind of record.
pub trait Record:
    Clone + std::fmt::Debug + PartialEq + Send + Sync + Unpin + 'static + for<'r> FromRow<'r, PgRow>
{
    /// The record on the wire.
    type Wire: Message + Name + Default + Clone;
    /// Its constants.
    const KIND: &'static Kind;
    /// Whether records of the kind go to others when their owner hands over its work.
    const HANDED_OVER: bool = false;
    /// Whether records may leave the collection by going into others, so that their ids lead there. Ids that name no record are then looked up once more.
    const REDIRECTS: bool = false;

    /// A fresh record of the caller, with the number it gets when it brings none.
    fn fresh(call: &Call, number: String) -> Self;
    /// Reads a record, collecting every violation. `base` keeps what the server sets.
    fn read(call: &Call, fields: &Fields, wire: Self::Wire, base: Self) -> Result<Self>;
    /// The record on the wire, unmasked.
    fn to_wire(&self, fields: &Fields) -> Self::Wire;
    /// Id, etag, owner and number that a caller sent.
    fn sent(wire: &Self::Wire) -> Sent<'_>;
    /// What its life needs to know.
    fn head(&self) -> Head<'_>;
    /// What its life changes.
    fn head_mut(&mut self) -> HeadMut<'_>;
    /// A standard field as filters and formulas see it.
    fn filter_value(&self, path: &str) -> filter::Value<'_>;
    /// The record above whose roll-ups count it.
    fn rolls_up_to(&self) -> Option<Uuid> {
        None
    }
    /// Puts into an answer what follows from the time it is given, such as how long something has been overdue. Nothing of it is stored.
    fn derive(_wire: &mut Self::Wire, _now: DateTime<Utc>) {}
    /// The event that tells what happened to it; `wire` is the record after it.
    fn event(wire: Self::Wire, happening: Happening<Self::Wire>) -> Telling;

    /// What a card of a vCard file says, for kinds that are people.
    fn from_card(_card: &Card) -> Option<Reading<Self::Wire>> {
        None
    }

    /// What lists may filter by.
    fn filter_schema(fields: &Fields, call: &Call) -> Schema {
        Self::KIND.schema.filter_schema(fields, &call.access.masks)
    }
    /// What lists may be ordered by.
    fn order_columns(fields: &Fields, call: &Call) -> Vec<Column> {
        Self::KIND.schema.order_columns(fields, &call.access.masks)
    }

    /// The records with these ids within the scope of `owners`, in no particular order, with those in the recycle bin.
    fn get(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        ids: &[Uuid],
        owners: Option<&[Uuid]>,
    ) -> impl Future<Output = Result<Vec<Self>>> + Send {
        rows::get(conn, tenant_id, ids, owners)
    }
    /// As `get`, and holds the rows until the transaction ends, locked in the order of their ids.
    fn lock(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        ids: &[Uuid],
        owners: Option<&[Uuid]>,
    ) -> impl Future<Output = Result<Vec<Self>>> + Send {
        rows::lock(conn, tenant_id, ids, owners)
    }
    /// Ids of live records with these numbers; kinds without numbers have none.
    fn by_number(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        numbers: &[String],
    ) -> impl Future<Output = Result<Vec<(String, Uuid)>>> + Send {
        rows::by_number(conn, Self::KIND, tenant_id, numbers)
    }
    /// Where ids lead whose records went into others, as pairs of both; those of records that are there, or never were, have none.
    fn redirected(
        _conn: &mut PgConnection,
        _tenant_id: Uuid,
        _ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<(Uuid, Uuid)>>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
    /// New records as they shall be stored, when the database decides something of them, such as who answers for them; `None` leaves them as they
    /// are.
    fn settle(
        _tx: &mut Tx<'_>,
        _call: &Call,
        _fields: &Fields,
        _records: &[Self],
    ) -> impl Future<Output = Result<Option<Vec<Self>>>> + Send {
        std::future::ready(Ok(None))
    }
    /// Records that are about to be written over what they were, as they shall be stored, when the database decides something of them, such as their
    /// prices. Each stands beside what it was. Records that do not change are not among them.
    fn settle_changes<'r>(
        _tx: &mut Tx<'_>,
        _call: &Call,
        _fields: &Fields,
        _changes: Vec<(&'r mut Self, &'r Self)>,
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
    /// Whether the record may go to the recycle bin.
    fn may_delete(&self) -> Result<()> {
        Ok(())
    }
    /// Inserts rows.
    fn insert(conn: &mut PgConnection, records: &[Self]) -> impl Future<Output = Result<()>> + Send;
    /// Writes rows that are held over what they were.
    fn update(conn: &mut PgConnection, records: &[Self]) -> impl Future<Output = Result<()>> + Send;
    /// Ids of records, with those in the recycle bin, whose standard fields refer to records that are about to go for good,
    /// each once; at most `most`. Those that go themselves are left out.
    fn referring(
        _conn: &mut PgConnection,
        _tenant_id: Uuid,
        _gone: Gone<'_>,
        _most: i64,
    ) -> impl Future<Output = Result<Vec<Uuid>>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
    /// Takes references to such records out of the standard fields.
    fn forget(&mut self, _gone: Gone<'_>) {}
    /// Drops what hangs on records in tables of the kind's own, right before their rows. Tables whose foreign keys cascade need nothing here.
    fn drop_parts(
        _conn: &mut PgConnection,
        _tenant_id: Uuid,
        _ids: &[Uuid],
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
    /// As `drop_parts` and before it, for parts whose going is told by events of their own.
    fn tell_parts(_tx: &mut Tx<'_>, _call: &Call, _ids: &[Uuid]) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
    /// Gives the record to another owner who takes over the work of the one before, and leaves everything else as it is; whether it does. What is over
    /// stays with whom it belonged to. Kinds that are handed over say so by `HANDED_OVER`.
    fn hand_over(&mut self, _owner_id: Uuid, _now: DateTime<Utc>) -> bool {
        false
    }
    /// Checks what records refer to, and stores references kept in tables of their own. `was` are the same records before, and empty for new
    /// ones.
    fn link(
        _tx: &mut Tx<'_>,
        _call: &Call,
        _records: &[Self],
        _was: &[Self],
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}
