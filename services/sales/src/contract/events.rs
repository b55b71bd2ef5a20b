//! Events of contracts.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::sales::v1::{
    Contract, ContractCreated, ContractDeleted, ContractPurged, ContractUndeleted, ContractUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to a contract.
pub fn event(contract: Contract, happening: Happening<Contract>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&ContractCreated { contract: Some(contract) }),
        Happening::Updated { fields, previous } => Telling::of(&ContractUpdated {
            contract: Some(contract),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&ContractDeleted { contract: Some(contract) }),
        Happening::Undeleted => Telling::of(&ContractUndeleted { contract: Some(contract) }),
        Happening::Purged => {
            let Contract { id, delete_time, .. } = contract;
            Telling::of(&ContractPurged { id, delete_time })
        }
    }
}
