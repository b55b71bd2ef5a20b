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
