//! Relations between accounts: read from either end, once for each pair, gone with either account, and the walls around them.

use chrono::TimeDelta;
use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::{
    crm::{
        customer::v1::{
            Account, AccountRelation, AccountRelationCreated, AccountRelationDeleted, AccountRelationUpdated,
            CreateAccountRelationRequest, DeleteAccountRelationRequest, GetAccountRelationRequest,
            ListAccountRelationsRequest, RelatedAccount, UpdateAccountRelationRequest,
            account_relation::Kind, account_relation_service_client::AccountRelationServiceClient,
        },
        event::v1::event::ChangeKind,
    },
    google::r#type::Date,
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::{
    recycle_bin::payload,
    rig::{Rig, Wired, field_mask, named},
};

fn client(rig: &Rig, caller: &Caller) -> AccountRelationServiceClient<Wired> {
    AccountRelationServiceClient::new(caller.on(&rig.channel))
}

fn relation(from: &Account, to: &Account, kind: Kind) -> AccountRelation {
    AccountRelation {
        from_account_id: from.id.clone(),
        to_account_id: to.id.clone(),
        kind: kind.into(),
        ..AccountRelation::default()
    }
}

async fn relate(rig: &Rig, caller: &Caller, relation: AccountRelation) -> Result<AccountRelation, Status> {
    let request = CreateAccountRelationRequest { account_relation: Some(relation) };
    client(rig, caller).create_account_relation(request).await.map(Response::into_inner)
}

async fn get(rig: &Rig, caller: &Caller, id: &str) -> Result<AccountRelation, Status> {
    let request = GetAccountRelationRequest { id: id.to_owned() };
    client(rig, caller).get_account_relation(request).await.map(Response::into_inner)
}

async fn related(rig: &Rig, caller: &Caller, account: &Account) -> Vec<RelatedAccount> {
    let request = ListAccountRelationsRequest {
        account_id: account.id.clone(),
        ..ListAccountRelationsRequest::default()
    };
    client(rig, caller).list_account_relations(request).await.unwrap().into_inner().related_accounts
}

fn day(year: i32, month: i32, day: i32) -> Date {
    Date { year, month, day }
}

#[tokio::test]
async fn a_relation_is_stored_once_and_read_from_either_account() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (maker, shop) =
        (rig.create(&me, named("制造商")).await.unwrap(), rig.create(&me, named("商店")).await.unwrap());
    let wanted = AccountRelation {
        start_date: Some(day(2024, 2, 29)),
        note: "East".into(),
        ..relation(&shop, &maker, Kind::Reseller)
    };
    let made = relate(&rig, &me, wanted).await.unwrap();
    assert_eq!(made.creator_id, me.id.to_string());
    assert_eq!(get(&rig, &me, &made.id).await.unwrap(), made);
    let seen = related(&rig, &me, &shop).await;
    let of_shop = RelatedAccount {
        relation: Some(made.clone()),
        reversed: false,
        name: "厂商".into(),
        account_id: maker.id.clone(),
        display_name: "制造商".into(),
    };
    assert_eq!(seen, [of_shop]);
    let seen = &related(&rig, &me, &maker).await[0];
    let told = (seen.reversed, seen.name.as_str(), seen.account_id.as_str(), seen.display_name.as_str());
    assert_eq!(told, (true, "经销商", shop.id.as_str(), "商店"));

    let change =
        AccountRelation { reverse_name: "principal".into(), end_date: Some(day(2025, 1, 1)), ..made.clone() };
    let request = |relation: AccountRelation, paths: &[&str]| UpdateAccountRelationRequest {
        account_relation: Some(relation),
        update_mask: field_mask(paths),
    };
    let changed = client(&rig, &me)
        .update_account_relation(request(change.clone(), &["reverse_name", "end_date"]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((changed.reverse_name.as_str(), changed.note.as_str()), ("principal", "East"));
    assert_eq!(related(&rig, &me, &shop).await[0].name, "principal");
    let late = client(&rig, &me).update_account_relation(request(change, &["reverse_name"])).await;
    assert_error(late, Code::Aborted, "ETAG_MISMATCH");
    let moved = AccountRelation { to_account_id: shop.id.clone(), etag: String::new(), ..changed.clone() };
    let refused = client(&rig, &me).update_account_relation(request(moved, &["to_account_id"])).await;
    assert!(refused.is_err_and(|status| status.code() == Code::InvalidArgument));

    let request = DeleteAccountRelationRequest { id: made.id.clone(), etag: changed.etag };
    client(&rig, &me).delete_account_relation(request).await.unwrap();
    assert_error(get(&rig, &me, &made.id).await, Code::NotFound, "NOT_FOUND");
    let events = rig.told(&me).await;
    let told: Vec<_> = events.iter().filter(|event| event.record_id == made.id).collect();
    let kinds: Vec<ChangeKind> = told.iter().map(|event| event.change_kind()).collect();
    assert_eq!(kinds, [ChangeKind::Create, ChangeKind::Update, ChangeKind::Delete]);
    assert_eq!(payload::<AccountRelationCreated>(told[0]).account_relation, Some(made));
    assert_eq!(
        payload::<AccountRelationUpdated>(told[1]).changed_fields,
        field_mask(&["reverse_name", "end_date"])
    );
}

#[tokio::test]
async fn what_is_no_relation_is_refused_with_its_fields() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (a, b) = (rig.create(&me, named("A")).await.unwrap(), rig.create(&me, named("B")).await.unwrap());
    let fault = |wire: AccountRelation| {
        let attempt = relate(&rig, &me, wire);
        async move { violations(&attempt.await.unwrap_err()) }
    };
    let pair = |field: &str, reason: &str| (format!("account_relation.{field}"), reason.to_owned());
    assert_eq!(fault(relation(&a, &a, Kind::Group)).await, [pair("to_account_id", "SELF_RELATION")]);
    assert_eq!(fault(relation(&a, &b, Kind::Unspecified)).await, [pair("kind", "REQUIRED")]);
    let family = fault(relation(&a, &b, Kind::Family)).await;
    assert_eq!(family, [pair("forward_name", "REQUIRED"), pair("reverse_name", "REQUIRED")]);
    let backwards = AccountRelation {
        start_date: Some(day(2026, 1, 2)),
        end_date: Some(day(2026, 1, 1)),
        ..relation(&a, &b, Kind::Partner)
    };
    assert_eq!(fault(backwards).await, [pair("end_date", "BEFORE_START")]);
    let nobody = Account { id: Uuid::new_v4().to_string(), ..Account::default() };
    let missing = relate(&rig, &me, relation(&a, &nobody, Kind::Partner)).await;
    let missing = assert_error(missing, Code::NotFound, "NOT_FOUND");
    assert_eq!(violations(&missing)[0].0, "account_relation.to_account_id");
}

#[tokio::test]
async fn two_accounts_have_one_relation_of_a_kind_and_of_a_directed_one_two() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (a, b) = (rig.create(&me, named("A")).await.unwrap(), rig.create(&me, named("B")).await.unwrap());
    relate(&rig, &me, relation(&a, &b, Kind::Partner)).await.unwrap();
    let again = relate(&rig, &me, relation(&b, &a, Kind::Partner)).await;
    let again = assert_error(again, Code::AlreadyExists, "RELATION_EXISTS");
    assert_eq!(metadata(&again, "kind"), "KIND_PARTNER");
    relate(&rig, &me, relation(&a, &b, Kind::Competitor)).await.unwrap();
    relate(&rig, &me, relation(&a, &b, Kind::Supplier)).await.unwrap();
    relate(&rig, &me, relation(&b, &a, Kind::Supplier)).await.unwrap();
    let (one, other) = futures::join!(
        relate(&rig, &me, relation(&a, &b, Kind::Group)),
        relate(&rig, &me, relation(&b, &a, Kind::Group))
    );
    assert_eq!([&one, &other].iter().filter(|outcome| outcome.is_ok()).count(), 1, "{one:?} {other:?}");
    assert_error(one.and(other), Code::AlreadyExists, "RELATION_EXISTS");
    assert_eq!(related(&rig, &me, &a).await.len(), 5);
}

#[tokio::test]
async fn pages_hold_every_relation_once_while_more_are_made() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let hub = rig.create(&me, named("Hub")).await.unwrap();
    for index in 0..7 {
        let spoke = rig.create(&me, named(&format!("Spoke {index}"))).await.unwrap();
        let ends = if index % 2 == 0 { (&hub, &spoke) } else { (&spoke, &hub) };
        rig.clock.advance(TimeDelta::milliseconds(1));
        relate(&rig, &me, relation(ends.0, ends.1, Kind::Supplier)).await.unwrap();
    }
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListAccountRelationsRequest {
            account_id: hub.id.clone(),
            page_size: 3,
            page_token: token,
            kind: Kind::Supplier.into(),
        };
        let page = client(&rig, &me).list_account_relations(request).await.unwrap().into_inner();
        names.extend(page.related_accounts.into_iter().map(|related| related.display_name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        let late = rig.create(&me, named("Late")).await.unwrap();
        relate(&rig, &me, relation(&hub, &late, Kind::Supplier)).await.unwrap();
    }
    let wanted: Vec<String> = (0..7).rev().map(|index| format!("Spoke {index}")).collect();
    assert_eq!(names, wanted);
    let other =
        ListAccountRelationsRequest { kind: Kind::Group.into(), account_id: hub.id, ..Default::default() };
    assert_eq!(
        client(&rig, &me).list_account_relations(other).await.unwrap().into_inner().related_accounts,
        []
    );
}

#[tokio::test]
async fn relations_are_seen_by_who_sees_both_accounts() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let seller = rig.callers.add(&Rights::all(me.tenant_id).with_team(&[]));
    let (mine, hers) =
        (rig.create(&seller, named("Mine")).await.unwrap(), rig.create(&me, named("Hers")).await.unwrap());
    let too = rig.create(&seller, named("Mine too")).await.unwrap();
    let refused = relate(&rig, &seller, relation(&mine, &hers, Kind::Partner)).await;
    assert_error(refused, Code::NotFound, "NOT_FOUND");
    let hidden = relate(&rig, &me, relation(&mine, &hers, Kind::Partner)).await.unwrap();
    let shown = relate(&rig, &seller, relation(&mine, &too, Kind::Partner)).await.unwrap();
    assert_eq!(related(&rig, &seller, &mine).await.len(), 1);
    assert_eq!(related(&rig, &me, &mine).await.len(), 2);
    assert_error(get(&rig, &seller, &hidden.id).await, Code::NotFound, "NOT_FOUND");
    let request = DeleteAccountRelationRequest { id: hidden.id.clone(), etag: String::new() };
    let refused = client(&rig, &seller).delete_account_relation(request).await;
    assert_error(refused, Code::NotFound, "NOT_FOUND");
    let request = ListAccountRelationsRequest { account_id: hers.id.clone(), ..Default::default() };
    let refused = client(&rig, &seller).list_account_relations(request).await;
    assert_error(refused, Code::NotFound, "NOT_FOUND");

    let stranger = rig.administrator();
    assert_error(get(&rig, &stranger, &hidden.id).await, Code::NotFound, "NOT_FOUND");
    let reader = Rights::all(me.tenant_id).with_permissions(&["customer.accountRelations.read"]);
    let reader = rig.callers.add(&reader.masking(Sensitivity::Note, Mask::Hidden));
    let refused = relate(&rig, &reader, relation(&too, &hers, Kind::Group)).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_eq!(get(&rig, &reader, &shown.id).await.unwrap().note, "");

    // The seller hears of the relation between accounts of its own only.
    let events = rig.told(&seller).await;
    let told = events.iter().filter(|event| event.collection == "accountRelations");
    assert_eq!(told.map(|event| event.record_id.clone()).collect::<Vec<_>>(), [shown.id]);
}

#[tokio::test]
async fn a_relation_hides_with_an_account_in_the_bin_and_goes_when_that_goes() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (a, b) = (rig.create(&me, named("A")).await.unwrap(), rig.create(&me, named("B")).await.unwrap());
    let secret = AccountRelation { note: "secret".into(), ..relation(&a, &b, Kind::Partner) };
    let made = relate(&rig, &me, secret).await.unwrap();
    rig.delete(&me, &b.id).await;
    assert_eq!(related(&rig, &me, &a).await, []);
    assert_error(get(&rig, &me, &made.id).await, Code::NotFound, "NOT_FOUND");
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 1);
    assert_eq!(rig.count("SELECT count(*) FROM account_relation WHERE id = $1", &made.id).await, 0);
    let events = rig.told(&me).await;
    let gone = events.iter().rfind(|event| event.record_id == made.id).unwrap();
    let told = payload::<AccountRelationDeleted>(gone).account_relation.unwrap();
    assert_eq!((told.to_account_id, told.note.as_str()), (b.id, ""));
}
