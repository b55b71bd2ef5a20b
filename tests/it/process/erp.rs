//! An ERP system beside the suite, over the public contract alone: orders go out by events, acknowledgements and payments come in, and whoever is killed in
//! the middle, every order is booked once and every payment counted once.

use std::{collections::BTreeSet, path::Path};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    rest::Rest,
    running::{Running, until},
    suite::Suite,
};

const ORDERS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_reach_the_erp_system_once_and_payments_come_back_once() {
    let mut suite = Suite::start(25).await;
    let admin = suite.administrator("erp").await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.json");
    let mut erp = start(&suite, &admin, &ledger).await;

    let mut ids = Vec::new();
    for index in 0..ORDERS {
        ids.push(confirmed(&admin, index, "CNY").await);
        if index == ORDERS / 3 {
            erp.signal(Signal::KILL);
            erp.ended().await;
            erp = start(&suite, &admin, &ledger).await;
        }
    }
    let sales = &mut suite.service("sales").process;
    sales.signal(Signal::KILL);
    sales.ended().await;
    suite.service("sales").restart().await;
    until("sales is back", || async { suite.rest.get("/readyz").await.status == 200 }).await;
    until("every order is acknowledged", || async { pending(&admin).await == 0 }).await;
    until("every payment is reported", || async { receipts(&admin).await.len() == ORDERS }).await;

    let booked: Value = serde_json::from_slice(&std::fs::read(&ledger).unwrap()).unwrap();
    assert_eq!(booked["bookings"].as_object().unwrap().len(), ORDERS, "each order once");
    let mut numbers = BTreeSet::new();
    for id in &ids {
        let order = admin.get(&format!("/v1/orders/{id}")).await.ok();
        assert_eq!(order["erp_state"], json!("ERP_STATE_ACKNOWLEDGED"), "{order}");
        assert_eq!(order["erp_id"], booked["bookings"][id]["erp_id"]);
        assert!(numbers.insert(order["erp_id"].to_string()), "{} twice", order["erp_id"]);
    }
    for receipt in receipts(&admin).await {
        assert!(numbers.contains(&receipt["bank_reference"].to_string()), "{receipt}");
        assert_eq!(
            receipt["amount"],
            json!({"currency_code": "CNY", "units": "21", "nanos": 0}),
            "{receipt}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_the_erp_system_refuses_says_why() {
    let suite = Suite::start(25).await;
    let admin = suite.administrator("refusal").await;
    let folder = tempfile::tempdir().unwrap();
    let _erp = start(&suite, &admin, &folder.path().join("ledger.json")).await;
    let id = confirmed(&admin, 0, "JPY").await;
    until("the order is answered", || async { pending(&admin).await == 0 }).await;
    let order = admin.get(&format!("/v1/orders/{id}")).await.ok();
    assert_eq!(
        (&order["erp_state"], &order["erp_message"]),
        (&json!("ERP_STATE_FAILED"), &json!("no books in JPY"))
    );
    assert_eq!(receipts(&admin).await, Vec::<Value>::new());
}

async fn start(suite: &Suite, admin: &Rest, ledger: &Path) -> Running {
    let sales = format!("http://{}", suite.services["sales"].process.address);
    Running::start_example("erp", &[&sales, admin.token(), ledger.to_str().unwrap()]).await
}

/// A confirmed order of 21.
async fn confirmed(admin: &Rest, index: usize, currency: &str) -> String {
    let body = json!({
        "display_name": format!("order {index}"), "account_id": "019a0000-0000-7000-8000-000000000001",
        "account_name": "上海电力", "currency_code": currency, "order_date": {"year": 2027, "month": 1, "day": 4},
        "lines": [{"product_name": "relay", "quantity": "3", "unit_price": "7"}],
    });
    let id = admin.post("/v1/orders", &body).await.ok()["id"].as_str().unwrap().to_owned();
    admin.post(&format!("/v1/orders/{id}:confirm"), &json!({})).await.ok();
    id
}

/// Orders that wait for the ERP system.
async fn pending(admin: &Rest) -> usize {
    let path = "/v1/orders?page_size=100&filter=erp_state%20in%20%5B%22ERP_STATE_PENDING_PUSH%22%2C%22ERP_STATE_PUSHED%22%5D";
    let answer = admin.get(path).await;
    // While sales starts again, nothing is known.
    if answer.is_unavailable() { usize::MAX } else { answer.ok()["orders"].as_array().map_or(0, Vec::len) }
}

async fn receipts(admin: &Rest) -> Vec<Value> {
    admin.get("/v1/receipts?page_size=100").await.ok()["receipts"].as_array().cloned().unwrap_or_default()
}
