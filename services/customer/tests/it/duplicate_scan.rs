//! Scans for duplicates: what they find, who sees it, and what people decide about it.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use chrono::Datelike as _;
use crm_proto::{
    crm::customer::v1::{
        Account, BulkUpsertContactsRequest, Contact, CreateDuplicateScanRequest, DeleteAccountRequest,
        DismissDuplicatesRequest, DuplicateScan, DuplicateSet, DuplicateSetMember, GetDuplicateScanRequest,
        GetDuplicateSetRequest, ListDuplicateScansRequest, ListDuplicateSetsRequest, SearchDuplicatesRequest,
        duplicate_scan::State, duplicate_scan_service_client::DuplicateScanServiceClient,
        duplicate_service_client::DuplicateServiceClient, search_duplicates_request::Draft,
    },
    crm::record::v1::ExternalId,
    google::r#type::{Date, PostalAddress},
};
use crm_testkit::{Caller, Rights, status::assert_error};
use futures::stream;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::rig::{Rig, Wired, named};

fn scans(rig: &Rig, caller: &Caller) -> DuplicateScanServiceClient<Wired> {
    DuplicateScanServiceClient::new(caller.on(&rig.channel))
}

async fn start(rig: &Rig, caller: &Caller, collection: &str) -> Result<DuplicateScan, Status> {
    let scan = DuplicateScan { collection: collection.into(), ..DuplicateScan::default() };
    let request = CreateDuplicateScanRequest { duplicate_scan: Some(scan) };
    scans(rig, caller).create_duplicate_scan(request).await.map(tonic::Response::into_inner)
}

/// Starts a scan and waits for its end.
async fn scan(rig: &Rig, caller: &Caller, collection: &str) -> DuplicateScan {
    let id = start(rig, caller, collection).await.unwrap().id;
    loop {
        let request = GetDuplicateScanRequest { id: id.clone() };
        let scan = scans(rig, caller).get_duplicate_scan(request).await.unwrap().into_inner();
        if scan.state() != State::Running {
            return scan;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn sets(rig: &Rig, caller: &Caller, collection: &str) -> Vec<DuplicateSet> {
    let request = ListDuplicateSetsRequest { collection: collection.into(), ..Default::default() };
    scans(rig, caller).list_duplicate_sets(request).await.unwrap().into_inner().duplicate_sets
}

async fn dismiss(rig: &Rig, caller: &Caller, id: &str, others: &[&str]) -> Result<(), Status> {
    let request = DismissDuplicatesRequest {
        collection: "accounts".into(),
        id: id.into(),
        other_ids: others.iter().map(|id| (*id).to_owned()).collect(),
    };
    scans(rig, caller).dismiss_duplicates(request).await.map(tonic::Response::into_inner)
}

fn company(name: &str, phone: &str) -> Account {
    Account { phone: phone.into(), website: "https://hongtu-example.cn".into(), ..named(name) }
}

/// Two spellings of one company, and one that has nothing to do with it.
async fn companies(rig: &Rig, me: &Caller) -> [Account; 3] {
    let one = rig.create(me, company("上海宏图信息科技有限公司", "+862162345678")).await.unwrap();
    let two = rig.create(me, company("上海 宏图信息科技 有限责任公司", "+862162345678")).await.unwrap();
    [one, two, rig.create(me, named("Northwind Traders")).await.unwrap()]
}

fn ids(set: &DuplicateSet) -> Vec<&str> {
    set.members.iter().map(|member| member.id.as_str()).collect()
}

#[tokio::test]
async fn a_scan_finds_the_sets_of_a_collection_and_tells_how_far_it_is() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let [one, two, _] = companies(&rig, &me).await;
    let done = scan(&rig, &me, "accounts").await;
    assert_eq!((done.state(), done.total_rows, done.done_rows, done.set_count), (State::Done, 3, 3, 1));
    assert!(done.start_time.is_some() && done.end_time.is_some() && done.failure.is_empty());
    let found = sets(&rig, &me, "accounts").await;
    assert_eq!(ids(&found[0]), [one.id.as_str(), two.id.as_str()]);
    assert!(found[0].members.iter().all(|member| member.visible && member.probability > 0.9), "{found:?}");
    assert!(sets(&rig, &me, "contacts").await.is_empty());
    let request = GetDuplicateSetRequest { id: found[0].id.clone() };
    assert_eq!(scans(&rig, &me).get_duplicate_set(request.clone()).await.unwrap().into_inner(), found[0]);
    // A second scan puts its sets in the place of those before.
    scan(&rig, &me, "accounts").await;
    assert_eq!(sets(&rig, &me, "accounts").await.len(), 1);
    assert_error(scans(&rig, &me).get_duplicate_set(request).await, Code::NotFound, "NOT_FOUND");
    let listed = scans(&rig, &me).list_duplicate_scans(ListDuplicateScansRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().duplicate_scans.len(), 2);
    // A set of which one record is left is none.
    let request = DeleteAccountRequest { id: two.id, ..DeleteAccountRequest::default() };
    rig.accounts(&me).delete_account(request).await.unwrap();
    assert!(sets(&rig, &me, "accounts").await.is_empty());
}

#[tokio::test]
async fn records_that_were_told_apart_are_never_offered_again() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let [one, two, three] = companies(&rig, &me).await;
    let itself = || SearchDuplicatesRequest { draft: Some(Draft::Account(one.clone())), max_results: 0 };
    let search = || async {
        let mut client = DuplicateServiceClient::new(me.on(&rig.channel));
        client.search_duplicates(itself()).await.unwrap().into_inner().hits.len()
    };
    scan(&rig, &me, "accounts").await;
    assert_eq!((sets(&rig, &me, "accounts").await.len(), search().await), (1, 1));
    dismiss(&rig, &me, &two.id, &[&one.id, &three.id]).await.unwrap();
    assert_eq!((sets(&rig, &me, "accounts").await.len(), search().await), (0, 0));
    assert_eq!(scan(&rig, &me, "accounts").await.set_count, 0);
    // A further spelling meets either of them, and never both in one set.
    rig.create(&me, company("上海宏图信息科技公司", "+862162345678")).await.unwrap();
    scan(&rig, &me, "accounts").await;
    let found = sets(&rig, &me, "accounts").await;
    assert!(found.len() == 1 && found[0].members.len() == 2, "{found:?}");
    let both = [one.id.as_str(), two.id.as_str()];
    assert!(!both.iter().all(|id| ids(&found[0]).contains(id)));
    dismiss(&rig, &me, &one.id, &[&two.id]).await.unwrap();
    let itself = dismiss(&rig, &me, &one.id, &[&one.id]).await;
    assert_error(itself, Code::InvalidArgument, "FIELD_INVALID");
    let unknown = dismiss(&rig, &me, &one.id, &[&Uuid::new_v4().to_string()]).await;
    assert_error(unknown, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn what_lies_beyond_the_scope_is_masked_and_other_tenants_see_nothing() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let [one, two, _] = companies(&rig, &boss).await;
    let done = scan(&rig, &boss, "accounts").await;
    let clerk = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    let found = sets(&rig, &clerk, "accounts").await;
    let hidden = |name: &str| name.contains('*') && !name.contains("宏图");
    assert!(
        found[0].members.iter().all(|member| !member.visible && hidden(&member.display_name)),
        "{found:?}"
    );
    let told = |member: &DuplicateSetMember| !member.owner_id.is_empty() || member.probability > 0.0;
    assert!(!found[0].members.iter().any(told), "{found:?}");
    assert_error(dismiss(&rig, &clerk, &one.id, &[&two.id]).await, Code::NotFound, "NOT_FOUND");
    // Whoever sees one of the records sees who has it, and not how like it is to the other.
    rig.database.knows(boss.tenant_id, &[clerk.id]).await;
    let given = Account { id: two.id.clone(), owner_id: clerk.id.to_string(), ..Account::default() };
    rig.update(&boss, given, &["owner_id"]).await.unwrap();
    let found = sets(&rig, &clerk, "accounts").await.remove(0).members;
    let told: Vec<_> =
        found.iter().map(|member| (member.visible, member.owner_id.as_str(), member.probability)).collect();
    assert_eq!(told, [(false, "", 0.0), (true, clerk.id.to_string().as_str(), 0.0)]);
    let whole = sets(&rig, &boss, "accounts").await.remove(0).members;
    assert!(whole.iter().all(|member| member.probability > 0.9 && !member.owner_id.is_empty()), "{whole:?}");
    let reader =
        rig.callers.add(&Rights::all(boss.tenant_id).with_permissions(&["customer.duplicateSets.read"]));
    assert_error(start(&rig, &reader, "accounts").await, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_error(
        dismiss(&rig, &reader, &one.id, &[&two.id]).await,
        Code::PermissionDenied,
        "PERMISSION_MISSING",
    );
    let stranger = rig.administrator();
    assert!(sets(&rig, &stranger, "accounts").await.is_empty());
    let request = GetDuplicateScanRequest { id: done.id };
    assert_error(scans(&rig, &stranger).get_duplicate_scan(request).await, Code::NotFound, "NOT_FOUND");
    assert_error(start(&rig, &boss, "deals").await, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn one_scan_of_a_collection_runs_at_a_time_and_goes_on_after_a_process_died() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    companies(&rig, &me).await;
    let done = scan(&rig, &me, "accounts").await;
    // As a process leaves it that died in the middle: running, half of the records read, its job claimed by nobody.
    let mut look = rig.database.look().await;
    let sql = "UPDATE duplicate_scan SET state = 1, end_time = NULL, done_rows = 1, set_count = 0 WHERE id = $1::uuid";
    sqlx::query(sql).bind(&done.id).execute(&mut look).await.unwrap();
    assert_error(start(&rig, &me, "accounts").await, Code::FailedPrecondition, "SCAN_RUNNING");
    scan(&rig, &me, "contacts").await;
    let sql = "INSERT INTO job (tenant_id, id, kind, run_after) VALUES ($1, $2::uuid, 'duplicate_scan', '2026-01-01')";
    sqlx::query(sql).bind(me.tenant_id).bind(&done.id).execute(&mut look).await.unwrap();
    let again = loop {
        let request = GetDuplicateScanRequest { id: done.id.clone() };
        let scan = scans(&rig, &me).get_duplicate_scan(request).await.unwrap().into_inner();
        if scan.state() != State::Running {
            break scan;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((again.done_rows, again.set_count, sets(&rig, &me, "accounts").await.len()), (3, 1, 1));
}

/// A row of a FEBRL file: the number of the person behind it, and the contact, without its social security number and impossible days.
fn judged(row: &csv::StringRecord) -> BulkUpsertContactsRequest {
    let digits =
        |from: usize, to: usize| row[9].get(from..to).and_then(|part| part.parse().ok()).unwrap_or(0);
    let date = Date { year: digits(0, 4), month: digits(4, 6), day: digits(6, 8) };
    let whole = chrono::NaiveDate::parse_from_str(&row[9], "%Y%m%d").is_ok_and(|day| day.year() > 1900);
    let lines = [format!("{} {}", &row[3], &row[4]), row[5].to_owned()];
    let contact = Contact {
        family_name: row[2].to_owned(),
        given_name: row[1].to_owned(),
        display_name: if row[1].is_empty() && row[2].is_empty() { "unknown".into() } else { String::new() },
        birth_date: whole.then_some(date),
        mailing_address: Some(PostalAddress {
            region_code: "AU".into(),
            address_lines: lines.into_iter().filter(|line| !line.trim().is_empty()).collect(),
            locality: row[6].to_owned(),
            postal_code: row[7].to_owned(),
            administrative_area: row[8].to_owned(),
            ..PostalAddress::default()
        }),
        ..Contact::default()
    };
    let key = Some(ExternalId { system: "febrl".into(), value: row[0].to_owned() });
    BulkUpsertContactsRequest { key, contact: Some(contact), update_mask: None }
}

#[tokio::test]
async fn people_of_a_judged_file_meet_in_sets() {
    let Some(file) = crm_testkit::shared::data("duplicates/febrl_dataset3.csv") else { return };
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(file).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let people: Vec<String> = rows.iter().map(|row| row[0].split('-').nth(1).unwrap().to_owned()).collect();
    let requests: Vec<_> = rows.iter().map(judged).collect();
    let mut answers =
        rig.contacts(&me).bulk_upsert_contacts(stream::iter(requests)).await.unwrap().into_inner();
    let mut results = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        results.extend(answer.results);
    }
    let failed = results.iter().find(|result| result.status.is_some());
    assert!(failed.is_none(), "{failed:?}");
    let person: HashMap<&str, &str> =
        results.iter().map(|result| result.id.as_str()).zip(people.iter().map(String::as_str)).collect();
    let started = Instant::now();
    let done = scan(&rig, &me, "contacts").await;
    println!("{} contacts scanned in {:?}, {} sets", done.done_rows, started.elapsed(), done.set_count);
    assert_eq!(usize::try_from(done.done_rows).unwrap(), rows.len());
    let request =
        ListDuplicateSetsRequest { collection: "contacts".into(), page_size: 700, ..Default::default() };
    let mut found: HashSet<(String, String)> = HashSet::new();
    let mut next = String::new();
    loop {
        let request = ListDuplicateSetsRequest { page_token: next, ..request.clone() };
        let page = scans(&rig, &me).list_duplicate_sets(request).await.unwrap().into_inner();
        for set in &page.duplicate_sets {
            let pairs = ids(set).into_iter().flat_map(|a| ids(set).into_iter().map(move |b| (a, b)));
            found.extend(pairs.filter(|(a, b)| a < b).map(|(a, b)| (a.to_owned(), b.to_owned())));
        }
        next = page.next_page_token;
        if next.is_empty() {
            break;
        }
    }
    let right = found.iter().filter(|(a, b)| person[a.as_str()] == person[b.as_str()]).count();
    let mut sizes = HashMap::<&str, usize>::new();
    for of in person.values() {
        *sizes.entry(of).or_default() += 1;
    }
    let wanted: usize = sizes.values().map(|size| size * (size - 1) / 2).sum();
    let (right, all) = (2000 * right, found.len() + wanted);
    println!("F1 by set, in thousandths: {}", right / all);
    assert!(right >= 970 * all, "{right} of {all}");
}
