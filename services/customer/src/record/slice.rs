//! The life of a record, the same for every kind: create, update, delete and undelete, alone or in batches that do all or nothing, each leaving an event
//! and an audit row. A kind of record says what is its own by implementing [`Record`].
//!
//! Not here: SQL and fields of a kind, and bulk writing, which is [`super::upsert`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{
    Call, Error, Result, etag,
    filter::{self, Filter, Moment, Schema},
    id, mask,
    order::{Column, Order},
    page::{self, Binding, Token},
    sensitivity, time,
};
use crm_kit_pg::{
    Change, Db, Tx,
    list::{List, Page, Total},
};
use crm_proto::crm::customer::v1::custom_field::Type;
use prost::{Message, Name};
use prost_types::{FieldMask, Timestamp};
use sqlx::{FromRow, PgConnection, postgres::PgRow};
use tonic::Code;
use uuid::Uuid;

use super::{
    external_id::{self, Claims, ExternalId},
    number::Numbers,
    search,
};
use crate::{
    DOMAIN,
    custom_field::{Catalog, Fields, Values, link, model::Definition, refresh},
};

/// Days a record stays in the recycle bin.
pub const BIN_DAYS: i64 = 30;

/// What the life of a record needs to know of every kind.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The record.
    pub id: Uuid,
    /// Who answers for it.
    pub owner_id: Option<Uuid>,
    /// When it went to the recycle bin.
    pub delete_time: Option<DateTime<Utc>>,
    /// Raised by every write.
    pub revision: i64,
}

/// What a record's life changes of it.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The write's instant.
    pub update_time: DateTime<Utc>,
    /// When it went to the recycle bin.
    pub delete_time: Option<DateTime<Utc>>,
    /// The new revision.
    pub revision: i64,
}

/// What happened to a record.
#[derive(Debug)]
pub enum Happening<W> {
    /// It was created.
    Created,
    /// These fields changed; the message holds them as they were.
    Updated { fields: Vec<String>, previous: W, current: W },
    /// It went to the recycle bin.
    Deleted,
    /// It came back.
    Undeleted,
}

/// Constants of a kind of record.
#[derive(Debug)]
pub struct Kind {
    /// Name in errors, events and paths.
    pub collection: &'static str,
    /// Name of the field that holds a record in requests.
    pub field: &'static str,
    /// Its table.
    pub table: &'static str,
    /// Columns of its model.
    pub columns: &'static str,
    /// Columns that `q` searches.
    pub search: search::Columns,
    /// Order of a list that states none.
    pub default_order: &'static str,
    /// Fields that a caller may send back but never sets.
    pub fixed: &'static [&'static str],
    /// Permission to give a record to somebody outside the caller's scope.
    pub transfer: &'static str,
    /// Series and prefix of numbers for records that bring none; `None` for kinds without numbers.
    pub series: Option<(&'static str, &'static str)>,
}

/// A kind of record.
pub trait Record:
    Clone + std::fmt::Debug + PartialEq + Send + Sync + Unpin + 'static + for<'r> FromRow<'r, PgRow>
{
    /// The record on the wire.
    type Wire: Message + Name + Default + Clone;
    /// Its constants.
    const KIND: Kind;

    /// A fresh record of the caller, with the number it gets when it brings none.
    fn fresh(call: &Call, number: String) -> Self;
    /// Reads a record, collecting every violation. `base` keeps what the server sets.
    fn read(call: &Call, fields: &Fields, wire: Self::Wire, base: Self) -> Result<Self>;
    /// The record on the wire, unmasked.
    fn to_wire(&self, fields: &Fields) -> Self::Wire;
    /// Id, etag and number that a caller sent.
    fn sent(wire: &Self::Wire) -> Sent<'_>;
    /// What its life needs to know.
    fn head(&self) -> Head;
    /// What its life changes.
    fn stamp(&mut self, stamp: Stamp);
    /// Its names in other systems.
    fn external_ids(&self) -> &[ExternalId];
    /// Its names in other systems, to add one.
    fn external_ids_mut(&mut self) -> &mut Vec<ExternalId>;
    /// Its values of the tenant's own fields.
    fn custom(&self) -> &Values;
    /// Its values of the tenant's own fields, to change them.
    fn custom_mut(&mut self) -> &mut Values;
    /// A standard field as filters and formulas see it.
    fn filter_value(&self, path: &str) -> filter::Value<'_>;
    /// The account whose roll-ups count it.
    fn rolls_up_to(&self) -> Option<Uuid> {
        None
    }
    /// The change that tells of it.
    fn change(&self, wire: &Self::Wire, happening: Happening<Self::Wire>) -> Change;
    /// What lists may filter by.
    fn filter_schema(fields: &Fields, call: &Call) -> Schema;
    /// What lists may be ordered by.
    fn order_columns(fields: &Fields, call: &Call) -> Vec<Column>;

    /// The records with these ids within the scope of `owners`, with those in the recycle bin.
    fn get(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        ids: &[Uuid],
        owners: Option<&[Uuid]>,
    ) -> impl Future<Output = Result<Vec<Self>>> + Send;
    /// As `get`, and holds the rows.
    fn lock(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        ids: &[Uuid],
        owners: Option<&[Uuid]>,
    ) -> impl Future<Output = Result<Vec<Self>>> + Send;
    /// Ids of live records with these numbers; kinds without numbers have none.
    fn by_number(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        numbers: &[String],
    ) -> impl Future<Output = Result<Vec<(String, Uuid)>>> + Send;
    /// Inserts rows.
    fn insert(conn: &mut PgConnection, records: &[Self]) -> impl Future<Output = Result<()>> + Send;
    /// Writes rows that are held over what they were.
    fn update(conn: &mut PgConnection, records: &[Self]) -> impl Future<Output = Result<()>> + Send;
    /// Checks what records refer to, and stores references kept in tables of their own. `was` are the same records before, and empty for new
    /// ones.
    fn link(
        tx: &mut Tx<'_>,
        call: &Call,
        records: &[Self],
        was: &[Self],
    ) -> impl Future<Output = Result<()>> + Send;
}

/// What a caller sent to name a record.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'w> {
    /// Its id.
    pub id: &'w str,
    /// The etag it must still have.
    pub etag: &'w str,
    /// Its number.
    pub number: &'w str,
}

/// One update of a batch.
#[derive(Clone, Debug)]
pub struct Update<W> {
    /// Id, etag and new values.
    pub wire: W,
    /// Fields to change.
    pub mask: Option<FieldMask>,
}

/// One deletion of a batch.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The record.
    pub id: String,
    /// Etag it must still have.
    pub etag: String,
}

/// Names the items of a batch in errors; a single call names none.
pub type ItemName = fn(usize) -> String;

/// The name of the only item of a single call: none.
pub fn single(_: usize) -> String {
    String::new()
}

/// The name of an item of a batch.
pub fn item(index: usize) -> String {
    format!("requests[{index}]")
}

/// What a list request asks for, whatever the kind.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'r> {
    pub page_size: i32,
    pub page_token: &'r str,
    pub filter: &'r str,
    pub order_by: &'r str,
    pub q: &'r str,
    pub show_deleted: bool,
    pub include_total_size: bool,
}

/// A page on the wire, whatever the kind.
#[derive(Debug)]
pub struct Listed<W> {
    pub wires: Vec<W>,
    pub next_page_token: String,
    pub total_size: i64,
    pub total_size_estimated: bool,
}

/// The use cases of one kind of record. Cheap to clone.
#[derive(Debug)]
pub struct Slice<R> {
    /// The service's database.
    pub db: Db,
    /// The tenants' own fields.
    pub catalog: Catalog,
    /// Numbers of new records.
    pub numbers: Numbers,
    kind: std::marker::PhantomData<fn() -> R>,
}

impl<R> Clone for Slice<R> {
    fn clone(&self) -> Self {
        Self::new(self.db.clone(), self.catalog.clone(), self.numbers.clone())
    }
}

impl<R> Slice<R> {
    /// The use cases over a database.
    pub fn new(db: Db, catalog: Catalog, numbers: Numbers) -> Self {
        Self { db, catalog, numbers, kind: std::marker::PhantomData }
    }
}

impl<R: Record> Slice<R> {
    /// The tenant's own fields on the collection.
    pub async fn fields(&self, call: &Call) -> Result<Arc<Fields>> {
        self.catalog.fields(call.tenant_id(), R::KIND.collection).await
    }

    /// The records with these ids, in their order.
    pub async fn get(&self, call: &Call, ids: &[String]) -> Result<Vec<R::Wire>> {
        let ids = ids.iter().map(|id| id::parse("id", id)).collect::<Result<Vec<_>>>()?;
        let fields = self.fields(call).await?;
        let (tenant, owners, wanted) = (call.tenant_id(), call.access.scope.owners(), &ids);
        let found = self
            .db
            .read_one(call, move |one| {
                Box::pin(async move { R::get(one.conn(), tenant, wanted, owners).await })
            })
            .await?;
        let by_id: BTreeMap<Uuid, &R> = found.iter().map(|record| (record.head().id, record)).collect();
        let one = |id: &Uuid| by_id.get(id).ok_or_else(|| not_found::<R>(id));
        ids.iter().map(|id| Ok(one(id)?.to_wire(&fields))).collect()
    }

    /// A page of records.
    pub async fn list(&self, call: &Call, wanted: Wanted<'_>) -> Result<Listed<R::Wire>> {
        let fields = self.fields(call).await?;
        let query = Query::read::<R>(call, &fields, &wanted)?;
        let Some(search) = search::conditions(wanted.q, &R::KIND.search, &call.access.masks) else {
            let nothing = Vec::new();
            return Ok(Listed {
                wires: nothing,
                next_page_token: String::new(),
                total_size: 0,
                total_size_estimated: false,
            });
        };
        let list = query.list::<R>(call, &wanted, search);
        let (list, tenant, count) = (&list, call.tenant_id(), wanted.include_total_size);
        let (page, total): (Page<R>, Option<Total>) = self
            .db
            .list(call, move |tx| {
                Box::pin(async move {
                    let page = list.fetch(tx.conn(), tenant).await?;
                    let total = if count { Some(list.count(tx.conn(), tenant).await?) } else { None };
                    Ok((page, total))
                })
            })
            .await?;
        Ok(Listed {
            wires: page.rows.iter().map(|record| record.to_wire(&fields)).collect(),
            next_page_token: page.next.map(|token| token.encode(query.binding)).unwrap_or_default(),
            total_size: total.map_or(0, |total| total.rows),
            total_size_estimated: total.is_some_and(|total| total.estimated),
        })
    }

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
        self.db
            .write(call, "create", move |tx| {
                Box::pin(async move { insert(tx, call, fields, records).await.map(answer) })
            })
            .await
    }

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
        self.db
            .write(call, "update", move |tx| {
                Box::pin(async move { update::<R>(tx, call, fields, updates, name).await.map(answer) })
            })
            .await
    }

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
        let next = match R::KIND.series {
            Some((series, _)) if count > 0 => self.numbers.take(tenant, series, count).await?,
            _ => 0,
        };
        let mut custom = Vec::new();
        for definition in fields.of_kind(Type::AutoNumber).filter(|definition| !definition.retired) {
            if !without.is_empty() {
                let first = self.numbers.take(tenant, &definition.series(), without.len()).await?;
                custom.push((definition.clone(), first));
            }
        }
        Ok(NewNumbers { next, custom, kind: std::marker::PhantomData })
    }
}

/// Numbers for new records, in order.
#[derive(Debug)]
pub struct NewNumbers<R> {
    next: i64,
    custom: Vec<(Definition, i64)>,
    kind: std::marker::PhantomData<fn() -> R>,
}

impl<R: Record> NewNumbers<R> {
    /// A fresh record with its numbers.
    pub fn fresh(&mut self, call: &Call, wire: &R::Wire) -> R {
        let mut record = R::fresh(call, self.next(wire));
        for (definition, next) in &mut self.custom {
            record.custom_mut().set(&definition.key, Some(definition.number(*next).into()));
            *next += 1;
        }
        record
    }

    /// The number of a new record that brings none; empty for one that does.
    fn next(&mut self, wire: &R::Wire) -> String {
        match R::KIND.series {
            Some((_, prefix)) if R::sent(wire).number.is_empty() => {
                self.next += 1;
                format!("{prefix}{:06}", self.next - 1)
            }
            _ => String::new(),
        }
    }
}

/// What a list request asks for, checked.
struct Query {
    filter: Filter,
    order: Order,
    after: Option<Token>,
    binding: Binding,
}

impl Query {
    fn read<R: Record>(call: &Call, fields: &Fields, wanted: &Wanted<'_>) -> Result<Self> {
        let filter = Filter::parse(wanted.filter, &R::filter_schema(fields, call))?;
        let order = Order::parse(wanted.order_by, R::KIND.default_order, &R::order_columns(fields, call))?;
        let deleted = if wanted.show_deleted { "deleted" } else { "" };
        let parts = [R::KIND.collection, wanted.filter, wanted.order_by, wanted.q, deleted];
        let binding = Binding::new(call.tenant_id(), &parts);
        let after = Token::decode(wanted.page_token, binding, order.keys.len())?;
        Ok(Self { filter, order, after, binding })
    }

    fn list<'l, R: Record>(
        &'l self,
        call: &'l Call,
        wanted: &Wanted<'_>,
        search: Vec<(&'static str, String)>,
    ) -> List<'l> {
        List {
            table: R::KIND.table,
            columns: R::KIND.columns,
            owners: call.access.scope.owners(),
            show_deleted: wanted.show_deleted,
            filter: &self.filter,
            moment: Moment::from(call.now),
            search,
            order: &self.order,
            after: self.after.clone(),
            limit: page::size(wanted.page_size),
        }
    }
}

/// Stores new records and tells of them.
pub async fn insert<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    records: &[R],
) -> Result<Vec<R::Wire>> {
    R::insert(tx.conn(), records).await?;
    R::link(tx, call, records, &[]).await?;
    claim(tx, records).await?;
    link::written(tx, call, fields, records, &[]).await?;
    let mut wires = Vec::with_capacity(records.len());
    for record in records {
        let wire = record.to_wire(fields);
        tx.record(record.change(&wire, Happening::Created));
        wires.push(wire);
    }
    Ok(wires)
}

async fn update<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    updates: &[Update<R::Wire>],
    name: ItemName,
) -> Result<Vec<R::Wire>> {
    let field = format!("{}.id", R::KIND.field);
    let ids = distinct_ids(updates.iter().map(|update| R::sent(&update.wire).id), &field, name)?;
    let mut held = hold::<R>(tx, call, &ids).await?;
    let mut revisions = Vec::with_capacity(updates.len());
    for (index, (id, update)) in ids.iter().zip(updates).enumerate() {
        let revision = live(&mut held, id).and_then(|was| revise(call, fields, was, update));
        revisions.push(revision.map_err(|error| named(error, &name(index)))?);
    }
    write(tx, call, fields, revisions).await
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
    /// A revision that the server itself makes.
    pub fn new(fields: &Fields, was: R, record: R) -> Self {
        Self { before: was.to_wire(fields), was, record }
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
    let descriptor = crm_proto::message(&R::Wire::full_name());
    let mut merged = mask::merge(&descriptor, &before, &update.wire, update.mask.as_ref(), R::KIND.fixed)?;
    if call.access.masks.any() {
        merged = sensitivity::restore(&descriptor, R::KIND.field, &merged, &before, &call.access.masks)?;
    }
    let record = read_owned(call, fields, merged, was.clone(), was.head().owner_id)?;
    Ok(Revision { was, before, record })
}

/// Stores what really changed, and tells of it; returns every record as it is now.
pub async fn write<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    revisions: Vec<Revision<R>>,
) -> Result<Vec<R::Wire>> {
    let descriptor = crm_proto::message(&R::Wire::full_name());
    let mut wires = Vec::with_capacity(revisions.len());
    let (mut changed, mut was_changed) = (Vec::new(), Vec::new());
    for Revision { was, before, mut record } in revisions {
        let Head { delete_time, revision, .. } = record.head();
        record.stamp(Stamp { update_time: call.now, delete_time, revision: revision + 1 });
        let wire = record.to_wire(fields);
        let mut names = mask::changed(&descriptor, &before, &wire)?;
        names.retain(|name| !matches!(name.as_str(), "update_time" | "etag"));
        if names.is_empty() {
            wires.push(before);
            continue;
        }
        let previous = mask::only(&descriptor, &before, &names)?;
        let current = mask::only(&descriptor, &wire, &names)?;
        tx.record(record.change(&wire, Happening::Updated { fields: names, previous, current }));
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

async fn delete<R: Record>(
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
            let Head { revision, .. } = record.head();
            etag::check(&delete.etag, revision)?;
            let stamp = Stamp { update_time: call.now, delete_time: Some(call.now), revision: revision + 1 };
            record.stamp(stamp);
            Ok(record)
        });
        gone.push(record.map_err(|error| named(error, &name(index)))?);
    }
    R::update(tx.conn(), &gone).await?;
    if gone.iter().any(|record| !record.external_ids().is_empty()) {
        let tenant = tx.tenant_id();
        external_id::release(tx.conn(), tenant, &ids).await?;
    }
    link::deleted(tx, call, fields, &gone).await?;
    let wires: Vec<R::Wire> = gone.iter().map(|record| record.to_wire(fields)).collect();
    for (record, wire) in gone.iter().zip(&wires) {
        tx.record(record.change(wire, Happening::Deleted));
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
        return Err(Error::new(Code::FailedPrecondition, DOMAIN, "NOT_DELETED", message)
            .with("collection", R::KIND.collection)
            .with("id", id));
    }
    etag::check(&wanted.etag, revision)?;
    record.stamp(Stamp { update_time: call.now, delete_time: None, revision: revision + 1 });
    refresh::evaluate(fields, &mut record, Moment::from(call.now));
    let records = std::slice::from_ref(&record);
    R::update(tx.conn(), records).await?;
    claim(tx, records).await?;
    link::undeleted(tx, call, fields, &record).await?;
    let wire = record.to_wire(fields);
    tx.record(record.change(&wire, Happening::Undeleted));
    Ok(wire)
}

/// The records with these ids within the caller's scope, held until the transaction ends.
pub async fn hold<R: Record>(tx: &mut Tx<'_>, call: &Call, ids: &[Uuid]) -> Result<BTreeMap<Uuid, R>> {
    let tenant = tx.tenant_id();
    let found = R::lock(tx.conn(), tenant, ids, call.access.scope.owners()).await?;
    Ok(found.into_iter().map(|record| (record.head().id, record)).collect())
}

/// Takes a live record out of those held.
pub fn live<R: Record>(held: &mut BTreeMap<Uuid, R>, id: &Uuid) -> Result<R> {
    held.remove(id).filter(|record| record.head().delete_time.is_none()).ok_or_else(|| not_found::<R>(id))
}

/// Reads a record and checks that the caller may make its owner its owner: everybody within the caller's scope may be, and whoever was before.
pub fn read_owned<R: Record>(
    call: &Call,
    fields: &Fields,
    wire: R::Wire,
    base: R,
    owner_before: Option<Uuid>,
) -> Result<R> {
    let record = R::read(call, fields, wire, base)?;
    let owner = record.head().owner_id;
    let is_free = owner == owner_before || owner == Some(call.caller_id()) || call.access.scope.covers(owner);
    if !is_free {
        call.require(R::KIND.transfer)?;
    }
    Ok(record)
}

async fn claim<R: Record>(tx: &mut Tx<'_>, records: &[R]) -> Result<()> {
    let mut claims = Claims::default();
    for record in records {
        claims.add(record.head().id, record.external_ids());
    }
    if claims.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant_id();
    external_id::claim(tx.conn(), tenant, R::KIND.collection, &claims).await
}

/// Exchanges the external ids of those records whose ids changed.
async fn rename<R: Record>(tx: &mut Tx<'_>, records: &[R], was: &[R]) -> Result<()> {
    let pairs = records.iter().zip(was);
    let renamed = pairs.filter(|(record, was)| record.external_ids() != was.external_ids());
    let renamed: Vec<R> = renamed.map(|(record, _)| record.clone()).collect();
    if renamed.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = renamed.iter().map(|record| record.head().id).collect();
    let tenant = tx.tenant_id();
    external_id::release(tx.conn(), tenant, &ids).await?;
    claim(tx, &renamed).await
}

/// Ids of a batch, in which none may stand twice.
fn distinct_ids<'a>(texts: impl Iterator<Item = &'a str>, field: &str, name: ItemName) -> Result<Vec<Uuid>> {
    let mut seen = BTreeSet::new();
    let mut ids = Vec::new();
    for (index, text) in texts.enumerate() {
        let id = id::parse(field, text).and_then(|id| {
            let repeated = || Error::invalid_field(field, "REPEATED", "stands twice in the batch");
            seen.insert(id).then_some(id).ok_or_else(repeated)
        });
        ids.push(id.map_err(|error| named(error, &name(index)))?);
    }
    Ok(ids)
}

/// The error, naming the item of the batch it is about.
fn named(error: Error, prefix: &str) -> Error {
    if prefix.is_empty() { error } else { error.within(prefix) }
}

fn not_found<R: Record>(id: &Uuid) -> Error {
    Error::not_found(R::KIND.collection, id)
}

/// When the recycle bin drops a record for good.
pub fn purge_time(delete_time: Option<DateTime<Utc>>) -> Option<Timestamp> {
    delete_time.map(|time| time::timestamp(time + TimeDelta::days(BIN_DAYS)))
}

/// The only record of a batch of one.
pub fn only<W: Default>(mut wires: Vec<W>) -> W {
    wires.pop().unwrap_or_default()
}
