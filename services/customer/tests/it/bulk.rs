//! Streaming bulk upsert.

use crm_proto::crm::customer::v1::{Account, BulkUpsertAccountsRequest};
use crm_proto::crm::record::v1::{ExternalId, RowResult, row_result::Outcome};
use crm_testkit::{Caller, status::assert_error};
use tonic::Code;
use uuid::Uuid;

use crate::rig::{Rig, filter, named, search};

fn row(key: &str, account: Account) -> BulkUpsertAccountsRequest {
    let key = ExternalId { system: "erp".into(), value: key.into() };
    BulkUpsertAccountsRequest { key: Some(key), account: Some(account), update_mask: None }
}

async fn upsert(rig: &Rig, caller: &Caller, rows: Vec<BulkUpsertAccountsRequest>) -> Vec<RowResult> {
    let mut accounts = rig.accounts(caller);
    let mut answers = accounts.bulk_upsert_accounts(futures::stream::iter(rows)).await.unwrap().into_inner();
    let mut results = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        results.extend(answer.results);
    }
    results
}

fn outcomes(results: &[RowResult]) -> Vec<Outcome> {
    results.iter().map(RowResult::outcome).collect()
}

#[tokio::test]
async fn rows_create_update_or_leave_records_by_external_id() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let first = upsert(&rig, &me, vec![row("1", named("one")), row("2", named("two"))]).await;
    assert_eq!(outcomes(&first), [Outcome::Created, Outcome::Created]);
    let rows = vec![
        row("1", Account { region: "North".into(), ..named("one") }),
        row("2", named("two")),
        row("3", named("three")),
    ];
    let second = upsert(&rig, &me, rows).await;
    assert_eq!(outcomes(&second), [Outcome::Updated, Outcome::Unchanged, Outcome::Created]);
    assert_eq!(second[0].id, first[0].id);
    assert_eq!(second.iter().map(|result| result.index).collect::<Vec<_>>(), [0, 1, 2]);
    let account = rig.get(&me, &first[0].id).await.unwrap();
    assert_eq!(account.external_ids, [ExternalId { system: "erp".into(), value: "1".into() }]);
    assert_eq!(account.region, "North");
}

#[tokio::test]
async fn a_bad_row_fails_alone_and_repeated_keys_take_effect_in_order() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let taken = rig.create(&me, Account { number: "N1".into(), ..named("holder") }).await.unwrap();
    let rows = vec![
        row("1", named("good")),
        row("2", Account { phone: "12".into(), ..named("bad phone") }),
        row("3", Account { number: taken.number, ..named("taken number") }),
        row("4", named("first")),
        row("4", named("second")),
    ];
    let results = upsert(&rig, &me, rows).await;
    let expected = [Outcome::Created, Outcome::Failed, Outcome::Failed, Outcome::Created, Outcome::Updated];
    assert_eq!(outcomes(&results), expected);
    assert!(results[1].status.as_ref().unwrap().message.contains("phone"));
    assert_eq!(results[3].id, results[4].id);
    let good = rig.get(&me, &results[0].id).await.unwrap().number;
    let first = rig.get(&me, &results[3].id).await.unwrap().number;
    assert_eq!(
        [good.as_str(), first.as_str()],
        ["A000001", "A000003"],
        "a group that is halved loses no numbers"
    );
    assert_eq!(rig.names(&me, search("second")).await, ["second"]);
    assert!(rig.names(&me, search("first")).await.is_empty());
}

#[tokio::test]
async fn thousands_of_rows_arrive_in_groups() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let rows = (0..2_345).map(|index| row(&index.to_string(), named(&format!("row {index}")))).collect();
    let results = upsert(&rig, &me, rows).await;
    assert_eq!(results.len(), 2_345);
    assert!(results.iter().enumerate().all(|(index, result)| result.index == i64::try_from(index).unwrap()));
    assert!(outcomes(&results).iter().all(|outcome| *outcome == Outcome::Created));
    let mut counted = filter("");
    counted.include_total_size = true;
    assert_eq!(rig.list(&me, counted).await.unwrap().total_size, 2_345);
}

#[tokio::test]
async fn a_row_that_breaks_a_bound_fails_alone_with_what_is_wrong_with_it() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut rows =
        vec![row("1", named("first")), row("2", named(&"x".repeat(201))), row("3", named("third"))];
    rows.push(BulkUpsertAccountsRequest {
        key: Some(ExternalId { system: "No System".into(), value: "4".into() }),
        ..row("4", named("fourth"))
    });
    rows.push(row("5", named("fifth")));
    let results = upsert(&rig, &me, rows).await;
    let expected = [Outcome::Created, Outcome::Failed, Outcome::Created, Outcome::Failed, Outcome::Created];
    assert_eq!(outcomes(&results), expected);
    assert_eq!(results.iter().map(|result| result.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let told = |index: usize| {
        let status = results[index].status.clone().unwrap();
        let status = tonic::Status::with_details(
            Code::from(status.code),
            status.message.clone(),
            prost::Message::encode_to_vec(&status).into(),
        );
        crm_testkit::status::violations(&status)
    };
    assert!(format!("{:?}", told(1)).contains("account.display_name"), "{:?}", told(1));
    assert!(format!("{:?}", told(3)).contains("key.system"), "{:?}", told(3));
    assert_eq!(rig.names(&me, search("fifth")).await, ["fifth"]);
    assert!(rig.names(&me, search("fourth")).await.is_empty());
}

/// Numbers of the accounts that rows made.
async fn numbers(rig: &Rig, caller: &Caller, results: &[RowResult]) -> Vec<String> {
    let mut numbers = Vec::new();
    for result in results {
        numbers.push(rig.get(caller, &result.id).await.unwrap().number);
    }
    numbers
}

fn five(keys: &str) -> Vec<BulkUpsertAccountsRequest> {
    (0..5).map(|index| row(&format!("{keys}{index}"), named(&format!("{keys} {index}")))).collect()
}

#[tokio::test]
async fn the_series_goes_on_after_numbers_that_records_bring() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    assert_eq!(rig.create(&me, named("first")).await.unwrap().number, "A000001");
    rig.create(&me, Account { number: "A000002".into(), ..named("brought") }).await.unwrap();
    let results = upsert(&rig, &me, five("near")).await;
    let wanted = ["A000003", "A000004", "A000005", "A000006", "A000007"];
    assert_eq!(numbers(&rig, &me, &results).await, wanted);
    // Beyond the block at hand, and in the middle of a bulk.
    let mut rows = five("far");
    rows[2].account.as_mut().unwrap().number = "A000900".into();
    let results = upsert(&rig, &me, rows).await;
    let wanted = ["A000901", "A000902", "A000900", "A000903", "A000904"];
    assert_eq!(numbers(&rig, &me, &results).await, wanted);
    assert_eq!(rig.create(&me, named("last")).await.unwrap().number, "A000905");
}

#[tokio::test]
async fn numbers_that_records_have_already_are_skipped() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    // The series does not know of numbers that come by an update.
    let mut held = upsert(&rig, &me, five("held")).await;
    for (index, result) in held.drain(..).enumerate() {
        let number = format!("A{:06}", if index == 4 { 400 } else { 6 + index });
        rig.update(&me, Account { id: result.id, number, ..Account::default() }, &["number"]).await.unwrap();
    }
    assert_eq!(rig.create(&me, named("single")).await.unwrap().number, "A000401");
    let results = upsert(&rig, &me, five("bulk")).await;
    assert_eq!(outcomes(&results), [Outcome::Created; 5]);
    assert_eq!(numbers(&rig, &me, &results).await[0], "A000402");
}

#[tokio::test]
async fn while_nobody_can_be_asked_about_owners_no_row_is_to_blame() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let owned = Account { owner_id: Uuid::new_v4().to_string(), ..named("owned") };
    let rows = vec![row("1", named("first")), row("2", owned)];
    let answers = rig.accounts(&me).bulk_upsert_accounts(futures::stream::iter(rows)).await;
    let refused = answers.unwrap().into_inner().message().await;
    assert_error(refused, Code::Unavailable, "DEPENDENCY_UNAVAILABLE");
    assert!(rig.names(&me, filter("")).await.is_empty(), "the group is written whole, later");
}
