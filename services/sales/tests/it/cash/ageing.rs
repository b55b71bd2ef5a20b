//! How old receivables are: the figures are exactly the sums of what is open.

use std::collections::BTreeMap;

use crm_proto::crm::sales::v1::{AgeingRow, GetReceivableAgeingRequest, ReceivableAgeing};
use crm_proto::google::r#type::Money;
use crm_testkit::{
    Rights,
    status::{assert_error, violations},
};
use tonic::{Code, Status};
use uuid::Uuid;

use super::{Till, came, due};
use crate::rig::{Rig, day, yuan};

async fn ageing(till: &Till, request: GetReceivableAgeingRequest) -> Result<ReceivableAgeing, Status> {
    till.receivables.clone().get_receivable_ageing(request).await.map(tonic::Response::into_inner)
}

fn units(amounts: &[Money]) -> Vec<i64> {
    amounts.iter().map(|money| money.units).collect()
}

/// Not due, overdue by range, open, count, prepaid, count.
fn figures(row: &AgeingRow) -> (i64, Vec<i64>, i64, i64, i64, i64) {
    let of = |money: &Option<Money>| money.as_ref().unwrap().units;
    let overdue = units(&row.overdue_amounts);
    (
        of(&row.not_due_amount),
        overdue,
        of(&row.open_amount),
        row.payment_plan_count,
        of(&row.unallocated_amount),
        row.receipt_count,
    )
}

#[tokio::test]
async fn open_amounts_fall_into_their_ranges() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let account = Uuid::from_u128(1);
    // Today is 1 March 2026: due today, and 1, 30, 31, 60, 61, 90, 91 days ago.
    for (units, date) in [
        (1, day(2026, 3, 1)),
        (2, day(2026, 2, 28)),
        (4, day(2026, 1, 30)),
        (8, day(2026, 1, 29)),
        (16, day(2025, 12, 31)),
        (32, day(2025, 12, 30)),
        (64, day(2025, 12, 1)),
        (128, day(2025, 11, 30)),
    ] {
        till.plan(due(account, units, date)).await.unwrap();
    }
    let cancelled = till.plan(due(account, 9000, day(2026, 2, 1))).await.unwrap();
    till.cancel(&cancelled.id, "x").await.unwrap();
    let partly = till.plan(due(account, 300, day(2026, 2, 28))).await.unwrap();
    let receipt = till.confirmed(came(250)).await;
    till.allocate(&receipt, &[(&partly, 200)]).await.unwrap();
    till.receipt(came(7000)).await.unwrap();

    let told = ageing(&till, GetReceivableAgeingRequest::default()).await.unwrap();
    assert_eq!((told.as_of_date, told.bounds.clone()), (Some(day(2026, 3, 1)), vec![30, 60, 90]));
    assert_eq!(told.rows.len(), 1);
    let row = &told.rows[0];
    assert_eq!((row.account_id.clone(), row.account_name.as_str()), (account.to_string(), "上海电力"));
    assert_eq!(figures(row), (1, vec![106, 24, 96, 128], 355, 9, 50, 1));
    assert_eq!(figures(&told.totals[0]), figures(row));
    assert_eq!((told.totals[0].account_id.as_str(), told.totals[0].account_name.as_str()), ("", ""));

    let request = GetReceivableAgeingRequest {
        as_of_date: Some(day(2025, 12, 31)),
        bounds: vec![1, 2, 30, 31, 90, 365],
        ..Default::default()
    };
    let told = ageing(&till, request).await.unwrap();
    assert_eq!(figures(&told.rows[0]), (131, vec![32, 0, 64, 128, 0, 0, 0], 355, 9, 50, 1));
    let falling = GetReceivableAgeingRequest { bounds: vec![30, 30], ..Default::default() };
    let status = assert_error(ageing(&till, falling).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("bounds".to_owned(), "NOT_RISING".to_owned())]);
}

/// Instalments and receipts of many accounts in two currencies, of two owners.
async fn books(owners: &[&Till]) {
    for index in 0..60_u32 {
        let till = owners[usize::try_from(index).unwrap() % owners.len()];
        let account = Uuid::from_u128(u128::from(index % 11) + 1);
        let currency = if index % 3 == 0 { "USD" } else { "CNY" };
        let money = |units: u32| Money { currency_code: currency.into(), ..yuan(units.into()) };
        let date = day(2025, 10 + i32::try_from(index % 3).unwrap(), 1 + i32::try_from(index % 27).unwrap());
        let mut plan = due(account, 1, date);
        plan.amount = Some(money(10 + index * 7));
        till.plan(plan).await.unwrap();
        if index % 4 == 0 {
            let mut receipt = came(1);
            (receipt.account_id, receipt.amount) = (account.to_string(), Some(money(5 + index * 5)));
            let receipt = till.confirmed(receipt).await;
            if index % 8 == 0 {
                till.auto(&receipt).await.unwrap();
            }
        }
    }
}

/// By account and currency: what is open of plans and of confirmed receipts, from the tables.
async fn scan(rig: &Rig, owner: Option<Uuid>) -> BTreeMap<(String, String), (i64, i64)> {
    let sql = "
        SELECT account_id::text, amount_currency, sum(plan)::bigint, sum(receipt)::bigint FROM (
            SELECT account_id, amount_currency, owner_id, amount - allocated AS plan, 0 AS receipt FROM payment_plan WHERE state <> 4
            UNION ALL
            SELECT account_id, amount_currency, owner_id, 0, amount - allocated FROM receipt WHERE state IN (2, 3)
        ) AS found
        WHERE $1::uuid IS NULL OR owner_id = $1
        GROUP BY 1, 2 HAVING sum(plan) > 0 OR sum(receipt) > 0";
    let mut conn = rig.database.look().await;
    let rows: Vec<(String, String, i64, i64)> =
        sqlx::query_as(sql).bind(owner).fetch_all(&mut conn).await.unwrap();
    rows.into_iter().map(|(account, code, plan, receipt)| ((account, code), (plan, receipt))).collect()
}

fn exact(money: Option<&Money>) -> i64 {
    money.map_or(0, |money| money.units * 10_000 + i64::from(money.nanos / 100_000))
}

fn told(rows: &[AgeingRow]) -> BTreeMap<(String, String), (i64, i64)> {
    let one = |row: &AgeingRow| {
        let parts = exact(row.not_due_amount.as_ref())
            + row.overdue_amounts.iter().map(|part| exact(Some(part))).sum::<i64>();
        assert_eq!(parts, exact(row.open_amount.as_ref()));
        let key = (row.account_id.clone(), row.currency_code.clone());
        (key, (parts, exact(row.unallocated_amount.as_ref())))
    };
    rows.iter().map(one).collect()
}

async fn pages(till: &Till, page_size: i32, request: GetReceivableAgeingRequest) -> Vec<AgeingRow> {
    let (mut rows, mut page_token) = (Vec::new(), String::new());
    loop {
        let first = page_token.is_empty();
        let request = GetReceivableAgeingRequest { page_size, page_token, ..request.clone() };
        let page = ageing(till, request).await.unwrap();
        assert!(first || page.totals.is_empty());
        rows.extend(page.rows);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return rows;
        }
    }
}

#[tokio::test]
async fn the_figures_are_the_sums_of_a_scan_for_whoever_asks() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert) = (rig.callers.add(&rights), rig.callers.add(&rights));
    let [all, of_anna, of_bert] = [&boss, &anna, &bert].map(|caller| Till::new(&rig, caller));
    books(&[&of_anna, &of_bert]).await;

    let everything = GetReceivableAgeingRequest::default;
    let rows = pages(&all, 5, everything()).await;
    assert_eq!(told(&rows), scan(&rig, None).await);
    assert_eq!(rows, pages(&all, 0, everything()).await);
    let whole = ageing(&all, everything()).await.unwrap();
    let codes: Vec<&str> = whole.totals.iter().map(|total| total.currency_code.as_str()).collect();
    assert_eq!(codes, ["CNY", "USD"]);
    for total in &whole.totals {
        let of = |row: &&AgeingRow| row.currency_code == total.currency_code;
        let open: i64 = rows.iter().filter(of).map(|row| exact(row.open_amount.as_ref())).sum();
        let prepaid: i64 = rows.iter().filter(of).map(|row| exact(row.unallocated_amount.as_ref())).sum();
        assert_eq!(
            (exact(total.open_amount.as_ref()), exact(total.unallocated_amount.as_ref())),
            (open, prepaid)
        );
    }

    assert_eq!(told(&pages(&of_anna, 3, everything()).await), scan(&rig, Some(anna.id)).await);
    let of_owner = GetReceivableAgeingRequest { owner_ids: vec![bert.id.to_string()], ..everything() };
    assert_eq!(told(&pages(&all, 3, of_owner.clone()).await), scan(&rig, Some(bert.id)).await);
    // A filter opens no record outside the scope.
    assert!(pages(&of_anna, 3, of_owner).await.is_empty());
    let one = GetReceivableAgeingRequest {
        account_ids: vec![Uuid::from_u128(2).to_string()],
        currency_code: "USD".into(),
        ..everything()
    };
    let mut expected = scan(&rig, None).await;
    expected.retain(|(account, code), _| *account == Uuid::from_u128(2).to_string() && code == "USD");
    assert_eq!(told(&pages(&all, 0, one).await), expected);

    let stranger = Till::new(&rig, &rig.administrator());
    assert!(pages(&stranger, 0, everything()).await.is_empty());
    let rights = Rights::all(boss.tenant_id).with_permissions(&["sales.paymentPlans.read"]);
    let seller = Till::new(&rig, &rig.callers.add(&rights));
    assert_error(ageing(&seller, everything()).await, Code::PermissionDenied, "PERMISSION_MISSING");
    let page = GetReceivableAgeingRequest { page_size: 2, ..everything() };
    let page_token = ageing(&all, page).await.unwrap().next_page_token;
    let other = GetReceivableAgeingRequest { page_token, bounds: vec![10], ..everything() };
    assert_error(ageing(&all, other).await, Code::InvalidArgument, "PAGE_TOKEN_INVALID");
}
