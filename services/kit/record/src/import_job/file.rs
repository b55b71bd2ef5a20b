//! The uploaded file: fetched into a temporary file, looked at once, and streamed row by row from a blocking thread that also reads the
//! cells, so that reading goes on while the database works on the rows before.

use std::{
    fs::File,
    io::{BufReader, Write as _},
    path::{Path, PathBuf},
};

use crm_kit_api::{Error, Result};
use crm_kit_pg::Db;
use tempfile::NamedTempFile;
use tokio::{io::AsyncReadExt as _, sync::mpsc};

use super::{model::Job, store};
use crate::upsert::GROUP;
use crate::{Record, column::read::CellFault, column::read::Reader, column::read::Reading};
use crm_kit_table::{
    Cell, Row, reader::Options, reader::RowError, reader::Table, reader::TableError, vcard::Card,
    vcard::Cards,
};

/// Bytes that tell the kind of a file.
const HEAD: u64 = 256;
/// How vCards begin.
const BEGIN: &str = "BEGIN:VCARD";
/// Rows that are looked at for suggestions.
const SAMPLE: usize = 20;
/// Batches that are read ahead.
const AHEAD: usize = 2;
/// What the error file tells of a card.
const CARD_HEADER: [&str; 3] = ["display_name", "emails", "phones"];

/// How the rows of a file are found.
#[derive(Clone, Debug)]
pub enum Form {
    /// A table.
    Table(Options),
    /// vCards.
    Cards,
}

/// What a first look at a file tells.
#[derive(Debug)]
pub struct Look {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Line they stand on.
    pub header_line: i64,
    /// The first rows.
    pub sample: Vec<Row>,
}

/// A row, read.
#[derive(Debug)]
pub struct Item<W> {
    /// Line in the file.
    pub line: i64,
    /// Its cells as they stand there.
    pub cells: Vec<Cell>,
    /// What it says, or what is wrong with it.
    pub reading: Result<Reading<W>, Vec<CellFault>>,
}

/// What comes out of a file.
#[derive(Debug)]
pub enum Event<W> {
    /// Rows.
    Rows(Vec<Item<W>>),
    /// Nothing follows that could be read.
    Broken(String),
    /// Nothing follows.
    End,
}

/// Fetches the file.
pub async fn fetch(db: &Db, job: &Job) -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new().map_err(Error::internal)?;
    let (tenant, id) = (job.tenant_id, job.id);
    for seq in 0.. {
        let read = db
            .for_tenant(tenant, |tx| Box::pin(async move { store::chunk(tx.conn(), tenant, id, seq).await }));
        let Some(data) = read.await? else { break };
        file = tokio::task::spawn_blocking(move || file.write_all(&data).map(|()| file))
            .await
            .map_err(Error::internal)?
            .map_err(Error::internal)?;
    }
    Ok(file)
}

/// Whether the first line of a file begins a vCard.
pub async fn begins_with_a_card(path: &Path) -> Result<bool> {
    let mut file = tokio::fs::File::open(path).await.map_err(Error::internal)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD).read_to_end(&mut head).await.map_err(Error::internal)?;
    let text = String::from_utf8_lossy(&head);
    let begin = text.trim_start_matches('\u{feff}').trim_start().get(..BEGIN.len());
    Ok(begin.is_some_and(|begin| begin.eq_ignore_ascii_case(BEGIN)))
}

/// Looks at a file.
pub async fn look(path: PathBuf, form: Form) -> Result<Result<Look, TableError>> {
    tokio::task::spawn_blocking(move || look_at(&path, &form)).await.map_err(Error::internal)
}

fn look_at(path: &Path, form: &Form) -> Result<Look, TableError> {
    let Form::Table(options) = form else {
        let header = CARD_HEADER.map(str::to_owned).to_vec();
        return Ok(Look { header, header_line: 0, sample: Vec::new() });
    };
    let mut table = Table::open(path, options)?;
    let header: Vec<String> = table.header().iter().map(|name| name.replace('\0', "")).collect();
    let header_line = i64::try_from(table.header_line()).unwrap_or(i64::MAX);
    let sample = table.rows()?.take(SAMPLE).filter_map(Result::ok).collect();
    Ok(Look { header, header_line, sample })
}

/// Streams the rows after a line, in batches; `reader` reads their cells. Ends early when the receiver is dropped.
pub fn stream<R: Record>(
    path: PathBuf,
    form: Form,
    after: i64,
    reader: Reader,
) -> mpsc::Receiver<Event<R::Wire>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let last = match &form {
            Form::Table(options) => table_rows(&path, options, after, reader, &sender),
            Form::Cards => card_rows::<R>(&path, after, &sender),
        };
        // The receiver may be gone, which is its right.
        let _ = sender.blocking_send(last);
    });
    receiver
}

fn table_rows<W: prost::Message + Default>(
    path: &Path,
    options: &Options,
    after: i64,
    mut reader: Reader,
    sender: &mpsc::Sender<Event<W>>,
) -> Event<W> {
    let mut table = match Table::open(path, options) {
        Ok(table) => table,
        Err(error) => return Event::Broken(error.to_string()),
    };
    let rows = match table.rows_after(u64::try_from(after).unwrap_or(0)) {
        Ok(rows) => rows,
        Err(error) => return Event::Broken(error.to_string()),
    };
    let mut batch = Vec::with_capacity(GROUP);
    for row in rows {
        match row {
            Err(error) if error.is_fatal() => {
                let broken = format!("line {}: {error}", error.line);
                let _ = sender.blocking_send(Event::Rows(batch));
                return Event::Broken(broken);
            }
            Err(error) => batch.push(unreadable(&error)),
            Ok(Row { line, cells, .. }) => {
                let reading = reader.read(&cells);
                batch.push(Item { line: i64::try_from(line).unwrap_or(i64::MAX), cells, reading });
            }
        }
        if batch.len() == GROUP && sender.blocking_send(Event::Rows(std::mem::take(&mut batch))).is_err() {
            return Event::End;
        }
    }
    let _ = sender.blocking_send(Event::Rows(batch));
    Event::End
}

fn card_rows<R: Record>(path: &Path, after: i64, sender: &mpsc::Sender<Event<R::Wire>>) -> Event<R::Wire> {
    let file = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) => return Event::Broken(error.to_string()),
    };
    let mut batch = Vec::with_capacity(GROUP);
    for card in Cards::new(file) {
        let card = match card {
            Ok(card) => card,
            Err(error) => {
                let _ = sender.blocking_send(Event::Rows(batch));
                return Event::Broken(error.to_string());
            }
        };
        let line = i64::try_from(card.line).unwrap_or(i64::MAX);
        if line <= after {
            continue;
        }
        let unfit = || vec![fault("FILE_KIND_UNFIT", "vCards hold people".to_owned())];
        batch.push(Item { line, cells: card_cells(&card), reading: R::from_card(&card).ok_or_else(unfit) });
        if batch.len() == GROUP && sender.blocking_send(Event::Rows(std::mem::take(&mut batch))).is_err() {
            return Event::End;
        }
    }
    let _ = sender.blocking_send(Event::Rows(batch));
    Event::End
}

fn card_cells(card: &Card) -> Vec<Cell> {
    let emails: Vec<&str> = card.emails.iter().map(|email| email.value.as_str()).collect();
    let phones: Vec<&str> = card.phones.iter().map(|phone| phone.value.as_str()).collect();
    vec![
        Cell::text(card.formatted_name.as_str()),
        Cell::text(emails.join("; ")),
        Cell::text(phones.join("; ")),
    ]
}

fn unreadable<W>(error: &RowError) -> Item<W> {
    let line = i64::try_from(error.line).unwrap_or(i64::MAX);
    Item { line, cells: Vec::new(), reading: Err(vec![fault(error.code(), error.to_string())]) }
}

fn fault(code: &str, message: String) -> CellFault {
    CellFault { column: None, field: String::new(), code: code.to_owned(), message }
}
