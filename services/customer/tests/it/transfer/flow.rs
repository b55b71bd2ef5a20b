//! A file in, mended, in again, and out.

use crm_proto::crm::customer::v1::{
    Account, ListAccountsRequest, ListLeadsRequest, lead::Rating, lead::Status,
};
use crm_proto::crm::record::v1::{
    ApplyImportJobRequest, ColumnMapping, DownloadExportFileRequest, DownloadImportErrorsRequest, ExportJob,
    ImportJob, ImportProgress, ListImportErrorsRequest, UpdateImportJobRequest,
    export_job::FileKind,
    import_job::{Mode, State},
};
use crm_testkit::status::{assert_error, metadata};
use tonic::Code;

use super::harness::Service;

const FILE: &str = "\u{FEFF}客户ID,公司名称,客户电话,客户级别,年营业额,Parent Account ID,Employees,备注\r\n\
    c1,北京甲科技有限公司,010-62345678,A级,\"1,234.50\",p1,100,=1+1\r\n\
    c2,上海乙贸易有限公司,not a phone,特级,,,many,\r\n\
    p1,总公司集团,,,,,,\r\n\
    c3,,,,,,,\r\n\
    c1,北京甲科技有限公司,010-62345678,B级,,,,\r\n\
    c4,深圳丁有限公司,,,,nobody,,\r\n\
    c5,戊,,,,p1,,\r\n";

fn accounts() -> ImportJob {
    ImportJob { collection: "accounts".to_owned(), external_system: "erp".to_owned(), ..ImportJob::default() }
}

fn counts(progress: &ImportProgress) -> [i64; 5] {
    [
        progress.done_rows,
        progress.created_rows,
        progress.updated_rows,
        progress.unchanged_rows,
        progress.failed_rows,
    ]
}

async fn all(service: &Service, filter: &str) -> Vec<Account> {
    let request = ListAccountsRequest {
        page_size: 1000,
        filter: filter.to_owned(),
        order_by: "display_name".to_owned(),
        ..ListAccountsRequest::default()
    };
    service.accounts("all").list_accounts(request).await.unwrap().into_inner().accounts
}

fn columns(job: &ImportJob) -> Vec<(&str, &str)> {
    job.columns.iter().map(|mapping| (mapping.column.as_str(), mapping.field.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_tried_applied_mended_and_exported_again() {
    let service = Service::start().await;
    let job = service.dry_run("all", accounts(), FILE.as_bytes()).await;
    assert_eq!(job.state(), State::Ready, "{}", job.failure);
    assert_eq!(
        columns(&job),
        [
            ("客户ID", "external_id"),
            ("公司名称", "display_name"),
            ("客户电话", "phone"),
            ("客户级别", "level"),
            ("年营业额", "annual_revenue"),
            ("Parent Account ID", "parent_external_id"),
            ("Employees", "employee_count"),
            ("备注", "description"),
        ]
    );
    let progress = job.progress.unwrap();
    assert_eq!((progress.total_rows, counts(&progress)), (7, [7, 3, 1, 0, 3]));
    let errors = service.errors(&job.id).await;
    let told: Vec<_> =
        errors.iter().map(|error| (error.line, error.field.as_str(), error.code.as_str())).collect();
    assert_eq!(
        told,
        [
            (3, "level", "VALUE_UNKNOWN"),
            (3, "employee_count", "VALUE_NOT_A_NUMBER"),
            (5, "display_name", "REQUIRED"),
            (7, "parent_external_id", "LINK_UNKNOWN"),
        ]
    );
    assert!(all(&service, "").await.is_empty(), "a dry run writes nothing");
    let mut superuser = service.origin.database.look().await;
    let series = sqlx::query_scalar("SELECT count(*) FROM number_series").fetch_one(&mut superuser).await;
    assert_eq!(series.unwrap_or(-1_i64), 0, "a dry run takes no numbers");

    let job = service.apply("all", &job.id).await;
    assert_eq!(job.state(), State::Done, "{}", job.failure);
    assert_eq!(counts(&job.progress.unwrap()), [7, 3, 1, 0, 3]);
    let found = all(&service, "").await;
    let named = |name: &str| found.iter().find(|account| account.display_name == name).unwrap();
    let (child, parent) = (named("北京甲科技有限公司"), named("总公司集团"));
    assert_eq!(
        (child.parent_id.as_str(), child.level, child.phone.as_str()),
        (parent.id.as_str(), 2, "+861062345678")
    );
    assert_eq!((child.employee_count, child.annual_revenue.as_ref().unwrap().units), (100, 1234));
    assert_eq!(named("戊").parent_id, parent.id);
    assert_eq!(
        found.iter().map(|account| account.number.as_str()).min(),
        Some("A000001"),
        "dry runs take no numbers"
    );

    let mended = service.error_file(&job.id).await;
    assert!(mended.contains("error_code,error_message") && mended.contains("c4"), "{mended}");
    let mended = mended
        .replace("特级", "C")
        .replace("not a phone", "")
        .replace("many", "5")
        .replace("nobody", "p1")
        .replace("c3,,", "c3,丙,");
    let job = service.dry_run("all", accounts(), mended.as_bytes()).await;
    let job = service.apply("all", &job.id).await;
    assert_eq!(counts(&job.progress.unwrap()), [3, 3, 0, 0, 0]);

    let wanted = ExportJob { collection: "accounts".to_owned(), ..ExportJob::default() };
    let (exported, file) = service.export("all", wanted.clone()).await;
    assert_eq!((exported.done_rows, exported.file_bytes), (6, i64::try_from(file.len()).unwrap()));
    let text = String::from_utf8(file.clone()).unwrap();
    assert!(text.contains("'=1+1") && text.contains("+861062345678"), "{text}");
    let job = service.dry_run("all", accounts(), &file).await;
    assert_eq!(counts(&job.progress.unwrap()), [6, 0, 0, 6, 0], "an export comes back unchanged");

    let (_, masked) = service.export("masked", wanted.clone()).await;
    let masked_text = String::from_utf8(masked.clone()).unwrap();
    assert!(!masked_text.contains("62345678") && !masked_text.contains("=1+1"), "{masked_text}");
    let job = service.dry_run("masked", accounts(), &masked).await;
    assert_eq!(counts(&job.progress.unwrap()), [6, 0, 0, 6, 0], "masked values change nothing");

    let workbook = ExportJob { file_kind: FileKind::Xlsx.into(), header_language: "zh".to_owned(), ..wanted };
    let (_, file) = service.export("all", workbook).await;
    let job = service.dry_run("all", accounts(), &file).await;
    assert_eq!(counts(&job.progress.unwrap()), [6, 0, 0, 6, 0], "a workbook comes back unchanged");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_can_be_changed_and_modes_hold() {
    let service = Service::start().await;
    let file = "Code,Name,Note\n1,One,x\n2,Two,y\n1,One again,z\n";
    let job =
        service.dry_run("own", ImportJob { mode: Mode::Create.into(), ..accounts() }, file.as_bytes()).await;
    assert_eq!(counts(&job.progress.unwrap()), [3, 3, 0, 0, 0]);
    let update = UpdateImportJobRequest {
        service: String::new(),
        import_job: Some(ImportJob {
            id: job.id.clone(),
            columns: vec![
                ColumnMapping {
                    column: "Code".to_owned(),
                    field: "external_id".to_owned(),
                    suggested: false,
                    ..ColumnMapping::default()
                },
                ColumnMapping {
                    column: "Note".to_owned(),
                    field: String::new(),
                    suggested: false,
                    ..ColumnMapping::default()
                },
            ],
            ..ImportJob::default()
        }),
        update_mask: None,
    };
    service.imports("own").update_import_job(update).await.unwrap();
    let job = service.watch("own", &job.id).await;
    assert_eq!(columns(&job), [("Code", "external_id"), ("Name", "display_name"), ("Note", "")]);
    assert_eq!(counts(&job.progress.unwrap()), [3, 2, 0, 0, 1]);
    let job = service.apply("own", &job.id).await;
    assert_eq!(counts(&job.progress.unwrap()), [3, 2, 0, 0, 1]);
    assert_eq!(service.errors(&job.id).await[0].code, "EXTERNAL_ID_TAKEN");
    assert!(service.upload("own", &job.id, b"x").await.is_err());
    let update = ImportJob { mode: Mode::Update.into(), ..accounts() };
    let job = service.dry_run("own", update, b"external_id,display_name\n2,Zwei\n9,Nine\n,None\n").await;
    assert_eq!(counts(&job.progress.unwrap()), [3, 0, 1, 0, 2]);
    let broken = service.dry_run("own", accounts(), b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1").await;
    assert_eq!(broken.state(), State::Failed);
    assert!(broken.failure.contains(".xls"), "{}", broken.failure);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bought_list_becomes_leads() {
    let service = Service::start().await;
    let job = ImportJob {
        collection: "leads".to_owned(),
        external_system: "list".to_owned(),
        ..ImportJob::default()
    };
    let file = "\u{FEFF}线索ID,姓名,手机,Email,公司名称,城市,热度,线索状态\r\n\
        1,张安怡,13812341234,,华为技术有限公司,深圳市,热,已转化\r\n\
        2,,,li@example.com,,,,\r\n\
        3,王五,,,,,,\r\n";
    let job = service.dry_run("all", job, file.as_bytes()).await;
    assert_eq!(job.state(), State::Ready, "{}", job.failure);
    assert_eq!(counts(&job.progress.unwrap()), [3, 2, 0, 0, 1]);
    let job = service.apply("all", &job.id).await;
    assert_eq!(counts(&job.progress.unwrap()), [3, 2, 0, 0, 1]);
    let request = ListLeadsRequest { order_by: "display_name".to_owned(), ..ListLeadsRequest::default() };
    let leads = service.leads("all").list_leads(request).await.unwrap().into_inner().leads;
    let names: Vec<&str> = leads.iter().map(|lead| lead.display_name.as_str()).collect();
    assert_eq!(names, ["***@example.com", "张安怡"]);
    let city = leads[1].address.as_ref().unwrap().locality.as_str();
    assert_eq!((leads[1].rating(), leads[1].status(), city), (Rating::Hot, Status::New, "深圳市"));
}

#[tokio::test]
async fn files_of_others_are_for_those_who_see_everything() {
    let service = Service::start().await;
    let job = service.dry_run("all", accounts(), b"name,phone\nGood,+8613800138000\nBad,12345\n").await;
    let errors = |who: &'static str| {
        let request = DownloadImportErrorsRequest { service: String::new(), id: job.id.clone() };
        let mut imports = service.imports(who);
        async move { imports.download_import_errors(request).await.map(drop) }
    };
    assert!(service.error_file(&job.id).await.contains("12345"));
    assert_error(errors("masked").await, Code::PermissionDenied, "FIELD_MASKED");
    assert_error(errors("clerk").await, Code::PermissionDenied, "PERMISSION_MISSING");
    let request = ListImportErrorsRequest { id: job.id.clone(), ..ListImportErrorsRequest::default() };
    let listed = service.imports("masked").list_import_errors(request).await;
    assert_error(listed, Code::PermissionDenied, "FIELD_MASKED");

    let wanted = ExportJob { collection: "accounts".into(), ..ExportJob::default() };
    let (exported, _) = service.export("all", wanted.clone()).await;
    let download = |who: &'static str| {
        let request = DownloadExportFileRequest { service: String::new(), id: exported.id.clone() };
        let mut exports = service.exports(who);
        async move { exports.download_export_file(request).await.map(drop) }
    };
    download("all").await.unwrap();
    assert_error(download("masked").await, Code::PermissionDenied, "FIELD_MASKED");
    assert_error(download("clerk").await, Code::PermissionDenied, "PERMISSION_MISSING");
    service.export("masked", wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_applies_the_import_of_another() {
    let service = Service::start().await;
    let job = service.dry_run("own", accounts(), b"external_id,display_name\n1,One\n").await;
    let request = || ApplyImportJobRequest { service: String::new(), id: job.id.clone() };
    // An administrator sees the job and may stop it; its rows would be written with other rights than it was tried with.
    let refused = service.imports("all").apply_import_job(request()).await;
    let status = assert_error(refused, Code::PermissionDenied, "JOB_OF_ANOTHER");
    assert_eq!(metadata(&status, "creator_id"), job.creator_id);
    assert_eq!(service.watch("all", &job.id).await.state(), State::Ready);
    let done = service.apply("own", &job.id).await;
    assert_eq!(counts(&done.progress.unwrap()), [1, 1, 0, 0, 0]);
    service.stop().await;
}
