//! `kill -9` of a service in the middle of writes: what was acknowledged is there, nothing is half there, and the gateway says so meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::{
    rest::{Answer, Rest},
    running::until,
    suite::Suite,
};

const WRITERS: usize = 6;
/// Accounts that one call makes, all or none.
const BATCH: usize = 20;

/// What one writer did.
#[derive(Default)]
struct Written {
    acknowledged: Vec<String>,
    /// Idempotency keys of calls that failed.
    failed: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_loses_nothing_that_was_acknowledged() {
    let mut suite = Suite::start(25).await;
    let admin = suite.administrator("crash").await;
    let enough = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| TaskTracker::new().spawn(write(admin.clone(), writer, Arc::clone(&enough))))
        .collect();
    until("every writer is at work", || async { count(&suite, "account").await > 20 * BATCH }).await;

    let customer = &mut suite.service("customer").process;
    customer.signal(Signal::KILL);
    assert!(!customer.ended().await.success());
    until("the gateway tells which service is away", || async {
        let ready = suite.rest.get("/readyz").await;
        ready.status == 503 && ready.body["backends"]["customer"] == json!("UNREACHABLE")
    })
    .await;
    let refused = admin.get("/v1/accounts").await;
    assert!(refused.is_unavailable(), "{}: {}", refused.status, refused.body);
    assert_eq!(reason(&refused), json!("DEPENDENCY_UNAVAILABLE"), "{}", refused.body);
    assert_eq!(admin.get("/v1/users").await.status, 200, "other services go on");

    let before = count(&suite, "account").await;
    suite.service("customer").restart().await;
    until("the gateway finds the service again", || async { suite.rest.get("/readyz").await.status == 200 })
        .await;
    until("writes go on", || async { count(&suite, "account").await > before + 5 * BATCH }).await;
    enough.store(true, Ordering::Relaxed);
    let mut written = Vec::new();
    for writer in writers {
        written.push(writer.await.unwrap());
    }
    check(&suite, &admin, &written).await;
}

/// Makes groups of accounts until it is enough; a failure must be UNAVAILABLE.
async fn write(admin: Rest, writer: usize, enough: Arc<AtomicBool>) -> Written {
    let mut written = Written::default();
    for number in 0.. {
        let key = format!("group-{writer}-{number}");
        let answer = send(&admin, &key).await;
        if answer.status == 200 {
            written.acknowledged.push(key);
        } else {
            assert!(answer.is_unavailable(), "{}: {}", answer.status, answer.body);
            written.failed.push(key);
            // As a client does; with the service away the gateway answers at once.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if enough.load(Ordering::Relaxed) {
            break;
        }
    }
    written
}

/// A group of accounts under the tag `key`.
async fn send(admin: &Rest, key: &str) -> Answer {
    let one = |number: usize| json!({"account": {"display_name": format!("{key} {number}"), "tags": [key]}});
    let body = json!({"requests": (0..BATCH).map(one).collect::<Vec<Value>>()});
    admin.send(Method::POST, "/v1/accounts:batchCreate", &body, key).await
}

async fn check(suite: &Suite, admin: &Rest, written: &[Written]) {
    let acknowledged: Vec<&String> = written.iter().flat_map(|writer| &writer.acknowledged).collect();
    let failed: Vec<&String> = written.iter().flat_map(|writer| &writer.failed).collect();
    assert!(!failed.is_empty(), "the kill hit no call: {} were acknowledged", acknowledged.len());
    let groups = groups(suite).await;
    let size = |key: &str| groups.iter().find(|(tag, _)| tag == key).map_or(0, |(_, size)| *size);
    for key in &acknowledged {
        assert_eq!(size(key), BATCH, "the acknowledged {key} is not there");
    }
    for (key, size) in &groups {
        assert_eq!(*size, BATCH, "{key} is half there");
    }
    let accounts = count(suite, "account").await;
    assert_eq!(count(suite, "audit_log").await, accounts, "an audit row for each account");
    assert_eq!(count(suite, "outbox").await, accounts, "an event for each account");
    // Whoever got no answer asks again under the same key, and has the records once.
    for key in &failed {
        send(admin, key).await.ok();
    }
    let groups = self::groups(suite).await;
    assert_eq!(groups.len(), acknowledged.len() + failed.len());
    assert!(groups.iter().all(|(_, size)| *size == BATCH), "{groups:?}");
}

/// Tags with the number of their accounts.
async fn groups(suite: &Suite) -> Vec<(String, usize)> {
    let sql = "SELECT tags[1], count(*) FROM account GROUP BY 1";
    let mut conn = suite.services["customer"].look().await;
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&mut conn).await.unwrap();
    rows.into_iter().map(|(tag, size)| (tag, usize::try_from(size).unwrap())).collect()
}

async fn count(suite: &Suite, table: &str) -> usize {
    let mut conn = suite.services["customer"].look().await;
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let rows: i64 = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
    usize::try_from(rows).unwrap()
}

fn reason(answer: &Answer) -> Value {
    let details = answer.body["error"]["details"].as_array().unwrap();
    details.iter().find_map(|detail| detail.get("reason")).cloned().unwrap_or_default()
}
