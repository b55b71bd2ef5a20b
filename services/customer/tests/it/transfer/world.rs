//! Files of the world, imported whole: lists that other systems exported, and cards that many programs wrote.

use crm_proto::crm::customer::v1::{ListAccountsRequest, ListContactsRequest};
use crm_proto::crm::record::v1::{ImportFormat, ImportJob, import_job::State};
use crm_testkit::shared;

use super::harness::Service;

fn job(collection: &str, region_code: &str) -> ImportJob {
    let format = ImportFormat { region_code: region_code.to_owned(), ..ImportFormat::default() };
    ImportJob { collection: collection.to_owned(), format: Some(format), ..ImportJob::default() }
}

/// Imports a file without help; returns created and failed rows.
async fn import(service: &Service, job: ImportJob, file: &[u8]) -> (i64, i64) {
    let (created, failed, _) = import_told(service, job, file).await;
    (created, failed)
}

/// As `import`, with the codes of the errors.
async fn import_told(service: &Service, job: ImportJob, file: &[u8]) -> (i64, i64, Vec<String>) {
    let job = service.dry_run("all", job, file).await;
    assert_eq!(job.state(), State::Ready, "{}", job.failure);
    let job = service.apply("all", &job.id).await;
    assert_eq!(job.state(), State::Done, "{}", job.failure);
    let progress = job.progress.unwrap();
    let errors = service.errors(&job.id).await;
    for error in &errors {
        assert!(error.line > 0 && !error.code.is_empty() && !error.message.is_empty(), "{error:?}");
    }
    let codes = errors.into_iter().map(|error| error.code).collect();
    (progress.created_rows, progress.failed_rows, codes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_salesforce_export_in_windows_1252_comes_in_without_help() {
    let Some(folder) = shared::data("crm-exports") else { return };
    let service = Service::start().await;
    let file = std::fs::read(folder.join("salesforce_account_export.csv")).unwrap();
    let (created, failed) = import(&service, job("accounts", "US"), &file).await;
    assert_eq!(created + failed, 423);
    assert!(failed <= 10, "{failed} rows failed");
    let request = ListAccountsRequest { include_total_size: true, ..ListAccountsRequest::default() };
    let listed = service.accounts("all").list_accounts(request).await.unwrap().into_inner();
    assert_eq!(listed.total_size, created);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_of_a_sales_pipeline_come_in_with_their_parents() {
    let Some(folder) = shared::data("crm-opportunities") else { return };
    let service = Service::start().await;
    let file = std::fs::read(folder.join("accounts.csv")).unwrap();
    assert_eq!(import(&service, job("accounts", "US"), &file).await, (85, 0));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_of_many_programs_become_contacts() {
    let Some(folder) = shared::data("vcards") else { return };
    let service = Service::start().await;
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "vcf"))
        .collect();
    files.sort();
    assert!(files.len() >= 10);
    let (mut total, mut refused) = (0, 0);
    for path in files {
        let job = job("contacts", "US");
        let (created, failed, codes) = import_told(&service, job, &std::fs::read(&path).unwrap()).await;
        assert!(!codes.iter().any(|code| code == "PRIMARY_REPEATED"), "{}", path.display());
        assert!(created + failed > 0, "{}", path.display());
        total += created;
        refused += failed;
    }
    let request = ListContactsRequest { include_total_size: true, ..ListContactsRequest::default() };
    let listed = service.contacts("all").list_contacts(request).await.unwrap().into_inner();
    assert_eq!(listed.total_size, total);
    // Many of the samples have made-up telephone numbers, which are told by line.
    assert_eq!(total + refused, 26);
    assert!(total >= 9, "{total} contacts");
    service.stop().await;
}
