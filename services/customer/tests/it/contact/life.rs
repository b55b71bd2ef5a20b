//! Contacts from creation to the recycle bin and back.

use crm_proto::{
    crm::customer::v1::{
        BatchCreateContactsRequest, BatchDeleteContactsRequest, BatchUpdateContactsRequest, Contact,
        ContactEmail, ContactPhone, CreateContactRequest, DeleteContactRequest, LifeCycleStage,
        ListContactsRequest, UndeleteContactRequest, UpdateContactRequest,
    },
    google::r#type::PostalAddress,
};
use crm_testkit::status::{assert_error, metadata, violations};
use tonic::Code;
use uuid::Uuid;

use super::{email, fields, filter, full, full_ascii, named, names, of_parts, phone, search, tie};
use crate::rig::{Rig, field_mask, named as account};

#[tokio::test]
async fn a_contact_comes_back_as_created_with_its_values_in_standard_form() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let sent = Contact { emails: vec![full().emails[0].clone()], ..full() };
    let created = rig.create_contact(&me, sent.clone()).await.unwrap();
    let expected = Contact {
        id: created.id.clone(),
        create_time: created.create_time,
        update_time: created.update_time,
        etag: created.etag.clone(),
        display_name: "张安怡".into(),
        emails: vec![ContactEmail { primary: true, ..email("San.Zhang@example.com") }],
        phones: vec![
            ContactPhone { number: "+8613812341234".into(), primary: true, ..full().phones[0].clone() },
            ContactPhone { number: "+861065529988".into(), ..full().phones[1].clone() },
        ],
        owner_id: me.id.to_string(),
        life_cycle_stage: LifeCycleStage::Lead.into(),
        tags: vec!["vip".into()],
        ..sent
    };
    assert_eq!(created, expected);
    assert!(created.create_time.is_some() && created.create_time == created.update_time);
    assert_eq!(rig.get_contact(&me, &created.id).await.unwrap(), created);
}

#[tokio::test]
async fn the_full_name_is_in_the_order_of_its_script_and_follows_its_parts_until_written_by_hand() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for (parts, expected) in [
        (of_parts("张", "", "安怡"), "张安怡"),
        (of_parts("Adams", "Quincy", "John"), "John Quincy Adams"),
        (of_parts("", "", "Madonna"), "Madonna"),
        (of_parts("山田", "", "太郎"), "山田太郎"),
        (Contact { display_name: "小怡".into(), ..of_parts("张", "", "安怡") }, "小怡"),
    ] {
        assert_eq!(rig.create_contact(&me, parts).await.unwrap().display_name, expected);
    }
    let created = rig.create_contact(&me, of_parts("张", "", "安怡")).await.unwrap();
    let change = |given: &str, display: &str| Contact {
        id: created.id.clone(),
        given_name: given.into(),
        display_name: display.into(),
        ..Contact::default()
    };
    let followed = rig.update_contact(&me, change("安然", ""), &["given_name"]).await.unwrap();
    assert_eq!(followed.display_name, "张安然");
    rig.update_contact(&me, change("", "小然"), &["display_name"]).await.unwrap();
    let kept = rig.update_contact(&me, change("安宁", ""), &["given_name"]).await.unwrap();
    assert_eq!(kept.display_name, "小然");
    let nameless = rig.create_contact(&me, Contact { job_title: "x".into(), ..Contact::default() }).await;
    let status = assert_error(nameless, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(fields(&status), ["contact.display_name REQUIRED"]);
}

#[tokio::test]
async fn of_addresses_and_numbers_one_is_primary_and_none_stands_twice() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let chosen = Contact {
        emails: vec![email("a@x.cn"), ContactEmail { primary: true, ..email("b@x.cn") }],
        phones: vec![phone("13800138000"), phone("13800138001")],
        ..named("chosen")
    };
    let created = rig.create_contact(&me, chosen).await.unwrap();
    let primary: Vec<bool> = created.emails.iter().map(|email| email.primary).collect();
    assert_eq!(primary, [false, true]);
    let primary: Vec<bool> = created.phones.iter().map(|phone| phone.primary).collect();
    assert_eq!(primary, [true, false]);

    let bad = Contact {
        emails: vec![
            ContactEmail { primary: true, ..email("a@x.cn") },
            ContactEmail { primary: true, ..email("A@X.CN") },
            email(""),
            email("nobody"),
        ],
        phones: vec![phone("138 0013 8000"), phone("+86-13800138000"), phone("12")],
        ..named("bad")
    };
    let status = assert_error(rig.create_contact(&me, bad).await, Code::InvalidArgument, "FIELD_INVALID");
    let mut told: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    told.sort();
    let expected = [
        "emails[1]",
        "emails[1].primary",
        "emails[2].address",
        "emails[3].address",
        "phones[1]",
        "phones[2].number",
    ];
    assert_eq!(told, expected.map(|field| format!("contact.{field}")));
    assert!(names(&rig, &me, search("bad")).await.is_empty());
}

#[tokio::test]
async fn an_update_changes_the_fields_of_its_mask_and_no_others() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let acme = rig.create(&me, account("Acme")).await.unwrap();
    let created =
        rig.create_contact(&me, Contact { accounts: vec![tie(&acme.id)], ..full_ascii() }).await.unwrap();
    let change = Contact {
        id: created.id.clone(),
        job_title: "CEO".into(),
        phones: vec![phone("13900139000")],
        mailing_address: Some(PostalAddress { locality: "上海市".into(), ..PostalAddress::default() }),
        description: "not in the mask".into(),
        ..Contact::default()
    };
    let mask = ["job_title", "phones", "mailing_address.locality", "birth_date"];
    let updated = rig.update_contact(&me, change, &mask).await.unwrap();
    let expected = Contact {
        update_time: updated.update_time,
        etag: updated.etag.clone(),
        job_title: "CEO".into(),
        phones: vec![ContactPhone { primary: true, ..phone("+8613900139000") }],
        mailing_address: created
            .mailing_address
            .clone()
            .map(|address| PostalAddress { locality: "上海市".into(), ..address }),
        birth_date: None,
        ..created.clone()
    };
    assert_eq!(updated, expected);
    assert_ne!(updated.etag, created.etag);
    assert_eq!(rig.get_contact(&me, &created.id).await.unwrap(), updated);

    let unchanged = rig.update_contact(&me, updated.clone(), &["*"]).await.unwrap();
    assert_eq!(unchanged, updated);
    let stale = Contact { etag: created.etag.clone(), ..updated.clone() };
    let status = rig.update_contact(&me, stale, &["job_title"]).await;
    assert_eq!(metadata(&assert_error(status, Code::Aborted, "ETAG_MISMATCH"), "etag"), updated.etag);
    let status = rig.update_contact(&me, updated.clone(), &["phones.number"]).await;
    assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    // Without a mask what is set is changed, and nothing is cleared.
    let set = Contact { id: updated.id.clone(), department: "IT".into(), ..Contact::default() };
    let set = rig.update_contact(&me, set, &[]).await.unwrap();
    assert_eq!((set.department.as_str(), set.phones.len()), ("IT", 1));
    // With `*` what is not set is cleared, but for what the server keeps.
    let bare = Contact { id: updated.id.clone(), ..named("bare") };
    let bare = rig.update_contact(&me, bare, &["*"]).await.unwrap();
    assert!(bare.phones.is_empty() && bare.accounts.is_empty() && bare.mailing_address.is_none());
    assert_eq!((bare.owner_id, bare.create_time), (created.owner_id, created.create_time));
}

#[tokio::test]
async fn a_deleted_contact_leaves_the_lists_and_comes_back_with_everything() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let acme = rig.create(&me, account("Acme")).await.unwrap();
    let created =
        rig.create_contact(&me, Contact { accounts: vec![tie(&acme.id)], ..full_ascii() }).await.unwrap();
    let stale = DeleteContactRequest { id: created.id.clone(), etag: "W/99".into() };
    assert_error(rig.contacts(&me).delete_contact(stale).await, Code::Aborted, "ETAG_MISMATCH");
    let undelete = UndeleteContactRequest { id: created.id.clone(), etag: String::new() };
    let early = rig.contacts(&me).undelete_contact(undelete.clone()).await;
    assert_error(early, Code::FailedPrecondition, "NOT_DELETED");

    let delete = DeleteContactRequest { id: created.id.clone(), etag: created.etag.clone() };
    let deleted = rig.contacts(&me).delete_contact(delete.clone()).await.unwrap().into_inner();
    let (at, until) = (deleted.delete_time.unwrap(), deleted.purge_time.unwrap());
    assert_eq!(until.seconds - at.seconds, 30 * 24 * 3600);
    assert!(
        names(&rig, &me, filter("")).await.is_empty() && names(&rig, &me, search("zay")).await.is_empty()
    );
    let all = ListContactsRequest { show_deleted: true, ..filter("") };
    assert_eq!(names(&rig, &me, all).await, ["张安怡"]);
    assert_eq!(rig.get_contact(&me, &created.id).await.unwrap(), deleted);
    let again =
        rig.contacts(&me).delete_contact(DeleteContactRequest { etag: String::new(), ..delete }).await;
    assert_error(again, Code::NotFound, "NOT_FOUND");
    let change = Contact { id: created.id.clone(), job_title: "x".into(), ..Contact::default() };
    assert_error(rig.update_contact(&me, change, &["job_title"]).await, Code::NotFound, "NOT_FOUND");
    let under = Contact { reports_to_id: created.id.clone(), ..named("under") };
    assert_error(rig.create_contact(&me, under).await, Code::NotFound, "NOT_FOUND");

    let back = rig.contacts(&me).undelete_contact(undelete).await.unwrap().into_inner();
    let expected = Contact { etag: back.etag.clone(), update_time: back.update_time, ..created.clone() };
    assert_eq!(back, expected);
    assert_eq!(names(&rig, &me, filter(&format!("account_id == \"{}\"", acme.id))).await, ["张安怡"]);
}

#[tokio::test]
async fn a_batch_is_written_whole_or_not_at_all_and_names_the_item() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let creations = |contacts: Vec<Contact>| BatchCreateContactsRequest {
        requests: contacts
            .into_iter()
            .map(|contact| CreateContactRequest { contact: Some(contact) })
            .collect(),
    };
    let mut contacts = rig.contacts(&me);
    let bad = Contact { phones: vec![phone("13800138000"), phone("12")], ..named("bad") };
    let status = contacts.batch_create_contacts(creations(vec![named("good"), bad])).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "requests[1].contact.phones[1].number");
    let nowhere = Contact { accounts: vec![tie(&Uuid::new_v4().to_string())], ..named("nowhere") };
    let status = contacts.batch_create_contacts(creations(vec![named("good"), nowhere])).await;
    let status = assert_error(status, Code::NotFound, "NOT_FOUND");
    assert_eq!(violations(&status)[0].0, "requests[1].contact.accounts[0].account_id");
    assert!(names(&rig, &me, filter("")).await.is_empty());

    let made = creations(vec![named("a"), named("b"), named("c")]);
    let made = contacts.batch_create_contacts(made).await.unwrap().into_inner().contacts;
    assert_eq!(made.iter().map(|contact| contact.display_name.as_str()).collect::<String>(), "abc");
    let update = |id: &str, title: &str, code: &str| UpdateContactRequest {
        contact: Some(Contact {
            id: id.into(),
            job_title: title.into(),
            language_code: code.into(),
            ..Contact::default()
        }),
        update_mask: field_mask(&["job_title", "language_code"]),
    };
    let updates = |second: UpdateContactRequest| BatchUpdateContactsRequest {
        requests: vec![update(&made[0].id, "CEO", "zh-CN"), second],
    };
    let status = contacts.batch_update_contacts(updates(update(&made[1].id, "a\nb", "en"))).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "requests[1].contact.job_title");
    let status = contacts.batch_update_contacts(updates(update(&Uuid::new_v4().to_string(), "x", ""))).await;
    assert_error(status, Code::NotFound, "NOT_FOUND");
    let status = contacts.batch_update_contacts(updates(update(&made[0].id, "x", ""))).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "requests[1].contact.id");
    assert_eq!(rig.get_contact(&me, &made[0].id).await.unwrap(), made[0]);

    let deletes = |second: &str| BatchDeleteContactsRequest {
        requests: [made[0].id.as_str(), second]
            .into_iter()
            .map(|id| DeleteContactRequest { id: id.into(), etag: String::new() })
            .collect(),
    };
    let status = contacts.batch_delete_contacts(deletes(&Uuid::new_v4().to_string())).await;
    assert_error(status, Code::NotFound, "NOT_FOUND");
    assert_eq!(names(&rig, &me, filter("")).await.concat(), "abc");
    contacts.batch_delete_contacts(deletes(&made[2].id)).await.unwrap();
    assert_eq!(names(&rig, &me, filter("")).await.concat(), "b");
}
