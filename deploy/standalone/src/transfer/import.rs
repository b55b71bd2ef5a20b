//! One import: create the job, upload, wait for the dry run, ask, apply, wait, and fetch what failed.

use std::{path::Path, process::ExitCode};

use crm_proto::{
    crm::record::v1::{
        ApplyImportJobRequest, CancelImportJobRequest, ColumnMapping, CreateImportJobRequest, FieldTemplate,
        ImportFormat, ImportJob, UploadImportFileRequest, WatchImportJobRequest,
        import_format::DateOrder,
        import_job::{Mode as WireMode, State},
        import_job_service_client::ImportJobServiceClient,
    },
    google::api::HttpBody,
};
use tokio::{fs::File, io::AsyncReadExt as _, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;

use super::{PIECE, report, users};
use crate::{
    cli::{Collection, Dates, Import, Mode, Target},
    client::{Authorised, Session},
    failure::{Failure, Result},
    terminal::{self, Progress, Unit},
};

/// Imports a file. Fails, as an exit code, when rows have errors.
pub async fn import(options: Import) -> Result<ExitCode> {
    if !options.yes && !options.dry_run && !terminal::can_ask() {
        return Err(Failure::new("no terminal to ask at: add --yes to write, or --dry-run"));
    }
    let Target::Collection(collection) = options.target else { return users::import(options).await };
    let size = tokio::fs::metadata(&options.file).await.map_err(Failure::io("open", &options.file))?.len();
    let mut session = Session::open(&options.connection).await?;
    session.keep_to(collection.service());
    let mut jobs = ImportJobServiceClient::new(session.channel().await?);
    let request =
        CreateImportJobRequest { service: String::new(), import_job: Some(job(&options, collection)) };
    let id = jobs.create_import_job(request).await?.into_inner().id;
    upload(&mut jobs, &id, &options.file, size).await?;
    let tried = watch(&mut session, &id, "checking").await?;
    report::columns(&tried);
    if !report::tried(&mut session, &tried, &options.file, options.dry_run || !options.yes).await? {
        return Ok(ExitCode::FAILURE);
    }
    if options.dry_run {
        cancel(&mut session, &id).await?;
        return Ok(exit_code(&tried));
    }
    if !may_write(&options, &tried) {
        cancel(&mut session, &id).await?;
        terminal::note("nothing was written");
        return Ok(ExitCode::FAILURE);
    }
    let mut jobs = ImportJobServiceClient::new(session.channel().await?);
    jobs.apply_import_job(ApplyImportJobRequest { service: String::new(), id: id.clone() }).await?;
    let done = watch(&mut session, &id, "writing").await?;
    report::done(&mut session, &done, &options.file).await?;
    Ok(exit_code(&done))
}

fn exit_code(job: &ImportJob) -> ExitCode {
    let clean = job.progress.as_ref().is_none_or(|progress| progress.failed_rows == 0);
    if clean && matches!(job.state(), State::Ready | State::Done) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn job(options: &Import, collection: Collection) -> ImportJob {
    let templates = options.templates.iter();
    let templates = templates.map(|(field, text)| FieldTemplate { field: field.clone(), text: text.clone() });
    let mode = match options.mode {
        Mode::Create => WireMode::Create,
        Mode::Update => WireMode::Update,
        Mode::Upsert => WireMode::Upsert,
    };
    let dates = match options.format.dates {
        None => DateOrder::Unspecified,
        Some(Dates::Ymd) => DateOrder::Ymd,
        Some(Dates::Dmy) => DateOrder::Dmy,
        Some(Dates::Mdy) => DateOrder::Mdy,
    };
    ImportJob {
        display_name: options.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        collection: collection.name().to_owned(),
        mode: mode.into(),
        columns: columns(options),
        templates: templates.collect(),
        external_system: options.external_system.clone(),
        format: Some(ImportFormat {
            encoding: options.format.encoding.clone(),
            delimiter: options.format.delimiter.clone(),
            sheet: options.format.sheet.clone(),
            date_order: dates.into(),
            decimal_separator: options.format.decimal.clone(),
            currency_code: options.format.currency.clone(),
            ..ImportFormat::default()
        }),
        ..ImportJob::default()
    }
}

/// Where columns go, and what their values stand for. A column with values alone goes where the server suggests.
fn columns(options: &Import) -> Vec<ColumnMapping> {
    let mut columns: Vec<ColumnMapping> = Vec::new();
    for (column, field) in &options.columns {
        columns.push(ColumnMapping {
            column: column.clone(),
            field: field.clone(),
            ..ColumnMapping::default()
        });
    }
    for (column, from, to) in &options.values {
        let place = columns.iter().position(|known| known.column == *column).unwrap_or_else(|| {
            columns.push(ColumnMapping { column: column.clone(), ..ColumnMapping::default() });
            columns.len() - 1
        });
        if let Some(known) = columns.get_mut(place) {
            known.values.insert(from.clone(), to.clone());
        }
    }
    columns
}

/// Sends the file as it is read; a server that refuses ends the reading.
async fn upload(
    jobs: &mut ImportJobServiceClient<Authorised>,
    id: &str,
    path: &Path,
    size: u64,
) -> Result<()> {
    let (sender, pieces) = mpsc::channel(4);
    let reader = TaskTracker::new();
    let (path, id) = (path.to_owned(), id.to_owned());
    let reading = reader.spawn(async move {
        let mut progress = Progress::new("uploading", Unit::Bytes, size);
        let mut file = File::open(&path).await.map_err(Failure::io("open", &path))?;
        let mut sent = 0;
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let count = (&mut file).take(PIECE as u64).read_to_end(&mut piece).await;
            if count.map_err(Failure::io("read", &path))? == 0 && sent > 0 {
                break;
            }
            let first = sent == 0;
            sent += piece.len() as u64;
            let empty = piece.is_empty();
            let body = HttpBody { content_type: String::new(), data: piece, extensions: Vec::new() };
            let id = if first { id.clone() } else { String::new() };
            if sender
                .send(UploadImportFileRequest { service: String::new(), id, file: Some(body) })
                .await
                .is_err()
                || empty
            {
                break;
            }
            progress.set(sent, size);
        }
        progress.finish();
        Ok::<(), Failure>(())
    });
    let answer = jobs.upload_import_file(ReceiverStream::new(pieces)).await;
    let read = reading.await.map_err(|_| Failure::new("the upload was cut short"))?;
    // A file that cannot be read explains itself better than the server that got half of it.
    read.and(answer.map(drop).map_err(Failure::from))
}

/// Follows the job until it rests. A broken stream is taken up again: the job goes on without us.
async fn watch(session: &mut Session, id: &str, title: &'static str) -> Result<ImportJob> {
    let mut progress = Progress::new(title, Unit::Rows, 0);
    let mut last = None;
    let mut breaks = 0;
    loop {
        let mut jobs = ImportJobServiceClient::new(session.channel().await?);
        let mut stream = jobs
            .watch_import_job(WatchImportJobRequest { service: String::new(), id: id.to_owned() })
            .await?
            .into_inner();
        let outcome = loop {
            match stream.message().await {
                Ok(Some(message)) => {
                    breaks = 0;
                    let Some(job) = message.import_job else { continue };
                    let now = job.progress.unwrap_or_default();
                    progress.set(now.done_rows.max(0).unsigned_abs(), now.total_rows.max(0).unsigned_abs());
                    last = Some(job);
                }
                Ok(None) => break Ok(()),
                Err(status) => break Err(status),
            }
        };
        match (outcome, last.take()) {
            (Ok(()), Some(job)) => {
                progress.finish();
                return Ok(job);
            }
            (Err(status), _) if breaks >= 5 => return Err(status.into()),
            _ => breaks += 1,
        }
    }
}

async fn cancel(session: &mut Session, id: &str) -> Result<()> {
    let mut jobs = ImportJobServiceClient::new(session.channel().await?);
    jobs.cancel_import_job(CancelImportJobRequest { service: String::new(), id: id.to_owned() }).await?;
    Ok(())
}

fn may_write(options: &Import, tried: &ImportJob) -> bool {
    let progress = tried.progress.unwrap_or_default();
    let question = match progress.failed_rows {
        0 => format!("Write {} rows?", progress.total_rows),
        failed => format!("Write {} rows and leave {failed} out?", progress.total_rows - failed),
    };
    options.yes || terminal::confirm(&question)
}
