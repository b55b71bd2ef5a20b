//! Opportunities between the wire and the table. Reading collects every violation; what it returns is what will be stored.

use crm_kit_api::{Call, Error, Result, etag, money::Money, time};
use crm_kit_record::{
    Choice,
    custom_field::Fields,
    external_id::ExternalId,
    field::{Checker, id_text},
    life::purge_time,
};
use crm_kit_value::text::is_blank;
use crm_proto::{
    crm::sales::v1::{ForecastCategory, Opportunity as Wire, opportunity::State},
    google::r#type::Money as WireMoney,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    gate::{self, Act, Refusal},
    lines,
    model::Opportunity,
    part::{Competitor, Participant},
};
use crate::{
    document::{self, Sheet},
    pipeline::{Pipeline, Stage, model::Kind},
};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &[
    "id",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
    "stage_enter_time",
    "stall_time",
    "state",
    "expected_revenue",
    "original_closed_date",
];

/// Permission to store deals that are closed from the start.
const IMPORT: &str = "sales.opportunities.import";
/// Ten-thousandths in the largest amount.
const MAX_AMOUNT: i64 = 10_000_000_000_000 * 10_000;

/// Reads an opportunity. `base` keeps what the server sets: the stored one of an update, a fresh one of a creation.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Opportunity) -> Result<Opportunity> {
    let pipelines = pipelines(fields)?;
    let mut check = Checker::new("opportunity", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let was = base.clone();
    let place = place(pipelines, &wire, &was, &mut check);
    let own = Own::of(&wire, &was);
    let sheet = sheet(call, &mut wire, &was, &mut check);
    let mut deal = standard(call, wire, Opportunity { sheet: Json(sheet), ..base }, &mut check);
    let followed = lines::follow(&mut deal, &was);
    own.put(&mut deal, &mut check);
    check_dates(&deal, place.map(|(_, stage)| stage.kind), &mut check);
    let act = act(call);
    if let Some((pipeline, stage)) = place {
        if is_move(&was, pipeline, stage) {
            gate::enter(&mut deal, pipeline, stage, act);
        } else {
            gate::stay(&mut deal, &was, stage);
        }
    }
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| deal.filter_value(path), moment, &mut check);
    deal.custom = Json(custom);
    let deal = check.into_violations().into_result(deal)?;
    followed?;
    gate::check_lock(&was, &deal)?;
    if let Some((pipeline, stage)) = place.filter(|(pipeline, stage)| is_move(&was, pipeline, stage)) {
        check_move(call, &was, &deal, (pipeline, stage))?;
    }
    Ok(deal)
}

/// What the deal is about.
fn sheet(call: &Call, wire: &mut Wire, was: &Opportunity, check: &mut Checker<'_>) -> Sheet {
    let lines = std::mem::take(&mut wire.lines);
    if lines.is_empty() {
        let price_book_id = check.reference("price_book_id", &wire.price_book_id);
        return Sheet { price_book_id, ..Sheet::default() };
    }
    let currency_code = wire.amount.as_ref().map(|money| money.currency_code.clone()).unwrap_or_default();
    let price_book_id = std::mem::take(&mut wire.price_book_id);
    let wire = document::convert::Wire { currency_code, price_book_id, lines, ..Default::default() };
    document::convert::read(call, wire, &was.sheet, check)
}

/// The pipelines of the tenant, which the catalog keeps beside its own fields.
pub fn pipelines(fields: &Fields) -> Result<&[Pipeline]> {
    let known = fields.settings::<Vec<Pipeline>>();
    known.map(Vec::as_slice).ok_or_else(|| Error::bug("opportunities are read without pipelines"))
}

/// When and by whom the call moves deals.
pub fn act(call: &Call) -> Act {
    Act { now: call.now, today: call.today(), actor_id: call.caller_id() }
}

/// Whether the deal would come to another place than it stands in.
fn is_move(was: &Opportunity, pipeline: &Pipeline, stage: &Stage) -> bool {
    (was.pipeline_id, was.stage_key.as_str()) != (pipeline.id, stage.key.as_str())
}

/// The pipeline and the stage that the deal shall stand in.
fn place<'p>(
    pipelines: &'p [Pipeline],
    wire: &Wire,
    was: &Opportunity,
    check: &mut Checker<'_>,
) -> Option<(&'p Pipeline, &'p Stage)> {
    let is_new = was.pipeline_id.is_nil();
    let wanted = check.reference("pipeline_id", &wire.pipeline_id);
    let pipeline = match wanted {
        Some(id) => pipelines.iter().find(|pipeline| pipeline.id == id),
        None if is_new => pipelines.iter().find(|pipeline| pipeline.is_default),
        None => pipelines.iter().find(|pipeline| pipeline.id == was.pipeline_id),
    };
    let Some(pipeline) = pipeline else {
        check.refuse("pipeline_id", "PIPELINE_UNKNOWN", "is no pipeline of the tenant");
        return None;
    };
    let arrives = pipeline.id != was.pipeline_id;
    if arrives && pipeline.retired {
        check.refuse("pipeline_id", "PIPELINE_RETIRED", "is retired and takes no deals");
    }
    let stage = if !wire.stage_key.is_empty() {
        pipeline.stage_called(&wire.stage_key)
    } else if arrives {
        pipeline.first(Kind::Open)
    } else {
        pipeline.stage(&was.stage_key)
    };
    if stage.is_none() {
        let message = format!("the pipeline {} has no such stage", pipeline.display_name);
        check.refuse("stage_key", "STAGE_UNKNOWN", message);
    }
    stage.map(|stage| (pipeline, stage))
}

/// Lets a move through or says what stands against it.
fn check_move(
    call: &Call,
    was: &Opportunity,
    deal: &Opportunity,
    (pipeline, stage): (&Pipeline, &Stage),
) -> Result<()> {
    if was.pipeline_id.is_nil() {
        if stage.kind != Kind::Open {
            call.require(IMPORT)?;
        }
    } else if was.state.0 != State::Open {
        return Err(Refusal::Closed(was.state.0).into());
    } else if was.pipeline_id == pipeline.id {
        gate::leads_to(pipeline, &was.stage_key, &stage.key)?;
    }
    Ok(gate::lets_in(stage, deal)?)
}

/// What the deal has of its own beside its stage.
struct Own {
    probability: Option<i64>,
    category: Option<ForecastCategory>,
}

impl Own {
    /// What the caller states: with the flag, or by another value than the deal has.
    fn of(wire: &Wire, was: &Opportunity) -> Self {
        let percent = i64::from(wire.probability_percent);
        let differs = percent != 0 && percent != was.probability_percent;
        let category = wire.forecast_category();
        let other = category != ForecastCategory::Unspecified && category != was.forecast_category.0;
        Self {
            probability: (wire.probability_overridden || differs).then_some(percent),
            category: (wire.forecast_category_overridden || other).then_some(category),
        }
    }

    fn put(self, deal: &mut Opportunity, check: &mut Checker<'_>) {
        // Only an open deal has anything of its own; a closed one keeps what closing made of it.
        if !matches!(deal.state.0, State::Open | State::Unspecified) {
            return;
        }
        deal.probability_overridden = self.probability.is_some();
        deal.probability_percent = self.probability.unwrap_or(deal.probability_percent);
        deal.forecast_category_overridden = self.category.is_some();
        if let Some(category) = self.category {
            if !gate::is_open_category(category) {
                let message = "must be a category of open deals";
                check.refuse("forecast_category", "CATEGORY_CLOSED", message);
            }
            deal.forecast_category = Choice(category);
        }
    }
}

fn standard(call: &Call, wire: Wire, base: Opportunity, check: &mut Checker<'_>) -> Opportunity {
    if is_blank(&wire.display_name) {
        check.refuse("display_name", "REQUIRED", "is required");
    }
    let amount = amount(wire.amount.as_ref(), check);
    let number = check.line("number", wire.number, 40);
    let open_date = check.day("open_date", wire.open_date);
    let is_new = base.pipeline_id.is_nil();
    let open_date = open_date.or((!is_new).then_some(base.open_date));
    Opportunity {
        display_name: check.line("display_name", wire.display_name, 200),
        number: if number.is_empty() { base.number } else { number },
        account_id: check.reference("account_id", &wire.account_id),
        account_name: check.line("account_name", wire.account_name, 200),
        contacts: Json(Participant::read_all("contacts", wire.contacts, check)),
        competitors: Json(Competitor::read_all("competitors", wire.competitors, check)),
        amount: amount.as_ref().map(|money| money.ten_thousandths),
        amount_currency: amount.map(|money| money.currency).unwrap_or_default(),
        close_date: check.day("close_date", wire.close_date),
        open_date: open_date.unwrap_or_else(|| call.today()),
        closed_date: check.day("closed_date", wire.closed_date).or(base.closed_date),
        close_reason: check.line("close_reason", wire.close_reason, 200),
        next_step: check.line("next_step", wire.next_step, 500),
        source: check.line("source", wire.source, 100),
        region: check.line("region", wire.region, 100),
        campaign_id: check.reference("campaign_id", &wire.campaign_id),
        description: check.lines("description", wire.description, 20_000),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// Checks the days of a deal with each other; `kind` is the kind of the stage it shall stand in.
fn check_dates(deal: &Opportunity, kind: Option<Kind>, check: &mut Checker<'_>) {
    let Some(closed) = deal.closed_date else { return };
    if closed < deal.open_date {
        check.refuse("closed_date", "DATE_ORDER", "lies before the day the deal was opened");
    }
    if kind == Some(Kind::Open) && deal.state.0 != State::Invalid {
        check.refuse("closed_date", "DEAL_OPEN", "an open deal has no day it was closed");
    }
}

/// A fresh opportunity of the caller, before anything is read into it.
pub fn fresh(call: &Call, number: String) -> Opportunity {
    Opportunity {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        number,
        owner_id: call.caller_id(),
        ..Opportunity::default()
    }
}

/// The opportunity on the wire, unmasked.
pub fn to_wire(deal: &Opportunity, fields: &Fields) -> Wire {
    let money = |amount: Option<i64>| money(amount, &deal.amount_currency);
    Wire {
        id: deal.id.to_string(),
        create_time: Some(time::timestamp(deal.create_time)),
        update_time: Some(time::timestamp(deal.update_time)),
        delete_time: deal.delete_time.map(time::timestamp),
        purge_time: purge_time(deal.delete_time),
        etag: etag::of(deal.revision),
        display_name: deal.display_name.clone(),
        number: deal.number.clone(),
        account_id: id_text(deal.account_id),
        account_name: deal.account_name.clone(),
        contacts: deal.contacts.iter().map(Participant::to_wire).collect(),
        competitors: deal.competitors.iter().map(Competitor::to_wire).collect(),
        pipeline_id: Some(deal.pipeline_id)
            .filter(|id| !id.is_nil())
            .map_or_else(String::new, |id: Uuid| id.to_string()),
        stage_key: deal.stage_key.clone(),
        stage_enter_time: Some(time::timestamp(deal.stage_enter_time)),
        stall_time: deal.stall_time.map(time::timestamp),
        state: deal.state.number(),
        probability_percent: i32::try_from(deal.probability_percent).unwrap_or(0),
        probability_overridden: deal.probability_overridden,
        forecast_category: deal.forecast_category.number(),
        forecast_category_overridden: deal.forecast_category_overridden,
        amount: money(deal.amount),
        expected_revenue: money(deal.expected_revenue),
        close_date: deal.close_date.map(time::date),
        open_date: Some(time::date(deal.open_date)),
        closed_date: deal.closed_date.map(time::date),
        original_closed_date: deal.original_closed_date.map(time::date),
        close_reason: deal.close_reason.clone(),
        next_step: deal.next_step.clone(),
        source: deal.source.clone(),
        region: deal.region.clone(),
        campaign_id: id_text(deal.campaign_id),
        description: deal.description.clone(),
        owner_id: deal.owner_id.to_string(),
        tags: deal.tags.clone(),
        external_ids: deal.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&deal.custom),
        lines: document::convert::lines(&deal.sheet),
        price_book_id: id_text(deal.sheet.price_book_id),
    }
}

/// An amount on the wire.
pub fn money(amount: Option<i64>, currency: &str) -> Option<WireMoney> {
    amount.map(|ten_thousandths| Money { ten_thousandths, currency: currency.to_owned() }.to_wire())
}

fn amount(wire: Option<&WireMoney>, check: &mut Checker<'_>) -> Option<Money> {
    let path = check.at("amount");
    let money = Money::from_wire(&path, wire?, check.violations())?;
    if money.ten_thousandths < 0 {
        check.refuse("amount", "NEGATIVE", "must not be negative");
    } else if money.ten_thousandths > MAX_AMOUNT {
        check.refuse("amount", "MONEY_TOO_LARGE", "is larger than 10,000,000,000,000");
    }
    Some(money)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_deal_takes_nothing_of_its_own() {
        for state in [State::Won, State::Lost, State::Invalid] {
            for case in 0..(101 * 5 * 4) {
                let closed = Opportunity {
                    state: Choice(state),
                    probability_percent: if state == State::Won { 100 } else { 0 },
                    forecast_category: Choice(ForecastCategory::Closed),
                    ..Opportunity::default()
                };
                let wire = Wire {
                    probability_percent: case % 101,
                    forecast_category: case / 101 % 5,
                    probability_overridden: case / 505 % 2 == 0,
                    forecast_category_overridden: case / 1010 == 0,
                    ..Wire::default()
                };
                let mut check = Checker::new("opportunity", "CN");
                let mut deal = closed.clone();
                Own::of(&wire, &closed).put(&mut deal, &mut check);
                assert_eq!(deal, closed, "{wire:?}");
                check.into_violations().into_result(()).unwrap();
            }
        }
    }
}
