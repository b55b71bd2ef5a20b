//! Creating records.

use crm_kit_api::{Call, Result, id};
use crm_kit_pg::Tx;
use crm_proto::crm::record::v1::custom_field::Type;
use prost::Message;
use uuid::Uuid;

use super::{change, claim, read_owned};
use crate::{
    Record, Slice,
    batch::{ItemName, named, of_item},
    custom_field::{Fields, link, model::Definition},
    number::Taken,
    owner,
};

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
        let records = &self.read_new(call, fields, wires, name).await?;
        self.people.meet(call, owners(records)).await?;
        self.db
            .write(call, "create", move |tx| {
                Box::pin(async move {
                    let standing = self.people.standing(tx, call, owners(records)).await?;
                    for (index, record) in records.iter().enumerate() {
                        owner::check::<R>(&standing, call, record.head().owner_id, None)
                            .map_err(|error| named(error, &name(index)))?;
                    }
                    let written = insert(tx, call, fields, records).await;
                    let ids = records.iter().map(|record| record.head().id);
                    written.map(answer).map_err(|error| of_item(error, ids, name))
                })
            })
            .await
    }

    /// Reads new records; numbers are taken only for those that bring none, and before the transaction.
    pub async fn read_new(
        &self,
        call: &Call,
        fields: &Fields,
        wires: Vec<R::Wire>,
        name: ItemName,
    ) -> Result<Vec<R>> {
        let mut numbers = self.numbers_for(call, fields, wires.iter()).await?;
        let mut records = Vec::with_capacity(wires.len());
        for (index, wire) in wires.into_iter().enumerate() {
            let base = numbers.fresh(call, &wire);
            let record = read_owned(call, fields, wire, base, None);
            records.push(record.map_err(|error| named(error, &name(index)))?);
        }
        Ok(records)
    }

    /// Numbers for new records: their own for those that bring none, and for all of them those of the tenant's AUTO_NUMBER fields.
    pub async fn numbers_for<'w>(
        &self,
        call: &Call,
        fields: &Fields,
        wires: impl Iterator<Item = &'w R::Wire>,
    ) -> Result<NewNumbers<R>> {
        let tenant = call.tenant_id();
        let without: Vec<bool> = wires.map(|wire| R::sent(wire).number.is_empty()).collect();
        let count = without.iter().filter(|without| **without).count();
        let mut numbers = NewNumbers::placeholders(fields);
        if let (Some((series, _)), 1..) = (R::KIND.series, count) {
            let taken = self.numbers.take(tenant, series, count).await?;
            numbers.next = Some(taken.first());
            numbers.taken.push(taken);
        }
        if !without.is_empty() {
            for (definition, next) in &mut numbers.custom {
                let taken = self.numbers.take(tenant, &definition.series(), without.len()).await?;
                *next = taken.first();
                numbers.taken.push(taken);
            }
        }
        Ok(numbers)
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
                format!("{prefix}{:06}", *next - 1)
            }
            (Some((_, prefix)), None) if R::sent(wire).number.is_empty() => {
                format!("{prefix}~{}", id::new(call.now))
            }
            _ => String::new(),
        }
    }
}

fn owners<R: Record>(records: &[R]) -> impl Iterator<Item = Uuid> {
    records.iter().filter_map(|record| record.head().owner_id)
}

/// Stores new records and tells of them.
pub async fn insert<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    records: &[R],
) -> Result<Vec<R::Wire>> {
    let settled = R::settle(tx, call, fields, records).await?;
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
