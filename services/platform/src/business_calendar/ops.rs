//! Use cases of business calendars.

use chrono::{Days, NaiveDate};
use crm_kit_api::{Call, Error, Result, error::Violations, etag};
use crm_kit_pg::{Db, Tx};
use crm_proto::{
    crm::platform::v1::{
        self as wire, ListBusinessCalendarsRequest, ListBusinessCalendarsResponse,
        SetBusinessCalendarYearRequest, UpdateBusinessCalendarRequest,
    },
    google::r#type::Date,
};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    convert,
    events::{self, COLLECTION},
    model::BusinessCalendar,
    store,
};
use crate::{
    edit::{self, Sent},
    paging::Paging,
    reason,
};

/// How far back a change is looked for, in days.
const PAST: Days = Days::new(366 * 40);

/// What a change of a calendar must hold to.
#[derive(Clone, Copy, Debug)]
struct Guard<'r> {
    etag: &'r str,
    change_past: bool,
}

/// One calendar.
pub async fn get(db: &Db, call: &Call, id: Uuid) -> Result<BusinessCalendar> {
    db.read(call, |tx| one(tx, id).boxed()).await
}

async fn one(tx: &mut Tx<'_>, id: Uuid) -> Result<BusinessCalendar> {
    let tenant_id = tx.tenant_id();
    store::find(tx.conn(), tenant_id, id).await?.ok_or_else(|| Error::not_found(COLLECTION, id))
}

/// One page of calendars.
pub async fn list(
    db: &Db,
    call: &Call,
    request: &ListBusinessCalendarsRequest,
) -> Result<ListBusinessCalendarsResponse> {
    let paging = Paging::read(call, request.page_size, &request.page_token, &[])?;
    let tenant_id = call.tenant_id();
    let rows = db.read(call, |tx| store::page(tx.conn(), tenant_id, &paging).boxed()).await?;
    let (calendars, next_page_token) = paging.cut(rows, |calendar| calendar.id);
    let business_calendars = calendars.iter().map(BusinessCalendar::to_wire).collect::<Result<_>>()?;
    Ok(ListBusinessCalendarsResponse { business_calendars, next_page_token })
}

/// Creates a calendar.
pub async fn create(db: &Db, call: &Call, wire: &wire::BusinessCalendar) -> Result<wire::BusinessCalendar> {
    let calendar = BusinessCalendar::new(call).with_wire(wire)?;
    db.write(call, "business_calendar.create", |tx| create_in(tx, &calendar).boxed()).await
}

async fn create_in(tx: &mut Tx<'_>, calendar: &BusinessCalendar) -> Result<wire::BusinessCalendar> {
    let tenant_id = tx.tenant_id();
    store::insert(tx.conn(), tenant_id, calendar).await?;
    store::add_version(tx.conn(), tenant_id, calendar).await?;
    let wire = calendar.to_wire()?;
    tx.record(events::created(calendar.id, &wire));
    Ok(wire)
}

/// Changes a calendar.
pub async fn update(
    db: &Db,
    call: &Call,
    id: Uuid,
    request: &UpdateBusinessCalendarRequest,
) -> Result<wire::BusinessCalendar> {
    db.write(call, "business_calendar.update", |tx| update_in(tx, call, id, request).boxed()).await
}

async fn update_in(
    tx: &mut Tx<'_>,
    call: &Call,
    id: Uuid,
    request: &UpdateBusinessCalendarRequest,
) -> Result<wire::BusinessCalendar> {
    let sent = request
        .business_calendar
        .as_ref()
        .ok_or_else(|| Error::bug("validation lets no empty calendar pass"))?;
    let guard = Guard { etag: &sent.etag, change_past: request.change_past };
    let sent = Sent { field: "business_calendar", message: sent, update_mask: request.update_mask.as_ref() };
    let merge = |current: &wire::BusinessCalendar| {
        edit::merge(sent, current, &["time_zone", "version"], &call.access.masks)
    };
    change(tx, call, id, guard, merge).await
}

/// Replaces the special days of one year.
pub async fn set_year(
    db: &Db,
    call: &Call,
    id: Uuid,
    request: &SetBusinessCalendarYearRequest,
) -> Result<wire::BusinessCalendar> {
    let mut violations = Violations::default();
    convert::read_days("special_days", &request.special_days, &mut violations);
    for (index, day) in request.special_days.iter().enumerate() {
        let announced =
            |date: Date| date.year == request.year || (date.year, date.month) == (request.year - 1, 12);
        if !day.date.is_some_and(announced) {
            let field = format!("special_days[{index}].date");
            let message = format!("is neither in the year {} nor in the December before", request.year);
            violations.add(field, "YEAR_DIFFERS", message);
        }
    }
    violations.into_result(())?;
    let guard = Guard { etag: &request.etag, change_past: request.change_past };
    let merge = |current: &wire::BusinessCalendar| {
        let mut merged = current.clone();
        let replaced = |date: Date| {
            date.year == request.year || request.special_days.iter().any(|day| day.date == Some(date))
        };
        merged.special_days.retain(|day| !day.date.is_some_and(replaced));
        merged.special_days.extend(request.special_days.iter().cloned());
        Ok(merged)
    };
    db.write(call, "business_calendar.set_year", |tx| change(tx, call, id, guard, merge).boxed()).await
}

async fn change(
    tx: &mut Tx<'_>,
    call: &Call,
    id: Uuid,
    guard: Guard<'_>,
    merge: impl FnOnce(&wire::BusinessCalendar) -> Result<wire::BusinessCalendar> + Send,
) -> Result<wire::BusinessCalendar> {
    let before = locked(tx, id, guard.etag).await?;
    let shown = before.to_wire()?;
    let after = before.with_wire(&merge(&shown)?)?;
    if after == before {
        return Ok(shown);
    }
    let after = BusinessCalendar { update_time: call.now, revision: before.revision + 1, ..after };
    let tenant_id = tx.tenant_id();
    if after.version != before.version {
        if !guard.change_past {
            keep_past(call, &before, &after)?;
        }
        store::add_version(tx.conn(), tenant_id, &after).await?;
    }
    store::update(tx.conn(), tenant_id, &after).await?;
    let wire = after.to_wire()?;
    if let Some(edit) = edit::between(&shown, &wire)? {
        tx.record(events::updated(id, &wire, edit));
    }
    Ok(wire)
}

/// Refuses a change of a day that has begun.
fn keep_past(call: &Call, before: &BusinessCalendar, after: &BusinessCalendar) -> Result<()> {
    let (before, changed) = (before.calendar()?, after.calendar()?);
    let today = call.now.with_timezone(&before.zone()).date_naive();
    let first = today.checked_sub_days(PAST).unwrap_or(NaiveDate::MIN);
    match before.first_difference(&changed, first, today) {
        Some(date) => Err(reason::calendar_past(after.id, date, &after.time_zone)),
        None => Ok(()),
    }
}

/// Takes a calendar out of use for good; its versions stay for what was counted by them.
pub async fn delete(db: &Db, call: &Call, id: Uuid, etag: &str) -> Result<wire::BusinessCalendar> {
    db.write(call, "business_calendar.delete", |tx| delete_in(tx, call, id, etag).boxed()).await
}

async fn delete_in(tx: &mut Tx<'_>, call: &Call, id: Uuid, etag: &str) -> Result<wire::BusinessCalendar> {
    let calendar = locked(tx, id, etag).await?;
    let tenant_id = tx.tenant_id();
    let wire = calendar.to_wire()?;
    store::update(tx.conn(), tenant_id, &BusinessCalendar { delete_time: Some(call.now), ..calendar })
        .await?;
    tx.record(events::deleted(id, &wire));
    Ok(wire)
}

async fn locked(tx: &mut Tx<'_>, id: Uuid, etag: &str) -> Result<BusinessCalendar> {
    let tenant_id = tx.tenant_id();
    store::lock(tx.conn(), tenant_id, id).await?;
    let calendar = one(tx, id).await?;
    etag::check(etag, calendar.revision)?;
    Ok(calendar)
}
