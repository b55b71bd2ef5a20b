//! Quotas held against what was won (完成率).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use crm_kit_api::{Call, Result, error::Violations, time};
use crm_kit_pg::{Tx, db::database_error};
use crm_kit_record::field::id_text;
use crm_proto::{
    crm::{
        platform::v1::exchange_rate::Kind as RateKind,
        sales::v1::{
            ListQuotaAttainmentsRequest, ListQuotaAttainmentsResponse, QuotaAttainment, quota::Measure,
        },
    },
    google::r#type::Money,
};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Quotas,
    sums::{self, Wanted},
};
use crate::{
    exchange::Conversion,
    fiscal::{self, Asked, Period},
    money, team,
};

/// Most persons and teams of an answer.
const MOST: i64 = 2000;
/// Most sums, by person or team and currency, that an answer is computed from.
const MOST_SUMS: i64 = 50_000;

/// Ten-thousandths by currency; a count has no currency.
type Values = BTreeMap<String, Decimal>;
/// A person, or who answers for a team with the team.
type Subject = (Option<Uuid>, Uuid);

/// What was won by somebody.
#[derive(Clone, Debug, Default)]
struct Won {
    amounts: Values,
    deals: i64,
}

/// What the answer is computed from.
#[derive(Debug)]
struct Facts {
    period: Period,
    quotas: BTreeMap<Subject, Values>,
    /// People of each team.
    teams: BTreeMap<Subject, BTreeSet<Uuid>>,
    /// Own quotas of the teams' people.
    own: BTreeMap<Uuid, Values>,
    won: BTreeMap<Uuid, Won>,
}

/// What is asked for, checked.
#[derive(Debug)]
struct Question<'q> {
    asked: Asked,
    wanted: Wanted<'q>,
}

impl Quotas {
    /// How far quotas are met.
    pub async fn attainments(
        &self,
        call: &Call,
        request: &ListQuotaAttainmentsRequest,
    ) -> Result<ListQuotaAttainmentsResponse> {
        let mut violations = Violations::default();
        let asked = Asked::read(call, request.period_kind(), request.date.as_ref(), &mut violations);
        violations.into_result(())?;
        let owners = sums::ids(&request.owner_ids)?;
        let wanted = Wanted {
            measure: sums::measure(request.measure()),
            level: sums::level(request.level()),
            months: (None, None),
            span: None,
            scope: call.access.scope.owners(),
            owners: owners.as_deref(),
            drafts: false,
        };
        let question = &Question { asked, wanted };
        let facts =
            self.slice.db.list(call, move |tx| Box::pin(async move { facts(tx, question).await })).await?;
        let to = match request.currency_code.as_str() {
            "" => call.access.tenant.currency_code.as_str(),
            currency => currency,
        };
        let kind = match request.rate_kind() {
            RateKind::Unspecified => RateKind::Plan,
            kind => kind,
        };
        let currencies =
            if question.wanted.measure == Measure::AmountWon { facts.currencies() } else { BTreeSet::new() };
        let day = facts.period.start;
        let conversion = self.exchange.conversion(call, &currencies, to, (kind, day)).await?;
        facts.to_wire(call, question.wanted.measure, &conversion)
    }
}

/// Reads what the answer is computed from, in five statements at most.
async fn facts(tx: &mut Tx<'_>, question: &Question<'_>) -> Result<Facts> {
    let tenant = tx.tenant_id();
    let calendar = fiscal::of(tx.conn(), tenant).await?;
    let period = question.asked.period(calendar);
    let months = (Some(period.start), Some(fiscal::first_of_month(period.end)));
    let wanted = Wanted { months, ..question.wanted.clone() };
    let found = sums::sums(tx.conn(), tenant, calendar, &wanted, MOST_SUMS + 1).await?;
    sums::refuse_beyond(found.len(), MOST_SUMS)?;
    let mut quotas: BTreeMap<Subject, Values> = BTreeMap::new();
    for sum in found {
        quotas.entry((sum.department_id, sum.owner_id)).or_default().insert(sum.currency, sum.value);
    }
    sums::refuse_beyond(quotas.len(), MOST)?;
    let teams = teams(tx, &quotas).await?;
    let members: BTreeSet<Uuid> = teams.values().flatten().copied().collect();
    let mut own = BTreeMap::new();
    if !members.is_empty() {
        let owners: Vec<Uuid> = members.iter().copied().collect();
        let wanted = Wanted { owners: Some(&owners), ..wanted.clone() };
        let found = sums::sums(tx.conn(), tenant, calendar, &wanted, MOST_SUMS + 1).await?;
        sums::refuse_beyond(found.len(), MOST_SUMS)?;
        for sum in found.into_iter().filter(|sum| sum.department_id.is_none()) {
            own.entry(sum.owner_id).or_insert_with(Values::new).insert(sum.currency, sum.value);
        }
    }
    let persons = quotas.keys().filter(|(team, _)| team.is_none()).map(|(_, owner)| *owner);
    let people: Vec<Uuid> = persons.chain(members).collect::<BTreeSet<_>>().into_iter().collect();
    let won = won(tx.conn(), tenant, (period.start, period.end), question.wanted.scope, &people).await?;
    Ok(Facts { period, quotas, teams, own, won })
}

/// The people of the teams that have quotas.
async fn teams(
    tx: &mut Tx<'_>,
    quotas: &BTreeMap<Subject, Values>,
) -> Result<BTreeMap<Subject, BTreeSet<Uuid>>> {
    let subjects = quotas.keys().filter_map(|(team, leader)| Some(((*team)?, *leader)));
    let (departments, leaders): (Vec<Uuid>, Vec<Uuid>) = subjects.unzip();
    if departments.is_empty() {
        return Ok(BTreeMap::new());
    }
    let tenant = tx.tenant_id();
    let mut teams: BTreeMap<Subject, BTreeSet<Uuid>> = BTreeMap::new();
    for (place, person) in team::members(tx.conn(), tenant, &departments, &leaders).await? {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if let Some((team, leader)) = departments.get(place).zip(leaders.get(place)) {
            teams.entry((Some(*team), *leader)).or_default().insert(person);
        }
    }
    Ok(teams)
}

impl Facts {
    fn currencies(&self) -> BTreeSet<String> {
        let quotas = self.quotas.values().chain(self.own.values()).flat_map(Values::keys);
        let won = self.won.values().flat_map(|won| won.amounts.keys());
        quotas.chain(won).cloned().collect()
    }

    fn to_wire(
        &self,
        call: &Call,
        measure: Measure,
        conversion: &Conversion,
    ) -> Result<ListQuotaAttainmentsResponse> {
        let mut persons = Row::default();
        let mut attainments = Vec::with_capacity(self.quotas.len());
        for (subject, quota) in &self.quotas {
            let row = self.row(call, measure, *subject, quota, conversion)?;
            if subject.0.is_none() {
                persons.add(&row);
            }
            attainments.push(row.to_wire(*subject, measure, conversion.to()));
        }
        let total = persons.to_wire((None, Uuid::nil()), measure, conversion.to());
        Ok(ListQuotaAttainmentsResponse {
            start_date: Some(time::date(self.period.start)),
            end_date: Some(time::date(self.period.end)),
            attainments,
            persons_total: Some(QuotaAttainment { owner_id: String::new(), ..total }),
            conversion_rates: conversion.rates(),
        })
    }

    fn row(
        &self,
        call: &Call,
        measure: Measure,
        subject: Subject,
        quota: &Values,
        conversion: &Conversion,
    ) -> Result<Row> {
        let alone = BTreeSet::from([subject.1]);
        let people = self.teams.get(&subject).unwrap_or(&alone);
        let mut row = Row { quotas: quota.clone(), is_team: subject.0.is_some(), ..Row::default() };
        row.complete = people.iter().all(|person| call.access.scope.covers(Some(*person)));
        for won in people.iter().filter_map(|person| self.won.get(person)) {
            row.deals += won.deals;
            for (currency, amount) in &won.amounts {
                *row.won.entry(currency.clone()).or_default() += amount;
            }
        }
        let own = people.iter().filter_map(|person| self.own.get(person));
        if measure == Measure::CountWon {
            row.quota = quota.values().sum();
            row.members = own.flat_map(Values::values).sum();
            return Ok(row);
        }
        let converted = |values: &Values| -> Result<Decimal> {
            values.iter().map(|(currency, amount)| conversion.apply(*amount, currency)).sum()
        };
        row.quota = converted(quota)?;
        row.won_converted = converted(&row.won)?;
        row.members = own.map(converted).sum::<Result<Decimal>>()?;
        Ok(row)
    }
}

/// The figures of a person, a team or a total.
#[derive(Debug, Default)]
struct Row {
    quota: Decimal,
    won_converted: Decimal,
    deals: i64,
    members: Decimal,
    quotas: Values,
    won: Values,
    is_team: bool,
    complete: bool,
}

impl Row {
    /// Adds the row of a person to the total.
    fn add(&mut self, row: &Self) {
        self.complete = (self.complete || self.quotas.is_empty()) && row.complete;
        self.quota += row.quota;
        self.won_converted += row.won_converted;
        self.deals += row.deals;
        for (sums, values) in [(&mut self.quotas, &row.quotas), (&mut self.won, &row.won)] {
            for (currency, value) in values {
                *sums.entry(currency.clone()).or_default() += value;
            }
        }
    }

    fn to_wire(&self, (team, owner): Subject, measure: Measure, to: &str) -> QuotaAttainment {
        let whole = |value: Decimal| value.to_i128().unwrap_or(i128::MAX);
        let each = |values: &Values| -> Vec<Money> {
            let amounts = values.iter().filter(|(currency, _)| !currency.is_empty());
            amounts.map(|(currency, value)| money::to_wire(whole(*value), currency)).collect()
        };
        let told = QuotaAttainment {
            owner_id: owner.to_string(),
            department_id: id_text(team),
            won_count: self.deals,
            quota_amounts: each(&self.quotas),
            won_amounts: each(&self.won),
            complete: self.complete,
            ..QuotaAttainment::default()
        };
        if measure == Measure::CountWon {
            let count = |value: Decimal| value.to_i64().unwrap_or(i64::MAX);
            return QuotaAttainment {
                quota_count: count(self.quota),
                members_quota_count: count(self.members),
                attainment: money::ratio(self.deals.into(), whole(self.quota)),
                ..told
            };
        }
        QuotaAttainment {
            quota_amount: Some(money::to_wire(whole(self.quota), to)),
            won_amount: Some(money::to_wire(whole(self.won_converted), to)),
            members_quota_amount: self.is_team.then(|| money::to_wire(whole(self.members), to)),
            attainment: money::ratio(whole(self.won_converted), whole(self.quota)),
            ..told
        }
    }
}

/// What people won between two days, by person.
async fn won(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (start, end): (NaiveDate, NaiveDate),
    scope: Option<&[Uuid]>,
    people: &[Uuid],
) -> Result<BTreeMap<Uuid, Won>> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, amount_currency, count(*) AS "deals!", COALESCE(sum(amount), 0) AS "amount!"
        FROM opportunity
        WHERE tenant_id = $1 AND state = 2 AND delete_time IS NULL AND closed_date BETWEEN $2 AND $3
          AND owner_id = ANY ($4) AND ($5::uuid[] IS NULL OR owner_id = ANY ($5))
        GROUP BY owner_id, amount_currency
        "#,
        tenant_id,
        start,
        end,
        people,
        scope,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    let mut won: BTreeMap<Uuid, Won> = BTreeMap::new();
    for row in rows {
        let entry = won.entry(row.owner_id).or_default();
        entry.deals += row.deals;
        if !row.amount_currency.is_empty() {
            entry.amounts.insert(row.amount_currency, row.amount);
        }
    }
    Ok(won)
}
