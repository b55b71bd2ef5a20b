//! `kill -9` of customer or sales at each step of a conversion: it ends once, whole, whichever of them died. A lock on a table in the right database stops
//! the conversion at a step.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::{
    rest::Rest,
    running::{Running, until},
    suite::Suite,
};

/// Where a conversion is stopped: by a lock on a table of a service.
struct Step {
    name: &'static str,
    service: &'static str,
    table: &'static str,
    /// What the conversion's state is while it is stopped; none before its first step is done.
    state: Option<i16>,
}

const STEPS: [Step; 4] = [
    Step { name: "before the first step", service: "customer", table: "contact", state: None },
    Step { name: "while sales is asked", service: "sales", table: "opportunity", state: Some(2) },
    Step { name: "while sales leaves its event", service: "sales", table: "outbox", state: Some(2) },
    Step { name: "before the last step", service: "customer", table: "lead_status_change", state: Some(3) },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversion_ends_once_whichever_service_is_killed_at_whichever_step() {
    let mut suite = Suite::start(25).await;
    let admin = suite.administrator("saga").await;
    // The pipelines of the tenant are made with the first opportunity.
    admin.post("/v1/opportunities", &json!({"display_name": "first"})).await.ok();
    let mut number = 1;
    for step in &STEPS {
        for victim in ["customer", "sales"] {
            number += 1;
            let what = format!("{victim} killed {}", step.name);
            let lead = lead(&admin, number).await;
            let (lock, call) = stop(&suite, &admin, step, &lead).await;
            kill(&mut suite.service(victim).process).await;
            lock.close().await.unwrap();
            call.await.unwrap();
            suite.service(victim).restart().await;
            until("the gateway finds everybody", || async { suite.rest.get("/readyz").await.status == 200 })
                .await;
            ended(&suite, &admin, &lead, &what).await;
            assert_whole(&suite, &admin, &lead, number, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversion_that_sales_refuses_is_taken_back_although_customer_was_killed() {
    let mut suite = Suite::start(25).await;
    let admin = suite.administrator("refused").await;
    let lead = lead(&admin, 1).await;
    // It is refused; customer is killed while it takes the conversion back.
    let step = Step { name: "", service: "customer", table: "account", state: Some(2) };
    let body = json!({"account": {"mode": "MODE_CREATE"}, "opportunity": {"mode": "MODE_CREATE"},
                      "opportunity_details": {"stage_key": "no such stage"}});
    suite.service("sales").process.signal(Signal::STOP);
    let begun = TaskTracker::new().spawn(converted(admin.clone(), lead.clone(), body));
    until("the first step is done", || async { state(&suite, &lead).await == Some(2) }).await;
    let lock = locked(&suite, &step).await;
    suite.service("sales").process.signal(Signal::CONT);
    waiting(&suite, step.service, &begun).await;
    kill(&mut suite.service("customer").process).await;
    lock.close().await.unwrap();
    begun.await.unwrap();
    suite.service("customer").restart().await;
    until("the gateway finds everybody", || async { suite.rest.get("/readyz").await.status == 200 }).await;
    // The first question is in doubt for five minutes; here they are over.
    let past = "UPDATE conversion SET attempt_time = attempt_time - interval '6 minutes', doubt_until = doubt_until - interval '6 minutes'";
    let mut conn = suite.services["customer"].look().await;
    sqlx::raw_sql(past).execute(&mut conn).await.unwrap();
    ended(&suite, &admin, &lead, "refused").await;
    let read = admin.get(&format!("/v1/leads/{lead}")).await.ok();
    assert_eq!((&read["status"], &read["conversion_id"]), (&json!("STATUS_NEW"), &json!("")), "{read}");
    let sql = "SELECT count(*) FROM account WHERE delete_time IS NULL";
    assert_eq!(count(&suite, "customer", sql).await, 0);
    assert_eq!(count(&suite, "sales", "SELECT count(*) FROM opportunity").await, 0);
}

async fn lead(admin: &Rest, number: i64) -> String {
    let body = json!({"family_name": "Li", "company_name": format!("Company {number}"),
                      "email": format!("li{number}@example.com")});
    admin.post("/v1/leads", &body).await.ok()["id"].as_str().unwrap().to_owned()
}

/// Asks for a conversion and lets the answer be what it is.
async fn converted(admin: Rest, lead: String, body: Value) {
    let path = format!("/v1/leads/{lead}:convert");
    let answer = admin.try_send(http::Method::POST, &path, &body, "").await;
    if let Ok(answer) = answer {
        assert!(answer.status == 200 || answer.status == 400 || answer.is_unavailable(), "{}", answer.body);
    }
}

/// A conversion that is held up at a step.
async fn stop(suite: &Suite, admin: &Rest, step: &Step, lead: &str) -> (PgConnection, JoinHandle<()>) {
    let lock = locked(suite, step).await;
    let create = json!({"mode": "MODE_CREATE"});
    let body = json!({"account": create, "contact": create, "opportunity": create});
    let call = TaskTracker::new().spawn(converted(admin.clone(), lead.to_owned(), body));
    waiting(suite, step.service, &call).await;
    assert_eq!(state(suite, lead).await, step.state, "{}", step.name);
    (lock, call)
}

async fn locked(suite: &Suite, step: &Step) -> PgConnection {
    let mut lock = suite.services[step.service].look().await;
    let sql = format!("BEGIN; LOCK TABLE {} IN EXCLUSIVE MODE", step.table);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut lock).await.unwrap();
    lock
}

/// Waits until somebody waits for a lock in the service's database.
async fn waiting(suite: &Suite, service: &str, call: &JoinHandle<()>) {
    let mut conn = suite.services[service].look().await;
    let sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
    while !sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut conn).await.unwrap() {
        assert!(!call.is_finished(), "nothing held the call up");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn kill(process: &mut Running) {
    process.signal(Signal::KILL);
    assert!(!process.ended().await.success());
}

/// The state of the lead's last conversion.
async fn state(suite: &Suite, lead: &str) -> Option<i16> {
    let mut conn = suite.services["customer"].look().await;
    let sql = "SELECT state FROM conversion WHERE lead_id = $1::uuid ORDER BY id DESC LIMIT 1";
    sqlx::query_scalar(sql).bind(lead).fetch_optional(&mut conn).await.unwrap()
}

/// Waits for the end. A conversion that was not begun is asked for again, as its caller would.
async fn ended(suite: &Suite, admin: &Rest, lead: &str, what: &str) {
    if state(suite, lead).await.is_none() {
        let create = json!({"mode": "MODE_CREATE"});
        converted(
            admin.clone(),
            lead.to_owned(),
            json!({"account": create, "contact": create, "opportunity": create}),
        )
        .await;
    }
    until(what, || async { matches!(state(suite, lead).await, Some(4 | 5)) }).await;
}

/// Every record of the conversion is there once.
async fn assert_whole(suite: &Suite, admin: &Rest, lead: &str, number: i64, what: &str) {
    let read = admin.get(&format!("/v1/leads/{lead}")).await.ok();
    assert_eq!(read["status"], json!("STATUS_CONVERTED"), "{what}: {read}");
    let deal = read["converted_opportunity_id"].as_str().unwrap();
    let deal = admin.get(&format!("/v1/opportunities/{deal}")).await.ok();
    assert_eq!(deal["account_id"], read["converted_account_id"], "{what}");
    assert_eq!(deal["contacts"][0]["contact_id"], read["converted_contact_id"], "{what}");
    // The first opportunity was made by hand.
    assert_eq!(count(suite, "sales", "SELECT count(*) FROM opportunity").await, number, "{what}");
    for table in ["account", "contact"] {
        let sql = format!("SELECT count(*) FROM {table}");
        assert_eq!(count(suite, "customer", &sql).await, number - 1, "{what}: {table}");
    }
}

async fn count(suite: &Suite, service: &str, sql: &str) -> i64 {
    let mut conn = suite.services[service].look().await;
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut conn).await.unwrap()
}
