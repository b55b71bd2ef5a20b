//! Events of opportunities.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::sales::v1::{
    Opportunity, OpportunityCreated, OpportunityDeleted, OpportunityPurged, OpportunityUndeleted,
    OpportunityUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to an opportunity.
pub fn event(opportunity: Opportunity, happening: Happening<Opportunity>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&OpportunityCreated { opportunity: Some(opportunity) }),
        Happening::Updated { fields, previous } => Telling::of(&OpportunityUpdated {
            opportunity: Some(opportunity),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&OpportunityDeleted { opportunity: Some(opportunity) }),
        Happening::Undeleted => Telling::of(&OpportunityUndeleted { opportunity: Some(opportunity) }),
        Happening::Purged => {
            let Opportunity { id, delete_time, .. } = opportunity;
            Telling::of(&OpportunityPurged { id, delete_time })
        }
    }
}
