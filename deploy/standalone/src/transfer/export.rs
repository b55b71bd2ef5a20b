//! One export: create the job, wait for it, fetch the file.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use crm_proto::crm::record::v1::{
    CreateExportJobRequest, DownloadExportFileRequest, ExportJob, WatchExportJobRequest,
    export_job::{FileKind, State},
    export_job_service_client::ExportJobServiceClient,
};
use tokio::{fs::File, io::AsyncWriteExt as _};

use crate::{
    cli::{Export, Kind},
    client::Session,
    failure::{Failure, Result},
    terminal::{self, Progress, Unit},
};

/// Exports to a file, which is there in full or not at all.
pub async fn export(options: Export) -> Result<ExitCode> {
    let kind = kind(&options)?;
    let mut session = Session::open(&options.connection).await?;
    session.keep_to(options.collection.service());
    let mut jobs = ExportJobServiceClient::new(session.channel().await?);
    let job = ExportJob {
        display_name: options.out.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        collection: options.collection.name().to_owned(),
        filter: options.filter.clone(),
        fields: options.fields.clone(),
        file_kind: kind.into(),
        header_language: options.header.clone(),
        ..ExportJob::default()
    };
    let id = jobs
        .create_export_job(CreateExportJobRequest { service: String::new(), export_job: Some(job) })
        .await?
        .into_inner()
        .id;
    let job = watch(&mut session, &id).await?;
    if job.state() != State::Done {
        let told = if job.failure.is_empty() { "the export was cancelled" } else { &job.failure };
        return Err(Failure::new(told));
    }
    download(&mut session, &job, &options.out).await?;
    terminal::line(format!("{} rows in {}", job.done_rows, options.out.display()));
    Ok(ExitCode::SUCCESS)
}

fn kind(options: &Export) -> Result<FileKind> {
    let extension = options.out.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match (options.format, extension.as_str()) {
        (Some(Kind::Csv), _) | (None, "csv") => Ok(FileKind::Csv),
        (Some(Kind::Xlsx), _) | (None, "xlsx") => Ok(FileKind::Xlsx),
        (None, _) => Err(Failure::new("the file's name ends neither in .csv nor in .xlsx: add --format")),
    }
}

async fn watch(session: &mut Session, id: &str) -> Result<ExportJob> {
    let mut progress = Progress::new("exporting", Unit::Rows, 0);
    let mut jobs = ExportJobServiceClient::new(session.channel().await?);
    let mut stream = jobs
        .watch_export_job(WatchExportJobRequest { service: String::new(), id: id.to_owned() })
        .await?
        .into_inner();
    let mut last = None;
    while let Some(message) = stream.message().await? {
        if let Some(job) = message.export_job {
            let rows = job.done_rows.max(0).unsigned_abs();
            progress.set(rows, rows);
            last = Some(job);
        }
    }
    progress.finish();
    last.ok_or_else(|| Failure::new("the server told nothing of the export"))
}

async fn download(session: &mut Session, job: &ExportJob, path: &Path) -> Result<()> {
    let mut jobs = ExportJobServiceClient::new(session.channel().await?);
    let request = DownloadExportFileRequest { service: String::new(), id: job.id.clone() };
    let mut pieces = jobs.download_export_file(request).await?.into_inner();
    let total = job.file_bytes.max(0).unsigned_abs();
    let mut progress = Progress::new("fetching", Unit::Bytes, total);
    let part = part(path);
    let mut file = File::create(&part).await.map_err(Failure::io("write", &part))?;
    let mut written = 0;
    while let Some(piece) = pieces.message().await? {
        file.write_all(&piece.data).await.map_err(Failure::io("write", &part))?;
        written += piece.data.len() as u64;
        progress.set(written, total);
    }
    progress.finish();
    file.sync_all().await.map_err(Failure::io("write", &part))?;
    tokio::fs::rename(&part, path).await.map_err(Failure::io("write", path))
}

fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}
