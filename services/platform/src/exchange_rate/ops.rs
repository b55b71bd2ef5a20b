//! Use cases of exchange rates.

use std::collections::BTreeSet;

use crm_kit_api::{Call, Error, Result, error::Violations, etag, money::Money};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1::{
    self as wire, BatchCreateExchangeRatesResponse, BatchUpsertExchangeRatesResponse, ConversionQuery,
    ConversionRate, ConvertMoneyRequest, ConvertMoneyResponse,
    batch_upsert_exchange_rates_response::{Outcome, Result as Upserted},
};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    convert,
    events::{self, COLLECTION},
    lookup::{Found, Question},
    model::{ExchangeRate, Kind},
    store,
};
use crate::{edit, reason, tenant};

/// One rate.
pub async fn get(db: &Db, call: &Call, id: Uuid) -> Result<ExchangeRate> {
    db.read(call, |tx| one(tx, id).boxed()).await
}

async fn one(tx: &mut Tx<'_>, id: Uuid) -> Result<ExchangeRate> {
    let tenant_id = tx.tenant_id();
    store::find(tx.conn(), tenant_id, id).await?.ok_or_else(|| Error::not_found(COLLECTION, id))
}

/// Creates one rate.
pub async fn create(db: &Db, call: &Call, wire: &wire::ExchangeRate) -> Result<wire::ExchangeRate> {
    let rates = &[ExchangeRate::from_wire(call, "exchange_rate", wire)?];
    db.write(call, "exchange_rate.create", |tx| {
        async move { Ok(create_in(tx, rates, |_, error| error).await?.pop().unwrap_or_default()) }.boxed()
    })
    .await
}

/// Creates rates, all or none.
pub async fn create_all(
    db: &Db,
    call: &Call,
    wires: &[wire::ExchangeRate],
) -> Result<BatchCreateExchangeRatesResponse> {
    let field = |index| format!("requests[{index}].exchange_rate");
    let rates = &read(call, wires, field)?;
    db.write(call, "exchange_rate.batch_create", |tx| {
        async move {
            let exchange_rates =
                create_in(tx, rates, |index, error| error.with("item", format!("requests[{index}]"))).await?;
            Ok(BatchCreateExchangeRatesResponse { exchange_rates })
        }
        .boxed()
    })
    .await
}

/// Reads the items of a batch, in which no rate stands twice; `field` is the path of an item.
fn read(
    call: &Call,
    wires: &[wire::ExchangeRate],
    field: impl Fn(usize) -> String,
) -> Result<Vec<ExchangeRate>> {
    let rates: Vec<ExchangeRate> = wires
        .iter()
        .enumerate()
        .map(|(index, wire)| ExchangeRate::from_wire(call, &field(index), wire))
        .collect::<Result<_>>()?;
    let (mut seen, mut violations) = (BTreeSet::new(), Violations::default());
    for (index, rate) in rates.iter().enumerate() {
        if !seen.insert(rate.key()) {
            violations.add(field(index), "DUPLICATE", "names the same rate as an item before it");
        }
    }
    violations.into_result(())?;
    Ok(rates)
}

async fn create_in(
    tx: &mut Tx<'_>,
    rates: &[ExchangeRate],
    at: impl Fn(usize, Error) -> Error + Send,
) -> Result<Vec<wire::ExchangeRate>> {
    let tenant_id = tx.tenant_id();
    tenant::store::lock(tx.conn(), tenant_id).await?;
    let known = store::find_by_keys(tx.conn(), tenant_id, rates).await?;
    if let Some(index) = rates.iter().position(|rate| known.iter().any(|known| known.key() == rate.key())) {
        return Err(at(index, reason::rate_exists(&rates[index])));
    }
    store::insert(tx.conn(), tenant_id, rates).await?;
    Ok(rates.iter().map(|rate| told_created(tx, rate)).collect())
}

fn told_created(tx: &mut Tx<'_>, rate: &ExchangeRate) -> wire::ExchangeRate {
    let wire = rate.to_wire();
    tx.record(events::created(rate.id, &wire));
    wire
}

/// Creates or changes rates, all or none.
pub async fn upsert(
    db: &Db,
    call: &Call,
    wires: &[wire::ExchangeRate],
) -> Result<BatchUpsertExchangeRatesResponse> {
    let rates = &read(call, wires, |index| format!("exchange_rates[{index}]"))?;
    db.write(call, "exchange_rate.batch_upsert", |tx| upsert_in(tx, call, rates).boxed()).await
}

async fn upsert_in(
    tx: &mut Tx<'_>,
    call: &Call,
    rates: &[ExchangeRate],
) -> Result<BatchUpsertExchangeRatesResponse> {
    let tenant_id = tx.tenant_id();
    tenant::store::lock(tx.conn(), tenant_id).await?;
    let known = store::find_by_keys(tx.conn(), tenant_id, rates).await?;
    let known: std::collections::BTreeMap<_, _> = known.iter().map(|known| (known.key(), known)).collect();
    let (mut created, mut changed) = (Vec::new(), Vec::new());
    let mut results = Vec::with_capacity(rates.len());
    for rate in rates {
        let (wire, outcome) = match known.get(&rate.key()) {
            None => {
                created.push(rate.clone());
                (told_created(tx, rate), Outcome::Created)
            }
            Some(was) if (was.rate, &was.source) == (rate.rate, &rate.source) => {
                (was.to_wire(), Outcome::Unchanged)
            }
            Some(was) => {
                let after = ExchangeRate {
                    rate: rate.rate,
                    source: rate.source.clone(),
                    update_time: call.now,
                    revision: was.revision + 1,
                    ..ExchangeRate::clone(was)
                };
                let wire = after.to_wire();
                if let Some(edit) = edit::between(&was.to_wire(), &wire)? {
                    tx.record(events::updated(after.id, &wire, edit));
                }
                changed.push(after);
                (wire, Outcome::Updated)
            }
        };
        results.push(Upserted { exchange_rate: Some(wire), outcome: outcome.into() });
    }
    store::insert(tx.conn(), tenant_id, &created).await?;
    store::update(tx.conn(), tenant_id, &changed).await?;
    Ok(BatchUpsertExchangeRatesResponse { results })
}

/// Deletes a rate for good.
pub async fn delete(db: &Db, call: &Call, id: Uuid, etag: &str) -> Result<wire::ExchangeRate> {
    db.write(call, "exchange_rate.delete", |tx| delete_in(tx, id, etag).boxed()).await
}

async fn delete_in(tx: &mut Tx<'_>, id: Uuid, etag: &str) -> Result<wire::ExchangeRate> {
    let tenant_id = tx.tenant_id();
    tenant::store::lock(tx.conn(), tenant_id).await?;
    let rate = one(tx, id).await?;
    etag::check(etag, rate.revision)?;
    store::delete(tx.conn(), tenant_id, id).await?;
    let wire = rate.to_wire();
    tx.record(events::deleted(id, &wire));
    Ok(wire)
}

/// The rates that queries ask for, all or none.
pub async fn conversion_rates(
    db: &Db,
    call: &Call,
    queries: &[ConversionQuery],
) -> Result<Vec<ConversionRate>> {
    let item = |index: usize| format!("queries[{index}]");
    let questions: Vec<Question> = queries
        .iter()
        .enumerate()
        .map(|(index, query)| {
            Ok(Question {
                from: query.from_currency_code.clone(),
                to: query.to_currency_code.clone(),
                day: convert::day(call, &format!("{}.date", item(index)), query.date.as_ref())?,
                kind: Kind::from_wire(query.kind()),
            })
        })
        .collect::<Result<_>>()?;
    let answers = answers(db, call, &questions).await?;
    questions
        .iter()
        .zip(answers)
        .enumerate()
        .map(|(index, (question, found))| {
            found.map(|found| question.to_wire(&found)).map_err(|error| error.with("item", item(index)))
        })
        .collect()
}

async fn answers(db: &Db, call: &Call, questions: &[Question]) -> Result<Vec<Result<Found>>> {
    let through = call.access.tenant.currency_code.as_str();
    let tenant_id = call.tenant_id();
    let latest = db.read(call, |tx| store::latest(tx.conn(), tenant_id, questions, through).boxed()).await?;
    Ok(questions.iter().zip(latest).map(|(question, latest)| question.answer(through, latest)).collect())
}

/// An amount at the rate of a day.
pub async fn convert_money(
    db: &Db,
    call: &Call,
    request: &ConvertMoneyRequest,
) -> Result<ConvertMoneyResponse> {
    let mut violations = Violations::default();
    let sent = request.amount.clone().unwrap_or_default();
    let amount = Money::from_wire("amount", &sent, &mut violations);
    violations.into_result(())?;
    let amount = amount.ok_or_else(|| Error::bug("an amount without violation is read"))?;
    let question = Question {
        from: amount.currency.clone(),
        to: request.to_currency_code.clone(),
        day: convert::day(call, "date", request.date.as_ref())?,
        kind: Kind::from_wire(request.kind()),
    };
    let mut answers = answers(db, call, std::slice::from_ref(&question)).await?;
    let found = answers.pop().ok_or_else(|| Error::bug("a question has an answer"))??;
    let converted = found.rate.convert(&amount, &question.to).ok_or_else(|| {
        Error::invalid_field("amount", "MONEY_TOO_LARGE", format!("is too large in {}", question.to))
    })?;
    Ok(ConvertMoneyResponse {
        amount: Some(converted.to_wire()),
        conversion_rate: Some(question.to_wire(&found)),
    })
}
