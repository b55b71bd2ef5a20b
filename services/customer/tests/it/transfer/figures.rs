//! How fast: `cargo test --release -p crm-customer --test it transfer::figures -- --ignored --nocapture`.

use std::{fmt::Write as _, time::Instant};

use crm_proto::crm::record::v1::{ExportJob, ImportJob, import_job::State};

use super::harness::Service;

const ROWS: usize = 50_000;

fn file() -> String {
    let mut file = "external_id,display_name,legal_name,phone,email,industry,employee_count,annual_revenue,level,billing_address.locality,billing_address.address_lines,tags\n".to_owned();
    for row in 0..ROWS {
        writeln!(
            file,
            "c{row},北京某某科技有限公司{row},北京某某科技有限公司{row},010-6{:07},user{row}@example.com,信息技术,{},{}.50,A,北京,中关村大街{row}号,\"vip; 华北\"",
            row % 10_000_000,
            row % 5000,
            row
        )
        .unwrap();
    }
    file
}

/// Rows a second of `COPY` into a table like that of accounts, indexes and all.
async fn copy_rate(service: &Service) -> f64 {
    let mut conn = service.db.system().await.unwrap();
    let tenant = service.tenant_id();
    let run = |sql: String| sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
    run("CREATE TABLE IF NOT EXISTS account_copy (LIKE account INCLUDING ALL); TRUNCATE account_copy"
        .to_owned())
    .execute(&mut *conn)
    .await
    .unwrap();
    let path = std::env::temp_dir().join(format!("accounts-{tenant}.copy"));
    let path = path.display();
    run(format!("COPY (SELECT * FROM account WHERE tenant_id = '{tenant}') TO '{path}'"))
        .execute(&mut *conn)
        .await
        .unwrap();
    let began = Instant::now();
    let done = run(format!("COPY account_copy FROM '{path}'")).execute(&mut *conn).await.unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a figure")]
    let rate = done.rows_affected() as f64 / began.elapsed().as_secs_f64();
    run("DROP TABLE account_copy".to_owned()).execute(&mut *conn).await.unwrap();
    rate
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute and only says something in release"]
async fn rows_a_second() {
    let service = Service::start().await;
    let job = ImportJob { collection: "accounts".to_owned(), ..ImportJob::default() };
    #[expect(clippy::cast_precision_loss, reason = "a figure")]
    let rate = |began: Instant| ROWS as f64 / began.elapsed().as_secs_f64();
    let began = Instant::now();
    let job = service.dry_run("all", job, file().as_bytes()).await;
    assert_eq!(job.state(), State::Ready, "{}", job.failure);
    println!("dry run: {:.0} rows/s", rate(began));
    for what in ["created", "unchanged"] {
        let job = if what == "created" {
            job.clone()
        } else {
            let job = ImportJob { collection: "accounts".to_owned(), ..ImportJob::default() };
            service.dry_run("all", job, file().as_bytes()).await
        };
        let began = Instant::now();
        let job = service.apply("all", &job.id).await;
        let progress = job.progress.unwrap();
        println!("apply, {what}: {:.0} rows/s; {progress:?}", rate(began));
    }
    let copy = copy_rate(&service).await;
    println!("COPY from a file of the server: {copy:.0} rows/s");
    let began = Instant::now();
    let wanted = ExportJob { collection: "accounts".to_owned(), ..ExportJob::default() };
    let (job, file) = service.export("all", wanted).await;
    println!("export: {:.0} rows/s, {} rows, {} KiB", rate(began), job.done_rows, file.len() >> 10);
    service.stop().await;
}
