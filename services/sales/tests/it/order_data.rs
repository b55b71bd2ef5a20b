//! The purchase orders of a real company (4,012 of them) come in by streaming upsert, and the totals come out to the fourth decimal.
//!
//! The data has heads only. An order gets two lines: the goods, one piece at the sub total and with the 8 % of tax that every row has, and the freight,
//! one piece without tax. Amounts have four decimals, as the data has. The states pending, approved, rejected and complete become draft, confirmed,
//! cancelled and closed.

use std::{collections::BTreeMap, path::Path, time::Instant};

use crm_proto::{
    crm::{
        record::v1::row_result::Outcome,
        sales::v1::{BulkUpsertOrdersRequest, DocumentLine, DocumentTotals, Order, order::State},
    },
    google::r#type::{Date, Money},
};
use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::{
    order_rig::{Desk, line, row},
    rig::Rig,
};

fn records(folder: &Path, name: &str) -> Vec<Vec<String>> {
    let reader = csv::ReaderBuilder::new().has_headers(false).delimiter(b'\t').from_path(folder.join(name));
    let records = reader.unwrap().into_records();
    records.map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// A number such as `.0250` as plain decimal text.
fn number(text: &str) -> String {
    text.parse::<Decimal>().unwrap().normalize().to_string()
}

fn date(text: &str) -> Option<Date> {
    let parts: Vec<i32> = text.get(..10)?.split('-').filter_map(|part| part.parse().ok()).collect();
    let [year, month, day] = parts[..] else { return None };
    Some(Date { year, month, day })
}

fn rows(folder: &Path) -> Vec<BulkUpsertOrdersRequest> {
    let vendors = records(folder, "Vendor.csv");
    let vendors: BTreeMap<&str, &str> =
        vendors.iter().map(|vendor| (vendor[0].as_str(), vendor[2].as_str())).collect();
    let heads = records(folder, "PurchaseOrderHeader.csv");
    let orders = heads.iter().map(|head| {
        let delivery_date = date(&head[7]);
        let tax_rate_percent = String::from("8");
        let goods = DocumentLine { tax_rate_percent, delivery_date, ..line("goods", "1", &number(&head[8])) };
        let freight = line("freight", "1", &number(&head[10]));
        let (state, cancel_reason) = match head[2].as_str() {
            "1" => (State::Draft, ""),
            "2" => (State::Confirmed, ""),
            "3" => (State::Cancelled, "rejected"),
            _ => (State::Closed, ""),
        };
        let order = Order {
            account_name: vendors[head[4].as_str()].to_owned(),
            order_date: date(&head[6]),
            currency_code: "USD".into(),
            amount_decimals: 4,
            lines: vec![goods, freight],
            state: state.into(),
            cancel_reason: cancel_reason.into(),
            ..Order::default()
        };
        row(&head[0], order)
    });
    orders.collect()
}

fn ten_thousandths(money: Option<&Money>) -> i64 {
    let money = money.unwrap();
    money.units * 10_000 + i64::from(money.nanos / 100_000)
}

fn totals(order: &Order) -> &DocumentTotals {
    order.totals.as_ref().unwrap()
}

#[tokio::test]
async fn totals_come_out_to_the_fourth_decimal() {
    let Some(folder) = crm_testkit::shared::data("adventureworks") else { return };
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let expected: Json =
        serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let expected = &expected["PurchaseOrderHeader"];
    let rows = rows(&folder);
    assert_eq!(Some(rows.len() as u64), expected["rows"].as_u64());
    let began = Instant::now();
    let results = desk.upsert(rows.clone()).await;
    println!("{} orders in {:?}", rows.len(), began.elapsed());
    let failed: Vec<_> = results.iter().filter(|row| row.outcome() != Outcome::Created).take(3).collect();
    assert!(failed.is_empty(), "{failed:?}");

    let orders = desk.list("currency_code == 'USD'", "order_date").await.unwrap();
    let sum = |amount: fn(&Order) -> i64| Decimal::new(orders.iter().map(amount).sum::<i64>(), 4).to_string();
    let sub_total = sum(|order| ten_thousandths(order.lines[0].net_amount.as_ref()));
    let freight = sum(|order| ten_thousandths(order.lines[1].net_amount.as_ref()));
    let tax = sum(|order| ten_thousandths(totals(order).tax_amount.as_ref()));
    let total = sum(|order| ten_thousandths(totals(order).gross_amount.as_ref()));
    assert_eq!(sub_total, expected["subtotal"].as_str().unwrap());
    assert_eq!(freight, expected["freight"].as_str().unwrap());
    assert_eq!(tax, expected["tax"].as_str().unwrap());
    assert_eq!(total, expected["total"].as_str().unwrap());
    // Each order comes to what its row says.
    let heads = records(&folder, "PurchaseOrderHeader.csv");
    let due: BTreeMap<&str, Decimal> =
        heads.iter().map(|head| (head[0].as_str(), head[11].parse().unwrap())).collect();
    for order in &orders {
        let total = Decimal::new(ten_thousandths(totals(order).gross_amount.as_ref()), 4);
        assert_eq!(total, due[order.external_ids[0].value.as_str()], "{}", order.number);
    }
    for (status, state) in [("1", "DRAFT"), ("2", "CONFIRMED"), ("3", "CANCELLED"), ("4", "CLOSED")] {
        let found = desk.list(&format!("state == 'STATE_{state}'"), "").await.unwrap();
        assert_eq!(Some(found.len() as u64), expected["by_status"][status].as_u64(), "{state}");
    }

    // The same stream again changes nothing.
    let again = desk.upsert(rows).await;
    assert!(again.iter().all(|row| row.outcome() == Outcome::Unchanged));
}
