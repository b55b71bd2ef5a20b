//! Rows that name other records by their keys in the job's system, such as parents.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
};

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::Db;
use uuid::Uuid;

use crate::external_id;
use crate::{column::Column, column::Kind};
use crm_kit_table::{reader::Options, reader::Table, value};

/// Records by collection and key.
pub type Found = HashMap<(&'static str, String), Uuid>;

/// Keys by a hash of 64 bits, which keeps a file of millions of rows small. Two keys of one hash are mistaken for each other once in a
/// lifetime, and then a missing parent is told in the second round instead of the first.
#[derive(Clone, Debug, Default)]
pub struct Keys(HashSet<u64>);

impl Keys {
    /// Adds a key; whether it is new.
    pub fn add(&mut self, key: &str) -> bool {
        self.0.insert(hash(key))
    }

    /// Whether the key was added.
    pub fn has(&self, key: &str) -> bool {
        self.0.contains(&hash(key))
    }
}

/// A hash that is the same in every process.
pub fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The keys of all rows of a table.
pub async fn keys_of_file(path: PathBuf, options: Options, index: usize) -> Result<Keys> {
    let read = tokio::task::spawn_blocking(move || {
        let mut keys = Keys::default();
        let Ok(mut table) = Table::open(&path, &options) else { return keys };
        let Ok(rows) = table.rows() else { return keys };
        for row in rows.map_while(|row| {
            row.map_or_else(|error| (!error.is_fatal()).then_some(None), |row| Some(Some(row)))
        }) {
            if let Some(Ok(Some(key))) = row.and_then(|row| row.cells.get(index).map(value::text)) {
                keys.add(&key);
            }
        }
        keys
    });
    read.await.map_err(Error::internal)
}

/// The collection that a column links to.
pub fn collection_of(column: &Column) -> Option<&'static str> {
    match column.kind {
        Kind::Link(link) => Some(link.collection),
        _ => None,
    }
}

/// Looks up the records that rows name.
pub async fn resolve(
    db: &Db,
    call: &Call,
    system: &str,
    wanted: BTreeSet<(&'static str, String)>,
) -> Result<Found> {
    let tenant = call.tenant_id();
    let mut found = Found::new();
    let collections: BTreeSet<&'static str> = wanted.iter().map(|(collection, _)| *collection).collect();
    for collection in collections {
        let of_it = wanted.iter().filter(|(other, _)| *other == collection);
        let values: Vec<String> = of_it.map(|(_, value)| value.clone()).collect();
        let systems = vec![system.to_owned(); values.len()];
        let (values, systems) = (&values, &systems);
        let holders = db.list(call, move |tx| {
            Box::pin(
                async move { external_id::holders(tx.conn(), tenant, collection, systems, values).await },
            )
        });
        found.extend(holders.await?.into_iter().map(|holder| ((collection, holder.value), holder.record_id)));
    }
    Ok(found)
}
