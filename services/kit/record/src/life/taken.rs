//! Numbers that callers give and other records have: which item of a request it was. The database's refusal names the index only, so the holders are
//! looked up after it; a write that succeeds pays nothing.

use std::collections::{BTreeMap, BTreeSet};

use crm_kit_api::{Call, Error, error::Violation};
use crm_kit_pg::Db;
use uuid::Uuid;

use crate::{
    Record,
    batch::{ItemName, named},
};

/// Reason of a number that another record has.
pub(super) const NUMBER_TAKEN: &str = "NUMBER_TAKEN";

/// The error, naming the first of the items whose number another record has, or an item before it. `brought` has the record and the number of each.
pub(super) async fn name<R: Record>(
    db: &Db,
    call: &Call,
    error: Error,
    brought: Vec<(Uuid, String)>,
    name: ItemName,
) -> Error {
    if error.reason() != NUMBER_TAKEN || !error.violations().is_empty() {
        return error;
    }
    let tenant = call.tenant_id();
    let numbers: Vec<String> =
        brought.iter().map(|(_, number)| number.clone()).filter(|number| !number.is_empty()).collect();
    let numbers = &numbers;
    let held =
        db.list(call, move |tx| Box::pin(async move { R::by_number(tx.conn(), tenant, numbers).await }));
    // An error that cannot be told more exactly is told as it is.
    let Ok(held) = held.await else { return error };
    let Some(index) = clash(&brought, &held.into_iter().collect()) else { return error };
    let field = format!("{}.number", R::KIND.field);
    let violation = Violation::new(field, NUMBER_TAKEN, "another record has the number");
    named(error.with("number", &brought[index].1).with_violation(violation), &name(index))
}

/// The first item whose number another record holds or an earlier item has too.
fn clash(brought: &[(Uuid, String)], held: &BTreeMap<String, Uuid>) -> Option<usize> {
    let mut seen = BTreeSet::new();
    brought.iter().position(|(id, number)| {
        !number.is_empty()
            && (held.get(number).is_some_and(|holder| holder != id) || !seen.insert(number.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_clashes_with_another_record_or_an_earlier_item() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let item = |id: Uuid, number: &str| (id, number.to_owned());
        let held = BTreeMap::from([("N1".to_owned(), a)]);
        assert_eq!(clash(&[item(a, "N1"), item(b, ""), item(c, "")], &held), None, "its own number");
        assert_eq!(clash(&[item(c, "N2"), item(b, "N1")], &held), Some(1));
        assert_eq!(clash(&[item(a, "N2"), item(b, "N3"), item(c, "N2")], &held), Some(2));
    }
}
