//! A process that dies in the middle of an import.

use std::{fmt::Write as _, time::Duration};

use crm_proto::crm::customer::v1::ListAccountsRequest;
use crm_proto::crm::record::v1::{ApplyImportJobRequest, GetImportJobRequest, ImportJob, import_job::State};
use tokio::runtime::{Builder, Runtime};

use super::harness::Service;

const ROWS: i64 = 6000;

fn process() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Rows without keys, which would be written twice if anything were.
fn file() -> String {
    (0..ROWS).fold("display_name,phone\n".to_owned(), |mut file, row| {
        let wrong = if row % 100 == 7 { "wrong" } else { "" };
        writeln!(file, "Company {row},{wrong}").unwrap();
        file
    })
}

async fn progress(service: &Service, id: &str) -> i64 {
    let request = GetImportJobRequest { service: String::new(), id: id.to_owned() };
    let job = service.imports("all").get_import_job(request).await.unwrap().into_inner();
    job.progress.unwrap().done_rows
}

#[test]
fn another_process_goes_on_at_the_next_line_and_writes_no_row_twice() {
    let first = process();
    let (origin, id, done) = first.block_on(async {
        let service = Service::start().await;
        let job = ImportJob { collection: "accounts".to_owned(), ..ImportJob::default() };
        let job = service.dry_run("all", job, file().as_bytes()).await;
        assert_eq!(job.state(), State::Ready, "{}", job.failure);
        service
            .imports("all")
            .apply_import_job(ApplyImportJobRequest { service: String::new(), id: job.id.clone() })
            .await
            .unwrap();
        let mut done = 0;
        while done == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            done = progress(&service, &job.id).await;
        }
        (service.origin.clone(), job.id, done)
    });
    // Nothing is finished and no lease given back.
    first.shutdown_background();
    assert!(done < ROWS, "the first process was too fast");
    let second = process();
    second.block_on(async {
        let service = Service::again(origin).await;
        let job = service.watch("all", &id).await;
        assert_eq!(job.state(), State::Done, "{}", job.failure);
        let progress = job.progress.unwrap();
        assert_eq!((progress.created_rows, progress.failed_rows), (ROWS - ROWS / 100, ROWS / 100));
        let request = ListAccountsRequest { include_total_size: true, ..ListAccountsRequest::default() };
        let listed = service.accounts("all").list_accounts(request).await.unwrap().into_inner();
        assert_eq!(listed.total_size, ROWS - ROWS / 100);
        service.stop().await;
    });
}
