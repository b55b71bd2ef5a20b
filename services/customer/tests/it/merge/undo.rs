//! What a merge made one becomes several again.

use chrono::TimeDelta;
use crm_proto::crm::customer::v1::{
    Account, Contact, DeleteAccountRequest, FieldPolicy, ListLeadStatusChangesRequest, MergePolicy,
    MergeRecordsRequest, merge::State,
};
use crm_proto::google::r#type::Money;
use crm_testkit::status::{assert_error, metadata};
use tonic::Code;

use super::{email, external, into_first, lead, tied, types_about, unstamped, unstamped_contact};
use crate::rig::{Rig, named};

#[tokio::test]
async fn what_was_edited_since_stays_and_is_told() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let a = rig.create(&me, Account { tags: vec!["a".into()], ..named("Alpha") }).await.unwrap();
    let second = Account {
        region: "South".into(),
        industry: "Tools".into(),
        tags: vec!["b".into()],
        external_ids: vec![external("2")],
        ..named("Beta")
    };
    let b = rig.create(&me, second).await.unwrap();
    let stays = rig.create_contact(&me, tied("Stays", &b)).await.unwrap();
    let leaves = rig.create_contact(&me, tied("Leaves", &b)).await.unwrap();
    let merge = rig.merge(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap().merge.unwrap();
    let edit = Account {
        id: a.id.clone(),
        region: "West".into(),
        tags: vec!["a".into(), "b".into(), "c".into()],
        phone: "+8613812341234".into(),
        ..Account::default()
    };
    rig.update(&me, edit, &["region", "tags", "phone"]).await.unwrap();
    rig.update_contact(&me, Contact { id: leaves.id.clone(), ..Contact::default() }, &["accounts"])
        .await
        .unwrap();
    let undone = rig.undo(&me, &merge.id).await.unwrap();
    assert_eq!((undone.state(), undone.undoer_id), (State::Undoing, me.id.to_string()));
    let mut conflicts: Vec<_> =
        undone.conflicts.iter().map(|conflict| (&*conflict.record_id, &*conflict.path)).collect();
    conflicts.sort_unstable();
    let mut wanted = vec![(&*a.id, "region"), (&*a.id, "tags"), (&*leaves.id, "accounts")];
    wanted.sort_unstable();
    assert_eq!(conflicts, wanted);
    let now = rig.get(&me, &a.id).await.unwrap();
    assert_eq!(
        (now.region.as_str(), now.industry.as_str(), now.phone.as_str()),
        ("West", "", "+8613812341234")
    );
    assert_eq!(now.tags, ["a", "c"], "what came with the merge goes, what was added since stays");
    assert_eq!(now.external_ids, []);
    assert_eq!(unstamped(rig.get(&me, &b.id).await.unwrap()), unstamped(b.clone()));
    assert_eq!(rig.get_contact(&me, &stays.id).await.unwrap().accounts, stays.accounts);
    assert_eq!(rig.get_contact(&me, &leaves.id).await.unwrap().accounts, []);
    assert_error(rig.undo(&me, &merge.id).await, Code::FailedPrecondition, "MERGE_UNDONE");
    let events = rig.heard(&me).await;
    assert_eq!(types_about(&events, &b.id), ["AccountCreated", "AccountDeleted", "AccountUndeleted"]);
    assert_eq!(types_about(&events, &merge.id), ["RecordsMerged", "RecordsUnmerged"]);
    // The external id is the loser's again: it can be written by it.
    let taken = Account { external_ids: vec![external("2")], ..named("Gamma") };
    assert_error(rig.create(&me, taken).await, Code::AlreadyExists, "EXTERNAL_ID_TAKEN");
    rig.merge(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap();
}

#[tokio::test]
async fn an_old_amount_is_never_paired_with_a_currency_that_was_set_since() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let revenue = |currency: &str, units| Some(Money { currency_code: currency.into(), units, nanos: 0 });
    let make = async |name: &str, units| {
        let account = Account { annual_revenue: revenue("CNY", units), ..named(name) };
        rig.create(&me, account).await.unwrap().id
    };
    let (a, b) = (make("Alpha", 100).await, make("Beta", 200).await);
    let newest = FieldPolicy { path: "annual_revenue".into(), policy: MergePolicy::Newest.into() };
    rig.clock.advance(TimeDelta::minutes(1));
    rig.update(&me, Account { id: b.clone(), region: "South".into(), ..Account::default() }, &["region"])
        .await
        .unwrap();
    let request = MergeRecordsRequest { field_policies: vec![newest], ..into_first("accounts", &[&a, &b]) };
    let merge = rig.merge(&me, request).await.unwrap().merge.unwrap();
    assert_eq!(rig.get(&me, &a).await.unwrap().annual_revenue, revenue("CNY", 200));
    let dollars = Account { id: a.clone(), annual_revenue: revenue("USD", 200), ..Account::default() };
    rig.update(&me, dollars, &["annual_revenue"]).await.unwrap();
    let undone = rig.undo(&me, &merge.id).await.unwrap();
    assert_eq!(rig.get(&me, &a).await.unwrap().annual_revenue, revenue("USD", 200));
    assert!(undone.conflicts.iter().any(|conflict| conflict.path == "annual_revenue"), "{undone:?}");
}

#[tokio::test]
async fn a_merge_whose_records_are_gone_is_refused_with_the_reason() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (a, b) = (rig.create(&me, named("A")).await.unwrap(), rig.create(&me, named("B")).await.unwrap());
    let merge = rig.merge(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap().merge.unwrap();
    let delete = DeleteAccountRequest { id: a.id.clone(), etag: String::new() };
    rig.accounts(&me).delete_account(delete).await.unwrap();
    let cause = |status: tonic::Status| metadata(&status, "cause");
    let refused =
        assert_error(rig.undo(&me, &merge.id).await, Code::FailedPrecondition, "MERGE_NOT_UNDOABLE");
    assert_eq!(cause(refused), "DELETED");
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 1, "the survivor goes, its losers are in no recycle bin");
    let refused =
        assert_error(rig.undo(&me, &merge.id).await, Code::FailedPrecondition, "MERGE_NOT_UNDOABLE");
    assert_eq!(cause(refused), "PURGED");
    assert_error(rig.get(&me, &b.id).await, Code::NotFound, "NOT_FOUND");
    let kept = "SELECT count(*) FROM merged_record WHERE document IS NOT NULL OR parts IS NOT NULL";
    let kept: i64 = sqlx::query_scalar(kept).fetch_one(&mut rig.database.look().await).await.unwrap();
    assert_eq!(kept, 0, "nothing of a person is kept longer than the record it went into");
}

#[tokio::test]
async fn a_number_or_an_external_id_that_somebody_took_since_is_told() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (a, b) = (rig.create(&me, named("A")).await.unwrap(), rig.create(&me, named("B")).await.unwrap());
    let merge = rig.merge(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap().merge.unwrap();
    rig.create(&me, Account { number: b.number.clone(), ..named("C") }).await.unwrap();
    assert_error(rig.undo(&me, &merge.id).await, Code::AlreadyExists, "NUMBER_TAKEN");
    assert_eq!(
        rig.get_merge(&me, &merge.id).await.unwrap().state(),
        State::Moving,
        "nothing was half undone"
    );
}

#[tokio::test]
async fn a_lead_comes_back_with_the_way_to_its_status() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let a = rig.create_lead(&me, lead("Zhang", "a@example.com")).await.unwrap();
    let b = rig.create_lead(&me, lead("Li", "b@example.com")).await.unwrap();
    let changes = async |id: &str| {
        let request = ListLeadStatusChangesRequest { id: id.into(), ..Default::default() };
        rig.leads(&me).list_lead_status_changes(request).await.unwrap().into_inner().status_changes
    };
    let before = changes(&b.id).await;
    assert!(!before.is_empty());
    let merge = rig.merge(&me, into_first("leads", &[&a.id, &b.id])).await.unwrap().merge.unwrap();
    assert_eq!(rig.undo(&me, &merge.id).await.unwrap().state(), State::Undone);
    assert_eq!(changes(&b.id).await, before);
    let back = rig.get_lead(&me, &b.id).await.unwrap();
    assert_eq!((back.email, back.status, back.create_time), (b.email, b.status, b.create_time));
    assert_eq!(rig.get_lead(&me, &a.id).await.unwrap().email, "a@example.com");
}

#[tokio::test]
async fn losers_come_back_although_what_they_referred_to_went_on() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let [boss, chief] = [named_contact("Boss"), named_contact("Chief")];
    let (boss, chief) =
        (rig.create_contact(&me, boss).await.unwrap(), rig.create_contact(&me, chief).await.unwrap());
    let a = rig.create_contact(&me, named_contact("A")).await.unwrap();
    let b = Contact {
        reports_to_id: boss.id.clone(),
        emails: vec![email("b@example.com")],
        ..named_contact("B")
    };
    let b = rig.create_contact(&me, b).await.unwrap();
    let keep = MergeRecordsRequest {
        field_policies: vec![FieldPolicy {
            path: "reports_to_id".into(),
            policy: MergePolicy::Survivor.into(),
        }],
        ..into_first("contacts", &[&a.id, &b.id])
    };
    let merge = rig.merge(&me, keep).await.unwrap().merge.unwrap();
    rig.merge(&me, into_first("contacts", &[&chief.id, &boss.id])).await.unwrap();
    rig.undo(&me, &merge.id).await.unwrap();
    let back = rig.get_contact(&me, &b.id).await.unwrap();
    assert_eq!(back.reports_to_id, chief.id, "whom the boss went into");
    assert_eq!(unstamped_contact(back).emails, b.emails);
}

fn named_contact(name: &str) -> Contact {
    Contact { display_name: name.into(), ..Contact::default() }
}
