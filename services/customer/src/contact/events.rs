//! Changes of contacts, as events and audit rows tell them.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::customer::v1::{
    Contact as Wire, ContactCreated, ContactDeleted, ContactUndeleted, ContactUpdated,
};
use prost_types::FieldMask;

use super::{COLLECTION, Contact};
use crate::record::slice::Happening;

/// The change that tells what happened to a contact.
pub fn change(contact: &Contact, wire: &Wire, happening: Happening<Wire>) -> Change {
    let (id, owner) = (contact.id, contact.owner_id);
    let told = Some(wire.clone());
    match happening {
        Happening::Created => {
            Change::new(COLLECTION, id, ChangeKind::Create, &ContactCreated { contact: told })
                .audited(None, Some(wire))
        }
        Happening::Updated { fields, previous, current } => {
            let event = ContactUpdated {
                contact: told,
                previous: Some(previous.clone()),
                changed_fields: Some(FieldMask { paths: fields.clone() }),
            };
            Change::new(COLLECTION, id, ChangeKind::Update, &event)
                .of_fields(fields)
                .audited(Some(&previous), Some(&current))
        }
        Happening::Deleted => {
            Change::new(COLLECTION, id, ChangeKind::Delete, &ContactDeleted { contact: told })
                .audited(Some(wire), None)
        }
        Happening::Undeleted => {
            Change::new(COLLECTION, id, ChangeKind::Undelete, &ContactUndeleted { contact: told })
                .audited(None, Some(wire))
        }
    }
    .owned_by(owner)
}
