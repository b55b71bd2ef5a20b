//! Jobs: one of each kind for a record, and claims that settle only themselves.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Error, Result, clock::Clock};
use crm_kit_pg::{
    Db,
    jobs::{self, Job, Verdict, Worker},
};
use crm_testkit::Database;
use futures::{FutureExt as _, future::BoxFuture};
use sqlx::Row as _;
use uuid::Uuid;

const KIND: &str = "sweep";
const OTHER: &str = "count";

struct Rig {
    database: Database,
    db: Db,
    clock: Clock,
    tenant: Uuid,
    record: Uuid,
}

impl Rig {
    async fn new() -> Arc<Self> {
        let database = Database::new("jobs", &[]).await;
        let clock = Clock::fixed(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        Arc::new(Self { db: database.db(), database, clock, tenant: Uuid::new_v4(), record: Uuid::new_v4() })
    }

    fn worker(&self, kind: &'static str) -> Worker {
        Worker::new(self.db.clone(), self.clock.clone(), kind)
    }

    async fn ask(&self, kind: &str) {
        let mut conn = self.db.system().await.unwrap();
        jobs::enqueue(&mut conn, self.tenant, self.record, kind, self.clock.now()).await.unwrap();
    }

    /// Kind, claims and time of what there is to do.
    async fn jobs(&self) -> Vec<(String, i64, DateTime<Utc>)> {
        let sql = "SELECT kind, claim, run_after FROM job ORDER BY kind";
        let rows = sqlx::query(sql).fetch_all(&mut self.database.look().await).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }
}

/// Tells the compiler for which jobs a closure works.
fn work<F>(work: F) -> F
where
    F: for<'j> Fn(&'j Job) -> BoxFuture<'j, Result<Verdict>> + Send + Sync,
{
    work
}

fn done(_: &Job) -> BoxFuture<'_, Result<Verdict>> {
    async { Ok(Verdict::Done) }.boxed()
}

#[tokio::test]
async fn two_kinds_of_job_on_one_record_are_two_jobs() {
    let rig = Rig::new().await;
    rig.ask(KIND).await;
    rig.ask(OTHER).await;
    rig.ask(KIND).await;
    assert_eq!(rig.jobs().await.len(), 2);
    assert!(rig.worker(KIND).run_one(&done).await.unwrap());
    assert!(!rig.worker(KIND).run_one(&done).await.unwrap());
    let left: Vec<String> = rig.jobs().await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(left, [OTHER], "the other kind was neither done nor dropped");
    assert!(rig.worker(OTHER).run_one(&done).await.unwrap());
    assert!(rig.jobs().await.is_empty());
}

/// The old holder's lease runs out, the job is asked for again, and a second worker claims it: both are then on their first attempt.
#[tokio::test]
async fn who_lost_a_claim_settles_nothing_of_the_next_one() {
    for fails in [false, true] {
        let rig = Rig::new().await;
        rig.ask(KIND).await;
        let later = rig.clock.now() + TimeDelta::hours(1);
        let held = Arc::clone(&rig);
        let slow = work(move |job| {
            assert_eq!((job.attempts, job.claim), (1, 1));
            outlast(Arc::clone(&held), later, fails).boxed()
        });
        assert!(rig.worker(KIND).run_one(&slow).await.unwrap());
        assert_eq!(rig.jobs().await, [(KIND.to_owned(), 2, later)], "as the second claim left it");
    }
}

async fn outlast(rig: Arc<Rig>, later: DateTime<Utc>, fails: bool) -> Result<Verdict> {
    rig.clock.advance(TimeDelta::seconds(31));
    rig.ask(KIND).await;
    let second = work(move |job| {
        assert_eq!((job.attempts, job.claim), (1, 2));
        async move { Ok(Verdict::Again(later)) }.boxed()
    });
    assert!(rig.worker(KIND).run_one(&second).await?, "the lease ran out");
    if fails { Err(Error::bug("slow")) } else { Ok(Verdict::Done) }
}

#[tokio::test]
async fn a_job_that_is_asked_for_while_it_runs_runs_again() {
    let rig = Rig::new().await;
    rig.ask(KIND).await;
    let held = Arc::clone(&rig);
    let asked = work(move |_| {
        let rig = Arc::clone(&held);
        async move {
            rig.ask(KIND).await;
            Ok(Verdict::Done)
        }
        .boxed()
    });
    assert!(rig.worker(KIND).run_one(&asked).await.unwrap());
    assert_eq!(rig.jobs().await.len(), 1);
    assert!(rig.worker(KIND).run_one(&done).await.unwrap(), "at once, not after the lease");
    assert!(rig.jobs().await.is_empty());
}

/// Somebody is about to take the oldest job, or asks for it anew: whoever claims meanwhile takes the next one and waits for nobody.
#[tokio::test]
async fn two_who_claim_at_once_take_two_jobs_and_neither_waits() {
    let rig = Rig::new().await;
    let mut conn = rig.db.system().await.unwrap();
    let records = [Uuid::new_v4(), Uuid::new_v4()];
    for (record, age) in records.iter().zip([2, 1]) {
        let due = rig.clock.now() - TimeDelta::seconds(age);
        jobs::enqueue(&mut conn, rig.tenant, *record, KIND, due).await.unwrap();
    }
    let mut other = rig.database.look().await;
    sqlx::raw_sql("BEGIN").execute(&mut other).await.unwrap();
    let first = "UPDATE job SET claim = claim + 1 WHERE id = $1";
    sqlx::query(first).bind(records[0]).execute(&mut other).await.unwrap();
    let worker = rig.worker(KIND);
    let second = work(move |job| {
        assert_eq!(job.id, records[1]);
        async move { Ok(Verdict::Done) }.boxed()
    });
    let soon = std::time::Duration::from_secs(5);
    assert!(tokio::time::timeout(soon, worker.run_one(&second)).await.expect("it waited").unwrap());
    assert!(!tokio::time::timeout(soon, worker.run_one(&second)).await.expect("it waited").unwrap());
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert!(worker.run_one(&done).await.unwrap(), "the first one is due still");
    assert!(rig.jobs().await.is_empty());
}

#[tokio::test]
async fn many_who_claim_at_once_do_each_job_once() {
    let rig = Rig::new().await;
    let mut conn = rig.db.system().await.unwrap();
    for _ in 0..40 {
        jobs::enqueue(&mut conn, rig.tenant, Uuid::new_v4(), KIND, rig.clock.now()).await.unwrap();
    }
    let took = Arc::new(std::sync::Mutex::new(Vec::new()));
    let workers = (0..4).map(|_| {
        let (worker, took) = (rig.worker(KIND), Arc::clone(&took));
        async move {
            let note = work(move |job| {
                took.lock().unwrap().push(job.id);
                async move { Ok(Verdict::Done) }.boxed()
            });
            // A row that another one holds is passed over, so a worker may find nothing while there is something.
            for _ in 0..40 {
                worker.run_one(&note).await.unwrap();
            }
        }
    });
    futures::future::join_all(workers).await;
    let mut took = took.lock().unwrap().clone();
    assert_eq!(took.len(), 40);
    took.sort_unstable();
    took.dedup();
    assert_eq!((took.len(), rig.jobs().await.len()), (40, 0));
}

#[tokio::test]
async fn what_is_put_off_without_an_error_is_no_attempt() {
    let rig = Rig::new().await;
    rig.ask(KIND).await;
    let now = rig.clock.now();
    for _ in 0..3 {
        let again = work(move |job| {
            assert_eq!(job.attempts, 1);
            async move { Ok(Verdict::Again(now)) }.boxed()
        });
        assert!(rig.worker(KIND).run_one(&again).await.unwrap());
    }
    for attempt in 1..=2 {
        let fails = work(move |job| {
            assert_eq!(job.attempts, attempt);
            async move { Err(Error::bug("down")) }.boxed()
        });
        assert!(rig.worker(KIND).run_one(&fails).await.unwrap());
        rig.clock.advance(TimeDelta::seconds(10));
    }
    assert!(rig.worker(KIND).run_one(&done).await.unwrap());
    assert!(rig.jobs().await.is_empty(), "attempts that are forgotten are no asking anew");
}
