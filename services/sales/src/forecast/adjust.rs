//! What people think figures of forecasts will be. An adjustment stands beside the figure, with the figure as it was.

use crm_kit_api::{Call, Error, Result, error::Violations, id, money::Money};
use crm_kit_pg::{Change, ChangeKind, Tx};
use crm_kit_record::{Choice, field::Checker};
use crm_proto::crm::sales::v1::{
    AdjustForecastRequest, ForecastAdjusted, ForecastAdjustment as Wire, ForecastAdjustmentDeleted,
    GetForecastRequest, forecast_adjustment::Kind,
};
use rust_decimal::prelude::ToPrimitive as _;
use tonic::Code;
use uuid::Uuid;

use super::{
    ADJUSTMENTS, Forecasts,
    roll_up::Question,
    store::{self, Adjustment},
};
use crate::{DOMAIN, money, team};

/// Ten-thousandths in the largest amount.
const MAX_AMOUNT: i64 = 10_000_000_000_000 * 10_000;

impl Forecasts {
    /// Says what a figure of a forecast will be. The figure itself is read right before.
    pub async fn adjust(&self, call: &Call, request: AdjustForecastRequest) -> Result<Wire> {
        let (amount, note) = read(&request)?;
        let question = Question::read(
            call,
            &GetForecastRequest {
                user_id: request.user_id.clone(),
                period_kind: request.period_kind,
                date: request.date,
                ..GetForecastRequest::default()
            },
        )?;
        let kind = self.kind(call, question.user_id).await?;
        let found = self.roll_up(call, &question).await?;
        let original = found.total.figures.get(&amount.currency).map(|figures| figures.of(request.column()));
        let adjustment = &Adjustment {
            id: call.new_id(),
            create_time: call.now,
            update_time: call.now,
            user_id: question.user_id,
            period_kind: Choice(found.period.kind),
            start_date: found.period.start,
            figure: Choice(request.column()),
            kind: Choice(kind),
            author_id: call.caller_id(),
            amount_currency: amount.currency,
            original: original.unwrap_or_default().to_i64().unwrap_or(i64::MAX),
            amount: amount.ten_thousandths,
            note,
        };
        self.db.write(call, "adjust", move |tx| Box::pin(async move { adjust(tx, adjustment).await })).await
    }

    /// Takes an adjustment of the caller back.
    pub async fn take_back(&self, call: &Call, id: &str) -> Result<Wire> {
        let id = id::parse("id", id)?;
        self.db.write(call, "delete", move |tx| Box::pin(async move { take_back(tx, call, id).await })).await
    }

    /// In which role the caller adjusts somebody's forecast.
    async fn kind(&self, call: &Call, user_id: Uuid) -> Result<Kind> {
        let (tenant, caller) = (call.tenant_id(), call.caller_id());
        if user_id == caller {
            return Ok(Kind::Owner);
        }
        let person = self.db.read_one(call, move |one| {
            Box::pin(async move { team::person(one.conn(), tenant, user_id, caller).await })
        });
        match person.await? {
            None => Err(Error::not_found("users", user_id)),
            Some((_, true)) => Ok(Kind::Manager),
            Some((_, false)) => {
                let message = "the forecast is of somebody who does not report to you";
                let error = Error::new(Code::PermissionDenied, DOMAIN, "FORECAST_NOT_YOURS", message);
                Err(error.with("user_id", user_id))
            }
        }
    }
}

/// The amount, which is not negative, and the note.
fn read(request: &AdjustForecastRequest) -> Result<(Money, String)> {
    let mut violations = Violations::default();
    let amount = request.amount.clone().unwrap_or_default();
    let amount = Money::from_wire("amount", &amount, &mut violations);
    if let Some(amount) = &amount {
        if !(0..=MAX_AMOUNT).contains(&amount.ten_thousandths) {
            violations.add("amount", "MONEY_OUT_OF_RANGE", "lies outside 0 to 10,000,000,000,000");
        } else if amount.ten_thousandths % money::step(&amount.currency) != 0 {
            violations.add("amount", "MONEY_TOO_FINE", "is finer than the smallest unit of its currency");
        }
    }
    violations.into_result(())?;
    let note = note(&request.note)?;
    Ok((amount.ok_or_else(|| Error::bug("an amount without violation is none"))?, note))
}

/// A note on one line.
pub fn note(text: &str) -> Result<String> {
    let mut check = Checker::new("", "");
    let note = check.line("note", text.to_owned(), 500);
    check.into_violations().into_result(note)
}

async fn adjust(tx: &mut Tx<'_>, new: &Adjustment) -> Result<Wire> {
    let tenant = tx.tenant_id();
    let stored = store::adjust(tx.conn(), tenant, new).await?;
    let wire = stored.to_wire();
    let kind = if stored.id == new.id { ChangeKind::Create } else { ChangeKind::Update };
    let event = ForecastAdjusted { forecast_adjustment: Some(wire.clone()) };
    let change = Change::new(ADJUSTMENTS, stored.id, kind, &event).owned_by(Some(stored.user_id));
    tx.record(change.audited(None, Some(&wire)));
    Ok(wire)
}

async fn take_back(tx: &mut Tx<'_>, call: &Call, id: Uuid) -> Result<Wire> {
    let tenant = tx.tenant_id();
    let found = store::take_back(tx.conn(), tenant, id, call.caller_id()).await?;
    let wire = found.as_ref().ok_or_else(|| Error::not_found(ADJUSTMENTS, id))?.to_wire();
    let event = ForecastAdjustmentDeleted { forecast_adjustment: Some(wire.clone()) };
    let change = Change::new(ADJUSTMENTS, id, ChangeKind::Delete, &event);
    let owner = found.map(|adjustment| adjustment.user_id);
    tx.record(change.owned_by(owner).audited(Some(&wire), None));
    Ok(wire)
}
