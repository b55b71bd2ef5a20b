//! Events of leads.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::customer::v1::{Lead, LeadCreated, LeadDeleted, LeadPurged, LeadUndeleted, LeadUpdated};
use prost_types::FieldMask;

/// The event that tells what happened to a lead.
pub fn event(lead: Lead, happening: Happening<Lead>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&LeadCreated { lead: Some(lead) }),
        Happening::Updated { fields, previous } => Telling::of(&LeadUpdated {
            lead: Some(lead),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&LeadDeleted { lead: Some(lead), merged_into_id: String::new() }),
        Happening::Undeleted => {
            Telling::of(&LeadUndeleted { lead: Some(lead), unmerged_from_id: String::new() })
        }
        Happening::Purged => {
            let Lead { id, delete_time, .. } = lead;
            Telling::of(&LeadPurged { id, delete_time })
        }
    }
}
