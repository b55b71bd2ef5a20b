//! Ids that lead to other records, because their own went into those. A record that is found under its id costs nothing more: only a miss is looked
//! up, and only for kinds that have such ids ([`Record::REDIRECTS`]).
//!
//! Not here: how records go into others, which their service knows.

use std::collections::BTreeMap;

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::{Db, Tx};
use tonic::{Response, metadata::MetadataValue};
use uuid::Uuid;

use crate::{
    Record,
    batch::{ItemName, named},
    life,
};

/// Metadata of an answer: the ids that were asked for and led to other records, separated by commas.
pub const REDIRECTED_FROM: &str = "crm-redirected-from";
/// Most ids in it.
const MOST_TOLD: usize = 100;

/// An answer about the records `found`, in the order of the ids that were `asked` for, which tells the ids that led to others.
pub fn answer<A>(asked: &[String], found: impl IntoIterator<Item = String>, message: A) -> Response<A> {
    let led = asked.iter().zip(found).filter(|(asked, found)| !asked.eq_ignore_ascii_case(found));
    let led: Vec<&str> = led.map(|(asked, _)| asked.as_str()).take(MOST_TOLD).collect();
    let mut response = Response::new(message);
    // Ids were read as such before, so their texts fit.
    if !led.is_empty()
        && let Ok(value) = MetadataValue::try_from(led.join(","))
    {
        response.metadata_mut().insert(REDIRECTED_FROM, value);
    }
    response
}

/// The records that those of the ids lead to which `known` lacks, by the ids asked for.
pub(crate) async fn found<R: Record>(
    db: &Db,
    call: &Call,
    ids: &[Uuid],
    known: &BTreeMap<Uuid, R>,
) -> Result<Vec<(Uuid, R)>> {
    let missing: Vec<Uuid> = ids.iter().filter(|id| !known.contains_key(id)).copied().collect();
    let (tenant, owners, missing) = (call.tenant_id(), R::KIND.owners(call), &missing);
    db.read(call, move |tx| {
        Box::pin(async move {
            let led = R::redirected(tx.conn(), tenant, missing).await?;
            if led.is_empty() {
                return Ok(Vec::new());
            }
            let targets: Vec<Uuid> = led.iter().map(|(_, target)| *target).collect();
            let found = R::get(tx.conn(), tenant, &targets, owners).await?;
            let by_id: BTreeMap<Uuid, R> =
                found.into_iter().map(|record| (record.head().id, record)).collect();
            let pairs = led.into_iter().filter_map(|(id, target)| Some((id, by_id.get(&target)?.clone())));
            Ok(pairs.collect())
        })
    })
    .await
}

/// Holds what those of the ids lead to that are not among `held`, and returns the ids with the targets in their places. Two ids of one record are
/// refused as one id that stands twice is.
pub(crate) async fn hold<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    ids: Vec<Uuid>,
    held: &mut BTreeMap<Uuid, R>,
    (field, name): (&str, ItemName),
) -> Result<Vec<Uuid>> {
    if !R::REDIRECTS || held.len() == ids.len() {
        return Ok(ids);
    }
    let missing: Vec<Uuid> = ids.iter().filter(|id| !held.contains_key(id)).copied().collect();
    let tenant = tx.tenant_id();
    let led: BTreeMap<Uuid, Uuid> = R::redirected(tx.conn(), tenant, &missing).await?.into_iter().collect();
    if led.is_empty() {
        return Ok(ids);
    }
    let targets: Vec<Uuid> = led.values().filter(|id| !held.contains_key(id)).copied().collect();
    held.extend(life::hold::<R>(tx, call, &targets).await?);
    let mut final_ids: Vec<Uuid> = Vec::with_capacity(ids.len());
    for (index, id) in ids.into_iter().enumerate() {
        let id = led.get(&id).filter(|target| held.contains_key(target)).copied().unwrap_or(id);
        if final_ids.contains(&id) {
            let error =
                Error::invalid_field(field, "REPEATED", "leads to a record that stands in the batch already");
            return Err(named(error, &name(index)));
        }
        final_ids.push(id);
    }
    Ok(final_ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_only_the_ids_that_led_elsewhere() {
        let (a, b) = ("0190A000-0000-7000-8000-000000000001", "0190a000-0000-7000-8000-000000000002");
        let asked = [a.to_owned(), b.to_owned()];
        let told = |found: [&str; 2]| {
            let answer = answer(&asked, found.map(str::to_owned), ());
            answer.metadata().get(REDIRECTED_FROM).map(|value| value.to_str().unwrap_or_default().to_owned())
        };
        assert_eq!(told([&a.to_lowercase(), b]), None);
        assert_eq!(told([a, a]), Some(b.to_owned()));
        let many = vec![a.to_owned(); 300];
        let answer = answer(&many, vec![b.to_owned(); 300], ());
        assert_eq!(answer.metadata().get(REDIRECTED_FROM).map(MetadataValue::len), Some(100 * 37 - 1));
    }
}
