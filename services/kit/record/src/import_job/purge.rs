//! Files do not outlive their use: one is dropped 7 days after its job ended, and a job that nobody goes on with ends 30 days after its last
//! change. One look at each upload a day is enough.

use chrono::TimeDelta;
use crm_kit_api::Result;
use crm_kit_pg::{
    Tx,
    jobs::{self, Verdict},
};
use crm_proto::crm::record::v1::import_job::State;

use super::{errors, model::Job, ops::ImportJobs, store};

/// How often an upload is looked at.
pub const EVERY: TimeDelta = TimeDelta::days(1);
/// How long a file lives after its job.
const AFTER_END: TimeDelta = TimeDelta::days(7);
/// How long a job waits for somebody to go on with it.
const PATIENCE: TimeDelta = TimeDelta::days(30);

impl ImportJobs {
    /// Looks at the upload that a worker claimed.
    pub async fn purge(&self, claimed: &jobs::Job) -> Result<Verdict> {
        let (tenant, upload_id, now) = (claimed.tenant_id, claimed.id, self.clock.now());
        self.db
            .for_tenant(tenant, move |tx| {
                Box::pin(async move {
                    // An upload that another one took the place of left nothing.
                    let Some(id) = store::of_upload(tx.conn(), tenant, upload_id).await? else {
                        return Ok(Verdict::Done);
                    };
                    let Some(mut job) = store::lock(tx.conn(), tenant, id, None).await? else {
                        return Ok(Verdict::Done);
                    };
                    let is_idle = matches!(job.state.0, State::Uploading | State::Ready);
                    if is_idle && job.update_time + PATIENCE <= now {
                        job.end(State::Cancelled, "nobody went on with the job for 30 days", now);
                        job.update_time = now;
                        store::save(tx.conn(), &job).await?;
                        return drop_file(tx, &job).await.map(|()| Verdict::Done);
                    }
                    match job.end_time.map(|end| end + AFTER_END) {
                        Some(due) if due <= now => drop_file(tx, &job).await.map(|()| Verdict::Done),
                        Some(due) => Ok(Verdict::Again(due)),
                        None => Ok(Verdict::Again(now + EVERY)),
                    }
                })
            })
            .await
    }
}

async fn drop_file(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    store::drop_chunks(tx.conn(), job.tenant_id, job.id).await?;
    errors::forget_rows(tx.conn(), job.tenant_id, job.id).await
}
