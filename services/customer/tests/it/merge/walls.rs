//! Who may merge what, and what it learns of it.

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::customer::v1::{Account, AcknowledgeMergeRequest, MergeParticipant, MergeRecordsRequest};
use crm_testkit::{Rights, status::assert_error};
use tonic::Code;
use uuid::Uuid;

use super::into_first;
use crate::rig::{Rig, named};

#[tokio::test]
async fn every_record_must_be_in_the_callers_scope_and_tenant() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let me = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    let (mine, also) =
        (rig.create(&me, named("Mine")).await.unwrap(), rig.create(&me, named("Also")).await.unwrap());
    let foreign = rig.create(&boss, named("Foreign")).await.unwrap();
    for ids in [[&*mine.id, &*foreign.id], [&*foreign.id, &*mine.id]] {
        assert_error(rig.merge(&me, into_first("accounts", &ids)).await, Code::NotFound, "NOT_FOUND");
        assert_error(rig.preview(&me, into_first("accounts", &ids)).await, Code::NotFound, "NOT_FOUND");
    }
    let stranger = rig.administrator();
    assert_error(
        rig.merge(&stranger, into_first("accounts", &[&mine.id, &also.id])).await,
        Code::NotFound,
        "NOT_FOUND",
    );
    let merge =
        rig.merge(&boss, into_first("accounts", &[&foreign.id, &mine.id])).await.unwrap().merge.unwrap();
    // The record went where its owner does not see it.
    assert_error(rig.get(&me, &mine.id).await, Code::NotFound, "NOT_FOUND");
    assert_error(
        rig.merge(&me, into_first("accounts", &[&also.id, &mine.id])).await,
        Code::NotFound,
        "NOT_FOUND",
    );
    for caller in [&me, &stranger] {
        assert_error(rig.get_merge(caller, &merge.id).await, Code::NotFound, "NOT_FOUND");
        assert_error(rig.undo(caller, &merge.id).await, Code::NotFound, "NOT_FOUND");
        assert_eq!(rig.list_merges(caller, "").await, Vec::<String>::new());
    }
    assert_eq!(rig.list_merges(&boss, &mine.id).await, std::slice::from_ref(&merge.id));
    // Undoing gives back what the caller must be allowed to see.
    let other =
        rig.merge(&boss, into_first("accounts", &[&also.id, &foreign.id])).await.unwrap().merge.unwrap();
    assert_eq!(rig.list_merges(&me, "").await.len(), 2);
    assert_error(rig.undo(&me, &other.id).await, Code::NotFound, "NOT_FOUND");
    rig.undo(&boss, &other.id).await.unwrap();
}

#[tokio::test]
async fn merging_takes_the_right_to_change_and_to_delete() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let (a, b) = (rig.create(&boss, named("A")).await.unwrap(), rig.create(&boss, named("B")).await.unwrap());
    let merge = into_first("accounts", &[&a.id, &b.id]);
    for permissions in [
        &["customer.accounts.update", "customer.accounts.delete"][..],
        &["customer.merges.create", "customer.accounts.update"],
        &["customer.merges.create", "customer.accounts.delete"],
        &["customer.merges.create", "customer.contacts.update", "customer.contacts.delete"],
    ] {
        let me = rig.callers.add(&Rights::all(boss.tenant_id).with_permissions(permissions));
        assert_error(rig.merge(&me, merge.clone()).await, Code::PermissionDenied, "PERMISSION_MISSING");
        assert_error(rig.preview(&me, merge.clone()).await, Code::PermissionDenied, "PERMISSION_MISSING");
    }
    let enough = ["customer.merges.create", "customer.accounts.update", "customer.accounts.delete"];
    let me = rig.callers.add(&Rights::all(boss.tenant_id).with_permissions(&enough));
    let done = rig.merge(&me, merge).await.unwrap().merge.unwrap();
    let acknowledge = AcknowledgeMergeRequest { id: done.id, undone: false };
    assert_error(
        rig.merges(&boss).acknowledge_merge(acknowledge).await,
        Code::PermissionDenied,
        "PERMISSION_MISSING",
    );
}

#[tokio::test]
async fn an_etag_that_is_old_refuses() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (a, b) = (rig.create(&me, named("A")).await.unwrap(), rig.create(&me, named("B")).await.unwrap());
    rig.update(&me, Account { id: b.id.clone(), region: "North".into(), ..Account::default() }, &["region"])
        .await
        .unwrap();
    let records =
        [&a, &b].map(|account| MergeParticipant { id: account.id.clone(), etag: account.etag.clone() });
    let merge = MergeRecordsRequest { records: records.into(), ..into_first("accounts", &[&a.id, &b.id]) };
    assert_error(rig.merge(&me, merge).await, Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test]
async fn masked_values_are_merged_as_they_are_and_nothing_is_learned_of_them() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let a = rig.create(&boss, named("A")).await.unwrap();
    let second = Account {
        phone: "+8613812341234".into(),
        region: "North".into(),
        description: "secret".into(),
        ..named("B")
    };
    let b = rig.create(&boss, second).await.unwrap();
    let rights = Rights::all(boss.tenant_id)
        .masking(Sensitivity::Phone, Mask::Partial)
        .masking(Sensitivity::Note, Mask::Hidden);
    let me = rig.callers.add(&rights);
    let preview = rig.preview(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap();
    let done = rig.merge(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap();
    let merge = done.merge.unwrap();
    for (fields, account) in
        [(&preview.fields, preview.account.unwrap()), (&merge.fields, done.account.unwrap())]
    {
        let paths: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["region"]);
        assert!(account.phone.contains('*') && account.description != "secret", "{account:?}");
    }
    assert_eq!(rig.get_merge(&me, &merge.id).await.unwrap().fields, merge.fields);
    assert_eq!(rig.get_merge(&boss, &merge.id).await.unwrap().fields.len(), 3);
    let real = rig.get(&boss, &a.id).await.unwrap();
    assert_eq!((real.phone.as_str(), real.description.as_str()), ("+8613812341234", "secret"));
    rig.undo(&me, &merge.id).await.unwrap();
    assert_eq!(rig.get(&boss, &b.id).await.unwrap().phone, "+8613812341234");
    assert_eq!(rig.get(&boss, &a.id).await.unwrap().phone, "");
    let unknown = rig.undo(&boss, &Uuid::new_v4().to_string()).await;
    assert_error(unknown, Code::NotFound, "NOT_FOUND");
}
