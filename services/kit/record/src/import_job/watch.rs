//! Answers that go on: the job whenever it changes, and the file of failed rows.

use std::time::Duration;

use crm_kit_api::{Call, Error, Result};
use crm_proto::{
    crm::record::v1::{ImportJob as Wire, import_job::State},
    google::api::HttpBody,
};
use futures::Stream;
use tonic::Status;

use super::{convert, errors::ErrorFile, ops::ImportJobs};
use crate::rights;

/// Shortest time between two answers.
const PAUSE: Duration = Duration::from_millis(200);
/// How often a job is looked at that another process may work on.
const POLL: Duration = Duration::from_secs(1);
/// Faults read at once.
const PAGE: i64 = 1000;

impl ImportJobs {
    /// The job now and whenever it changes, until it is READY or has ended.
    pub fn watch(self, call: Call, id: String) -> impl Stream<Item = Result<Wire, Status>> + Send {
        let committed = self.db.committed();
        let start = (self, call, id, committed, None::<Wire>);
        futures::stream::try_unfold(start, |(jobs, call, id, mut committed, last)| async move {
            if last.as_ref().is_some_and(is_last) {
                return Ok(None);
            }
            loop {
                let job = convert::to_wire(&jobs.get(&call, &id).await?);
                if last.as_ref() != Some(&job) {
                    return Ok(Some((job.clone(), (jobs, call, id, committed, Some(job)))));
                }
                tokio::time::sleep(PAUSE).await;
                tokio::select! {
                    _ = committed.changed() => {}
                    () = tokio::time::sleep(POLL) => {}
                    () = jobs.shutdown.cancelled() => return Ok(None),
                }
            }
        })
    }

    /// The failed rows as a CSV file.
    pub async fn error_file(
        self,
        call: Call,
        id: &str,
    ) -> Result<impl Stream<Item = Result<HttpBody, Status>> + Send + use<>> {
        let job = self.get(&call, id).await?;
        call.require(self.collections.get("collection", &job.collection)?.kind().files.import)?;
        rights::see_rows(&call, job.creator_id)?;
        let place = (job.tenant_id, job.id);
        let file = ErrorFile::new(&job.header);
        let start = (self, call, file, Some((0_i64, -1_i32)), true);
        Ok(futures::stream::try_unfold(start, move |(jobs, call, mut file, after, is_first)| async move {
            let Some(after) = after else { return Ok(None) };
            let faults = jobs.faults(&call, place, after, PAGE, true).await?;
            let is_end = i64::try_from(faults.len()).is_ok_and(|count| count < PAGE);
            let next = faults.last().filter(|_| !is_end).map(|fault| (fault.line, fault.seq));
            let mut data = if is_first { file.head().map_err(Error::internal)? } else { Vec::new() };
            data.extend(file.add(faults, is_end).map_err(Error::internal)?);
            let body =
                HttpBody { content_type: "text/csv; charset=utf-8".to_owned(), data, extensions: Vec::new() };
            Ok::<_, Status>(Some((body, (jobs, call, file, next, false))))
        }))
    }
}

fn is_last(job: &Wire) -> bool {
    matches!(job.state(), State::Ready | State::Done | State::Failed | State::Cancelled)
}
