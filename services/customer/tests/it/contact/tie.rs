//! Ties to accounts and lines of report.

use crm_proto::crm::customer::v1::{
    BatchUpdateContactsRequest, Contact, ContactAccount, DeleteAccountRequest, DeleteContactRequest,
    ListContactsRequest, UpdateContactRequest,
};
use crm_testkit::{
    Rights,
    status::{assert_error, metadata},
};
use tonic::Code;
use uuid::Uuid;

use super::{day, events, fields, filter, full_ascii, named, names, search, tie};
use crate::rig::{Rig, field_mask, named as account};

#[tokio::test]
async fn a_tie_needs_a_live_account_in_scope_and_days_in_order() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let anna = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    let own = rig.create(&anna, account("anna's")).await.unwrap();
    let other = rig.create(&boss, account("boss's")).await.unwrap();
    let gone = rig.create(&anna, account("gone")).await.unwrap();
    let delete = DeleteAccountRequest { id: gone.id.clone(), etag: String::new() };
    rig.accounts(&anna).delete_account(delete).await.unwrap();
    let with = |ties: Vec<ContactAccount>| Contact { accounts: ties, ..named("tied") };

    for missing in [&other.id, &gone.id, &Uuid::new_v4().to_string()] {
        let status = rig.create_contact(&anna, with(vec![tie(&own.id), tie(missing)])).await;
        let status = assert_error(status, Code::NotFound, "NOT_FOUND");
        assert_eq!(
            (metadata(&status, "collection"), metadata(&status, "id")),
            ("accounts".into(), missing.clone())
        );
    }
    let years = |from: i32, to: i32| ContactAccount {
        from_date: Some(day(from, 1, 1)),
        to_date: Some(day(to, 1, 1)),
        ..tie(&own.id)
    };
    let february = ContactAccount { from_date: Some(day(2025, 2, 30)), role: "c".into(), ..tie(&own.id) };
    let ties = vec![years(2021, 2020), years(2022, 2024), years(2024, 2025), february];
    let status =
        assert_error(rig.create_contact(&anna, with(ties)).await, Code::InvalidArgument, "FIELD_INVALID");
    let expected =
        ["accounts[0].to_date DATE_ORDER", "accounts[2] REPEATED", "accounts[3].from_date DATE_INVALID"];
    assert_eq!(fields(&status), expected.map(|field| format!("contact.{field}")));
    assert!(names(&rig, &boss, search("tied")).await.is_empty());

    let buyer = ContactAccount { role: "buyer".into(), primary: true, ..tie(&own.id) };
    let sound = with(vec![years(2021, 2022), years(2023, 2024), buyer.clone()]);
    let created = rig.create_contact(&anna, sound).await.unwrap();
    assert_eq!(created.accounts, [years(2021, 2022), years(2023, 2024), buyer]);
    let undated = rig.create_contact(&anna, with(vec![tie(&own.id)])).await.unwrap();
    assert!(undated.accounts[0].primary);
}

#[tokio::test]
async fn a_tie_that_stands_outlives_its_account_and_the_callers_scope() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let anna = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    rig.database.knows(boss.tenant_id, &[anna.id]).await;
    let (out, gone) =
        (rig.create(&boss, account("out")).await.unwrap(), rig.create(&boss, account("gone")).await.unwrap());
    let contact = Contact {
        accounts: vec![tie(&out.id), tie(&gone.id)],
        owner_id: anna.id.to_string(),
        ..named("tied")
    };
    let created = rig.create_contact(&boss, contact).await.unwrap();
    let delete = DeleteAccountRequest { id: gone.id.clone(), etag: String::new() };
    rig.accounts(&boss).delete_account(delete).await.unwrap();
    let whole = Contact { job_title: "CEO".into(), ..created.clone() };
    let updated = rig.update_contact(&anna, whole, &["*"]).await.unwrap();
    assert_eq!((updated.job_title.as_str(), &updated.accounts), ("CEO", &created.accounts));
    // Once let go, it cannot be taken again.
    let change =
        |ties: Vec<ContactAccount>| Contact { id: created.id.clone(), accounts: ties, ..Contact::default() };
    rig.update_contact(&anna, change(vec![tie(&out.id)]), &["accounts"]).await.unwrap();
    let again = rig.update_contact(&anna, change(vec![tie(&out.id), tie(&gone.id)]), &["accounts"]).await;
    assert_error(again, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn whom_contacts_report_to_exists_and_forms_no_circle() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let top = rig.create_contact(&me, named("top")).await.unwrap();
    let under = |id: &str, name: &str| Contact { reports_to_id: id.into(), ..named(name) };
    let middle = rig.create_contact(&me, under(&top.id, "middle")).await.unwrap();
    let low = rig.create_contact(&me, under(&middle.id, "low")).await.unwrap();
    let moved =
        |id: &str, to: &str| Contact { id: id.into(), reports_to_id: to.into(), ..Contact::default() };
    for to in [&top.id, &middle.id, &low.id] {
        let status = rig.update_contact(&me, moved(&top.id, to), &["reports_to_id"]).await;
        let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(fields(&status), ["contact.reports_to_id CIRCLE"]);
    }
    let stranger = rig.create_contact(&me, under(&Uuid::new_v4().to_string(), "orphan")).await;
    assert_error(stranger, Code::NotFound, "NOT_FOUND");
    assert!(names(&rig, &me, search("orphan")).await.is_empty());

    let (a, b) = (
        rig.create_contact(&me, named("a")).await.unwrap(),
        rig.create_contact(&me, named("b")).await.unwrap(),
    );
    let update = |id: &str, to: &str| UpdateContactRequest {
        contact: Some(moved(id, to)),
        update_mask: field_mask(&["reports_to_id"]),
    };
    let both = BatchUpdateContactsRequest { requests: vec![update(&a.id, &b.id), update(&b.id, &a.id)] };
    let status = rig.contacts(&me).batch_update_contacts(both).await;
    assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(rig.get_contact(&me, &a.id).await.unwrap(), a);

    // Each is fine alone; together they would be a circle.
    let race = futures::join!(
        rig.update_contact(&me, moved(&a.id, &b.id), &["reports_to_id"]),
        rig.update_contact(&me, moved(&b.id, &a.id), &["reports_to_id"])
    );
    assert!(race.0.is_ok() != race.1.is_ok(), "{race:?}");
}

#[tokio::test]
async fn tenants_never_see_each_others_contacts_or_tie_to_each_others_accounts() {
    let rig = Rig::new().await;
    let (me, other) = (rig.administrator(), rig.administrator());
    let theirs = rig.create_contact(&other, full_ascii()).await.unwrap();
    let their_account = rig.create(&other, account("theirs")).await.unwrap();
    let mine = rig.create_contact(&me, named("mine")).await.unwrap();

    let counted = ListContactsRequest { include_total_size: true, show_deleted: true, ..filter("") };
    let page = rig.list_contacts(&me, counted).await.unwrap();
    assert_eq!((page.total_size, page.contacts), (1, vec![mine.clone()]));
    assert!(names(&rig, &me, search("zay")).await.is_empty());
    assert!(names(&rig, &me, filter(&format!("id == \"{}\"", theirs.id))).await.is_empty());
    assert_error(rig.get_contact(&me, &theirs.id).await, Code::NotFound, "NOT_FOUND");
    let change = Contact { id: theirs.id.clone(), job_title: "x".into(), ..Contact::default() };
    assert_error(rig.update_contact(&me, change, &["job_title"]).await, Code::NotFound, "NOT_FOUND");
    let delete = DeleteContactRequest { id: theirs.id.clone(), etag: String::new() };
    assert_error(rig.contacts(&me).delete_contact(delete).await, Code::NotFound, "NOT_FOUND");
    let tied = Contact { accounts: vec![tie(&their_account.id)], ..named("tied") };
    let status = assert_error(rig.create_contact(&me, tied).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(metadata(&status, "id"), their_account.id);
    let under = Contact { reports_to_id: theirs.id.clone(), ..named("under") };
    assert_error(rig.create_contact(&me, under).await, Code::NotFound, "NOT_FOUND");
    let change =
        Contact { id: mine.id.clone(), accounts: vec![tie(&their_account.id)], ..Contact::default() };
    assert_error(rig.update_contact(&me, change, &["accounts"]).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(rig.get_contact(&me, &mine.id).await.unwrap(), mine);
    assert_eq!(rig.get_contact(&other, &theirs.id).await.unwrap(), theirs);
    let told = events(&rig, &me, 1).await;
    assert_eq!(told[0].record_id, mine.id);
}
