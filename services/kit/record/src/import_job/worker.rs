//! The work on a file: the dry run and the writing, both a pass over its rows in groups.

use std::sync::Arc;

use crm_kit_api::{Result, call::Access};
use crm_kit_pg::jobs::Verdict;
use crm_proto::crm::record::v1::{import_format::FileKind, import_job::State};
use tonic::Code;

use super::{
    errors::{self, RowFault},
    file::{self, Form, Look},
    group::{Permit, hold},
    model::Job,
    ops::ImportJobs,
    pass::{Ending, Pass},
    plan, store,
};
use crate::{Record, column::Columns};
use crate::{Slice, rights::Caller};

/// What audit rows and events name as the method.
const METHOD: &str = "/crm.record.v1.ImportJobService/ApplyImportJob";

/// Works on a job as its state asks.
pub async fn run<R: Record>(jobs: &ImportJobs, slice: &Slice<R>, job: Job) -> Result<Verdict> {
    let permit = Permit::of(&job);
    let worked = match job.state.0 {
        State::Validating | State::Applying => Box::pin(work(jobs, slice, job)).await,
        _ => return Ok(Verdict::Done),
    };
    match worked {
        Ok(Ending::Whole(_)) => Ok(Verdict::Done),
        Ok(Ending::Interrupted) => Ok(Verdict::Again(jobs.clock.now())),
        // Somebody cancelled the job, changed it or works on it.
        Err(error) if error.code() == Code::Aborted && !jobs.is_current(permit).await? => Ok(Verdict::Done),
        Err(error) => Err(error),
    }
}

async fn work<R: Record>(jobs: &ImportJobs, slice: &Slice<R>, job: Job) -> Result<Ending> {
    let access = job.rights.access(job.tenant_id);
    let access = Access { tenant: plan::settings(&job.format, &access.tenant), ..access };
    let caller = Caller::new(access, jobs.clock.clone(), &format!("import-{}", job.id), METHOD);
    let file = file::fetch(&jobs.db, &job).await?;
    let form = match plan::kind(&job.format) {
        FileKind::Vcard => Form::Cards,
        FileKind::Unspecified
            if R::KIND.files.reads_cards && file::begins_with_a_card(file.path()).await? =>
        {
            Form::Cards
        }
        _ => Form::Table(plan::options(&job.format)),
    };
    let look = match file::look(file.path().to_owned(), form.clone()).await? {
        Ok(look) => look,
        Err(error) => {
            return jobs.fail(Permit::of(&job), &error.to_string()).await.map(|()| Ending::Whole(None));
        }
    };
    let fields = slice.fields(&caller.call()).await?;
    let columns = Columns::new(R::KIND, &fields);
    let job = match job.state.0 {
        State::Validating => begin_dry_run::<R>(jobs, &job, &columns, &look).await?,
        _ if job.last_line == 0 && job.round == 1 => begin_writing(jobs, &job).await?,
        _ => job,
    };
    let taken = Arc::from(plan::taken(&columns, &job.columns, &job.format.templates));
    let mut pass = Pass::new(jobs, slice, caller, job, columns);
    pass.open(file.path().to_owned(), form, look.header, taken).await?;
    pass.go().await
}

/// Begins the dry run anew: what the pass did before a crash is forgotten, and the columns are settled.
async fn begin_dry_run<R: Record>(
    jobs: &ImportJobs,
    job: &Job,
    columns: &Columns,
    look: &Look,
) -> Result<Job> {
    let permit = Permit::of(job);
    let (file, templates) = ((&look.header[..], &look.sample[..]), &job.format.templates);
    let mut merged = plan::merge(columns, &R::KIND.files, &job.columns, file, templates);
    merged.unknown.extend(plan::strange(templates, &look.header));
    let unknown = (0_i32..).zip(&merged.unknown).map(|(seq, entry)| RowFault {
        line: look.header_line,
        seq: seq + 1,
        column_name: entry.column.clone(),
        field: entry.field.clone(),
        code: "COLUMN_UNKNOWN".to_owned(),
        message: "the file has no such column".to_owned(),
        cells: None,
    });
    let (unknown, merged) = (&unknown.collect::<Vec<_>>(), &merged.mappings);
    jobs.db
        .for_tenant(job.tenant_id, move |tx| {
            Box::pin(async move {
                let mut job = hold(tx, permit).await?;
                job.rewind();
                job.header.clone_from(&look.header);
                job.columns.0.clone_from(merged);
                errors::clear(tx.conn(), job.tenant_id, job.id).await?;
                errors::add(tx.conn(), job.tenant_id, job.id, unknown).await?;
                store::save(tx.conn(), &job).await.map(|()| job)
            })
        })
        .await
}

/// Begins to write: what the dry run found is forgotten.
async fn begin_writing(jobs: &ImportJobs, job: &Job) -> Result<Job> {
    let permit = Permit::of(job);
    jobs.db
        .for_tenant(job.tenant_id, move |tx| {
            Box::pin(async move {
                let job = hold(tx, permit).await?;
                errors::clear(tx.conn(), job.tenant_id, job.id).await.map(|()| job)
            })
        })
        .await
}
