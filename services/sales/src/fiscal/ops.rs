//! Use cases of the fiscal calendar.

use crm_kit_api::{Call, Error, Result, etag};
use crm_kit_pg::{Change, ChangeKind, Db, Tx};
use crm_proto::crm::sales::v1::{FiscalCalendar as Wire, FiscalCalendarUpdated};

use super::{
    COLLECTION, Fiscal,
    store::{self, Row},
};

/// The calendar of the caller's tenant.
pub async fn get(db: &Db, call: &Call) -> Result<Wire> {
    let tenant = call.tenant_id();
    let row = db.read_one(call, move |one| Box::pin(async move { store::get(one.conn(), tenant).await }));
    Ok(row.await?.as_ref().map_or_else(never_set, Row::to_wire))
}

/// Sets it.
pub async fn update(db: &Db, call: &Call, wire: &Wire) -> Result<Wire> {
    db.write(call, "update", move |tx| Box::pin(async move { set(tx, call, wire).await })).await
}

async fn set(tx: &mut Tx<'_>, call: &Call, wire: &Wire) -> Result<Wire> {
    let tenant = tx.tenant_id();
    let was = store::get(tx.conn(), tenant).await?;
    let revision = was.as_ref().map_or(0, |was| was.revision);
    etag::check(&wire.etag, revision)?;
    let before = was.as_ref().map_or_else(never_set, Row::to_wire);
    if before.first_month == wire.first_month {
        return Ok(before);
    }
    let first_month = i16::try_from(wire.first_month).map_err(Error::internal)?;
    let row = Row { update_time: call.now, revision: revision + 1, first_month };
    if !store::set(tx.conn(), tenant, &row).await? {
        return Err(Error::concurrent_change());
    }
    let after = row.to_wire();
    let event = FiscalCalendarUpdated { fiscal_calendar: Some(after.clone()) };
    let change = Change::new(COLLECTION, tenant, ChangeKind::Update, &event);
    tx.record(change.of_fields(vec!["first_month".to_owned()]).audited(Some(&before), Some(&after)));
    Ok(after)
}

fn never_set() -> Wire {
    let first_month = i32::try_from(Fiscal::default().first_month).unwrap_or(1);
    Wire { update_time: None, etag: etag::of(0), first_month }
}
