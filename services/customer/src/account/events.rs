//! Events of accounts.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::customer::v1::{
    Account, AccountCreated, AccountDeleted, AccountPurged, AccountUndeleted, AccountUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to an account.
pub fn event(account: Account, happening: Happening<Account>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&AccountCreated { account: Some(account) }),
        Happening::Updated { fields, previous } => Telling::of(&AccountUpdated {
            account: Some(account),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => {
            Telling::of(&AccountDeleted { account: Some(account), merged_into_id: String::new() })
        }
        Happening::Undeleted => {
            Telling::of(&AccountUndeleted { account: Some(account), unmerged_from_id: String::new() })
        }
        Happening::Purged => {
            let Account { id, delete_time, .. } = account;
            Telling::of(&AccountPurged { id, delete_time })
        }
    }
}
