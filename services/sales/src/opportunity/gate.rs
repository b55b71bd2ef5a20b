//! How deals move through stages: which moves are let through, and what a move makes of a deal. Pure; the caller says when and who.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use crm_kit_api::{Error, error::Violation};
use crm_kit_record::Choice;
use crm_proto::crm::sales::v1::{ForecastCategory, opportunity::State};
use tonic::Code;
use uuid::Uuid;

use super::model::Opportunity;
use crate::{
    DOMAIN, money,
    pipeline::{
        Pipeline, Stage,
        convert::category_to_wire,
        model::{Category, Kind},
    },
};

/// Why a deal does not move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The deal is closed.
    Closed(State),
    /// The deal is open, where only a closed one can be meant.
    Open { stage: String },
    /// The stage takes no deals any more.
    Retired { stage: String },
    /// The stage asks for fields that the deal does not have.
    Missing { stage: String, fields: Vec<String> },
    /// The stage it stands in does not lead there.
    NotAllowed { from: String, to: String, allowed: Vec<String> },
    /// A field of a won deal.
    Locked { field: &'static str },
}

/// When a move takes place, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// The instant.
    pub now: DateTime<Utc>,
    /// The day where the tenant is.
    pub today: NaiveDate,
    /// Who does it.
    pub actor_id: Uuid,
}

/// Whether an open deal may go from its stage to another one of the same pipeline.
pub fn leads_to(pipeline: &Pipeline, from: &str, to: &str) -> Result<(), Refusal> {
    // A stage that another release does not know leads everywhere, so that no deal is stuck in it.
    let allowed = pipeline.stage(from).map_or(&[][..], |stage| &stage.allowed_next_keys);
    if allowed.is_empty() || allowed.iter().any(|key| key == to) {
        Ok(())
    } else {
        Err(Refusal::NotAllowed { from: from.to_owned(), to: to.to_owned(), allowed: allowed.to_vec() })
    }
}

/// Whether a deal, as it would come in, may enter a stage.
pub fn lets_in(stage: &Stage, deal: &Opportunity) -> Result<(), Refusal> {
    if stage.retired {
        return Err(Refusal::Retired { stage: stage.key.clone() });
    }
    let missing = stage.required_fields.iter().filter(|field| !deal.has(field));
    let fields: Vec<String> = missing.cloned().collect();
    if fields.is_empty() { Ok(()) } else { Err(Refusal::Missing { stage: stage.key.clone(), fields }) }
}

/// Puts a deal into a stage: state, probability, category, dates and stall warning follow from it.
pub fn enter(deal: &mut Opportunity, pipeline: &Pipeline, stage: &Stage, act: Act) {
    deal.pipeline_id = pipeline.id;
    deal.stage_key.clone_from(&stage.key);
    deal.stage_enter_time = act.now;
    deal.stage_actor_id = act.actor_id;
    deal.state = Choice(match stage.kind {
        Kind::Open => State::Open,
        Kind::Won => State::Won,
        Kind::Lost => State::Lost,
    });
    if stage.kind == Kind::Open {
        deal.closed_date = None;
    } else {
        deal.closed_date = deal.closed_date.or(Some(act.today.max(deal.open_date)));
        (deal.probability_overridden, deal.forecast_category_overridden) = (false, false);
    }
    deal.stall_time = stall_time(stage, act.now);
    if !deal.probability_overridden {
        deal.probability_percent = stage.probability_percent.into();
    }
    if !deal.forecast_category_overridden {
        deal.forecast_category = Choice(category_to_wire(stage.category));
    }
    expect(deal);
}

/// Brings a deal that stays where it stands up to date: what it no longer has of its own it takes from the stage; the rest it keeps, even when the
/// stage changed meanwhile.
pub fn stay(deal: &mut Opportunity, was: &Opportunity, stage: &Stage) {
    if was.probability_overridden && !deal.probability_overridden {
        deal.probability_percent = stage.probability_percent.into();
    }
    if was.forecast_category_overridden && !deal.forecast_category_overridden {
        deal.forecast_category = Choice(category_to_wire(stage.category));
    }
    expect(deal);
}

/// Computes what a deal is expected to bring.
pub fn expect(deal: &mut Opportunity) {
    // A hundredth of at most a hundred times an amount is an amount.
    deal.expected_revenue = deal
        .amount
        .and_then(|amount| money::share(amount, deal.probability_percent, 100, &deal.amount_currency));
}

/// Ends a deal that never was one: it stays where it stands and counts nowhere.
pub fn invalidate(deal: &mut Opportunity, act: Act) {
    deal.stage_enter_time = act.now;
    deal.stage_actor_id = act.actor_id;
    deal.stall_time = None;
    deal.state = Choice(State::Invalid);
    deal.closed_date = deal.closed_date.or(Some(act.today.max(deal.open_date)));
    (deal.probability_overridden, deal.forecast_category_overridden) = (false, false);
    deal.probability_percent = 0;
    deal.forecast_category = Choice(category_to_wire(Category::Omitted));
    expect(deal);
}

/// Opens a closed deal again in a stage; the day it was first closed stays known.
pub fn reopen(deal: &mut Opportunity, pipeline: &Pipeline, stage: &Stage, act: Act) {
    deal.original_closed_date = deal.original_closed_date.or(deal.closed_date);
    deal.closed_date = None;
    deal.close_reason = String::new();
    enter(deal, pipeline, stage, act);
}

/// From when on a deal that came to the stage at `entered` counts as stalled.
pub fn stall_time(stage: &Stage, entered: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let limited = stage.kind == Kind::Open && stage.max_days > 0;
    limited.then(|| entered + TimeDelta::days(stage.max_days.into()))
}

/// What won deals keep: lines, amount and currency.
pub fn check_lock(was: &Opportunity, deal: &Opportunity) -> Result<(), Refusal> {
    let same = (was.amount, &was.amount_currency) == (deal.amount, &deal.amount_currency);
    match was.state.0 {
        State::Won if was.sheet != deal.sheet => Err(Refusal::Locked { field: "lines" }),
        State::Won if !same => Err(Refusal::Locked { field: "amount" }),
        _ => Ok(()),
    }
}

/// The categories that an open deal can have of its own.
pub fn is_open_category(category: ForecastCategory) -> bool {
    !matches!(category, ForecastCategory::Unspecified | ForecastCategory::Closed)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let refused = |reason: &'static str, message: String| {
            Self::new(Code::FailedPrecondition, DOMAIN, reason, message)
        };
        match refusal {
            Refusal::Closed(state) => {
                let name = state.as_str_name().trim_start_matches("STATE_");
                refused("OPPORTUNITY_CLOSED", format!("the deal is {name}: reopen it first"))
                    .with("state", name)
            }
            Refusal::Open { stage } => {
                refused("OPPORTUNITY_OPEN", "the deal is open".to_owned()).with("stage_key", stage)
            }
            Refusal::Retired { stage } => {
                refused("STAGE_GATE_CLOSED", format!("the stage {stage} is retired and takes no deals"))
                    .with("stage_key", stage)
                    .with("retired", true)
            }
            Refusal::Missing { stage, fields } => {
                let names = fields.join(",");
                let error =
                    refused("STAGE_GATE_CLOSED", format!("the stage {stage} asks for {}", fields.join(", ")))
                        .with("stage_key", &stage)
                        .with("missing", names);
                fields.into_iter().fold(error, |error, field| {
                    let message = format!("the stage {stage} asks for it");
                    error.with_violation(Violation::new(format!("opportunity.{field}"), "REQUIRED", message))
                })
            }
            Refusal::NotAllowed { from, to, allowed } => {
                refused("STAGE_MOVE_NOT_ALLOWED", format!("{from} does not lead to {to}"))
                    .with("from", from)
                    .with("to", to)
                    .with("allowed", allowed.join(","))
            }
            Refusal::Locked { field } => {
                refused("OPPORTUNITY_LOCKED", format!("the deal is won, and its {field} is locked"))
                    .with("field", field)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use sqlx::types::Json;

    use super::*;

    fn stage(key: &str, kind: Kind, percent: i32, category: Category) -> Stage {
        Stage {
            key: key.to_owned(),
            display_name: key.to_owned(),
            kind,
            probability_percent: percent,
            category,
            required_fields: Vec::new(),
            allowed_next_keys: Vec::new(),
            max_days: if kind == Kind::Open { 10 } else { 0 },
            description: String::new(),
            retired: false,
        }
        .settled()
    }

    fn pipeline() -> Pipeline {
        let stages = vec![
            stage("talk", Kind::Open, 10, Category::Pipeline),
            stage("offer", Kind::Open, 60, Category::Commit),
            stage("won", Kind::Won, 0, Category::Pipeline),
            stage("lost", Kind::Lost, 0, Category::Pipeline),
        ];
        Pipeline { id: Uuid::max(), stages: Json(stages), ..Pipeline::default() }
    }

    fn act(day: u32) -> Act {
        let now = Utc.with_ymd_and_hms(2026, 3, day, 8, 0, 0).unwrap();
        Act { now, today: now.date_naive(), actor_id: Uuid::max() }
    }

    fn deal() -> Opportunity {
        let mut deal =
            Opportunity { amount: Some(1_000_100), amount_currency: "CNY".into(), ..Opportunity::default() };
        let pipeline = pipeline();
        enter(&mut deal, &pipeline, &pipeline.stages[0], act(1));
        deal
    }

    #[test]
    fn a_stage_gives_probability_category_and_limit() {
        let mut deal = deal();
        assert_eq!((deal.probability_percent, deal.expected_revenue), (10, Some(100_000)));
        assert_eq!(deal.stall_time, Some(act(11).now));
        let pipeline = pipeline();
        enter(&mut deal, &pipeline, &pipeline.stages[1], act(2));
        assert_eq!((deal.probability_percent, deal.expected_revenue), (60, Some(600_100)));
        assert_eq!(deal.forecast_category.0, ForecastCategory::Commit);
        assert_eq!(deal.stall_time, Some(act(12).now));
    }

    #[test]
    fn what_a_deal_has_of_its_own_survives_moves_until_it_is_closed() {
        let (mut deal, pipeline) = (deal(), pipeline());
        (deal.probability_percent, deal.probability_overridden) = (33, true);
        (deal.forecast_category, deal.forecast_category_overridden) =
            (Choice(ForecastCategory::BestCase), true);
        enter(&mut deal, &pipeline, &pipeline.stages[1], act(2));
        assert_eq!((deal.probability_percent, deal.forecast_category.0), (33, ForecastCategory::BestCase));
        enter(&mut deal, &pipeline, &pipeline.stages[2], act(3));
        assert_eq!((deal.probability_percent, deal.forecast_category.0), (100, ForecastCategory::Closed));
        assert_eq!((deal.expected_revenue, deal.closed_date), (deal.amount, Some(act(3).today)));
        assert_eq!((deal.state.0, deal.stall_time), (State::Won, None));
        assert!(!deal.probability_overridden && !deal.forecast_category_overridden);
    }

    #[test]
    fn a_deal_that_stays_keeps_what_it_has_until_it_gives_up_its_own() {
        let (was, mut pipeline) = (deal(), pipeline());
        pipeline.stages[0].probability_percent = 20;
        let mut same = was.clone();
        stay(&mut same, &was, &pipeline.stages[0]);
        assert_eq!(same, was);
        let was = Opportunity { probability_percent: 33, probability_overridden: true, ..was };
        let mut given_up = Opportunity { probability_overridden: false, ..was.clone() };
        stay(&mut given_up, &was, &pipeline.stages[0]);
        assert_eq!((given_up.probability_percent, given_up.expected_revenue), (20, Some(200_000)));
    }

    #[test]
    fn a_reopened_deal_keeps_the_day_it_was_first_closed() {
        let (mut deal, pipeline) = (deal(), pipeline());
        enter(&mut deal, &pipeline, &pipeline.stages[3], act(3));
        reopen(&mut deal, &pipeline, &pipeline.stages[1], act(4));
        assert_eq!((deal.state.0, deal.closed_date), (State::Open, None));
        assert_eq!(deal.original_closed_date, Some(act(3).today));
        invalidate(&mut deal, act(5));
        assert_eq!((deal.state.0, deal.stage_key.as_str()), (State::Invalid, "offer"));
        assert_eq!((deal.expected_revenue, deal.probability_percent), (Some(0), 0));
        reopen(&mut deal, &pipeline, &pipeline.stages[0], act(6));
        assert_eq!(deal.original_closed_date, Some(act(3).today));
    }

    #[test]
    fn a_closed_gate_names_what_is_missing() {
        let mut pipeline = pipeline();
        pipeline.stages[0].allowed_next_keys = vec!["lost".into()];
        pipeline.stages[1].required_fields = vec!["amount".into(), "next_step".into(), "custom.ok".into()];
        assert_eq!(leads_to(&pipeline, "talk", "lost"), Ok(()));
        assert_eq!(leads_to(&pipeline, "offer", "talk"), Ok(()));
        let refused = leads_to(&pipeline, "talk", "offer").unwrap_err();
        assert_eq!(
            refused,
            Refusal::NotAllowed { from: "talk".into(), to: "offer".into(), allowed: vec!["lost".into()] }
        );
        let refused = lets_in(&pipeline.stages[1], &deal()).unwrap_err();
        let error = Error::from(refused);
        assert_eq!(error.metadata("missing"), Some("next_step,custom.ok"));
        let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["opportunity.next_step", "opportunity.custom.ok"]);
        pipeline.stages[1].retired = true;
        let refused = lets_in(&pipeline.stages[1], &deal());
        assert_eq!(refused, Err(Refusal::Retired { stage: "offer".into() }));
    }

    #[test]
    fn the_amount_of_a_won_deal_is_locked() {
        let (mut won, pipeline) = (deal(), pipeline());
        enter(&mut won, &pipeline, &pipeline.stages[2], act(2));
        let other = Opportunity { amount: Some(1), ..won.clone() };
        assert_eq!(check_lock(&won, &other), Err(Refusal::Locked { field: "amount" }));
        let other = Opportunity { amount_currency: "EUR".into(), ..won.clone() };
        assert!(check_lock(&won, &other).is_err());
        let lines = Json(crate::document::Sheet::of("CNY"));
        let other = Opportunity { sheet: lines, ..won.clone() };
        assert_eq!(check_lock(&won, &other), Err(Refusal::Locked { field: "lines" }));
        let other = Opportunity { next_step: "send it".into(), ..won.clone() };
        assert_eq!(check_lock(&won, &other), Ok(()));
        assert_eq!(check_lock(&deal(), &Opportunity::default()), Ok(()));
    }
}
