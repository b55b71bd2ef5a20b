//! Changes of accounts, as events and audit rows tell them.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::customer::v1::{
    Account as Wire, AccountCreated, AccountDeleted, AccountUndeleted, AccountUpdated,
};
use prost_types::FieldMask;

use super::{Account, COLLECTION};
use crate::record::slice::Happening;

/// The change that tells what happened to an account.
pub fn change(account: &Account, wire: &Wire, happening: Happening<Wire>) -> Change {
    let (id, owner) = (account.id, account.owner_id);
    let told = Some(wire.clone());
    match happening {
        Happening::Created => {
            Change::new(COLLECTION, id, ChangeKind::Create, &AccountCreated { account: told })
                .audited(None, Some(wire))
        }
        Happening::Updated { fields, previous, current } => {
            let event = AccountUpdated {
                account: told,
                previous: Some(previous.clone()),
                changed_fields: Some(FieldMask { paths: fields.clone() }),
            };
            Change::new(COLLECTION, id, ChangeKind::Update, &event)
                .of_fields(fields)
                .audited(Some(&previous), Some(&current))
        }
        Happening::Deleted => {
            Change::new(COLLECTION, id, ChangeKind::Delete, &AccountDeleted { account: told })
                .audited(Some(wire), None)
        }
        Happening::Undeleted => {
            Change::new(COLLECTION, id, ChangeKind::Undelete, &AccountUndeleted { account: told })
                .audited(None, Some(wire))
        }
    }
    .owned_by(owner)
}
