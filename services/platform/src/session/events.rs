//! What the begin and the end of a session tell others. Tokens and their hashes are no part of it.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{SessionCreated, SessionDeleted};

use super::Session;

pub const COLLECTION: &str = "sessions";

pub fn created(session: &Session) -> Change {
    let wire = session.to_wire();
    let event = SessionCreated { session: Some(wire.clone()) };
    Change::new(COLLECTION, session.id, ChangeKind::Create, &event)
        .owned_by(Some(session.user_id))
        .audited(None, Some(&wire))
}

pub fn deleted(session: &Session) -> Change {
    let wire = session.to_wire();
    let event = SessionDeleted { session: Some(wire.clone()) };
    Change::new(COLLECTION, session.id, ChangeKind::Purge, &event)
        .owned_by(Some(session.user_id))
        .audited(Some(&wire), None)
}
