//! Events of interactions.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::customer::v1::{
    Interaction, InteractionCreated, InteractionDeleted, InteractionUndeleted, InteractionUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to an interaction.
pub fn event(interaction: Interaction, happening: Happening<Interaction>) -> Telling {
    let interaction = Some(interaction);
    match happening {
        Happening::Created => Telling::of(&InteractionCreated { interaction }),
        Happening::Updated { fields, previous } => Telling::of(&InteractionUpdated {
            interaction,
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&InteractionDeleted { interaction }),
        Happening::Undeleted => Telling::of(&InteractionUndeleted { interaction }),
    }
}
