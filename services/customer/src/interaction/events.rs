//! Events of interactions.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::customer::v1::{
    Interaction, InteractionCreated, InteractionDeleted, InteractionPurged, InteractionUndeleted,
    InteractionUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to an interaction.
pub fn event(interaction: Interaction, happening: Happening<Interaction>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&InteractionCreated { interaction: Some(interaction) }),
        Happening::Updated { fields, previous } => Telling::of(&InteractionUpdated {
            interaction: Some(interaction),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&InteractionDeleted { interaction: Some(interaction) }),
        Happening::Undeleted => Telling::of(&InteractionUndeleted { interaction: Some(interaction) }),
        Happening::Purged => {
            let Interaction { id, delete_time, .. } = interaction;
            Telling::of(&InteractionPurged { id, delete_time })
        }
    }
}
