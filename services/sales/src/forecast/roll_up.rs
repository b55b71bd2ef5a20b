//! Forecasts rolled up along lines of report: a person's own deals, those below each who reports directly, and the total. Six statements, however many
//! people there are.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::NaiveDate;
use crm_kit_api::{Call, Error, Result, call::Scope, error::Violations, id, time};
use crm_kit_pg::Tx;
use crm_proto::crm::{
    platform::v1::exchange_rate::Kind as RateKind,
    sales::v1::{Forecast, ForecastRow, GetForecastRequest},
};
use uuid::Uuid;

use super::{
    Forecasts,
    figures::Figures,
    store::{self, Adjustment, Deals, People},
};
use crate::{
    exchange::Conversion,
    fiscal::{self, Asked, Period},
    team,
};

/// What is asked for, checked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Whose forecast.
    pub user_id: Uuid,
    /// For when.
    pub asked: Asked,
    /// The currency that figures are converted to as well.
    pub currency: Option<String>,
    /// Kind of the rates.
    pub rates: RateKind,
}

impl Question {
    /// Reads a request. Whoever lies outside the caller's scope is nobody.
    pub fn read(call: &Call, request: &GetForecastRequest) -> Result<Self> {
        let mut violations = Violations::default();
        let user_id = id::parse("user_id", &request.user_id)?;
        let asked = Asked::read(call, request.period_kind(), request.date.as_ref(), &mut violations);
        if user_id != call.caller_id() && !call.access.scope.covers(Some(user_id)) {
            return Err(Error::not_found("users", user_id));
        }
        let rates = match request.rate_kind() {
            RateKind::Unspecified => RateKind::Spot,
            kind => kind,
        };
        let currency = Some(request.currency_code.clone()).filter(|code| !code.is_empty());
        violations.into_result(Self { user_id, asked, currency, rates })
    }
}

/// A forecast before it is told.
#[derive(Clone, Debug)]
pub struct RolledUp {
    /// Whose it is.
    pub user_id: Uuid,
    /// For when.
    pub period: Period,
    /// The person's own row first, then those who report directly, by name.
    pub rows: Vec<Row>,
    /// The sums of the rows.
    pub total: Row,
    complete: bool,
}

/// The deals of some people.
#[derive(Clone, Debug, Default)]
pub struct Row {
    user_id: Uuid,
    display_name: String,
    people: i64,
    /// By currency.
    pub figures: BTreeMap<String, Figures>,
    without_amount: i64,
    slipped: i64,
    pushed: i64,
    adjustments: Vec<Adjustment>,
}

impl Forecasts {
    /// The forecast of a person and everybody below, with its period.
    pub async fn forecast(&self, call: &Call, question: &Question) -> Result<(Period, Forecast)> {
        let rolled_up = self.roll_up(call, question).await?;
        let period = rolled_up.period;
        let Some(to) = &question.currency else { return Ok((period, rolled_up.to_wire(call, None)?)) };
        let currencies: BTreeSet<String> = rolled_up.total.figures.keys().cloned().collect();
        let day = call.today().min(period.end);
        let rates = self.exchange.conversion(call, &currencies, to, (question.rates, day)).await?;
        Ok((period, rolled_up.to_wire(call, Some(&rates))?))
    }

    /// As [`Forecasts::forecast`], in the deals' own currencies.
    pub async fn roll_up(&self, call: &Call, question: &Question) -> Result<RolledUp> {
        let today = call.today();
        let read =
            self.db.list(call, move |tx| Box::pin(async move { roll_up(tx, call, question, today).await }));
        read.await
    }
}

async fn roll_up(tx: &mut Tx<'_>, call: &Call, question: &Question, today: NaiveDate) -> Result<RolledUp> {
    let (tenant, user_id) = (tx.tenant_id(), question.user_id);
    let period = question.asked.period(fiscal::of(tx.conn(), tenant).await?);
    let person = team::person(tx.conn(), tenant, user_id, user_id).await?;
    if person.is_none() && user_id != call.caller_id() {
        return Err(Error::not_found("users", user_id));
    }
    let name = person.map(|(name, _)| name).unwrap_or_default();
    let below = team::below(tx.conn(), tenant, user_id).await?;
    let (mut rows, people) = seats(&call.access.scope, (user_id, &name), &below);
    let complete = people.ids.len() == below.len() + 1;
    for deals in store::deals(tx.conn(), tenant, period, today, &people).await? {
        if let Some(row) = rows.get_mut(&deals.row_id) {
            row.add_deals(&deals);
        }
    }
    for (row_id, deals) in store::pushed(tx.conn(), tenant, period, &people).await? {
        if let Some(row) = rows.get_mut(&row_id) {
            row.pushed = deals;
        }
    }
    let whose: Vec<Uuid> = rows.keys().copied().collect();
    let mut total = Row { user_id, display_name: name, ..Row::default() };
    for adjustment in store::adjustments(tx.conn(), tenant, period, &whose).await? {
        let own = adjustment.user_id == user_id;
        let row = if own { Some(&mut total) } else { rows.get_mut(&adjustment.user_id) };
        if let Some(row) = row {
            row.adjustments.push(adjustment);
        }
    }
    for row in rows.values() {
        total.add(row);
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by(|a, b| {
        let place = |row: &Row| (row.user_id != user_id, row.display_name.clone(), row.user_id);
        place(a).cmp(&place(b))
    });
    Ok(RolledUp { user_id, period, rows, total, complete })
}

/// The rows of a forecast, empty yet, and the people within the scope with the row each of them counts in. Somebody who reports directly and has nobody
/// within the scope has no row.
fn seats(
    scope: &Scope,
    (user_id, name): (Uuid, &str),
    below: &[team::Below],
) -> (BTreeMap<Uuid, Row>, People) {
    let visible: Option<HashSet<Uuid>> = scope.owners().map(|owners| owners.iter().copied().collect());
    let sees = |id: Uuid| visible.as_ref().is_none_or(|visible| visible.contains(&id));
    let own = Row { user_id, display_name: name.to_owned(), ..Row::default() };
    let mut rows = BTreeMap::from([(user_id, own)]);
    let mut people = People::default();
    for (id, row_id) in
        std::iter::once((user_id, user_id)).chain(below.iter().map(|one| (one.id, one.top_id)))
    {
        if sees(id) {
            people.ids.push(id);
            people.rows.push(row_id);
            rows.entry(row_id).or_insert_with(|| Row { user_id: row_id, ..Row::default() }).people += 1;
        }
    }
    for one in below.iter().filter(|one| one.id == one.top_id) {
        if let Some(row) = rows.get_mut(&one.id) {
            row.display_name.clone_from(&one.display_name);
        }
    }
    (rows, people)
}

impl Row {
    fn add_deals(&mut self, deals: &Deals) {
        self.slipped += deals.slipped;
        if deals.currency.is_empty() {
            self.without_amount += deals.deals;
            return;
        }
        let figures = self.figures.entry(deals.currency.clone()).or_default();
        if deals.is_won {
            figures.add_won(deals.deals, deals.amount);
        } else {
            figures.add_open(deals.category.0, deals.deals, deals.amount, deals.expected);
        }
    }

    fn add(&mut self, other: &Self) {
        self.people += other.people;
        self.without_amount += other.without_amount;
        self.slipped += other.slipped;
        self.pushed += other.pushed;
        for (currency, figures) in &other.figures {
            self.figures.entry(currency.clone()).or_default().add(figures);
        }
    }

    /// The figures in one currency, added up.
    fn converted(&self, conversion: &Conversion) -> Result<Figures> {
        let mut sum = Figures::default();
        for (currency, figures) in &self.figures {
            sum.add(&figures.converted(conversion, currency)?);
        }
        Ok(sum)
    }

    fn to_wire(&self, converted: Option<(&Figures, &Conversion)>) -> ForecastRow {
        ForecastRow {
            user_id: self.user_id.to_string(),
            display_name: self.display_name.clone(),
            people_count: self.people,
            figures: self.figures.iter().map(|(currency, figures)| figures.to_wire(currency)).collect(),
            converted: converted.map(|(figures, conversion)| figures.to_wire(conversion.to())),
            without_amount_count: self.without_amount,
            slipped_count: self.slipped,
            pushed_count: self.pushed,
            adjustments: self.adjustments.iter().map(Adjustment::to_wire).collect(),
        }
    }
}

impl RolledUp {
    /// The forecast on the wire. A converted total is the sum of the converted rows.
    pub fn to_wire(&self, call: &Call, conversion: Option<&Conversion>) -> Result<Forecast> {
        let mut sum = Figures::default();
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let Some(conversion) = conversion else {
                rows.push(row.to_wire(None));
                continue;
            };
            let converted = row.converted(conversion)?;
            sum.add(&converted);
            rows.push(row.to_wire(Some((&converted, conversion))));
        }
        Ok(Forecast {
            user_id: self.user_id.to_string(),
            period_kind: self.period.kind.into(),
            start_date: Some(time::date(self.period.start)),
            end_date: Some(time::date(self.period.end)),
            compute_time: Some(time::timestamp(call.now)),
            rows,
            total: Some(self.total.to_wire(conversion.map(|conversion| (&sum, conversion)))),
            conversion_rates: conversion.map(Conversion::rates).unwrap_or_default(),
            complete: self.complete,
        })
    }
}
