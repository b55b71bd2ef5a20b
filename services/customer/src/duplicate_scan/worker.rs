//! The work on a scan: read all records, compare them, store the sets.

use std::collections::{HashMap, HashSet};

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::jobs::{Job, Verdict, Worker};
use crm_kit_record::rights::Caller;
use crm_proto::crm::customer::v1::duplicate_scan::State;
use tokio_util::task::TaskTracker;
use tonic::Code;
use uuid::Uuid;

use super::{
    DuplicateScans, JOB_KIND,
    model::{Scan, Set},
    ops::tell_ended,
    store,
};
use crate::{
    account::Account,
    contact::{self, Contact},
    duplicate::{profile::Profile, scan, search::Compared},
};

/// What audit rows and events name as the method.
const METHOD: &str = "/crm.customer.v1.DuplicateScanService/CreateDuplicateScan";
/// Records that one scan looks at; they are compared in memory.
const MAX_RECORDS: usize = 50_000;
/// Records read at once.
const PAGE: usize = 1000;
/// Attempts at a scan, before it is given up.
const ATTEMPTS: i32 = 6;

/// Records and what they show, in the same order.
type Read = (Vec<Uuid>, Vec<Profile>);

impl DuplicateScans {
    /// Starts the worker; one scan at a time in a process.
    pub fn spawn(&self, tasks: &TaskTracker) {
        let scans = self.clone();
        let worker = Worker::new(self.db.clone(), self.clock.clone(), JOB_KIND);
        worker.spawn(tasks, self.shutdown.clone(), move |job| {
            let scans = scans.clone();
            Box::pin(async move { scans.work(job).await })
        });
    }

    async fn work(&self, job: &Job) -> Result<Verdict> {
        let (tenant, id) = (job.tenant_id, job.id);
        let found = self.db.read_for_tenant(tenant, move |tx| {
            Box::pin(async move { store::get(tx.conn(), tenant, id).await })
        });
        let Some(scan) = found.await?.filter(|scan| scan.state.0 == State::Running) else {
            return Ok(Verdict::Done);
        };
        let run = if scan.collection == contact::COLLECTION {
            self.run::<Contact>(&scan).await
        } else {
            self.run::<Account>(&scan).await
        };
        match run {
            // Another process works on it.
            Err(error) if error.code() == Code::Aborted => Ok(Verdict::Done),
            Err(error) if job.attempts >= ATTEMPTS => {
                tracing::error!(scan = %id, ?error, "a scan for duplicates was given up");
                self.fail(&scan, None, "the records cannot be read at the moment; try again later").await
            }
            run => run,
        }
    }

    async fn run<R: Compared>(&self, scan: &Scan) -> Result<Verdict> {
        let (tenant, collection) = (scan.tenant_id, scan.collection.as_str());
        let limit = i64::try_from(MAX_RECORDS + 1).map_err(Error::internal)?;
        let found = self.db.read_for_tenant(tenant, move |tx| {
            Box::pin(async move {
                let ids = store::record_ids(tx.conn(), tenant, collection, limit).await?;
                Ok((ids, store::dismissed(tx.conn(), tenant, collection).await?))
            })
        });
        let (ids, apart) = found.await?;
        let total = i64::try_from(ids.len()).map_err(Error::internal)?;
        let now = self.clock.now();
        let scan = self.change(scan, None, |scan| scan.begin(now, total)).await?;
        if ids.len() > MAX_RECORDS {
            let why = format!(
                "{collection} has more than {MAX_RECORDS} records, which is more than one scan looks at"
            );
            return self.fail(&scan, Some(scan.attempt), &why).await;
        }
        let Some((ids, profiles)) = self.read::<R>(&scan, &ids).await? else {
            return Ok(Verdict::Again(self.clock.now()));
        };
        let threshold = scan.threshold;
        let compared = tokio::task::spawn_blocking(move || compare(&ids, &profiles, &apart, threshold));
        let groups = compared.await.map_err(Error::internal)?;
        self.complete(&scan, groups).await.map(|()| Verdict::Done)
    }

    /// Reads the records page by page; `None` when the process ends.
    async fn read<R: Compared>(&self, scan: &Scan, ids: &[Uuid]) -> Result<Option<Read>> {
        let (tenant, mut read) = (scan.tenant_id, (Vec::new(), Vec::new()));
        for page in ids.chunks(PAGE) {
            if self.shutdown.is_cancelled() {
                return Ok(None);
            }
            let records = self.db.read_for_tenant(tenant, move |tx| {
                Box::pin(async move { R::get(tx.conn(), tenant, page, None).await })
            });
            for record in records.await? {
                if record.head().delete_time.is_none() {
                    read.0.push(record.head().id);
                    read.1.push(record.profile_of());
                }
            }
            let done = i64::try_from(page.len()).map_err(Error::internal)?;
            self.change(scan, Some(scan.attempt), |scan| scan.done_rows += done).await?;
        }
        Ok(Some(read))
    }

    /// Changes a scan that runs, as long as the attempt is its own.
    async fn change(
        &self,
        scan: &Scan,
        attempt: Option<i64>,
        act: impl Fn(&mut Scan) + Send + Sync,
    ) -> Result<Scan> {
        let (now, act) = (self.clock.now(), &act);
        self.db
            .for_tenant(scan.tenant_id, move |tx| {
                Box::pin(async move {
                    let mut held = store::hold(tx.conn(), scan, attempt).await?;
                    act(&mut held);
                    held.update_time = now;
                    store::save(tx.conn(), &held).await.map(|()| held)
                })
            })
            .await
    }

    /// Stores the sets and ends the scan. A set of two records that were told apart meanwhile is left to the next scan.
    async fn complete(&self, scan: &Scan, groups: Vec<Vec<(Uuid, f64)>>) -> Result<()> {
        let call = &self.call(scan);
        let sets: &Vec<Set> = &groups.into_iter().map(|group| set(call, scan, group)).collect();
        let written = self.db.write_rows(call, "scan", move |tx| {
            Box::pin(async move {
                store::take_turn(tx.conn(), scan.tenant_id, &scan.collection).await?;
                let was = store::hold(tx.conn(), scan, Some(scan.attempt)).await?;
                let apart = store::dismissed(tx.conn(), scan.tenant_id, &scan.collection).await?;
                let kept: Vec<Set> = sets.iter().filter(|set| !set.holds_any(&apart)).cloned().collect();
                store::replace_sets(tx.conn(), scan, &kept).await?;
                let mut done = was.clone();
                done.set_count = i64::try_from(kept.len()).map_err(Error::internal)?;
                done.end(call.now, State::Done);
                done.update_time = call.now;
                store::save(tx.conn(), &done).await?;
                tell_ended(tx, &was, &done);
                Ok(())
            })
        });
        written.await
    }

    async fn fail(&self, scan: &Scan, attempt: Option<i64>, why: &str) -> Result<Verdict> {
        let call = &self.call(scan);
        let written = self.db.write_rows(call, "scan", move |tx| {
            Box::pin(async move {
                let was = store::hold(tx.conn(), scan, attempt).await?;
                let mut failed = Scan { failure: why.to_owned(), update_time: call.now, ..was.clone() };
                failed.end(call.now, State::Failed);
                store::save(tx.conn(), &failed).await?;
                tell_ended(tx, &was, &failed);
                Ok(())
            })
        });
        written.await.map(|()| Verdict::Done)
    }

    /// A call of the scan's creator.
    fn call(&self, scan: &Scan) -> Call {
        let access = scan.rights.access(scan.tenant_id);
        Caller::new(access, self.clock.clone(), &format!("scan-{}", scan.id), METHOD).call()
    }
}

/// Groups of records that are one party, each with how likely it is that with the one it is most like.
fn compare(
    ids: &[Uuid],
    profiles: &[Profile],
    apart: &[(Uuid, Uuid)],
    threshold: f64,
) -> Vec<Vec<(Uuid, f64)>> {
    let places: HashMap<Uuid, u32> = ids.iter().copied().zip(0..).collect();
    let pair = |(a, b): &(Uuid, Uuid)| {
        let (a, b) = (*places.get(a)?, *places.get(b)?);
        Some((a.min(b), a.max(b)))
    };
    let apart: HashSet<(u32, u32)> = apart.iter().filter_map(pair).collect();
    let mut scan = scan::Scan::of(profiles);
    scan.keep_apart(&apart);
    let sets = scan.sets(profiles, threshold);
    let probabilities = scan.probabilities(&sets);
    let likely = |index: &u32| probabilities.get(index).copied().unwrap_or(0.0);
    sets.iter().map(|set| set.iter().map(|index| (ids[*index as usize], likely(index))).collect()).collect()
}

fn set(call: &Call, scan: &Scan, group: Vec<(Uuid, f64)>) -> Set {
    let (record_ids, probabilities) = group.into_iter().unzip();
    Set {
        id: id::new(call.now),
        create_time: call.now,
        scan_id: scan.id,
        collection: scan.collection.clone(),
        record_ids,
        probabilities,
    }
}
