//! The work on an export: page after page of the creator's records, masked as in any answer, into a file, and the file into chunks.

use bytes::Bytes;
use crm_kit_api::{Error, Result};
use crm_kit_pg::jobs::Verdict;
use crm_proto::crm::record::v1::export_job::State;
use prost::{Message as _, Name as _};
use prost_reflect::DynamicMessage;
use tonic::Code;

use super::{
    model::Job,
    ops::ExportJobs,
    page::{self, Sheet},
};
use crate::{Record, column::Column, column::Columns, column::write::Language};
use crate::{Slice, Wanted, rights::Caller};
use crm_kit_table::Cell;

/// What audit rows and events name as the method.
const METHOD: &str = "/crm.record.v1.ExportJobService/CreateExportJob";
/// Records of a page.
const PAGE: i32 = 1000;

/// Works on a job as its state asks.
pub async fn run<R: Record>(jobs: &ExportJobs, slice: &Slice<R>, job: Job) -> Result<Verdict> {
    if job.state.0 != State::Running {
        return jobs.purge(&job).await;
    }
    let job = jobs.begin(&job).await?;
    let caller = Caller::new(
        job.rights.access(job.tenant_id),
        jobs.clock.clone(),
        &format!("export-{}", job.id),
        METHOD,
    );
    match write(jobs, slice, &job, &caller).await {
        // Somebody cancelled the job or works on it.
        Err(error) if error.code() == Code::Aborted => Ok(Verdict::Done),
        Err(error) => Err(error),
        Ok(verdict) => Ok(verdict),
    }
}

async fn write<R: Record>(
    jobs: &ExportJobs,
    slice: &Slice<R>,
    job: &Job,
    caller: &Caller,
) -> Result<Verdict> {
    let call = caller.call();
    let fields = slice.fields(&call).await?;
    let columns = Columns::new(R::KIND, &fields);
    let chosen = chosen(&columns, &job.fields);
    let language = Language::of(&job.header_language);
    let sheet = Sheet::start(job.file_kind.0, R::KIND.collection);
    let titles = chosen.iter().map(|column| Cell::text(column.title(language))).collect();
    let mut open = sheet.add(vec![titles]).await;
    let filter = bounded(&job.filter, job);
    let mut token = String::new();
    let mut count = 0;
    while open {
        if jobs.shutdown.is_cancelled() {
            return Ok(Verdict::Again(jobs.clock.now()));
        }
        let call = caller.call();
        let page = slice.list(&call, wanted(&filter, &token)).await?;
        count += i64::try_from(page.wires.len()).unwrap_or(0);
        let rows = rows::<R>(jobs, &call, &chosen, &page.wires, language)?;
        open = sheet.add(rows).await;
        jobs.progress(job, count).await?;
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let mut file = match sheet.finish().await? {
        Ok(file) => file,
        Err(error) => return jobs.fail(job, &error.to_string()).await.map(|()| Verdict::Done),
    };
    for seq in 0.. {
        let (rest, chunk) = page::next_chunk(file).await?;
        if chunk.is_empty() {
            break;
        }
        jobs.add_chunk(job, seq, &chunk).await?;
        file = rest;
    }
    jobs.complete(job, &caller.call()).await.map(Verdict::Again)
}

fn chosen<'c>(columns: &'c Columns, fields: &[String]) -> Vec<&'c Column> {
    if fields.is_empty() {
        return columns.all().iter().filter(|column| column.exported).collect();
    }
    fields.iter().filter_map(|path| columns.get(path)).collect()
}

/// The creator's filter, confined to records that existed when the export was asked for.
fn bounded(filter: &str, job: &Job) -> String {
    let existed = format!("create_time <= timestamp(\"{}\")", job.create_time.to_rfc3339());
    if filter.is_empty() { existed } else { format!("({filter}) && {existed}") }
}

fn wanted<'w>(filter: &'w str, token: &'w str) -> Wanted<'w> {
    Wanted {
        page_size: PAGE,
        page_token: token,
        filter,
        order_by: "create_time",
        q: "",
        show_deleted: false,
        include_total_size: false,
    }
}

/// The rows of records as the creator sees them.
fn rows<R: Record>(
    jobs: &ExportJobs,
    call: &crm_kit_api::Call,
    columns: &[&Column],
    wires: &[R::Wire],
    language: Language,
) -> Result<Vec<Vec<Cell>>> {
    let name = R::Wire::full_name();
    let message = crm_proto::message(&name);
    let zone = call.zone();
    let mut rows = Vec::with_capacity(wires.len());
    for wire in wires {
        let seen = jobs.masker.apply(&name, &Bytes::from(wire.encode_to_vec()), &call.access.masks)?;
        let record = DynamicMessage::decode(message.clone(), seen).map_err(Error::internal)?;
        rows.push(columns.iter().map(|column| column.cell(&record, language, zone)).collect());
    }
    Ok(rows)
}
