//! Rows that call things by name: owners, values that stand for others, fields that are made of columns.

use crm_proto::crm::{
    customer::v1::ListAccountsRequest,
    record::v1::{
        ColumnMapping, CreateCustomFieldRequest, CreateImportJobRequest, CustomField, FieldTemplate,
        ImportErrorCount, ImportJob, ListImportErrorCountsRequest, custom_field::Type, import_job::State,
    },
};
use crm_testkit::status::{assert_error, violations};
use tonic::Code;
use uuid::Uuid;

use super::harness::Service;

fn column(column: &str, field: &str) -> ColumnMapping {
    ColumnMapping { column: column.to_owned(), field: field.to_owned(), ..ColumnMapping::default() }
}

fn template(field: &str, text: &str) -> FieldTemplate {
    FieldTemplate { field: field.to_owned(), text: text.to_owned() }
}

/// A user as the service knows it: 1 active, 2 disabled.
async fn know(service: &Service, name: &str, username: &str, email: &str, state: i16) -> Uuid {
    let (id, mut conn) = (Uuid::new_v4(), service.origin.database.look().await);
    let sql = "INSERT INTO colleague (tenant_id, id, display_name, username, email, state, department_ids, change_time, learn_time) \
               VALUES ($1, $2, $3, $4, $5, $6, '{}', now(), now())";
    let known =
        sqlx::query(sql).bind(service.tenant_id()).bind(id).bind(name).bind(username).bind(email).bind(state);
    known.execute(&mut conn).await.unwrap();
    id
}

async fn counts(service: &Service, id: &str) -> Vec<ImportErrorCount> {
    let request = ListImportErrorCountsRequest { service: String::new(), id: id.to_owned() };
    service.imports("all").list_import_error_counts(request).await.unwrap().into_inner().counts
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_found_by_name_user_name_or_address_and_the_rest_is_told_by_row() {
    let service = Service::start().await;
    let li = know(&service, "Li Lei", "lilei", "li@example.com", 1).await;
    // One of two who are called so has left.
    know(&service, "Li Lei", "lilei.old", "", 2).await;
    for username in ["wang.1", "wang.2"] {
        know(&service, "Wang Wei", username, "", 1).await;
    }
    let file = format!(
        "name,who\na,Li Lei\nb,LILEI\nc,Li@Example.com\nd,{li}\ne,Wang Wei\nf,nobody\ng,nobody\nh,wang.2\ni,lilei.old\n"
    );
    let job = ImportJob {
        collection: "accounts".to_owned(),
        columns: vec![column("name", "display_name"), column("who", "owner_id")],
        ..ImportJob::default()
    };
    let job = service.dry_run("all", job, file.as_bytes()).await;
    let told = counts(&service, &job.id).await;
    let told: Vec<_> = told
        .iter()
        .map(|count| (count.rows, count.first_line, count.code.as_str(), count.column.as_str()))
        .collect();
    let wanted =
        [(2, 7, "USER_UNKNOWN", "who"), (1, 6, "USER_AMBIGUOUS", "who"), (1, 10, "USER_DISABLED", "who")];
    assert_eq!(told, wanted);
    let job = service.apply("all", &job.id).await;
    assert_eq!(job.progress.unwrap().created_rows, 5);
    let filter = format!("owner_id == \"{li}\"");
    let request = ListAccountsRequest { filter, order_by: "display_name".to_owned(), ..Default::default() };
    let found = service.accounts("all").list_accounts(request).await.unwrap().into_inner().accounts;
    let names: Vec<&str> = found.iter().map(|account| account.display_name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_mapped_and_fields_made_of_columns() {
    let service = Service::start().await;
    let file = "key,sector,rank\n1,technolgy,A\n2,retail,best\n3,none,\n";
    let values = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    };
    let sector = column("sector", "industry");
    let sector = ColumnMapping { values: values(&[("technolgy", "technology"), ("none", "")]), ..sector };
    // A column with values alone goes where the server suggests.
    let rank = ColumnMapping { values: values(&[("best", "A")]), ..column("Level", "") };
    let job = ImportJob {
        collection: "accounts".to_owned(),
        columns: vec![column("key", "external_id"), sector, rank],
        templates: vec![template("display_name", "{sector} no. {key}"), template("region", "North")],
        ..ImportJob::default()
    };
    let job = service.dry_run("all", job, file.replace("rank", "Level").as_bytes()).await;
    assert_eq!(job.state(), State::Ready, "{}", job.failure);
    assert_eq!(job.progress.unwrap().failed_rows, 0, "{:?}", counts(&service, &job.id).await);
    assert_eq!(job.templates.len(), 2);
    service.apply("all", &job.id).await;
    let request = ListAccountsRequest { order_by: "display_name".to_owned(), ..Default::default() };
    let found = service.accounts("all").list_accounts(request).await.unwrap().into_inner().accounts;
    let told: Vec<_> = found
        .iter()
        .map(|account| {
            (account.display_name.as_str(), account.industry.as_str(), account.level, account.region.as_str())
        })
        .collect();
    let wanted = [
        ("no. 3", "", 0, "North"),
        ("retail no. 2", "retail", 1, "North"),
        ("technology no. 1", "technology", 1, "North"),
    ];
    assert_eq!(told, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_that_make_no_sense_are_refused() {
    let service = Service::start().await;
    let job = ImportJob {
        collection: "accounts".to_owned(),
        columns: vec![column("A", "region")],
        templates: vec![template("nothing", "x"), template("region", "x"), template("source", "{")],
        ..ImportJob::default()
    };
    let request = CreateImportJobRequest { service: String::new(), import_job: Some(job) };
    let refused = service.imports("all").create_import_job(request).await;
    let status = assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    let told: Vec<(String, String)> = violations(&status).into_iter().collect();
    let fields: Vec<&str> = told.iter().map(|(field, _)| field.as_str()).collect();
    let place = |index: usize, part: &str| format!("import_job.templates[{index}].{part}");
    assert_eq!(fields, [place(0, "field"), place(1, "field"), place(2, "text")]);
    // A column that the file does not have is told before any row is written.
    let job = ImportJob {
        collection: "accounts".to_owned(),
        templates: vec![template("source", "{no such column}")],
        ..ImportJob::default()
    };
    let job = service.dry_run("all", job, b"display_name\nx\n").await;
    let told = counts(&service, &job.id).await;
    assert_eq!((told[0].code.as_str(), told[0].column.as_str()), ("COLUMN_UNKNOWN", "no such column"));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_in_fields_of_the_tenant_are_held_to_the_rules_of_owners() {
    let service = Service::start().await;
    let field = CustomField {
        display_name: "Buyer".to_owned(),
        collection: "accounts".to_owned(),
        key: "buyer".to_owned(),
        r#type: Type::Reference.into(),
        reference_collection: "users".to_owned(),
        ..CustomField::default()
    };
    let request = CreateCustomFieldRequest { service: String::new(), custom_field: Some(field) };
    service.custom_fields("all").create_custom_field(request).await.unwrap();
    let here = know(&service, "Li Lei", "lilei", "", 1).await;
    let gone = know(&service, "Han Mei", "hanmei", "", 2).await;
    let file = format!("name,who\na,{here}\nb,lilei\nc,{gone}\nd,hanmei\ne,\n");
    let job = ImportJob {
        collection: "accounts".to_owned(),
        columns: vec![column("name", "display_name"), column("who", "custom.buyer")],
        ..ImportJob::default()
    };
    let job = service.dry_run("all", job, file.as_bytes()).await;
    let told = service.errors(&job.id).await;
    let told: Vec<_> = told
        .iter()
        .map(|error| (error.line, error.column.as_str(), error.field.as_str(), error.code.as_str()))
        .collect();
    let wanted = [4, 5].map(|line| (line, "who", "custom.buyer", "USER_DISABLED"));
    assert_eq!(told, wanted);
    let job = service.apply("all", &job.id).await;
    assert_eq!((job.progress.unwrap().created_rows, service.errors(&job.id).await.len()), (3, 2));
}
