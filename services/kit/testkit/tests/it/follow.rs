//! Following: exactly once, in order, by one at a time, whatever fails.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use chrono::TimeDelta;
use crm_kit_pg::{
    follow::{Followers, gap_time},
    housekeeping,
};
use crm_kit_rpc::peer::Peers;
use crm_testkit::{Callers, peers};
use sqlx::Row as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    operate::Operator,
    rig::{Sink, Source, new_id},
};

/// Waits for a condition of a database or fails.
async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come about in 20 s");
}

async fn holder(sink: &Sink) -> Option<Uuid> {
    let mut conn = sink.database.look().await;
    let row = sqlx::query("SELECT holder FROM follow_position").fetch_optional(&mut conn);
    row.await.unwrap().and_then(|row| row.get(0))
}

#[tokio::test]
async fn every_event_of_every_tenant_has_its_effect_once_and_in_order() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let (tenants, records) = ([new_id(), new_id(), new_id()], [new_id(), new_id()]);
    // More than two batches, tenants in turn.
    for step in 0..1_200_usize {
        source.tell(tenants[step % 3], records[step % 2], &step.to_string()).await;
    }
    let (followers, _running) = sink.start();
    followers.drain().await.unwrap();
    let effects = sink.effects().await;
    assert_eq!(effects.len(), 1_200);
    for record in records {
        for tenant in 0..3 {
            let steps = effects.iter().filter(|(of, _)| *of == record).map(|(_, note)| note.parse().unwrap());
            let steps: Vec<usize> = steps.filter(|step: &usize| step % 3 == tenant).collect();
            assert!(steps.len() == 200 && steps.is_sorted(), "{steps:?}");
        }
    }
    assert_eq!(followers.drain().await.unwrap(), 0);

    // Rows lie in the tenant of their event.
    let wrong = "SELECT count(*) FROM effect e WHERE NOT EXISTS (SELECT 1 FROM inbox i WHERE i.tenant_id = e.tenant_id)";
    let wrong: i64 = sqlx::query(wrong).fetch_one(&mut sink.database.look().await).await.unwrap().get(0);
    assert_eq!(wrong, 0);
}

#[tokio::test]
async fn a_process_that_dies_between_effect_and_commit_has_done_nothing_and_the_next_one_does_it_once() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let (tenant, record) = (new_id(), new_id());
    for note in ["a", "poison", "b"] {
        source.tell(tenant, record, note).await;
    }
    sink.mood.hangs.store(true, SeqCst);
    let (_, dying) = sink.start();
    // It stands after the effect and before the commit: its transaction holds the inbox row.
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
    until(async || {
        let row = sqlx::query(waits).fetch_one(&mut sink.database.look().await).await.unwrap();
        row.get::<i64, _>(0) == 1
    })
    .await;
    drop(dying);
    assert_eq!(sink.notes().await, Vec::<String>::new());
    sink.mood.hangs.store(false, SeqCst);
    let (followers, _running) = sink.start();
    followers.drain().await.unwrap();
    assert_eq!(sink.notes().await, ["a", "poison", "b"]);

    // A process that dies right after the commit, so that another one starts from an older position.
    sink.sql("UPDATE follow_position SET cursor = ''").await;
    assert_eq!(followers.drain().await.unwrap(), 0);
    assert_eq!(sink.notes().await.len(), 3);
}

#[tokio::test]
async fn one_process_follows_at_a_time_and_another_takes_over() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let (tenant, record) = (new_id(), new_id());
    let (first, first_runs) = sink.start();
    until(async || holder(&sink).await.is_some()).await;
    let held_by_first = holder(&sink).await;
    let (_second, _second_runs) = sink.start();
    source.tell(tenant, record, "a").await;
    first.drain().await.unwrap();
    assert_eq!(holder(&sink).await, held_by_first);
    assert_eq!(sink.notes().await, ["a"]);
    // The lease is given back at a graceful end; the other one looks for it every ten seconds.
    drop(first_runs);
    source.tell(tenant, record, "b").await;
    until(async || sink.notes().await.len() == 2).await;
    assert_ne!(holder(&sink).await, held_by_first);
    assert_eq!(sink.notes().await, ["a", "b"]);
}

#[tokio::test]
async fn two_that_follow_at_once_still_do_everything_once() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let (tenant, record) = (new_id(), new_id());
    for step in 0..300 {
        source.tell(tenant, record, &step.to_string()).await;
    }
    // Draining does not wait for the lease.
    let all = [Followers::default(), Followers::default(), Followers::default()];
    let idle = CancellationToken::new();
    idle.cancel();
    for followers in &all {
        followers.start(sink.follower(), &TaskTracker::new(), &idle);
    }
    let (one, two, three) = tokio::join!(all[0].drain(), all[1].drain(), all[2].drain());
    assert_eq!(one.unwrap() + two.unwrap() + three.unwrap(), 300);
    let notes: Vec<usize> = sink.notes().await.iter().map(|note| note.parse().unwrap()).collect();
    assert!(notes.len() == 300 && notes.is_sorted());
}

#[tokio::test]
async fn a_poison_event_is_parked_with_what_follows_of_its_record_and_holds_up_nobody_else() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let (tenant, ill, well) = (new_id(), new_id(), new_id());
    for (record, note) in [(ill, "a"), (ill, "poison"), (well, "1"), (ill, "b"), (well, "2")] {
        source.tell(tenant, record, note).await;
    }
    sink.mood.fails.store(true, SeqCst);
    let (followers, _running) = sink.start();
    followers.drain().await.unwrap();
    assert_eq!(sink.notes().await, ["a", "1", "2"]);
    source.tell(tenant, ill, "c").await;
    source.tell(tenant, well, "3").await;
    followers.drain().await.unwrap();
    assert_eq!(sink.notes().await, ["a", "1", "2", "3"]);
    let states: Vec<i16> = sink.parked().await.iter().map(|(_, state, _)| *state).collect();
    assert_eq!(states, [1, 2, 2]);

    // Ten attempts in a quarter of an hour, then it waits for an operator.
    sink.mood.panics.store(true, SeqCst);
    for _ in 0..12 {
        sink.clock.advance(TimeDelta::minutes(10));
        followers.drain().await.unwrap();
        until(async || sink.parked().await[0].1 != 1 || !due(&sink).await).await;
    }
    let first = sink.parked().await[0];
    assert_eq!((first.1, first.2), (3, 10));

    sink.mood.fails.store(false, SeqCst);
    sink.mood.panics.store(false, SeqCst);
    let callers = Callers::default();
    let (channel, _serving) = sink.operated(&callers).await;
    let operator = Operator::new(&callers, &channel, tenant);
    operator.retry(first.0).await.unwrap();
    until(async || {
        followers.drain().await.unwrap();
        sink.parked().await.is_empty()
    })
    .await;
    assert_eq!(sink.notes().await, ["a", "1", "2", "3", "poison", "b", "c"]);
}

#[tokio::test]
async fn an_effect_that_needs_something_that_is_down_holds_up_nobody_else() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let (tenant, other) = (new_id(), new_id());
    source.tell(tenant, new_id(), "poison").await;
    source.tell(other, new_id(), "well").await;
    sink.mood.misses.store(true, SeqCst);
    let (followers, _running) = sink.start();
    followers.drain().await.unwrap();
    assert_eq!(sink.notes().await, ["well"]);
    assert_eq!(sink.parked().await.len(), 1);
}

/// Whether a job is due or at work.
async fn due(sink: &Sink) -> bool {
    let sql = "SELECT count(*) FROM job WHERE run_after <= $1 OR lease_until IS NOT NULL";
    let row = sqlx::query(sql).bind(sink.clock.now()).fetch_one(&mut sink.database.look().await).await;
    row.unwrap().get::<i64, _>(0) > 0
}

#[tokio::test]
async fn an_event_that_an_operator_drops_lets_the_ones_behind_it_go_on() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let (tenant, record) = (new_id(), new_id());
    for note in ["poison", "a", "b"] {
        source.tell(tenant, record, note).await;
    }
    sink.mood.fails.store(true, SeqCst);
    let (followers, _running) = sink.start();
    followers.drain().await.unwrap();
    let parked = sink.parked().await;
    assert_eq!(parked.len(), 3);
    let callers = Callers::default();
    let (channel, _serving) = sink.operated(&callers).await;
    Operator::new(&callers, &channel, tenant).discard(parked[0].0, "a test").await.unwrap();
    until(async || {
        followers.drain().await.unwrap();
        sink.parked().await.is_empty()
    })
    .await;
    assert_eq!(sink.notes().await, ["a", "b"]);
}

#[tokio::test]
async fn a_log_that_was_cut_before_the_position_is_followed_from_its_oldest_event_and_the_gap_is_noted() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let (tenant, record) = (new_id(), new_id());
    source.tell(tenant, record, "a").await;
    {
        let (followers, _running) = sink.start();
        followers.drain().await.unwrap();
    }
    source.tell(tenant, record, "lost").await;
    source.clock.advance(TimeDelta::days(31));
    housekeeping::run(&source.db, source.clock.now()).await.unwrap();
    source.tell(tenant, record, "b").await;
    let (followers, _running) = sink.start();
    followers.drain().await.unwrap();
    assert_eq!(sink.notes().await, ["a", "b"]);
    let gap = gap_time(&mut sink.database.look().await, "things").await.unwrap();
    assert_eq!(gap, Some(sink.clock.now()));

    // The inbox outlives what can be sent again, and then goes.
    let rows = async || {
        let row = sqlx::query("SELECT count(*) FROM inbox").fetch_one(&mut sink.database.look().await).await;
        row.unwrap().get::<i64, _>(0)
    };
    housekeeping::run(&sink.db, sink.clock.now()).await.unwrap();
    assert_eq!(rows().await, 2);
    housekeeping::run(&sink.db, sink.clock.now() + TimeDelta::days(5)).await.unwrap();
    assert_eq!(rows().await, 1);
}

#[tokio::test]
async fn a_service_with_another_secret_or_none_does_not_follow_and_says_why() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    source.tell(new_id(), new_id(), "a").await;
    let other =
        Peers::new("sink", &"another secret of the same good length".to_owned().into(), sink.clock.clone());
    let followers = Followers::default();
    let idle = CancellationToken::new();
    idle.cancel();
    followers.start(
        sink.follower_as(&other.unwrap().with("source", source.channel.clone())),
        &TaskTracker::new(),
        &idle,
    );
    assert_eq!(followers.drain().await.unwrap_err().code(), tonic::Code::Unavailable);
    assert_eq!(sink.notes().await, Vec::<String>::new());

    let none = Peers::new("sink", &String::new().into(), sink.clock.clone()).unwrap();
    let error = none.with("source", source.channel.clone()).events("source").err().unwrap();
    assert_eq!(error.violations()[0].field, "internal_secret");
    // A service that is meant for another one is no credential here.
    let misled = peers("sink", &sink.clock).with("elsewhere", source.channel.clone());
    let open = misled.events("elsewhere").unwrap();
    assert_eq!(open(<_>::default()).await.unwrap_err().code(), tonic::Code::Unauthenticated);
}
