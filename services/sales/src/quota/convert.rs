//! Quotas between the wire and the table. Reading collects every violation.

use chrono::{Datelike as _, NaiveDate};
use crm_kit_api::{Call, Result, etag, money::Money, time};
use crm_kit_record::{
    Choice,
    custom_field::Fields,
    external_id::ExternalId,
    field::{Checker, id_text},
    life::purge_time,
};
use crm_proto::crm::sales::v1::{
    PeriodKind, Quota as Wire, QuotaMonth,
    quota::{Level, Measure, State},
};
use sqlx::types::Json;

use super::{model::Quota, reason};
use crate::{
    fiscal::{self, Period},
    money,
};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &[
    "id",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
    "end_date",
    "months",
    "state",
    "version",
    "publish_time",
];

/// Ten-thousandths in the largest amount.
const MAX_AMOUNT: i64 = 10_000_000_000_000 * 10_000;

/// Reads a quota. `base` keeps what the server sets.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Quota) -> Result<Quota> {
    let mut check = Checker::new("quota", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let was = base.clone();
    let mut quota = standard(wire, base, &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| quota.filter_value(path), moment, &mut check);
    quota.custom = Json(custom);
    check_fixed(&was, &quota, &mut check);
    let mut quota = check.into_violations().into_result(quota)?;
    if was.state.0 != State::Draft && quota != was {
        if was.state.0 == State::Locked || was.end_date < call.today() {
            return Err(reason::locked(&was));
        }
        if quota.value() != was.value() {
            quota.version += 1;
            quota.version_time = call.now;
            quota.version_actor_id = call.caller_id();
        }
    }
    Ok(quota)
}

fn standard(wire: Wire, base: Quota, check: &mut Checker<'_>) -> Quota {
    let measure = match wire.measure() {
        Measure::Unspecified => Measure::AmountWon,
        measure => measure,
    };
    let level = if wire.level() == Level::Unspecified { Level::Base } else { wire.level() };
    let kind = match wire.period_kind() {
        PeriodKind::Unspecified => PeriodKind::Month,
        kind => kind,
    };
    let start_date = start(&wire, check).unwrap_or_default();
    let amount = amount(&wire, measure, check);
    if measure != Measure::CountWon && wire.count != 0 {
        check.refuse("count", "NOT_MEASURED", "is set for COUNT_WON only");
    }
    Quota {
        department_id: check.reference("department_id", &wire.department_id),
        measure: Choice(measure),
        level: Choice(level),
        period_kind: Choice(kind),
        start_date,
        end_date: Period::starting(kind, start_date).end,
        amount: amount.as_ref().map(|amount| amount.ten_thousandths),
        amount_currency: amount.map(|amount| amount.currency).unwrap_or_default(),
        count: (measure == Measure::CountWon).then_some(wire.count),
        note: check.line("note", wire.note, 500),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// The first day: the first of a month.
fn start(wire: &Wire, check: &mut Checker<'_>) -> Option<NaiveDate> {
    let path = check.at("start_date");
    let Some(day) = &wire.start_date else {
        check.refuse("start_date", "REQUIRED", "is required");
        return None;
    };
    let day = time::naive_date(&path, day, check.violations())?;
    let day = fiscal::near(day, &path, check.violations())?;
    if day.day() != 1 {
        check.refuse("start_date", "PERIOD_MISALIGNED", "is not the first day of a month");
    }
    Some(day)
}

/// The amount that a measure of money needs: not negative, not too large, in whole smallest units.
fn amount(wire: &Wire, measure: Measure, check: &mut Checker<'_>) -> Option<Money> {
    let path = check.at("amount");
    match (&wire.amount, measure) {
        (None, Measure::AmountWon) => {
            check.refuse("amount", "REQUIRED", "is required for AMOUNT_WON");
            None
        }
        (Some(_), Measure::CountWon) => {
            check.refuse("amount", "NOT_MEASURED", "is set for AMOUNT_WON only");
            None
        }
        (None, _) => None,
        (Some(amount), _) => {
            let amount = Money::from_wire(&path, amount, check.violations())?;
            if amount.ten_thousandths < 0 {
                check.refuse("amount", "MONEY_NEGATIVE", "is less than 0");
            } else if amount.ten_thousandths > MAX_AMOUNT {
                check.refuse("amount", "MONEY_TOO_LARGE", "is more than 10,000,000,000,000");
            } else if amount.ten_thousandths % money::step(&amount.currency) != 0 {
                check.refuse("amount", "MONEY_TOO_FINE", "is finer than the smallest unit of its currency");
            }
            Some(amount)
        }
    }
}

/// Refuses changes of what never changes, or not once the quota is published.
fn check_fixed(was: &Quota, quota: &Quota, check: &mut Checker<'_>) {
    if was.end_date <= was.start_date {
        return;
    }
    let message = "cannot be changed";
    if quota.department_id != was.department_id {
        check.refuse("department_id", "FIXED", message);
    }
    if was.department_id.is_none() && quota.owner_id != was.owner_id {
        check.refuse("owner_id", "FIXED", message);
    }
    if was.state.0 != State::Draft && quota.place() != was.place() {
        let message = "a published quota keeps measure, level, period, first day and currency";
        check.refuse("start_date", "FIXED", message);
    }
}

/// A fresh quota of the caller, before anything is read into it.
pub fn fresh(call: &Call) -> Quota {
    Quota {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        owner_id: call.caller_id(),
        state: Choice(State::Draft),
        version: 1,
        version_time: call.now,
        version_actor_id: call.caller_id(),
        ..Quota::default()
    }
}

/// The quota on the wire.
pub fn to_wire(quota: &Quota, fields: &Fields) -> Wire {
    let amount = |value: Option<i64>| value.map(|value| money::to_wire(value.into(), &quota.amount_currency));
    let months = quota.months();
    let months = months.iter().map(|month| QuotaMonth {
        start_date: Some(time::date(month.month)),
        amount: amount(quota.amount.map(|_| month.value)),
        count: quota.count.map_or(0, |_| month.value),
    });
    Wire {
        id: quota.id.to_string(),
        create_time: Some(time::timestamp(quota.create_time)),
        update_time: Some(time::timestamp(quota.update_time)),
        delete_time: quota.delete_time.map(time::timestamp),
        purge_time: purge_time(quota.delete_time),
        etag: etag::of(quota.revision),
        owner_id: quota.owner_id.to_string(),
        department_id: id_text(quota.department_id),
        measure: quota.measure.number(),
        level: quota.level.number(),
        period_kind: quota.period_kind.number(),
        start_date: Some(time::date(quota.start_date)),
        end_date: Some(time::date(quota.end_date)),
        amount: amount(quota.amount),
        count: quota.count.unwrap_or(0),
        months: months.collect(),
        state: quota.state.number(),
        version: quota.version,
        publish_time: quota.publish_time.map(time::timestamp),
        note: quota.note.clone(),
        external_ids: quota.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&quota.custom),
    }
}
