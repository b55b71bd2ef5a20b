//! Events of leads.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::customer::v1::{Lead, LeadCreated, LeadDeleted, LeadPurged, LeadUndeleted, LeadUpdated};
use prost_types::FieldMask;

/// The event that tells what happened to a lead.
pub fn event(lead: Lead, happening: Happening<Lead>) -> Telling {
    let lead = Some(lead);
    match happening {
        Happening::Created => Telling::of(&LeadCreated { lead }),
        Happening::Updated { fields, previous } => Telling::of(&LeadUpdated {
            lead,
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&LeadDeleted { lead }),
        Happening::Undeleted => Telling::of(&LeadUndeleted { lead }),
        Happening::Purged => {
            let Lead { id, delete_time, .. } = lead.unwrap_or_default();
            Telling::of(&LeadPurged { id, delete_time })
        }
    }
}
