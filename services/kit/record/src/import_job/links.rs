//! Rows that name other records: by their keys in the job's system, such as parents, or by their names, such as owners.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher as _},
    path::PathBuf,
    sync::Arc,
};

use crm_kit_api::{Call, Error, Result, sensitivity::Mask};
use crm_kit_pg::people;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::ops::ImportJobs;
use crate::{column::Column, column::Kind, external_id, rows};
use crm_kit_table::{reader::Options, reader::Table, value};

/// Collection of users in definitions of custom fields.
const USERS: &str = "users";

/// Where a name is looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Keys of a collection in the job's system.
    Key(&'static str),
    /// Names of a collection of this service.
    Name(String),
    /// Users.
    People,
    /// Names of a collection of another service.
    Foreign(&'static str),
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// One record.
    One(Uuid),
    /// Several.
    Many,
}

/// What names lead to. A name that is missing leads nowhere.
pub type Found = HashMap<(Place, String), Hit>;

/// Asks another service for records of `service.collection` by their names, with the rights of the call: pairs of name and id.
pub type Find =
    dyn Fn(&Call, &'static str, Vec<String>) -> BoxFuture<'static, Result<Vec<(String, Uuid)>>> + Send + Sync;

/// How names in other services are found. Cheap to clone.
#[derive(Clone)]
pub struct Abroad(pub Arc<Find>);

impl std::fmt::Debug for Abroad {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Abroad")
    }
}

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

/// Where the names in a column are looked up.
pub fn place_of(column: &Column) -> Option<Place> {
    match &column.kind {
        Kind::Link(link) if link.is_foreign() => Some(Place::Foreign(link.collection)),
        Kind::Link(link) => Some(Place::Key(link.collection)),
        Kind::Person => Some(Place::People),
        Kind::Custom(custom) if custom.target == USERS => Some(Place::People),
        Kind::Custom(custom) if !custom.target.is_empty() => Some(Place::Name(custom.target.clone())),
        _ => None,
    }
}

/// The collection whose keys stand in a column.
pub fn collection_of(column: &Column) -> Option<&'static str> {
    match place_of(column) {
        Some(Place::Key(collection)) => Some(collection),
        _ => None,
    }
}

/// Looks up what rows name, in groups.
pub async fn resolve(
    jobs: &ImportJobs,
    call: &Call,
    system: &str,
    wanted: BTreeSet<(Place, String)>,
) -> Result<Found> {
    let mut groups: BTreeMap<Place, Vec<String>> = BTreeMap::new();
    for (place, name) in wanted {
        groups.entry(place).or_default().push(name);
    }
    let mut found = Found::new();
    for (place, names) in groups {
        let pairs = match &place {
            Place::Key(collection) => keys(jobs, call, collection, system, &names).await?,
            Place::Name(collection) => named(jobs, call, collection, &names).await?,
            Place::People => people(jobs, call, &names).await?,
            Place::Foreign(collection) => match &jobs.abroad {
                Some(abroad) => (abroad.0)(call, collection, names).await?,
                None => Vec::new(),
            },
        };
        for (name, id) in pairs {
            let hit = found.entry((place.clone(), name)).or_insert(Hit::One(id));
            if *hit != Hit::One(id) {
                *hit = Hit::Many;
            }
        }
    }
    Ok(found)
}

async fn keys(
    jobs: &ImportJobs,
    call: &Call,
    collection: &str,
    system: &str,
    values: &[String],
) -> Result<Vec<(String, Uuid)>> {
    let (tenant, systems) = (call.tenant_id(), &vec![system.to_owned(); values.len()]);
    let holders = jobs.db.list(call, move |tx| {
        Box::pin(async move { external_id::holders(tx.conn(), tenant, collection, systems, values).await })
    });
    Ok(holders.await?.into_iter().map(|holder| (holder.value, holder.record_id)).collect())
}

/// Live records within the caller's scope. To a caller who sees names masked they lead nowhere.
async fn named(
    jobs: &ImportJobs,
    call: &Call,
    collection: &str,
    names: &[String],
) -> Result<Vec<(String, Uuid)>> {
    let kind = jobs.collections.get("collection", collection)?.kind();
    if call.access.masks.of(kind.search.name.1) != Mask::None {
        return Ok(Vec::new());
    }
    let (tenant, owners) = (call.tenant_id(), kind.owners(call));
    jobs.db
        .list(call, move |tx| {
            Box::pin(async move { rows::named(tx.conn(), kind, (tenant, owners), names).await })
        })
        .await
}

/// Users; those who are active before those who are not.
async fn people(jobs: &ImportJobs, call: &Call, names: &[String]) -> Result<Vec<(String, Uuid)>> {
    let tenant = call.tenant_id();
    jobs.db.list(call, move |tx| Box::pin(async move { people::named(tx.conn(), tenant, names).await })).await
}
