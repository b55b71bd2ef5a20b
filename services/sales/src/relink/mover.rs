//! Moves records of a kind to the survivor of a merge, and back when it is undone.

use std::marker::PhantomData;

use crm_kit_api::{Call, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{custom_field::Fields, revert, rows};
use futures::future::BoxFuture;
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    PAGE,
    linked::Linked,
    model::{Change, Relink, TOGETHER},
    store,
};
use crate::{
    contract::Contract, opportunity::Opportunity, order::Order, payment_plan::PaymentPlan, quote::Quote,
    receipt::Receipt,
};

/// Every kind that follows. Each page is of one kind: who allocates holds receipts before instalments, and nobody may hold them the other way round.
pub static MOVERS: [&dyn Mover; 6] = [
    &Of::<Opportunity>(PhantomData),
    &Of::<Quote>(PhantomData),
    &Of::<Order>(PhantomData),
    &Of::<Contract>(PhantomData),
    &Of::<PaymentPlan>(PhantomData),
    &Of::<Receipt>(PhantomData),
];

/// A kind whose records follow, whichever it is.
pub trait Mover: Send + Sync {
    /// Its collection.
    fn collection(&self) -> &'static str;
    /// Lets a page of records follow; returns how many did. `None` when nothing refers to what went any more.
    fn forth<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        relink: &'a Relink,
    ) -> BoxFuture<'a, Result<Option<usize>>>;
    /// Takes back what was changed of records, as far as nobody changed it since.
    fn back<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<()>>;
}

/// Records of a kind.
struct Of<R>(PhantomData<fn() -> R>);

impl<R: Linked> Mover for Of<R> {
    fn collection(&self) -> &'static str {
        R::KIND.collection
    }

    fn forth<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        relink: &'a Relink,
    ) -> BoxFuture<'a, Result<Option<usize>>> {
        Box::pin(forth::<R>(tx, call, fields, relink))
    }

    fn back<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(back::<R>(tx, call, fields, changes))
    }
}

async fn forth<R: Linked>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    relink: &Relink,
) -> Result<Option<usize>> {
    let ids = referring::<R>(tx, relink).await?;
    if ids.is_empty() {
        return Ok(None);
    }
    let alter = |record: &mut R| record.follow(relink);
    let patches = revert::change::<R>(tx, call, fields, (&ids, TOGETHER), alter).await?;
    let changes: Vec<Change> = patches.into_iter().map(|(id, patch)| changed::<R>(id, patch)).collect();
    store::note(tx.conn(), relink, &changes).await?;
    Ok(Some(changes.len()))
}

/// Ids of a page of records, with those in the recycle bin, that refer to what went.
async fn referring<R: Linked>(tx: &mut Tx<'_>, relink: &Relink) -> Result<Vec<Uuid>> {
    let tenant = tx.tenant_id();
    for reference in R::references(&relink.collection) {
        let place = (tenant, *reference);
        let ids = rows::naming(tx.conn(), R::KIND, place, &relink.from_ids, PAGE).await?;
        if !ids.is_empty() {
            return Ok(ids);
        }
    }
    Ok(Vec::new())
}

async fn back<R: Linked>(tx: &mut Tx<'_>, call: &Call, fields: &Fields, changes: &[Change]) -> Result<()> {
    let patches: Vec<_> = changes.iter().map(|change| (change.record_id, &*change.patch)).collect();
    revert::put_back::<R>(tx, call, fields, &patches, TOGETHER).await.map(drop)
}

/// Lets a record that is written as it once was follow the merges since, so that it does not lead to an account that went.
pub async fn catch_up<R: Linked>(tx: &mut Tx<'_>, record: &mut R, account_id: Option<Uuid>) -> Result<()> {
    let Some(account_id) = account_id else { return Ok(()) };
    let tenant = tx.tenant_id();
    for relink in store::leading(tx.conn(), tenant, account_id).await? {
        let before = revert::document(record)?;
        record.follow(&relink);
        let patch = revert::Patch::between(&before, &revert::document(record)?, TOGETHER);
        store::note(tx.conn(), &relink, &[changed::<R>(record.head().id, patch)]).await?;
    }
    Ok(())
}

fn changed<R: Linked>(record_id: Uuid, patch: revert::Patch) -> Change {
    Change { collection: R::KIND.collection.to_owned(), record_id, patch: Json(patch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn every_kind_that_has_an_account_or_a_contact_follows() {
        let links = ["account_id", "contact_id", "contacts"];
        for kind in kinds::all().iter() {
            let has_link = kind.columns.split(',').any(|column| links.contains(&column.trim()));
            let follows = MOVERS.iter().any(|mover| mover.collection() == kind.collection);
            assert_eq!(has_link, follows, "{}", kind.collection);
        }
    }
}
