//! One pass over a file: rows are read, gathered into groups in which no key stands twice, tied to the records they name, and written or tried.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
};

use crm_kit_api::{Call, Error, Result};
use crm_proto::crm::record::v1::import_job::State;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};
use prost_types::FieldMask;

use super::{
    errors,
    file::{self, Event, Form, Item},
    group::{self, Batch, Entry, Group, Permit},
    links::{self, Found, Hit, Keys, Place},
    model::Job,
    ops::ImportJobs,
    plan,
};
use crate::{
    Record, column::Column, column::Columns, column::read::CellFault, column::read::Reader,
    column::read::Reading,
};
use crate::{Slice, external_id::ExternalId, rights::Caller, upsert::Mode, upsert::Row};

/// Most names that a pass remembers.
const REMEMBERED: usize = 100_000;

/// How a pass ended.
#[derive(Debug)]
pub enum Ending {
    /// Every row was handled; the text tells why no further one can be read.
    Whole(Option<String>),
    /// The process ends; another one goes on.
    Interrupted,
}

/// A pass over a file.
pub struct Pass<'p, R> {
    jobs: &'p ImportJobs,
    slice: &'p Slice<R>,
    caller: Caller,
    job: Job,
    columns: Columns,
    path: PathBuf,
    form: Form,
    header: Arc<[String]>,
    taken: Arc<[(usize, Column)]>,
    /// Keys of the whole file, when rows link to rows of it.
    file_keys: Keys,
    /// For the dry run, which finds nothing of earlier rows in the database: keys seen so far, and numbers with the key they stood beside.
    seen: Keys,
    numbers: HashMap<u64, u64>,
    /// What names led to before.
    known: Found,
}

impl<'p, R: Record> Pass<'p, R> {
    /// A pass of a job.
    pub fn new(
        jobs: &'p ImportJobs,
        slice: &'p Slice<R>,
        caller: Caller,
        job: Job,
        columns: Columns,
    ) -> Self {
        Self {
            jobs,
            slice,
            caller,
            job,
            columns,
            path: PathBuf::new(),
            form: Form::Cards,
            header: Arc::default(),
            taken: Arc::default(),
            file_keys: Keys::default(),
            seen: Keys::default(),
            numbers: HashMap::new(),
            known: Found::new(),
        }
    }

    /// Says where the rows are.
    pub async fn open(
        &mut self,
        path: PathBuf,
        form: Form,
        header: Vec<String>,
        taken: Arc<[(usize, Column)]>,
    ) -> Result<()> {
        (self.path, self.form, self.header, self.taken) = (path, form, header.into(), taken);
        let own = |(_, column): &&(usize, Column)| links::collection_of(column) == Some(R::KIND.collection);
        let has_links = self.taken.iter().find(own).is_some();
        if let (Form::Table(options), true, Some(key)) = (&self.form, has_links, plan::key_index(&self.taken))
        {
            self.file_keys = links::keys_of_file(self.path.clone(), options.clone(), key).await?;
        }
        Ok(())
    }

    /// Goes through the rounds and ends the pass.
    pub async fn go(mut self) -> Result<Ending> {
        loop {
            let broken = match self.round().await? {
                Ending::Whole(broken) => broken,
                Ending::Interrupted => return Ok(Ending::Interrupted),
            };
            self.job = self.jobs.finish_round(Permit::of(&self.job), broken).await?;
            if self.job.state.0 != State::Applying {
                return Ok(Ending::Whole(None));
            }
        }
    }

    /// One round over the rows after the last one that was handled.
    async fn round(&mut self) -> Result<Ending> {
        let tenant = self.caller.call().access.tenant.clone();
        let formats = plan::formats(&self.job.format, &tenant);
        let reader = Reader::new(&self.columns, self.taken.to_vec(), formats, &tenant.currency_code)
            .rewriting(plan::rewriting(&self.job.columns, &self.job.format.templates));
        let mut events = file::stream::<R>(self.path.clone(), self.form.clone(), self.job.last_line, reader);
        while let Some(event) = events.recv().await {
            let items = match event {
                Event::End => return Ok(Ending::Whole(None)),
                Event::Broken(why) => return Ok(Ending::Whole(Some(why))),
                Event::Rows(items) => items,
            };
            for items in split::<R>(items) {
                if self.jobs.shutdown.is_cancelled() {
                    return Ok(Ending::Interrupted);
                }
                self.write(items).await?;
            }
        }
        Err(Error::bug("the thread that reads an import ended early"))
    }

    /// Writes a group, or tries it.
    async fn write(&mut self, items: Vec<Item<R::Wire>>) -> Result<()> {
        let call = self.caller.call();
        let now = call.now;
        let Batch { group, rows } = self.prepare(&call, items).await?;
        let group = Arc::new(group);
        if self.job.state.0 == State::Applying {
            let written = self
                .slice
                .upsert(&call, rows, &move |tx, outcomes| {
                    let group = Arc::clone(&group);
                    Box::pin(async move { group::record(tx, &group, outcomes, now).await })
                })
                .await;
            return written.map(drop);
        }
        let (outcomes, group) = (&self.slice.rehearse(&call, rows).await?, &group);
        self.jobs
            .db
            .for_tenant(call.tenant_id(), move |tx| {
                Box::pin(async move { group::record(tx, group, outcomes, now).await })
            })
            .await
    }

    async fn prepare(&mut self, call: &Call, items: Vec<Item<R::Wire>>) -> Result<Batch<R::Wire>> {
        let found = self.resolve(call, &items).await?;
        let failed = self.failed_before(call, &items).await?;
        let mut entries = Vec::with_capacity(items.len());
        let mut rows = Vec::with_capacity(items.len());
        for Item { line, cells, reading } in items {
            let mut entry =
                Entry { line, cells, faults: Vec::new(), skipped: false, waits: false, repeats: false };
            match reading {
                Err(faults) if self.job.round == 1 => entry.faults = faults,
                Ok(reading) if self.job.round == 1 => rows.extend(self.row(&mut entry, reading, &found)),
                Ok(reading) if !failed.contains(&line) => rows.extend(self.tie(&mut entry, reading, &found)),
                _ => entry.skipped = true,
            }
            entries.push(entry);
        }
        let group = Group {
            permit: Permit::of(&self.job),
            entries,
            header: Arc::clone(&self.header),
            columns: Arc::clone(&self.taken),
            field: R::KIND.field,
        };
        Ok(Batch { group, rows })
    }

    /// What the rows name. Names that were found before are remembered; keys are not, because rows make their holders.
    async fn resolve(&mut self, call: &Call, items: &[Item<R::Wire>]) -> Result<Found> {
        let readings = items.iter().filter_map(|item| item.reading.as_ref().ok());
        let named = readings
            .flat_map(|reading| &reading.links)
            .filter_map(|(index, name)| Some((self.column(*index).and_then(links::place_of)?, name.clone())));
        let named: BTreeSet<(Place, String)> = named.collect();
        let (known, unknown): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|name| self.known.contains_key(name));
        let unknown = unknown.into_iter().collect();
        let mut found = links::resolve(self.jobs, call, &self.job.external_system, unknown).await?;
        if self.known.len() < REMEMBERED {
            let lasting = found.iter().filter(|((place, _), _)| !matches!(place, Place::Key(_)));
            self.known.extend(lasting.map(|(name, hit)| (name.clone(), *hit)));
        }
        found.extend(known.into_iter().filter_map(|name| self.known.get(&name).map(|hit| (name, *hit))));
        Ok(found)
    }

    /// Lines that the first round refused, which the second one leaves alone.
    async fn failed_before(&self, call: &Call, items: &[Item<R::Wire>]) -> Result<BTreeSet<i64>> {
        let ends = items.first().zip(items.last()).map(|(first, last)| (first.line, last.line));
        let Some(ends) = ends.filter(|_| self.job.round != 1) else { return Ok(BTreeSet::new()) };
        let job = (self.job.tenant_id, self.job.id);
        let lines = self
            .jobs
            .db
            .read(call, move |tx| Box::pin(async move { errors::lines(tx.conn(), job, ends).await }));
        Ok(lines.await?.into_iter().collect())
    }

    /// The row of the first round; none when something is wrong with it.
    fn row(&mut self, entry: &mut Entry, reading: Reading<R::Wire>, found: &Found) -> Option<Row<R::Wire>> {
        let Reading { key, mut wire, mut paths, links } = reading;
        let has_key = !key.is_empty() || !R::sent(&wire).number.is_empty();
        for (index, value) in links {
            let Some(column) = self.column(index) else { continue };
            let Some(place) = links::place_of(column) else { continue };
            let is_own = place == Place::Key(R::KIND.collection);
            match found.get(&(place.clone(), value.clone())) {
                Some(Hit::One(id)) => {
                    merge(&mut wire, &column.link_to(&self.columns.message, &id.to_string(), &value));
                    paths.extend(column.link_fields());
                }
                None if has_key && is_own && self.file_keys.has(&value) => entry.waits = true,
                hit => entry.faults.push(astray((index, column), &place, &value, hit.is_some())),
            }
        }
        let mode = self.job.row_mode();
        if mode == Mode::Update && !has_key {
            entry.faults.push(fault(None, "KEY_MISSING", "has neither external id nor number".to_owned()));
        }
        if self.job.state.0 == State::Validating && entry.faults.is_empty() {
            self.foresee(entry, &key, &mut wire, mode);
        }
        let row = Row { key: self.key(key), wire, mask: Some(FieldMask { paths }), mode };
        entry.faults.is_empty().then_some(row)
    }

    /// The row of the second round: nothing but its link to a record of the same file.
    fn tie(&self, entry: &mut Entry, reading: Reading<R::Wire>, found: &Found) -> Option<Row<R::Wire>> {
        let Reading { key, wire: read, links, .. } = reading;
        let (mut wire, mut paths) = (R::Wire::default(), Vec::new());
        for (index, value) in links {
            let Some(column) = self.column(index) else { continue };
            let place = Place::Key(R::KIND.collection);
            if links::place_of(column).as_ref() != Some(&place) {
                continue;
            }
            match found.get(&(place.clone(), value.clone())) {
                Some(Hit::One(id)) => {
                    merge(&mut wire, &column.link_to(&self.columns.message, &id.to_string(), &value));
                    paths.extend(column.link_fields());
                }
                hit => entry.faults.push(astray((index, column), &place, &value, hit.is_some())),
            }
        }
        if paths.is_empty() || !entry.faults.is_empty() {
            entry.skipped = entry.faults.is_empty();
            return None;
        }
        if key.is_empty() {
            merge(&mut wire, &self.number(R::sent(&read).number));
        }
        Some(Row { key: self.key(key), wire, mask: Some(FieldMask { paths }), mode: Mode::Update })
    }

    /// What a dry run must know of earlier rows of the file, which are not in the database. A new record gets a number that is thrown away with
    /// it, so that no number of the tenant's series is lost.
    fn foresee(&mut self, entry: &mut Entry, key: &str, wire: &mut R::Wire, mode: Mode) {
        let number = R::sent(wire).number.to_owned();
        let (name, code) = match key {
            "" => (format!("number {number}"), "NUMBER_TAKEN"),
            key => (format!("key {key}"), "EXTERNAL_ID_TAKEN"),
        };
        entry.repeats = (!key.is_empty() || !number.is_empty()) && !self.seen.add(&name);
        if entry.repeats && mode == Mode::Create {
            entry.faults.push(fault(None, code, "an earlier row of the file makes this record".to_owned()));
        }
        if !number.is_empty() && !key.is_empty() {
            let holder = *self.numbers.entry(links::hash(&number)).or_insert_with(|| links::hash(key));
            if holder != links::hash(key) {
                let message = "an earlier row of the file gives the number to another record".to_owned();
                entry.faults.push(fault(None, "NUMBER_TAKEN", message));
            }
        }
        if number.is_empty() && R::KIND.series.is_some() {
            let made_up = format!("~{:08x}-{}", links::hash(&self.job.id.to_string()) >> 32, entry.line);
            merge(wire, &self.number(&made_up));
        }
    }

    fn key(&self, key: String) -> Option<ExternalId> {
        (!key.is_empty()).then(|| ExternalId { system: self.job.external_system.clone(), value: key })
    }

    fn column(&self, index: usize) -> Option<&Column> {
        self.taken.iter().find(|(at, _)| *at == index).map(|(_, column)| column)
    }

    /// A record with nothing but a number, encoded.
    fn number(&self, number: &str) -> Vec<u8> {
        let mut record = DynamicMessage::new(self.columns.message.clone());
        record.set_field_by_name("number", Value::String(number.to_owned()));
        record.encode_to_vec()
    }
}

/// Cuts a batch before every row whose key stands in its group already, so that rows of one record take effect in their order.
fn split<R: Record>(items: Vec<Item<R::Wire>>) -> Vec<Vec<Item<R::Wire>>> {
    let mut groups: Vec<Vec<Item<R::Wire>>> = Vec::new();
    let mut seen = BTreeSet::new();
    for item in items {
        let name = item.reading.as_ref().ok().and_then(|reading| match R::sent(&reading.wire).number {
            _ if !reading.key.is_empty() => Some((0, reading.key.clone())),
            "" => None,
            number => Some((1, number.to_owned())),
        });
        let repeats = name.as_ref().is_some_and(|name| seen.contains(name));
        if repeats {
            seen.clear();
        }
        seen.extend(name);
        match groups.last_mut().filter(|_| !repeats) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

/// Merges encoded fields into a record. They are our own, so they decode.
fn merge<W: prost::Message>(wire: &mut W, encoded: &[u8]) {
    if let Err(error) = wire.merge(encoded) {
        tracing::error!(%error, "fields of our own making do not decode");
    }
}

fn fault(column: Option<usize>, code: &str, message: String) -> CellFault {
    CellFault { column, field: String::new(), code: code.to_owned(), message }
}

/// A name that leads nowhere, or to several records.
fn astray((index, column): (usize, &Column), place: &Place, name: &str, is_many: bool) -> CellFault {
    let what = match place {
        Place::Key(_) => format!("the external id {name}"),
        Place::People => format!("the name, the user name or the e-mail address {name}"),
        Place::Name(_) | Place::Foreign(_) => format!("the name {name}"),
    };
    let (who, is_person) = match place {
        Place::People => ("user", true),
        _ => ("record", false),
    };
    let code = match (is_person, is_many) {
        (true, true) => "USER_AMBIGUOUS",
        (true, false) => "USER_UNKNOWN",
        (false, true) => "LINK_AMBIGUOUS",
        (false, false) => "LINK_UNKNOWN",
    };
    let message =
        if is_many { format!("more than one {who} has {what}") } else { format!("no {who} has {what}") };
    CellFault { column: Some(index), field: column.path.clone(), code: code.to_owned(), message }
}
