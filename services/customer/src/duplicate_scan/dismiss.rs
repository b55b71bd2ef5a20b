//! Telling records apart for good.

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::{Change, ChangeKind, Tx};
use crm_proto::crm::customer::v1::{DismissDuplicatesRequest, DuplicatesDismissed};
use uuid::Uuid;

use super::{DuplicateScans, SETS, convert, store};
use crate::duplicate::store::standing;

/// A record and those that it is not.
struct Dismissal {
    collection: &'static str,
    id: Uuid,
    others: Vec<Uuid>,
}

impl DuplicateScans {
    /// Remembers that a record is not one party with others, and takes it out of the sets it shares with them.
    pub async fn dismiss(&self, call: &Call, request: &DismissDuplicatesRequest) -> Result<()> {
        let dismissal = &read(request)?;
        self.db
            .write(call, "dismiss", move |tx| Box::pin(async move { dismiss(tx, call, dismissal).await }))
            .await
    }
}

fn read(request: &DismissDuplicatesRequest) -> Result<Dismissal> {
    let collection = convert::collection("collection", &request.collection)?;
    let id = id::parse("id", &request.id)?;
    let mut others = Vec::with_capacity(request.other_ids.len());
    for (index, other) in request.other_ids.iter().enumerate() {
        let field = format!("other_ids[{index}]");
        let other = id::parse(&field, other)?;
        if other == id {
            return Err(Error::invalid_field(&field, "REPEATED", "is the record itself"));
        }
        others.push(other);
    }
    Ok(Dismissal { collection, id, others })
}

async fn dismiss(tx: &mut Tx<'_>, call: &Call, dismissal: &Dismissal) -> Result<()> {
    let Dismissal { collection, id, others } = dismissal;
    let tenant = tx.tenant_id();
    store::take_turn(tx.conn(), tenant, collection).await?;
    let all: Vec<Uuid> = std::iter::once(*id).chain(others.iter().copied()).collect();
    let seen = standing(tx.conn(), tenant, collection, &all).await?;
    let is_seen =
        |id: &Uuid| seen.iter().any(|record| record.id == *id && call.access.scope.covers(record.owner_id));
    if let Some(missing) = all.iter().find(|id| !is_seen(id)) {
        return Err(Error::not_found(collection, missing));
    }
    store::dismiss(tx.conn(), (tenant, call.caller_id()), collection, *id, others, call.now).await?;
    for set in store::sets_of(tx.conn(), tenant, collection, *id, others).await? {
        store::shrink(tx.conn(), tenant, &set.without(*id)).await?;
    }
    let event = DuplicatesDismissed {
        collection: (*collection).to_owned(),
        id: id.to_string(),
        other_ids: others.iter().map(Uuid::to_string).collect(),
    };
    tx.record(Change::new(SETS, *id, ChangeKind::Update, &event).audited(None, Some(&event)));
    Ok(())
}
