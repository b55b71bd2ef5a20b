//! Creating records.

use std::ops::Range;

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::Tx;
use crm_proto::crm::record::v1::custom_field::Type;
use prost::Message;
use uuid::Uuid;

use super::{
    change, claim, read_owned,
    taken::{self, NUMBER_TAKEN},
};
use crate::{
    Record, Slice,
    batch::{ItemName, named, of_item},
    custom_field::{Fields, link, model::Definition, refresh},
    number::{self, Taken},
    owner,
};

/// Fewest and most numbers that are looked up at once to find those that records have.
const FEWEST_SOUGHT: i64 = 256;
const MOST_SOUGHT: i64 = 32_768;

impl<R: Record> Slice<R> {
    /// Creates records, all or none; `answer` makes the response of them.
    pub async fn create<A>(
        &self,
        call: &Call,
        wires: Vec<R::Wire>,
        name: ItemName,
        answer: fn(Vec<R::Wire>) -> A,
    ) -> Result<A>
    where
        A: Message + Default,
    {
        let fields = &self.fields(call).await?;
        for _ in 0..number::ATTEMPTS {
            // Numbers are taken only for records that bring none, and before the transaction.
            let mut numbers = self.numbers_for(call, fields, wires.iter()).await?;
            let records = &read_new(call, fields, &mut numbers, wires.clone(), name)?;
            self.people.meet(call, users(fields, records)).await?;
            let work = self.db.write(call, "create", move |tx| {
                Box::pin(async move {
                    let standing = self.people.standing(tx, call, users(fields, records)).await?;
                    for (index, record) in records.iter().enumerate() {
                        owner::check(&standing, call, fields, record, None)
                            .map_err(|error| named(error, &name(index)))?;
                    }
                    let written = insert(tx, call, fields, records).await;
                    let ids = records.iter().map(|record| record.head().id);
                    written.map(answer).map_err(|error| of_item(error, ids, name))
                })
            });
            match work.await {
                Err(error) if self.passes(call, &numbers, &error).await? => {}
                Err(error) => {
                    let brought = records
                        .iter()
                        .map(|record| (record.head().id, R::sent(&record.to_wire(fields)).number.to_owned()));
                    return Err(taken::name::<R>(&self.db, call, error, brought.collect(), name).await);
                }
                written => return written,
            }
        }
        Err(Error::concurrent_change())
    }

    /// Reads new records with their numbers, for work that writes them in a transaction of its own.
    pub async fn read_new(
        &self,
        call: &Call,
        fields: &Fields,
        wires: Vec<R::Wire>,
        name: ItemName,
    ) -> Result<Vec<R>> {
        let mut numbers = self.numbers_for(call, fields, wires.iter()).await?;
        read_new(call, fields, &mut numbers, wires, name)
    }

    /// Numbers for new records: their own for those that bring none, and for all of them those of the tenant's AUTO_NUMBER fields. The series
    /// goes on after numbers that records bring.
    pub async fn numbers_for<'w>(
        &self,
        call: &Call,
        fields: &Fields,
        wires: impl Iterator<Item = &'w R::Wire>,
    ) -> Result<NewNumbers<R>> {
        let tenant = call.tenant_id();
        let brought: Vec<&str> = wires.map(|wire| R::sent(wire).number).collect();
        let count = brought.iter().filter(|number| number.is_empty()).count();
        let mut numbers = NewNumbers::placeholders(fields);
        if let Some((series, prefix)) = R::KIND.series
            && let Some(last) = brought.iter().filter_map(|text| number::placed(prefix, text)).max()
        {
            self.numbers.pass(tenant, series, last).await?;
        }
        if let (Some((series, _)), 1..) = (R::KIND.series, count) {
            let taken = self.numbers.take(tenant, series, count).await?;
            numbers.next = Some(taken.first());
            numbers.taken.push(taken);
        }
        if !brought.is_empty() {
            for (definition, next) in &mut numbers.custom {
                let taken = self.numbers.take(tenant, &definition.series(), brought.len()).await?;
                *next = taken.first();
                numbers.taken.push(taken);
            }
        }
        Ok(numbers)
    }

    /// Whether `error` came of a number of the series that a record had already; the series then goes on after all such numbers that follow, and
    /// the same work can be done with others.
    pub async fn passes(&self, call: &Call, numbers: &NewNumbers<R>, error: &Error) -> Result<bool> {
        let Some((series, prefix)) = R::KIND.series.filter(|_| error.reason() == NUMBER_TAKEN) else {
            return Ok(false);
        };
        let Some(taken) = numbers.taken.iter().find(|taken| taken.series() == series) else {
            return Ok(false);
        };
        let (mut first, mut count, mut passed) = (taken.first(), taken.count(), None);
        while let Some(last) = self.last_held(call, prefix, first..first + count).await? {
            passed = Some(last);
            (first, count) = (first + count, (count * 2).clamp(FEWEST_SOUGHT, MOST_SOUGHT));
        }
        let Some(last) = passed else { return Ok(false) };
        self.numbers.pass(call.tenant_id(), series, last).await.map(|()| true)
    }

    /// The last of these numbers that a record has.
    async fn last_held(&self, call: &Call, prefix: &str, sought: Range<i64>) -> Result<Option<i64>> {
        let texts: Vec<String> = sought.map(|number| number::written(prefix, number)).collect();
        let (tenant, texts) = (call.tenant_id(), &texts);
        let held = self
            .db
            .list(call, move |tx| Box::pin(async move { R::by_number(tx.conn(), tenant, texts).await }))
            .await?;
        Ok(held.iter().filter_map(|(text, _)| number::placed(prefix, text)).max())
    }

    /// Takes back the numbers of records that were not written.
    pub async fn give_back(&self, call: &Call, taken: &[Taken]) {
        for taken in taken {
            self.numbers.give_back(call.tenant_id(), taken).await;
        }
    }
}

/// Numbers for new records, in order.
#[derive(Debug)]
pub struct NewNumbers<R> {
    /// Of the kind's own series; `None` for placeholders.
    next: Option<i64>,
    custom: Vec<(Definition, i64)>,
    taken: Vec<Taken>,
    kind: std::marker::PhantomData<fn() -> R>,
}

impl<R: Record> NewNumbers<R> {
    /// Placeholders for records that are not kept, which take no numbers from the series.
    pub fn placeholders(fields: &Fields) -> Self {
        let definitions = fields.of_kind(Type::AutoNumber).filter(|definition| !definition.retired);
        let custom = definitions.map(|definition| (definition.clone(), 0)).collect();
        Self { next: None, custom, taken: Vec::new(), kind: std::marker::PhantomData }
    }

    /// What was taken from the series for them.
    pub fn into_taken(self) -> Vec<Taken> {
        self.taken
    }

    /// A fresh record with its numbers.
    pub fn fresh(&mut self, call: &Call, wire: &R::Wire) -> R {
        let mut record = R::fresh(call, self.next(call, wire));
        for (definition, next) in &mut self.custom {
            record.head_mut().custom.set(&definition.key, Some(definition.number(*next).into()));
            *next += 1;
        }
        record
    }

    /// The number of a new record that brings none; empty for one that does. A placeholder is no number that any record has.
    fn next(&mut self, call: &Call, wire: &R::Wire) -> String {
        match (R::KIND.series, &mut self.next) {
            (Some((_, prefix)), Some(next)) if R::sent(wire).number.is_empty() => {
                *next += 1;
                number::written(prefix, *next - 1)
            }
            (Some((_, prefix)), None) if R::sent(wire).number.is_empty() => {
                format!("{prefix}~{}", id::new(call.now))
            }
            _ => String::new(),
        }
    }
}

fn read_new<R: Record>(
    call: &Call,
    fields: &Fields,
    numbers: &mut NewNumbers<R>,
    wires: Vec<R::Wire>,
    name: ItemName,
) -> Result<Vec<R>> {
    let mut records = Vec::with_capacity(wires.len());
    for (index, wire) in wires.into_iter().enumerate() {
        let base = numbers.fresh(call, &wire);
        let record = read_owned(call, fields, wire, base, None);
        records.push(record.map_err(|error| named(error, &name(index)))?);
    }
    Ok(records)
}

fn users<R: Record>(fields: &Fields, records: &[R]) -> Vec<Uuid> {
    records.iter().flat_map(|record| owner::new_users(fields, record, None)).map(|(_, user)| user).collect()
}

/// Stores new records and tells of them.
pub async fn insert<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    records: &[R],
) -> Result<Vec<R::Wire>> {
    let mut settled = R::settle(tx, call, fields, records).await?;
    for record in settled.iter_mut().flatten() {
        refresh::evaluate(fields, record, call.moment());
    }
    let records = settled.as_deref().unwrap_or(records);
    R::insert(tx.conn(), records).await?;
    R::link(tx, call, records, &[]).await?;
    claim(tx, records).await?;
    link::written(tx, call, fields, records, &[]).await?;
    let mut wires = Vec::with_capacity(records.len());
    for record in records {
        let wire = record.to_wire(fields);
        tx.record(change::created(record, &wire));
        wires.push(wire);
    }
    Ok(wires)
}
