//! Many rows at once: each creates or changes a record, rows that fail are told one by one, and the others are written in one transaction a
//! group. Bulk calls and imports both end here.

use std::collections::{BTreeMap, BTreeSet};

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::{Tx, people::People};
use crm_proto::crm::record::v1::row_result::Outcome;
use futures::future::BoxFuture;
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use crate::{
    Record, Slice, Update,
    custom_field::Fields,
    external_id::{self, ExternalId},
    life::{self, NewNumbers},
    number, owner,
};

/// Most rows in one transaction.
pub const GROUP: usize = 500;

/// Groups from this size on are worth plans of their own.
const PLANNED_ANEW: usize = 20;

/// What to do with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A record with the row's key is an error.
    Create,
    /// No record with the row's key is an error.
    Update,
    /// Either.
    Upsert,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row<W> {
    /// External id that names the record; without one the record's number does, and without that the row makes a new record.
    pub key: Option<ExternalId>,
    /// The values.
    pub wire: W,
    /// Fields to change when the record exists.
    pub mask: Option<FieldMask>,
    /// What to do.
    pub mode: Mode,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The record.
    pub id: Uuid,
    /// Created, updated or unchanged.
    pub outcome: Outcome,
}

/// Outcomes of a group of rows, in their order.
pub type Outcomes = Vec<Result<Written>>;

/// Runs in the transaction of a group after its rows, for work that must be committed with them, such as a job's progress.
pub type Then<'a> =
    &'a (dyn for<'t> Fn(&'t mut Tx<'_>, &'t Outcomes) -> BoxFuture<'t, Result<()>> + Send + Sync);

/// A row after its key was looked up.
enum Step<R: Record> {
    Failed(Error),
    Create(R),
    Update(Uuid, Update<R::Wire>),
}

impl<R: Record> Slice<R> {
    /// Writes a group of rows and what `then` adds, in one transaction; when the database refuses the group for the sake of one row, its halves are
    /// written apart, and so on, so that only that row fails. `then` runs with every part that is committed, in the order of the rows. `Err`
    /// means that what is not committed yet was not written and that it is no row's fault.
    pub async fn upsert(&self, call: &Call, rows: Vec<Row<R::Wire>>, then: Then<'_>) -> Result<Outcomes> {
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut parts = vec![rows];
        while let Some(part) = parts.pop() {
            match self.upsert_together(call, &part, then).await {
                Err(error) if is_fault_of_a_row(&error) && part.len() > 1 => halve(part, &mut parts),
                Err(error) if is_fault_of_a_row(&error) && part.len() == 1 => {
                    outcomes.extend(self.refuse(call, error, then).await?);
                }
                written => outcomes.extend(written?),
            }
        }
        Ok(outcomes)
    }

    /// As [`Slice::upsert`] without writing anything: every check runs against the database, then all is undone.
    pub async fn rehearse(&self, call: &Call, rows: Vec<Row<R::Wire>>) -> Result<Outcomes> {
        let fields = &self.fields(call).await?;
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut parts = vec![rows];
        while let Some(part) = parts.pop() {
            let known = self.known(call, &part).await?;
            if part.len() > 1 && meets_itself::<R>(&part, &known) {
                halve(part, &mut parts);
                continue;
            }
            self.meet(call, fields, part.iter().map(|row| &row.wire)).await?;
            let numbers = &mut NewNumbers::<R>::placeholders(fields);
            let steps = &steps(call, fields, part.clone(), &known, numbers);
            let work = self.db.rehearse(call, move |tx| {
                Box::pin(async move { apply(tx, call, (fields, &self.people), steps).await })
            });
            match work.await {
                Err(error) if is_fault_of_a_row(&error) && part.len() > 1 => halve(part, &mut parts),
                Err(error) if is_fault_of_a_row(&error) && part.len() == 1 => outcomes.push(Err(error)),
                rehearsed => outcomes.extend(rehearsed?),
            }
        }
        Ok(outcomes)
    }

    /// Commits what `then` adds for a row that was refused.
    async fn refuse(&self, call: &Call, error: Error, then: Then<'_>) -> Result<Outcomes> {
        let outcomes = &vec![Err(error)];
        self.commit(call, move |tx| {
            Box::pin(async move { then(tx, outcomes).await.map(|()| outcomes.clone()) })
        })
        .await
    }

    async fn upsert_together(&self, call: &Call, rows: &[Row<R::Wire>], then: Then<'_>) -> Result<Outcomes> {
        for _ in 0..number::ATTEMPTS {
            if let Some(outcomes) = self.upsert_once(call, rows.to_vec(), then).await? {
                return Ok(outcomes);
            }
        }
        Err(Error::concurrent_change())
    }

    /// `None` when nothing was written because records had the numbers that were drawn for new ones: there are others now.
    async fn upsert_once(
        &self,
        call: &Call,
        rows: Vec<Row<R::Wire>>,
        then: Then<'_>,
    ) -> Result<Option<Outcomes>> {
        let fields = &self.fields(call).await?;
        let known = self.known(call, &rows).await?;
        if rows.len() > 1 && meets_itself::<R>(&rows, &known) {
            return Err(Error::concurrent_change());
        }
        self.meet(call, fields, rows.iter().map(|row| &row.wire)).await?;
        let new = rows.iter().filter(|row| is_new::<R>(row, &known)).map(|row| &row.wire);
        let mut numbers = self.numbers_for(call, fields, new).await?;
        let steps = &steps(call, fields, rows, &known, &mut numbers);
        let written = self
            .commit(call, move |tx| {
                Box::pin(async move {
                    let outcomes = apply(tx, call, (fields, &self.people), steps).await?;
                    then(tx, &outcomes).await?;
                    Ok(outcomes)
                })
            })
            .await;
        match written {
            Err(error) if self.passes(call, &numbers, &error).await? => Ok(None),
            Err(error) => {
                if is_fault_of_a_row(&error) {
                    self.give_back(call, &numbers.into_taken()).await;
                }
                Err(error)
            }
            Ok(outcomes) => Ok(Some(outcomes)),
        }
    }

    async fn commit<'c, F>(&self, call: &Call, work: F) -> Result<Outcomes>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<Outcomes>> + Send,
    {
        self.db.write_rows(call, "upsert", work).await
    }

    /// The records that exist among those that rows name.
    async fn known(&self, call: &Call, rows: &[Row<R::Wire>]) -> Result<BTreeMap<Key, Uuid>> {
        let tenant = call.tenant_id();
        let external = rows.iter().filter_map(|row| row.key.as_ref());
        let (systems, values): (Vec<String>, Vec<String>) =
            external.map(|id| (id.system.clone(), id.value.clone())).unzip();
        let numbers = rows.iter().filter_map(|row| match key::<R>(row) {
            Key::Number(number) => Some(number),
            _ => None,
        });
        let numbers: Vec<String> = numbers.collect();
        let (systems, values, numbers) = (&systems, &values, &numbers);
        // Planned for the rows at hand: a plan that was kept since the tables were small reads them from end to end.
        self.db
            .list(call, move |tx| {
                Box::pin(async move {
                    let collection = R::KIND.collection;
                    let mut known = BTreeMap::new();
                    for holder in external_id::holders(tx.conn(), tenant, collection, systems, values).await?
                    {
                        let id = ExternalId { system: holder.system, value: holder.value };
                        known.insert(Key::External(id), holder.record_id);
                    }
                    if !numbers.is_empty() {
                        let found = R::by_number(tx.conn(), tenant, numbers).await?;
                        known.extend(found.into_iter().map(|(number, id)| (Key::Number(number), id)));
                    }
                    Ok(known)
                })
            })
            .await
    }
}

/// Whether a row makes a record.
fn is_new<R: Record>(row: &Row<R::Wire>, known: &BTreeMap<Key, Uuid>) -> bool {
    row.mode != Mode::Update && !known.contains_key(&key::<R>(row))
}

/// Whether two rows name one record by different keys. They are written one after the other, not together.
fn meets_itself<R: Record>(rows: &[Row<R::Wire>], known: &BTreeMap<Key, Uuid>) -> bool {
    let mut named: BTreeMap<Uuid, Key> = BTreeMap::new();
    rows.iter().map(key::<R>).any(|key| match known.get(&key) {
        Some(id) => named.insert(*id, key.clone()).is_some_and(|other| other != key),
        None => false,
    })
}

/// What is to be done for each row: those that name no record that exists are read as new ones.
fn steps<R: Record>(
    call: &Call,
    fields: &Fields,
    rows: Vec<Row<R::Wire>>,
    known: &BTreeMap<Key, Uuid>,
    numbers: &mut NewNumbers<R>,
) -> Vec<Step<R>> {
    let mut seen = BTreeSet::new();
    let mut steps = Vec::with_capacity(rows.len());
    for row in rows {
        let key = key::<R>(&row);
        if key != Key::None && !seen.insert(key.clone()) {
            steps.push(Step::Failed(Error::concurrent_change()));
            continue;
        }
        steps.push(match (known.get(&key), row.mode) {
            (Some(_), Mode::Create) => Step::Failed(taken::<R>(&key)),
            (None, Mode::Update) => Step::Failed(Error::not_found(R::KIND.collection, key.text())),
            (Some(id), _) => Step::Update(*id, Update { wire: row.wire, mask: row.mask }),
            (None, _) => {
                let base = numbers.fresh(call, &row.wire);
                let record = life::read_owned(call, fields, row.wire, base, None);
                record.map_or_else(Step::Failed, |record| Step::Create(keyed(record, row.key)))
            }
        });
    }
    steps
}

/// What names a row's record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    External(ExternalId),
    Number(String),
    None,
}

impl Key {
    fn text(&self) -> &str {
        match self {
            Self::External(id) => &id.value,
            Self::Number(number) => number,
            Self::None => "",
        }
    }
}

fn key<R: Record>(row: &Row<R::Wire>) -> Key {
    let number = R::sent(&row.wire).number;
    match &row.key {
        Some(id) => Key::External(id.clone()),
        None if R::KIND.series.is_some() && !number.is_empty() => Key::Number(number.to_owned()),
        None => Key::None,
    }
}

/// The record with the external id that names it among its own.
fn keyed<R: Record>(mut record: R, key: Option<ExternalId>) -> R {
    if let Some(key) = key.filter(|key| !record.head().external_ids.contains(key)) {
        record.head_mut().external_ids.push(key);
    }
    record
}

fn taken<R: Record>(key: &Key) -> Error {
    match key {
        Key::External(id) => external_id::taken(R::KIND, &id.system, &id.value),
        Key::Number(_) | Key::None => {
            Error::new(Code::AlreadyExists, R::KIND.domain, "NUMBER_TAKEN", "another record has the number")
                .with("number", key.text())
        }
    }
}

/// Does the steps that have not failed yet.
async fn apply<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    (fields, people): (&Fields, &People),
    steps: &[Step<R>],
) -> Result<Outcomes> {
    let ids = steps.iter().filter_map(|step| match step {
        Step::Update(id, _) => Some(*id),
        _ => None,
    });
    let ids: Vec<Uuid> = ids.collect();
    if steps.len() >= PLANNED_ANEW {
        plan_anew(tx).await?;
    }
    let mut held = if ids.is_empty() { BTreeMap::new() } else { life::hold::<R>(tx, call, &ids).await? };
    let users = steps.iter().flat_map(|step| match step {
        Step::Failed(_) => Vec::new(),
        Step::Create(record) => owner::new_users(fields, record, None).map(|(_, user)| user).collect(),
        Step::Update(_, update) => owner::named::<R>(fields, &update.wire),
    });
    let standing = people.standing(tx, call, users.collect::<Vec<_>>()).await?;
    let (mut fresh, mut revisions) = (Vec::new(), Vec::new());
    let mut outcomes: Outcomes = Vec::with_capacity(steps.len());
    for step in steps {
        let outcome = match step {
            Step::Failed(error) => Err(error.clone()),
            Step::Create(record) => owner::check(&standing, call, fields, record, None).map(|()| {
                fresh.push(record.clone());
                Written { id: record.head().id, outcome: Outcome::Created }
            }),
            Step::Update(id, update) => life::live(&mut held, id)
                .and_then(|was| life::revise(call, fields, was, update))
                .and_then(|revision| revision.check(&standing, call, fields).map(|()| revision))
                .map(|revision| {
                    let outcome = if revision.is_change() { Outcome::Updated } else { Outcome::Unchanged };
                    revisions.push(revision);
                    Written { id: *id, outcome }
                }),
        };
        // Nobody could be asked about an owner: the row may well be right, and the group is tried again.
        if let Some(error) = outcome.as_ref().err().filter(|error| is_passing(error)) {
            return Err(error.clone());
        }
        outcomes.push(outcome);
    }
    if !fresh.is_empty() {
        life::insert(tx, call, fields, &fresh).await?;
    }
    life::write(tx, call, fields, revisions).await?;
    Ok(outcomes)
}

/// Has the statements of a transaction planned for the tables as they are: a large import makes tables grow faster than plans are dropped.
async fn plan_anew(tx: &mut Tx<'_>) -> Result<()> {
    sqlx::query("SET LOCAL plan_cache_mode = force_custom_plan")
        .execute(tx.conn())
        .await
        .map(drop)
        .map_err(crm_kit_pg::db::database_error)
}

/// Puts the halves of a group on the stack, the first on top.
fn halve<W>(mut rows: Vec<Row<W>>, parts: &mut Vec<Vec<Row<W>>>) {
    let second = rows.split_off(rows.len() / 2);
    parts.push(second);
    parts.push(rows);
}

/// Whether an error says that a service did not answer.
fn is_passing(error: &Error) -> bool {
    matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded)
}

/// Whether an error of a group comes from what a row says, and not from the database or the load on it.
fn is_fault_of_a_row(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::InvalidArgument
            | Code::AlreadyExists
            | Code::NotFound
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::PermissionDenied
    )
}
