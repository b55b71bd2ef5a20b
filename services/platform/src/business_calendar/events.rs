//! What a change of a business calendar tells others.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{
    self as wire, BusinessCalendarCreated, BusinessCalendarDeleted, BusinessCalendarUpdated,
};
use uuid::Uuid;

use crate::edit::Edit;

pub const COLLECTION: &str = "businessCalendars";

pub fn created(id: Uuid, calendar: &wire::BusinessCalendar) -> Change {
    let event = BusinessCalendarCreated { business_calendar: Some(calendar.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Create, &event).audited(None, Some(calendar))
}

pub fn updated(id: Uuid, calendar: &wire::BusinessCalendar, edit: Edit<wire::BusinessCalendar>) -> Change {
    let event = BusinessCalendarUpdated {
        business_calendar: Some(calendar.clone()),
        previous: Some(edit.previous.clone()),
        changed_fields: Some(edit.mask()),
    };
    Change::new(COLLECTION, id, ChangeKind::Update, &event)
        .audited(Some(&edit.previous), Some(calendar))
        .of_fields(edit.fields)
}

pub fn deleted(id: Uuid, calendar: &wire::BusinessCalendar) -> Change {
    let event = BusinessCalendarDeleted { business_calendar: Some(calendar.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Purge, &event).audited(Some(calendar), None)
}
