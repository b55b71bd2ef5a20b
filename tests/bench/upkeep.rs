//! Work in the background: the scan for duplicates over contacts, and accounts taken back to their pool while others read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crm_proto::crm::{
    customer::v1::{
        BulkUpsertContactsRequest, Contact, ContactEmail, CreateDuplicateScanRequest, CreatePoolRequest,
        DuplicateScan, GetDuplicateScanRequest, Pool, ReclaimPoolRecordsRequest, RecycleRule,
        contact_service_client::ContactServiceClient, duplicate_scan::State,
        duplicate_scan_service_client::DuplicateScanServiceClient, pool_service_client::PoolServiceClient,
    },
    record::v1::ExternalId,
};
use sqlx::AssertSqlSafe;

use crate::{load::Report, rig::Rig, work};

/// Contacts that are scanned.
const CONTACTS: usize = 20_000;
/// Records that one run takes back.
const RUN: i32 = 2000;

/// Scans contacts for duplicates, one in ten of which is another one written differently.
pub async fn scan(rig: &Rig, report: &mut Report) {
    fill(rig).await;
    let mut scans = DuplicateScanServiceClient::new(rig.boss.on(rig.customer.channel(0)));
    let scan = DuplicateScan { collection: "contacts".to_owned(), ..DuplicateScan::default() };
    let request = CreateDuplicateScanRequest { duplicate_scan: Some(scan) };
    let started = Instant::now();
    let id = scans.create_duplicate_scan(request).await.unwrap().into_inner().id;
    let done = loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let request = GetDuplicateScanRequest { id: id.clone() };
        let scan = scans.get_duplicate_scan(request).await.unwrap().into_inner();
        if scan.state() != State::Running {
            break scan;
        }
    };
    assert_eq!(done.state(), State::Done, "{}", done.failure);
    let rate = done.done_rows as f64 / started.elapsed().as_secs_f64();
    let text = format!("{rate:.0} rows/s, {} rows, {} sets", done.done_rows, done.set_count);
    report.figure("duplicate scan", &text, None);
}

async fn fill(rig: &Rig) {
    let rows = (0..CONTACTS).map(|index| {
        let who = if index % 10 == 9 { index - 1 } else { index };
        let surname = ["Novak", "Silva", "Okafor", "Lindqvist", "王", "Petrov", "Garcia"][who % 7];
        let display_name =
            if who == index { format!("Ada {surname} {who}") } else { format!("ada  {surname} {who}") };
        let email = ContactEmail {
            address: format!("ada{who}@firm{}.example", who % 900),
            ..ContactEmail::default()
        };
        BulkUpsertContactsRequest {
            key: Some(ExternalId { system: "bench".to_owned(), value: index.to_string() }),
            contact: Some(Contact { display_name, emails: vec![email], ..Contact::default() }),
            update_mask: None,
        }
    });
    let mut contacts = ContactServiceClient::new(rig.boss.on(rig.customer.channel(0)));
    let mut answers = contacts.bulk_upsert_contacts(futures::stream::iter(rows)).await.unwrap().into_inner();
    while let Some(answer) = answers.message().await.unwrap() {
        assert!(answer.results.iter().all(|result| result.status.is_none()), "{:?}", answer.results[0]);
    }
}

/// Takes accounts back to a pool, with the p99 of single reads beside it and without.
pub async fn reclaim(rig: &Rig, report: &mut Report) {
    age(rig).await;
    let mut pools = PoolServiceClient::new(rig.boss.on(rig.customer.channel(0)));
    let pool = Pool {
        display_name: "bench".to_owned(),
        collection: "accounts".to_owned(),
        default: true,
        user_ids: vec![rig.boss.id.to_string()],
        recycle_rules: vec![RecycleRule {
            key: "idle".to_owned(),
            not_followed_days: 30,
            ..RecycleRule::default()
        }],
        recycle_limit: RUN,
        ..Pool::default()
    };
    let pool_id = pools.create_pool(CreatePoolRequest { pool: Some(pool) }).await.unwrap().into_inner().id;
    let quiet = work::get(rig, 16).await;
    let stop = Arc::new(AtomicBool::new(false));
    let runs = {
        let stop = Arc::clone(&stop);
        async move {
            let (started, mut taken) = (Instant::now(), 0);
            while !stop.load(Ordering::Relaxed) {
                let request = ReclaimPoolRecordsRequest { pool_id: pool_id.clone(), dry_run: false };
                let done = pools.reclaim_pool_records(request).await.unwrap().into_inner();
                taken += done.reclaims.len();
                if !done.more {
                    break;
                }
            }
            taken as f64 / started.elapsed().as_secs_f64()
        }
    };
    let reads = async {
        let beside = work::get(rig, 16).await;
        stop.store(true, Ordering::Relaxed);
        beside
    };
    let (rate, beside) = tokio::join!(runs, reads);
    report.figure("reclaim", &format!("{rate:.0} rows/s"), None);
    let ratio = beside.p99_ms / quiet.p99_ms;
    let text = format!(
        "{:.2} ms beside reclaim, {:.2} ms quiet, ratio {ratio:.2}, aim 2",
        beside.p99_ms, quiet.p99_ms
    );
    report.figure("p99 of get, 16 callers", &text, Some(ratio <= 2.0));
}

/// Makes accounts look as if nobody had looked after them for long.
async fn age(rig: &Rig) {
    let mut conn = sqlx::ConnectOptions::connect(&rig.customer.owner).await.unwrap();
    let sql = "UPDATE account SET create_time = create_time - interval '90 days' WHERE number LIKE 'A%'";
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe("VACUUM ANALYZE account")).execute(&mut conn).await.unwrap();
}
