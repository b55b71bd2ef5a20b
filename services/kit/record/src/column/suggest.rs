//! Which columns of a foreign file feed which of ours.
//!
//! A name that is a field path or a label of ours, as exports write them, is that column. What remains goes to the names that other systems use
//! ([`crm_kit_table::mapping`]). Some columns are only suggested when the file's first rows bear it out, because other programs use the same
//! names for something else: owners must be ids, parents need a name that speaks of keys, and our own ids are no key of another system.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Columns, Kind};
use crate::files::Files;
use crm_kit_table::{Row, mapping};

/// Paths that every kind calls otherwise in the contract; a kind brings those of its own, and what has no field of ours is absent.
const TRANSLATED: &[(&str, &str)] = &[
    ("external_ids", "external_id"),
    ("owner", "owner_id"),
    ("parent", "parent_external_id"),
    ("currency", "currency_code"),
    ("birthday", "birth_date"),
];
/// Parts of addresses that are called otherwise in the contract.
const PARTS: &[(&str, &str)] = &[
    ("street", "address_lines"),
    ("district", "sublocality"),
    ("city", "locality"),
    ("state", "administrative_area"),
    ("country_code", "region_code"),
];

/// A path for each column of the header, `None` for those without one. `taken` are paths that the caller gave out already, and `sample` the
/// first rows.
pub fn suggest<'c>(
    columns: &'c Columns,
    files: &Files,
    header: &[String],
    taken: &BTreeMap<usize, String>,
    sample: &[Row],
) -> Vec<Option<&'c str>> {
    let mut used: Vec<&str> = taken.values().map(String::as_str).collect();
    let mut found: Vec<Option<&str>> = vec![None; header.len()];
    let own = header.iter().map(|name| exact(columns, name));
    let foreign = mapping::suggest(header, &files.names).into_iter().map(|suggestion| {
        suggestion
            .target
            .and_then(|path| columns.get(&translate(files, path)))
            .map(|column| column.path.as_str())
    });
    let rounds: [Vec<Option<&str>>; 2] = [own.collect(), foreign.collect()];
    for round in rounds {
        for (index, path) in round.into_iter().enumerate() {
            let Some(column) = path.and_then(|path| columns.get(path)) else { continue };
            let is_free = column.repeats() || !used.contains(&column.path.as_str());
            let is_open = found[index].is_none() && !taken.contains_key(&index) && column.settable;
            if is_open && is_free && is_likely(&column.kind, &header[index], index, sample) {
                used.push(&column.path);
                found[index] = Some(&column.path);
            }
        }
    }
    found
}

/// The column that has the name as its path or label.
fn exact<'c>(columns: &'c Columns, name: &str) -> Option<&'c str> {
    let by_path = columns.get(name);
    let by_label = || columns.all().iter().find(|column| column.labels.iter().any(|label| label == name));
    by_path.or_else(by_label).map(|column| column.path.as_str())
}

fn translate(files: &Files, path: &str) -> String {
    if let Some((_, ours)) = files.translated.iter().chain(TRANSLATED).find(|(theirs, _)| *theirs == path) {
        return (*ours).to_owned();
    }
    let Some((address, part)) = path.split_once('.').filter(|(head, _)| head.ends_with("_address")) else {
        return path.to_owned();
    };
    let part = PARTS.iter().find(|(theirs, _)| *theirs == part).map_or(part, |(_, ours)| ours);
    format!("{address}.{part}")
}

/// Whether the file bears out what its column's name suggests.
fn is_likely(kind: &Kind, name: &str, index: usize, sample: &[Row]) -> bool {
    let lower = name.to_lowercase();
    let texts = || sample.iter().filter_map(|row| row.cells.get(index)).map(|cell| cell.display());
    match kind {
        // Ids of our own, which an export has, are no keys of another system.
        Kind::Key => {
            let ours = |text: &str| Uuid::try_parse(text).is_ok_and(|id| id.get_version_num() == 7);
            lower != "id" || !texts().all(|text| ours(&text)) || sample.is_empty()
        }
        Kind::Link(link) if link.is_foreign() => true,
        Kind::Link(_) => ["id", "key", "编号", "编码"].iter().any(|word| lower.ends_with(word)),
        Kind::ExternalIds => texts().all(|text| text.is_empty() || text.contains(':')),
        // Whether names of users stand there is not for the server to guess.
        Kind::Person => texts().all(|text| text.trim().is_empty() || Uuid::try_parse(text.trim()).is_ok()),
        _ => true,
    }
}
