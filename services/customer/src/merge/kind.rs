//! What a kind of record brings to merges.

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::{Record, recycle_bin::Gone};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{children::Going, field::Standard};

/// A kind whose records refer to others that can be merged.
pub trait Movable: Record + Serialize + DeserializeOwned {
    /// Columns that are merged and taken back together, each group under the name of its first one.
    const TOGETHER: &'static [&'static [&'static str]] = &[];

    /// Lets what refers to records that go refer to `into` instead; custom fields are taken care of.
    fn repoint(&mut self, gone: Gone<'_>, into: Uuid);
    /// Ids of records that refer to such records beside those that [`Record::referring`] finds.
    fn following(
        _conn: &mut PgConnection,
        _tenant_id: Uuid,
        _gone: Gone<'_>,
        _most: i64,
    ) -> impl Future<Output = Result<Vec<Uuid>>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
}

/// A kind whose records can be merged.
pub trait Mergeable: Movable {
    /// The fields that are merged. All others are the survivor's; external ids are always those of all records.
    const FIELDS: &'static [Standard];
    /// Other services that keep ids of such records. A merge is complete when they have followed it.
    const FOLLOWED_BY: &'static [&'static str];

    /// Whether the record may be merged at all.
    fn may_merge(&self) -> Result<()> {
        Ok(())
    }
    /// The event of a record that goes into another.
    fn departed(wire: Self::Wire, into: Uuid) -> Telling;
    /// The event of a record that comes back out of another.
    fn returned(wire: Self::Wire, from: Uuid) -> Telling;
    /// Its name.
    fn display_name(&self) -> &str;
    /// The records of this service that it refers to by columns with foreign keys, with their collections.
    fn references(&self) -> Vec<(&'static str, Uuid)> {
        Vec::new()
    }
    /// Takes care of rows that hang on records in tables of the kind's own and would go with theirs, after the records that refer to them have followed;
    /// returns, by record, what it takes to put them back.
    fn parts(
        _tx: &mut Tx<'_>,
        _call: &Call,
        _going: Going<'_>,
    ) -> impl Future<Output = Result<Vec<(Uuid, Value)>>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
    /// Puts back such rows, and those that follow from the records, which had gone into `from`.
    fn put_parts(
        _tx: &mut Tx<'_>,
        _call: &Call,
        _records: &[Self],
        _parts: Vec<Value>,
        _from: Uuid,
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// A message for an answer, by the kind it is of.
pub fn wire_of<W: prost::Message, T: prost::Message + Default>(wire: &W) -> Result<T> {
    T::decode(wire.encode_to_vec().as_slice()).map_err(Error::internal)
}
