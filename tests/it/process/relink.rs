//! `kill -9` of sales while records follow a merge: the process after it goes on where it was, and each record follows once.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{running::until, suite::Suite};

const WAITS: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_is_followed_once_although_sales_was_killed_between_two_kinds() {
    let mut suite = Suite::start(25).await;
    let admin = suite.administrator("merge").await;
    let mut accounts = Vec::new();
    for name in ["Alpha", "Beta"] {
        accounts.push(text(&admin.post("/v1/accounts", &json!({"display_name": name})).await.ok(), "id"));
    }
    let (a, b) = (&accounts[0], &accounts[1]);
    let amount = json!({"currency_code": "CNY", "units": "100"});
    let deal = json!({"display_name": "deal", "account_id": b, "account_name": "Beta"});
    let receipt = json!({"account_id": b, "account_name": "Beta", "amount": amount});
    let mut records = Vec::new();
    for (path, body) in [("/v1/opportunities", deal), ("/v1/receipts", receipt)] {
        records.push(format!("{path}/{}", text(&admin.post(path, &body).await.ok(), "id")));
    }

    let mut lock = suite.services["sales"].look().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE receipt IN EXCLUSIVE MODE").execute(&mut lock).await.unwrap();
    let body = json!({"collection": "accounts", "records": [{"id": a}, {"id": b}], "survivor_id": a});
    let merge = admin.post("/v1/merges", &body).await.ok();
    let merge = format!("/v1/merges/{}", text(&merge["merge"], "id"));
    until("deals have followed and receipts are next", || async {
        let mut conn = suite.services["sales"].look().await;
        let waits: bool = sqlx::query_scalar(WAITS).fetch_one(&mut conn).await.unwrap();
        waits && text(&admin.get(&records[0]).await.ok(), "account_id") == *a
    })
    .await;
    let sales = &mut suite.service("sales").process;
    sales.signal(Signal::KILL);
    assert!(!sales.ended().await.success());
    drop(lock);
    assert_eq!(admin.get(&merge).await.ok()["state"], json!("STATE_MOVING"));

    suite.service("sales").restart().await;
    // The lease of the process that is gone lasts half a minute; here it is over.
    let mut conn = suite.services["sales"].look().await;
    let over = "UPDATE job SET lease_until = now() - interval '1 second' WHERE kind = 'relink'";
    sqlx::raw_sql(over).execute(&mut conn).await.unwrap();
    until("the merge is complete", || async {
        let answer = admin.get(&merge).await;
        answer.status == 200 && answer.body["state"] == json!("STATE_COMPLETE")
    })
    .await;
    for path in &records {
        assert_eq!(text(&admin.get(path).await.ok(), "account_id"), *a, "{path}");
        let id = path.rsplit('/').next().unwrap();
        let sql = "SELECT count(*) FROM audit_log WHERE record_id = $1::uuid";
        let rows: i64 = sqlx::query_scalar(sql).bind(id).fetch_one(&mut conn).await.unwrap();
        assert_eq!(rows, 2, "{path} was created and followed once");
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}
