//! Ids and external ids of losers lead to survivors.

use crm_kit_record::redirect::REDIRECTED_FROM;
use crm_proto::crm::{
    customer::v1::{
        Account, BatchGetAccountsRequest, BatchUpdateAccountsRequest, BulkUpsertAccountsRequest,
        DeleteAccountRequest, GetAccountRequest, UpdateAccountRequest,
    },
    record::v1::row_result::Outcome,
};
use crm_testkit::status::assert_error;
use tonic::{Code, metadata::MetadataMap};

use super::{external, into_first};
use crate::rig::{Rig, field_mask, filter, named};

fn told(metadata: &MetadataMap) -> Option<String> {
    metadata.get(REDIRECTED_FROM).map(|value| value.to_str().unwrap().to_owned())
}

async fn one(rig: &Rig, me: &crm_testkit::Caller, id: &str) -> (String, Option<String>) {
    let answer = rig.accounts(me).get_account(GetAccountRequest { id: id.into() }).await.unwrap();
    let led = told(answer.metadata());
    (answer.into_inner().id, led)
}

#[tokio::test]
async fn a_losers_id_leads_to_the_survivor_and_the_answer_says_so() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let [a, b, c] = [
        rig.create(&me, named("A")).await.unwrap(),
        rig.create(&me, named("B")).await.unwrap(),
        rig.create(&me, named("C")).await.unwrap(),
    ];
    let done = rig.merge(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap();
    assert_eq!(one(&rig, &me, &a.id).await, (a.id.clone(), None));
    assert_eq!(one(&rig, &me, &b.id).await, (a.id.clone(), Some(b.id.clone())));
    let ids = vec![c.id.clone(), b.id.clone(), a.id.clone()];
    let batch = rig.accounts(&me).batch_get_accounts(BatchGetAccountsRequest { ids }).await.unwrap();
    assert_eq!(told(batch.metadata()), Some(b.id.clone()));
    let found: Vec<String> = batch.into_inner().accounts.into_iter().map(|account| account.id).collect();
    assert_eq!(found, [c.id.clone(), a.id.clone(), a.id.clone()]);

    let change = |id: &str, etag: &str| UpdateAccountRequest {
        account: Some(Account {
            id: id.into(),
            etag: etag.into(),
            region: "North".into(),
            ..Account::default()
        }),
        update_mask: field_mask(&["region"]),
    };
    // The etag that the loser had is none of the survivor's, however often either was written.
    assert_error(
        rig.accounts(&me).update_account(change(&b.id, &b.etag)).await,
        Code::Aborted,
        "ETAG_MISMATCH",
    );
    let etag = done.account.unwrap().etag;
    let updated = rig.accounts(&me).update_account(change(&b.id, &etag)).await.unwrap();
    assert_eq!(told(updated.metadata()), Some(b.id.clone()));
    let updated = updated.into_inner();
    assert_eq!((updated.id.as_str(), updated.region.as_str()), (&*a.id, "North"));
    let twice = BatchUpdateAccountsRequest { requests: vec![change(&a.id, ""), change(&b.id, "")] };
    assert_error(
        rig.accounts(&me).batch_update_accounts(twice).await,
        Code::InvalidArgument,
        "FIELD_INVALID",
    );
    // Deleting a loser would delete more than was asked for.
    let delete = DeleteAccountRequest { id: b.id, etag: String::new() };
    assert_error(rig.accounts(&me).delete_account(delete).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn chains_collapse_and_open_again() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut ids = Vec::new();
    for name in ["A", "B", "C", "D"] {
        ids.push(rig.create(&me, named(name)).await.unwrap().id);
    }
    let [a, b, c, d] = [&*ids[0], &*ids[1], &*ids[2], &*ids[3]];
    let mut merges = Vec::new();
    for (into, from) in [(b, a), (c, b), (d, c)] {
        merges.push(rig.merge(&me, into_first("accounts", &[into, from])).await.unwrap().merge.unwrap().id);
    }
    for id in [a, b, c] {
        assert_eq!(one(&rig, &me, id).await, (d.to_owned(), Some(id.to_owned())));
    }
    assert_eq!(rig.get_merge(&me, &merges[0]).await.unwrap().current_id, d);
    let status =
        assert_error(rig.undo(&me, &merges[0]).await, Code::FailedPrecondition, "MERGE_NOT_UNDOABLE");
    assert_eq!(crm_testkit::status::metadata(&status, "cause"), "MERGED_ON");
    rig.undo(&me, &merges[2]).await.unwrap();
    assert_eq!(one(&rig, &me, c).await, (c.to_owned(), None));
    for id in [a, b] {
        assert_eq!(one(&rig, &me, id).await, (c.to_owned(), Some(id.to_owned())));
    }
    rig.undo(&me, &merges[1]).await.unwrap();
    assert_eq!(one(&rig, &me, a).await, (b.to_owned(), Some(a.to_owned())));
    assert_eq!(rig.list_merges(&me, b).await, [merges[1].clone(), merges[0].clone()]);
    rig.undo(&me, &merges[0]).await.unwrap();
    assert_eq!(one(&rig, &me, a).await, (a.to_owned(), None));
    assert_eq!(rig.names(&me, filter("")).await, ["D", "C", "B", "A"]);
}

#[tokio::test]
async fn rows_by_external_ids_of_losers_change_the_survivor_also_together() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut ids = Vec::new();
    for value in ["1", "2", "3"] {
        let account = Account { external_ids: vec![external(value)], ..named(value) };
        ids.push(rig.create(&me, account).await.unwrap().id);
    }
    rig.merge(&me, into_first("accounts", &[&ids[0], &ids[1]])).await.unwrap();
    let row = |value: &str, region: &str, industry: &str, mask: &[&str]| BulkUpsertAccountsRequest {
        key: Some(external(value)),
        account: Some(Account { region: region.into(), industry: industry.into(), ..Account::default() }),
        update_mask: field_mask(mask),
    };
    let rows = [
        row("1", "North", "", &["region"]),
        row("3", "West", "", &["region"]),
        row("2", "", "Tools", &["industry"]),
    ];
    let mut answers = rig
        .accounts(&me)
        .bulk_upsert_accounts(tokio_stream::iter(Vec::from(rows)))
        .await
        .unwrap()
        .into_inner();
    let mut results = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        results.extend(answer.results.into_iter().map(|result| (result.id.clone(), result.outcome())));
    }
    let updated = |id: &str| (id.to_owned(), Outcome::Updated);
    assert_eq!(results, [updated(&ids[0]), updated(&ids[2]), updated(&ids[0])]);
    let survivor = rig.get(&me, &ids[0]).await.unwrap();
    assert_eq!((survivor.region.as_str(), survivor.industry.as_str()), ("North", "Tools"));
}
