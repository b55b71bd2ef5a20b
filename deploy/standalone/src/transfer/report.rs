//! What a person is told of an import: where columns go, which rows fail and why, and the file of failed rows.

use std::path::{Path, PathBuf};

use crm_proto::crm::record::v1::{
    DownloadImportErrorsRequest, ImportError, ImportErrorCount, ImportJob, ListImportErrorCountsRequest,
    ListImportErrorsRequest, import_job::State, import_job_service_client::ImportJobServiceClient,
};
use tokio::{fs::File, io::AsyncWriteExt as _};

use crate::{
    client::Session,
    failure::{Failure, Result},
    terminal,
};

/// Errors told at the terminal; all of them are in the file.
const SHOWN: i32 = 20;
/// Errors of several rows that are told with their number.
const MOST_COUNTS: usize = 20;

/// Where each column goes.
pub fn columns(job: &ImportJob) {
    let width = job.columns.iter().map(|column| terminal::width(&column.column)).max().unwrap_or(0).min(40);
    for column in &job.columns {
        let field = if column.field.is_empty() { "(left out)" } else { &column.field };
        let note = if column.suggested && !column.field.is_empty() { "  suggested" } else { "" };
        terminal::line(format!("  {} -> {field}{note}", terminal::padded(&column.column, width)));
    }
}

/// The outcome of the dry run; false when the file cannot be imported at all. The errors of rows are told again after the import, so that
/// they are only told now to whom the import depends on them.
pub async fn tried(session: &mut Session, job: &ImportJob, input: &Path, tell_errors: bool) -> Result<bool> {
    if job.state() != State::Ready {
        terminal::problem(failure(job));
        return Ok(false);
    }
    let progress = job.progress.unwrap_or_default();
    terminal::line(format!("{} rows read, {} with errors", progress.total_rows, progress.failed_rows));
    if tell_errors {
        failed_rows(session, job, input).await?;
    }
    Ok(true)
}

/// The outcome of the import.
pub async fn done(session: &mut Session, job: &ImportJob, input: &Path) -> Result<()> {
    let progress = job.progress.unwrap_or_default();
    terminal::line(format!(
        "{} created, {} updated, {} unchanged, {} failed",
        progress.created_rows, progress.updated_rows, progress.unchanged_rows, progress.failed_rows
    ));
    if job.state() != State::Done {
        terminal::problem(failure(job));
    }
    failed_rows(session, job, input).await
}

fn failure(job: &ImportJob) -> String {
    match (job.state(), job.failure.as_str()) {
        (State::Cancelled, _) => "the import was cancelled".to_owned(),
        (_, "") => "the import failed".to_owned(),
        (_, failure) => failure.to_owned(),
    }
}

async fn failed_rows(session: &mut Session, job: &ImportJob, input: &Path) -> Result<()> {
    if job.progress.unwrap_or_default().failed_rows == 0 {
        return Ok(());
    }
    let mut jobs = ImportJobServiceClient::new(session.channel().await?);
    let request = ListImportErrorCountsRequest { service: String::new(), id: job.id.clone() };
    let counts = jobs.list_import_error_counts(request).await?.into_inner().counts;
    let often = counts.iter().filter(|count| count.rows > 1).take(MOST_COUNTS);
    often.for_each(|count| terminal::line(counted(count)));
    let request = ListImportErrorsRequest {
        service: String::new(),
        id: job.id.clone(),
        page_size: SHOWN,
        page_token: String::new(),
    };
    let page = jobs.list_import_errors(request).await?.into_inner();
    page.errors.iter().for_each(|error| terminal::line(told(error)));
    if !page.next_page_token.is_empty() {
        terminal::line("  .. and more");
    }
    let path = download(session, &job.id, input).await?;
    terminal::line(format!("failed rows, to be mended and imported again: {}", path.display()));
    Ok(())
}

fn counted(count: &ImportErrorCount) -> String {
    let place = if count.column.is_empty() { String::new() } else { format!(", column {}", count.column) };
    let (rows, first) = (count.rows, count.first_line);
    format!("  {rows} rows from line {first}{place}: {} ({})", count.message, count.code)
}

fn told(error: &ImportError) -> String {
    let place = match (error.column.as_str(), error.field.as_str()) {
        ("", "") => String::new(),
        ("", field) => format!(", {field}"),
        (column, _) => format!(", column {column}"),
    };
    format!("  line {}{place}: {} ({})", error.line, error.message, error.code)
}

/// Writes the failed rows beside the input; a file that is there in full, or not at all.
async fn download(session: &mut Session, id: &str, input: &Path) -> Result<PathBuf> {
    let mut jobs = ImportJobServiceClient::new(session.channel().await?);
    let request = DownloadImportErrorsRequest { service: String::new(), id: id.to_owned() };
    let mut pieces = jobs.download_import_errors(request).await?.into_inner();
    let path = beside(input);
    let part = path.with_extension("csv.part");
    let mut file = File::create(&part).await.map_err(Failure::io("write", &part))?;
    while let Some(piece) = pieces.message().await? {
        file.write_all(&piece.data).await.map_err(Failure::io("write", &part))?;
    }
    file.sync_all().await.map_err(Failure::io("write", &part))?;
    tokio::fs::rename(&part, &path).await.map_err(Failure::io("write", &path))?;
    Ok(path)
}

/// `customers.xlsx` gets `customers.errors.csv`.
fn beside(input: &Path) -> PathBuf {
    input.with_extension("errors.csv")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_by_line_and_column() {
        let error = ImportError {
            line: 7,
            column: "Telefon".to_owned(),
            field: "phone".to_owned(),
            code: "PHONE_INVALID".to_owned(),
            message: "is too short".to_owned(),
        };
        assert_eq!(told(&error), "  line 7, column Telefon: is too short (PHONE_INVALID)");
        let whole = ImportError {
            line: 8,
            code: "X".to_owned(),
            message: "is bad".to_owned(),
            ..ImportError::default()
        };
        assert_eq!(told(&whole), "  line 8: is bad (X)");
    }

    #[test]
    fn the_file_of_failed_rows_stands_beside_the_input() {
        assert_eq!(beside(Path::new("/a/客户.xlsx")), Path::new("/a/客户.errors.csv"));
    }
}
