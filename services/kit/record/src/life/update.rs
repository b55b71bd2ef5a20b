//! Updating records: only what really changed is stored and told.

use crm_kit_api::{Call, Result, etag, mask, update::Sent};
use crm_kit_pg::{
    Tx,
    people::{People, Standing},
};
use prost::{Message, Name as _};
use uuid::Uuid;

use super::{change, hold, live, read_owned, rename, stamp, taken};
use crate::{
    Record, Slice, Update,
    batch::{ItemName, distinct_ids, named, of_item, only},
    custom_field::{Fields, link, refresh},
    owner, redirect,
};

impl<R: Record> Slice<R> {
    /// Updates records, all or none.
    pub async fn update<A>(
        &self,
        call: &Call,
        updates: Vec<Update<R::Wire>>,
        name: ItemName,
        answer: fn(Vec<R::Wire>) -> A,
    ) -> Result<A>
    where
        A: Message + Default,
    {
        let (fields, updates) = (&self.fields(call).await?, &updates);
        self.meet(call, fields, updates.iter().map(|update| &update.wire)).await?;
        let written = self.db.write(call, "update", move |tx| {
            Box::pin(
                async move { update::<R>(tx, call, (fields, &self.people), updates, name).await.map(answer) },
            )
        });
        match written.await {
            Err(error) => {
                let sent = updates.iter().map(|update| R::sent(&update.wire));
                let sent =
                    sent.map(|sent| (Uuid::try_parse(sent.id).unwrap_or_default(), sent.number.to_owned()));
                Err(taken::name::<R>(&self.db, call, error, sent.collect(), name).await)
            }
            written => written,
        }
    }
}

async fn update<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    (fields, people): (&Fields, &People),
    updates: &[Update<R::Wire>],
    name: ItemName,
) -> Result<Vec<R::Wire>> {
    let field = format!("{}.id", R::KIND.field);
    let ids = distinct_ids(updates.iter().map(|update| R::sent(&update.wire).id), &field, name)?;
    let mut held = hold::<R>(tx, call, &ids).await?;
    let ids = redirect::hold::<R>(tx, call, ids, &mut held, (&field, name)).await?;
    let mut revisions = Vec::with_capacity(updates.len());
    for (index, (id, update)) in ids.iter().zip(updates).enumerate() {
        let revision = live(&mut held, id).and_then(|was| revise(call, fields, was, update));
        revisions.push(revision.map_err(|error| named(error, &name(index)))?);
    }
    let users: Vec<Uuid> = revisions.iter().flat_map(|revision| revision.new_users(fields)).collect();
    let standing = people.standing(tx, call, users).await?;
    for (index, revision) in revisions.iter().enumerate() {
        revision.check(&standing, call, fields).map_err(|error| named(error, &name(index)))?;
    }
    write(tx, call, fields, revisions).await.map_err(|error| of_item(error, ids, name))
}

/// A record on its way from what it was to what it becomes.
#[derive(Debug)]
pub struct Revision<R: Record> {
    /// What it was.
    pub was: R,
    before: R::Wire,
    record: R,
}

impl<R: Record> Revision<R> {
    /// A revision that a verb or the server itself makes. Formulas are computed when it is written.
    pub fn new(fields: &Fields, was: R, record: R) -> Self {
        Self { before: was.to_wire(fields), was, record }
    }

    /// The users that the record names now and did not before.
    pub fn new_users(&self, fields: &Fields) -> impl Iterator<Item = Uuid> {
        owner::new_users(fields, &self.record, Some(&self.was)).map(|(_, user)| user)
    }

    /// Fails for such a user who is no live one of the tenant.
    pub fn check(&self, standing: &Standing, call: &Call, fields: &Fields) -> Result<()> {
        owner::check(standing, call, fields, &self.record, Some(&self.was))
    }

    /// Whether anything changes.
    pub fn is_change(&self) -> bool {
        self.record != self.was
    }
}

/// What an update makes of a record.
pub fn revise<R: Record>(
    call: &Call,
    fields: &Fields,
    was: R,
    update: &Update<R::Wire>,
) -> Result<Revision<R>> {
    etag::check(R::sent(&update.wire).etag, was.head().revision)?;
    let before = was.to_wire(fields);
    let sent = Sent { field: R::KIND.field, message: &update.wire, update_mask: update.mask.as_ref() };
    let merged = sent.merge_into(&before, R::KIND.fixed, &call.access.masks)?;
    let record = read_owned(call, fields, merged, was.clone(), was.head().owner_id)?;
    Ok(Revision { was, before, record })
}

/// As [`write`], of one record.
pub async fn write_one<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    revision: Revision<R>,
) -> Result<R::Wire> {
    write(tx, call, fields, vec![revision]).await.map(only)
}

/// Stores what really changed, with the tenant's formulas computed anew, and tells of it; returns every record as it is now.
pub async fn write<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    mut revisions: Vec<Revision<R>>,
) -> Result<Vec<R::Wire>> {
    let pairs = revisions.iter_mut().filter(|revision| revision.is_change());
    let pairs = pairs.map(|Revision { record, was, .. }| (record, &*was)).collect();
    R::settle_changes(tx, call, fields, pairs).await?;
    let descriptor = crm_proto::message(&R::Wire::full_name());
    let mut wires = Vec::with_capacity(revisions.len());
    let (mut changed, mut was_changed) = (Vec::new(), Vec::new());
    for Revision { was, before, mut record } in revisions {
        // After all that decides of the record: what a verb made of it, and what the database said.
        refresh::evaluate(fields, &mut record, call.moment());
        let deleted = record.head().delete_time;
        stamp(&mut record, call.now, deleted);
        let wire = record.to_wire(fields);
        let mut names = mask::changed(&descriptor, &before, &wire)?;
        names.retain(|name| !matches!(name.as_str(), "update_time" | "etag"));
        if names.is_empty() {
            wires.push(before);
            continue;
        }
        tx.record(change::updated(&was, &before, &record, &wire, names)?);
        changed.push(record);
        was_changed.push(was);
        wires.push(wire);
    }
    if !changed.is_empty() {
        R::update(tx.conn(), &changed).await?;
        R::link(tx, call, &changed, &was_changed).await?;
        rename(tx, &changed, &was_changed).await?;
        link::written(tx, call, fields, &changed, &was_changed).await?;
    }
    Ok(wires)
}
