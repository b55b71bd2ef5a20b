//! Changes of records that can be taken back later, as far as nobody changed the same again meanwhile.
//!
//! A record is looked at as a JSON document of its columns, in which each custom field stands by itself (`custom.segment`). A [`Patch`] keeps the values
//! of those that a change touched, before and after it. Taking it back compares three documents: what is still as the change left it becomes what it was;
//! what is not stays, and is named. Of a list, items that were added since stay beside those that come back.

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::Tx;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Record,
    custom_field::{Fields, refresh},
    life::{self, Revision},
};

/// A record as its columns.
pub type Document = Map<String, Value>;
/// Columns that stand together, each group under the name of its first one.
pub type Together = &'static [&'static [&'static str]];

/// Columns that every write changes.
const STAMPS: [&str; 2] = ["update_time", "revision"];
/// The column of custom fields, and what stands before their keys in a document.
const CUSTOM: &str = "custom";
const CUSTOM_KEY: &str = "custom.";

/// What a change did to a record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// The values that changed, as they were.
    pub before: Document,
    /// The same, as the change left them.
    pub after: Document,
}

/// A record as a document.
pub fn document<R: Record + Serialize>(record: &R) -> Result<Document> {
    let Value::Object(mut columns) = serde_json::to_value(record).map_err(Error::internal)? else {
        return Err(Error::bug("a record is no JSON object"));
    };
    if let Some(Value::Object(custom)) = columns.remove(CUSTOM) {
        columns.extend(custom.into_iter().map(|(key, value)| (format!("{CUSTOM_KEY}{key}"), value)));
    }
    Ok(columns)
}

/// The record of a document.
pub fn record<R: Record + DeserializeOwned>(document: Document) -> Result<R> {
    let (mut columns, mut custom) = (Map::new(), Map::new());
    for (key, value) in document {
        match key.strip_prefix(CUSTOM_KEY) {
            Some(_) if value.is_null() => {}
            Some(key) => drop(custom.insert(key.to_owned(), value)),
            None => drop(columns.insert(key, value)),
        }
    }
    columns.insert(CUSTOM.to_owned(), Value::Object(custom));
    serde_json::from_value(Value::Object(columns)).map_err(Error::internal)
}

impl Patch {
    /// What turned one document into the other. Columns that stand `together` are kept together: when one of them changed, the others are kept as they
    /// were and are, so that taking it back never pairs an old value with a new one.
    pub fn between(before: &Document, after: &Document, together: &[&[&str]]) -> Self {
        let differs = |key: &str| of(before, key) != of(after, key);
        let mut patch = Self::default();
        let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
        for key in keys.filter(|key| !STAMPS.contains(&key.as_str())) {
            let (was, is) = (of(before, key), of(after, key));
            let group = together.iter().find(|group| group.contains(&key.as_str()));
            if group.map_or_else(|| differs(key), |group| group.iter().any(|key| differs(key))) {
                patch.before.insert(key.clone(), was.clone());
                patch.after.insert(key.clone(), is.clone());
            }
        }
        patch
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// Takes the change back from a document; returns the columns that were changed since. Columns that stand `together` are taken back or left
    /// together, and named by the first of them.
    pub fn take_back(&self, current: &mut Document, together: &[&[&str]]) -> Vec<String> {
        let mut conflicts: Vec<String> = Vec::new();
        let is_changed = |current: &Document, key: &str| of(current, key) != of(&self.after, key);
        let known = current.clone();
        for key in self.before.keys() {
            let group = together.iter().find(|group| group.contains(&key.as_str()));
            let since = match group {
                Some(group) => {
                    group.iter().any(|key| self.before.contains_key(*key) && is_changed(&known, key))
                }
                None => is_changed(&known, key),
            };
            let (was, left) = (of(&self.before, key), of(&self.after, key));
            if !since {
                current.insert(key.clone(), was.clone());
                continue;
            }
            let name = group.and_then(|group| group.first()).map_or(key.as_str(), |first| first);
            if !conflicts.iter().any(|known| known == name) {
                conflicts.push(name.to_owned());
            }
            if let (Value::Array(was), Value::Array(left), Value::Array(now)) = (was, left, of(&known, key)) {
                current.insert(key.clone(), Value::Array(taken_out(was, left, now)));
            }
        }
        conflicts
    }
}

/// Changes records as the server's own doing, those in the recycle bin too; returns what changed of each that did. They are held from then on.
pub async fn change<R>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    (ids, together): (&[Uuid], Together),
    alter: impl Fn(&mut R) + Send,
) -> Result<Vec<(Uuid, Patch)>>
where
    R: Record + Serialize + DeserializeOwned,
{
    let (tenant, mut patches, mut revisions) = (tx.tenant_id(), Vec::new(), Vec::new());
    for was in R::lock(tx.conn(), tenant, ids, None).await? {
        let mut record = was.clone();
        alter(&mut record);
        refresh::evaluate(fields, &mut record, call.moment());
        let patch = Patch::between(&document(&was)?, &document(&record)?, together);
        if !patch.is_empty() {
            patches.push((record.head().id, patch));
            revisions.push(Revision::new(fields, was, record));
        }
    }
    life::write(tx, call, fields, revisions).await?;
    Ok(patches)
}

/// Takes changes of records back; returns the columns that were changed since, by record. Records that are gone are left out.
pub async fn put_back<R>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    patches: &[(Uuid, &Patch)],
    together: Together,
) -> Result<Vec<(Uuid, Vec<String>)>>
where
    R: Record + Serialize + DeserializeOwned,
{
    let ids: Vec<Uuid> = patches.iter().map(|(id, _)| *id).collect();
    let (tenant, mut conflicts, mut revisions) = (tx.tenant_id(), Vec::new(), Vec::new());
    for was in R::lock(tx.conn(), tenant, &ids, None).await? {
        let id = was.head().id;
        let Some((_, patch)) = patches.iter().find(|(known, _)| *known == id) else { continue };
        let mut document = document(&was)?;
        conflicts.push((id, patch.take_back(&mut document, together)));
        let mut record: R = record(document)?;
        refresh::evaluate(fields, &mut record, call.moment());
        revisions.push(Revision::new(fields, was, record));
    }
    life::write(tx, call, fields, revisions).await?;
    Ok(conflicts)
}

/// A list without the items that a change added, and with those that it took away. When one of those that it added is not there as it was, everything stays.
fn taken_out(was: &[Value], left: &[Value], now: &[Value]) -> Vec<Value> {
    let added: Vec<&Value> = left.iter().filter(|item| !was.contains(item)).collect();
    if added.iter().any(|item| !now.contains(item)) {
        return now.to_vec();
    }
    let stays = now.iter().filter(|item| !added.contains(item));
    let back = was.iter().filter(|item| !left.contains(item) && !now.contains(item));
    stays.chain(back).cloned().collect()
}

fn of<'d>(document: &'d Document, key: &str) -> &'d Value {
    document.get(key).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn columns(value: Value) -> Document {
        match value {
            Value::Object(columns) => columns,
            other => panic!("{other} is no object"),
        }
    }

    fn patch() -> (Document, Patch) {
        let before = columns(json!({"name": "A", "sum": 1, "currency": "", "tags": ["x"], "revision": 1}));
        let after = columns(json!({
            "name": "A", "sum": 2, "currency": "EUR", "tags": ["x", "y"], "revision": 2, "custom.k": "v"
        }));
        let patch = Patch::between(&before, &after, &[]);
        (after, patch)
    }

    #[test]
    fn what_stands_together_is_kept_whole_and_so_taken_back_whole_or_left() {
        let together: &[&[&str]] = &[&["sum", "currency"], &["phone", "extension"], &["gone"]];
        let before =
            columns(json!({"sum": 1, "currency": "CNY", "phone": "1", "extension": "2", "name": "A"}));
        let after =
            columns(json!({"sum": 2, "currency": "CNY", "phone": "1", "extension": "2", "name": "A"}));
        let patch = Patch::between(&before, &after, together);
        assert_eq!(Value::Object(patch.before.clone()), json!({"sum": 1, "currency": "CNY"}));
        assert_eq!(Value::Object(patch.after.clone()), json!({"sum": 2, "currency": "CNY"}));
        let mut now = after.clone();
        now.insert("currency".to_owned(), json!("USD"));
        assert_eq!(patch.take_back(&mut now, together), ["sum"]);
        assert_eq!((&now["sum"], &now["currency"]), (&json!(2), &json!("USD")), "never 1 USD");
        let mut now = after;
        assert_eq!(patch.take_back(&mut now, together), Vec::<String>::new());
        assert_eq!(now, before);
    }

    #[test]
    fn what_nobody_changed_since_becomes_what_it_was() {
        let (mut now, patch) = patch();
        now.insert("name".to_owned(), json!("B"));
        assert_eq!(patch.take_back(&mut now, &[&["sum", "currency"]]), Vec::<String>::new());
        let wanted = json!({
            "name": "B", "sum": 1, "currency": "", "tags": ["x"], "revision": 2, "custom.k": null
        });
        assert_eq!(Value::Object(now), wanted);
    }

    #[test]
    fn what_was_changed_since_stays_and_is_named_with_what_stands_together() {
        let (mut now, patch) = patch();
        now.insert("currency".to_owned(), json!("USD"));
        now.insert("tags".to_owned(), json!(["z", "x", "y"]));
        let mut conflicts = patch.take_back(&mut now, &[&["sum", "currency"]]);
        conflicts.sort();
        assert_eq!(conflicts, ["sum", "tags"]);
        assert_eq!(
            (&now["sum"], &now["currency"], &now["tags"]),
            (&json!(2), &json!("USD"), &json!(["z", "x"]))
        );
    }

    #[test]
    fn an_item_that_was_changed_since_holds_its_list() {
        let (mut now, patch) = patch();
        now.insert("tags".to_owned(), json!(["x", "Y"]));
        assert_eq!(patch.take_back(&mut now, &[]), ["tags"]);
        assert_eq!(now["tags"], json!(["x", "Y"]));
    }
}
