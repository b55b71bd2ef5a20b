//! Records below other records of their kind, such as a company's parent, or whom a person reports to.
//!
//! Not here: the statement that looks for faults, which each kind has over its own table.

use crm_kit_api::{Error, Result, error::Violation};
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use uuid::Uuid;

/// How deep records may be nested.
pub const MAX_DEPTH: i32 = 32;

/// A link to the record above that must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The record that has the link.
    pub record_id: Uuid,
    /// Where the link leads.
    pub above: Uuid,
    /// Whether it leads back to the record itself, or too deep; otherwise the record above is missing, deleted or out of scope.
    pub circle: bool,
}

impl Fault {
    /// The error of `collection`, whose `field` holds the link.
    pub fn into_error(self, collection: &str, field: &str) -> Error {
        let error = if self.circle {
            Error::invalid_field(field, "CIRCLE", "leads back to the record itself, or is nested too deep")
        } else {
            missing(collection, self.above, field)
        };
        error.about(self.record_id)
    }
}

/// `NOT_FOUND / NOT_FOUND` for a record of `collection` that `field` names.
pub fn missing(collection: &str, id: Uuid, field: &str) -> Error {
    let message = format!("names no record of {collection}");
    Error::not_found(collection, id).with_violation(Violation::new(field, "REFERENCE_NOT_FOUND", message))
}

/// Ids of those records whose link differs from what it was, and where it leads now; links that are taken away are left out. `was` are the same
/// records before, and empty for new ones.
pub fn changed<R>(
    records: &[R],
    was: &[R],
    id: fn(&R) -> Uuid,
    above: fn(&R) -> Option<Uuid>,
) -> (Vec<Uuid>, Vec<Uuid>) {
    let before = |index: usize| was.get(index).and_then(above);
    let links = records.iter().enumerate();
    let links = links.filter(|(index, record)| above(record) != before(*index));
    links.filter_map(|(_, record)| above(record).map(|above| (id(record), above))).unzip()
}

/// Waits until no other transaction changes links of the collection, and holds others off until this one ends: two links that are each fine
/// may make a circle together. New records need no such wait, since nothing lies below them.
pub async fn hold(conn: &mut PgConnection, tenant_id: Uuid, collection: &str) -> Result<()> {
    let key = format!("hierarchy/{tenant_id}/{collection}");
    sqlx::query!(r#"SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) AS "held: ()""#, key)
        .fetch_one(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_that_lead_elsewhere_are_checked() {
        let [a, b, c, top] = [1, 2, 3, 4].map(Uuid::from_u128);
        let was = [(a, Some(top)), (b, Some(top)), (c, None)];
        let now = [(a, Some(top)), (b, None), (c, Some(a))];
        assert_eq!(changed(&now, &was, |record| record.0, |record| record.1), (vec![c], vec![a]));
        assert_eq!(changed(&now, &[], |record| record.0, |record| record.1), (vec![a, c], vec![top, a]));
    }
}
