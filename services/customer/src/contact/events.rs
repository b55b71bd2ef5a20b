//! Events of contacts.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::customer::v1::{
    Contact, ContactCreated, ContactDeleted, ContactPurged, ContactUndeleted, ContactUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to a contact.
pub fn event(contact: Contact, happening: Happening<Contact>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&ContactCreated { contact: Some(contact) }),
        Happening::Updated { fields, previous } => Telling::of(&ContactUpdated {
            contact: Some(contact),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => {
            Telling::of(&ContactDeleted { contact: Some(contact), merged_into_id: String::new() })
        }
        Happening::Undeleted => {
            Telling::of(&ContactUndeleted { contact: Some(contact), unmerged_from_id: String::new() })
        }
        Happening::Purged => {
            let Contact { id, delete_time, .. } = contact;
            Telling::of(&ContactPurged { id, delete_time })
        }
    }
}
