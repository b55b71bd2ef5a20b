//! Moving records to the recycle bin and back.

use crm_kit_api::{Call, Error, Result, etag, id};
use crm_kit_pg::Tx;
use prost::Message;
use tonic::Code;

use super::{change, claim, hold, live, not_found, stamp};
use crate::{
    Delete, Head, Record, Slice,
    batch::{ItemName, distinct_ids, named},
    custom_field::{Fields, link, refresh},
    external_id,
};

impl<R: Record> Slice<R> {
    /// Moves records to the recycle bin, all or none.
    pub async fn delete<A>(
        &self,
        call: &Call,
        deletes: Vec<Delete>,
        name: ItemName,
        answer: fn(Vec<R::Wire>) -> A,
    ) -> Result<A>
    where
        A: Message + Default,
    {
        let (fields, deletes) = (&self.fields(call).await?, &deletes);
        self.db
            .write(call, "delete", move |tx| {
                Box::pin(async move { delete::<R>(tx, call, fields, deletes, name).await.map(answer) })
            })
            .await
    }

    /// Brings a record back from the recycle bin.
    pub async fn undelete(&self, call: &Call, wanted: Delete) -> Result<R::Wire> {
        let (fields, wanted) = (&self.fields(call).await?, &wanted);
        self.db
            .write(call, "undelete", move |tx| {
                Box::pin(async move { undelete::<R>(tx, call, fields, wanted).await })
            })
            .await
    }
}

/// Moves live records to the recycle bin and tells of it; for work that does so in a transaction of its own.
pub async fn delete<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    deletes: &[Delete],
    name: ItemName,
) -> Result<Vec<R::Wire>> {
    let ids = distinct_ids(deletes.iter().map(|delete| delete.id.as_str()), "id", name)?;
    let mut held = hold::<R>(tx, call, &ids).await?;
    let mut gone = Vec::with_capacity(ids.len());
    for (index, (id, delete)) in ids.iter().zip(deletes).enumerate() {
        let record = live(&mut held, id).and_then(|mut record| {
            etag::check(&delete.etag, record.head().revision)?;
            record.may_delete()?;
            stamp(&mut record, call.now, Some(call.now));
            Ok(record)
        });
        gone.push(record.map_err(|error| named(error, &name(index)))?);
    }
    R::update(tx.conn(), &gone).await?;
    if gone.iter().any(|record| !record.head().external_ids.is_empty()) {
        let tenant = tx.tenant_id();
        external_id::release(tx.conn(), tenant, &ids).await?;
    }
    link::deleted(tx, call, fields, &gone).await?;
    let wires: Vec<R::Wire> = gone.iter().map(|record| record.to_wire(fields)).collect();
    for (record, wire) in gone.iter().zip(&wires) {
        tx.record(change::deleted(record, wire));
    }
    Ok(wires)
}

async fn undelete<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    wanted: &Delete,
) -> Result<R::Wire> {
    let id = id::parse("id", &wanted.id)?;
    let mut held = hold::<R>(tx, call, &[id]).await?;
    let mut record = held.remove(&id).ok_or_else(|| not_found::<R>(&id))?;
    let Head { revision, delete_time, .. } = record.head();
    if delete_time.is_none() {
        let message = "the record is not in the recycle bin";
        return Err(Error::new(Code::FailedPrecondition, R::KIND.domain, "NOT_DELETED", message)
            .with("collection", R::KIND.collection)
            .with("id", id));
    }
    etag::check(&wanted.etag, revision)?;
    stamp(&mut record, call.now, None);
    refresh::evaluate(fields, &mut record, call.moment());
    let records = std::slice::from_ref(&record);
    R::update(tx.conn(), records).await?;
    claim(tx, records).await?;
    link::undeleted(tx, call, fields, &record).await?;
    let wire = record.to_wire(fields);
    tx.record(change::undeleted(&record, &wire));
    Ok(wire)
}
