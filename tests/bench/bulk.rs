//! Bulk upserts, against COPY of the same rows into the same table with its indexes.

use std::time::Instant;

use crm_proto::crm::customer::v1::{BulkUpsertAccountsRequest, account_service_client::AccountServiceClient};
use crm_proto::crm::record::v1::ExternalId;
use futures::{StreamExt as _, TryStreamExt as _};
use sqlx::{
    AssertSqlSafe,
    postgres::{PgConnection, PgPoolCopyExt as _, PgPoolOptions},
};

use crate::{
    load::Report,
    rig::{Measured, Rig},
    work,
};

/// Fills the table through the service, then measures COPY of the same rows.
pub async fn fill_against_copy(rig: &Rig, accounts: usize, report: &mut Report) {
    println!("{accounts} accounts by bulk upsert");
    let owners = rig.owners.clone();
    let rows = (0..u64::try_from(accounts).unwrap()).map(move |index| BulkUpsertAccountsRequest {
        key: Some(ExternalId { system: "bench".to_owned(), value: index.to_string() }),
        account: Some(work::account(index, Some(owners[usize::try_from(index).unwrap() % owners.len()]))),
        update_mask: None,
    });
    let started = Instant::now();
    let mut client = AccountServiceClient::new(rig.boss.on(rig.customer.channel(0)));
    let mut answers = client.bulk_upsert_accounts(futures::stream::iter(rows)).await.unwrap().into_inner();
    let mut done = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        assert!(answer.results.iter().all(|result| result.status.is_none()), "{:?}", answer.results[0]);
        done += answer.results.len();
    }
    assert_eq!(done, accounts);
    let upserted = accounts as f64 / started.elapsed().as_secs_f64();
    report_against_copy(&rig.customer, "account", (accounts, upserted), report).await;
}

/// Prints the rate of an upsert beside that of COPY of the rows it wrote.
pub async fn report_against_copy(
    service: &Measured,
    table: &str,
    (rows, upserted): (usize, f64),
    report: &mut Report,
) {
    let copied = rows as f64 / copy(service, table).await;
    report.figure("COPY into the same table", &format!("{copied:.0} rows/s"), None);
    let ratio = upserted / copied;
    let text = format!("{upserted:.0} rows/s, ratio {ratio:.2}, aim 0.12");
    report.figure("bulk upsert", &text, Some(ratio >= 0.12));
}

/// Seconds that COPY takes for the rows of a table.
async fn copy(service: &Measured, table: &str) -> f64 {
    let pool = PgPoolOptions::new().connect_with(service.owner.clone()).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    run(&mut conn, format!("CREATE TABLE copied (LIKE {table} INCLUDING ALL)")).await;
    let rows: Vec<u8> = pool
        .copy_out_raw(&format!("COPY {table} TO STDOUT"))
        .await
        .unwrap()
        .map(|part| part.map(|part| part.to_vec()))
        .try_concat()
        .await
        .unwrap();
    let started = Instant::now();
    let mut sink = pool.copy_in_raw("COPY copied FROM STDIN").await.unwrap();
    for part in rows.chunks(1 << 20) {
        sink.send(part).await.unwrap();
    }
    sink.finish().await.unwrap();
    let elapsed = started.elapsed().as_secs_f64();
    run(&mut conn, "DROP TABLE copied".to_owned()).await;
    drop(conn);
    pool.close().await;
    elapsed
}

async fn run(conn: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}
