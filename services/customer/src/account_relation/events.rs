//! Changes of relations, as events and audit rows tell them. An event falls under the owner of both accounts when they have the same, and else reaches
//! those who see everything.

use crm_kit_api::{Result, mask};
use crm_kit_pg::{Change, ChangeKind, Tx};
use crm_proto::crm::customer::v1::{
    AccountRelation as Wire, AccountRelationCreated, AccountRelationDeleted, AccountRelationUpdated,
};
use prost::Name as _;
use prost_types::FieldMask;
use uuid::Uuid;

use super::{COLLECTION, convert::to_wire, model::Relation, store};

/// Tells of a new relation.
pub fn created(relation: &Relation, owner_id: Option<Uuid>) -> Change {
    let wire = to_wire(relation);
    let event = AccountRelationCreated { account_relation: Some(wire.clone()) };
    let change = Change::new(COLLECTION, relation.id, ChangeKind::Create, &event);
    change.owned_by(owner_id).audited(None, Some(&wire))
}

/// Tells of a changed relation.
pub fn updated(before: &Relation, after: &Relation, owner_id: Option<Uuid>) -> Result<Change> {
    let descriptor = crm_proto::message(&Wire::full_name());
    let (before, wire) = (to_wire(before), to_wire(after));
    let mut fields = mask::changed(&descriptor, &before, &wire)?;
    fields.retain(|name| !matches!(name.as_str(), "update_time" | "etag"));
    let previous = mask::only(&descriptor, &before, &fields)?;
    let current = mask::only(&descriptor, &wire, &fields)?;
    let event = AccountRelationUpdated {
        account_relation: Some(wire),
        previous: Some(previous.clone()),
        changed_fields: Some(FieldMask { paths: fields.clone() }),
    };
    let change = Change::new(COLLECTION, after.id, ChangeKind::Update, &event).owned_by(owner_id);
    Ok(change.of_fields(fields).audited(Some(&previous), Some(&current)))
}

/// Tells of a relation that is gone.
pub fn deleted(relation: &Relation, owner_id: Option<Uuid>) -> Change {
    let wire = to_wire(relation);
    let event = AccountRelationDeleted { account_relation: Some(wire.clone()) };
    let change = Change::new(COLLECTION, relation.id, ChangeKind::Delete, &event);
    change.owned_by(owner_id).audited(Some(&wire), None)
}

/// Drops the relations of accounts that are about to go for good, and tells so. Nothing of the relations but who was related is told.
pub async fn tell_dropped(tx: &mut Tx<'_>, account_ids: &[Uuid]) -> Result<()> {
    let tenant = tx.tenant_id();
    for relation in store::drop_of(tx.conn(), tenant, account_ids).await? {
        let bare = Relation { note: String::new(), ..relation };
        tx.record(deleted(&bare, None));
    }
    Ok(())
}
