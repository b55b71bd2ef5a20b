//! Batches: what their items ask for, and how an error names the item it is about.

use std::collections::BTreeSet;

use crm_kit_api::{Error, Result, id};
use uuid::Uuid;

/// Names the items of a batch in errors; a single call names none.
pub type ItemName = fn(usize) -> String;

/// The name of the only item of a single call: none.
pub fn single(_: usize) -> String {
    String::new()
}

/// The name of an item of a batch.
pub fn item(index: usize) -> String {
    format!("requests[{index}]")
}

/// The only record of a batch of one.
pub fn only<W: Default>(mut wires: Vec<W>) -> W {
    wires.pop().unwrap_or_default()
}

/// The error, naming the item of the batch it is about.
pub(crate) fn named(error: Error, prefix: &str) -> Error {
    if prefix.is_empty() { error } else { error.within(prefix) }
}

/// The error, naming the item of the batch whose record it is about; `ids` are the items' records.
pub(crate) fn of_item(error: Error, ids: impl IntoIterator<Item = Uuid>, name: ItemName) -> Error {
    let index = error.subject().and_then(|subject| ids.into_iter().position(|id| id == subject));
    match index {
        Some(index) => named(error, &name(index)),
        None => error,
    }
}

/// Ids of a batch, in which none may stand twice.
pub(crate) fn distinct_ids<'a>(
    texts: impl Iterator<Item = &'a str>,
    field: &str,
    name: ItemName,
) -> Result<Vec<Uuid>> {
    let mut seen = BTreeSet::new();
    let mut ids = Vec::new();
    for (index, text) in texts.enumerate() {
        let id = id::parse(field, text).and_then(|id| {
            let repeated = || Error::invalid_field(field, "REPEATED", "stands twice in the batch");
            seen.insert(id).then_some(id).ok_or_else(repeated)
        });
        ids.push(id.map_err(|error| named(error, &name(index)))?);
    }
    Ok(ids)
}
