//! Contacts: names, ways to reach them, ties to accounts, and the walls around them.

use std::time::Duration;

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::{
    crm::{
        customer::v1::{
            BatchCreateContactsRequest, BatchDeleteContactsRequest, BatchUpdateContactsRequest, Contact,
            ContactAccount, ContactCreated, ContactEmail, ContactPhone, ContactPointKind, ContactUpdated,
            CreateContactRequest, DeleteAccountRequest, DeleteContactRequest, LifeCycleStage,
            ListContactsRequest, UndeleteContactRequest, UpdateContactRequest,
        },
        event::v1::{Event, StartFrom, StreamEventsRequest},
    },
    google::r#type::{Date, PostalAddress},
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use prost::Message as _;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::rig::{Rig, field_mask, named as account};

fn named(name: &str) -> Contact {
    Contact { display_name: name.into(), ..Contact::default() }
}

fn of_parts(family: &str, middle: &str, given: &str) -> Contact {
    Contact {
        family_name: family.into(),
        middle_name: middle.into(),
        given_name: given.into(),
        ..Contact::default()
    }
}

fn email(address: &str) -> ContactEmail {
    ContactEmail { address: address.into(), ..ContactEmail::default() }
}

fn phone(number: &str) -> ContactPhone {
    ContactPhone { number: number.into(), ..ContactPhone::default() }
}

fn tie(account_id: &str) -> ContactAccount {
    ContactAccount { account_id: account_id.into(), ..ContactAccount::default() }
}

fn day(year: i32, month: i32, day: i32) -> Date {
    Date { year, month, day }
}

fn full() -> Contact {
    Contact {
        salutation: "女士".into(),
        job_title: "采购经理".into(),
        department: "采购部".into(),
        emails: vec![
            email("San.Zhang@EXAMPLE.com"),
            ContactEmail {
                kind: ContactPointKind::Work.into(),
                primary: true,
                ..email("zhang@采购.example.cn")
            },
        ],
        phones: vec![
            ContactPhone { kind: ContactPointKind::Mobile.into(), verified: true, ..phone("138 1234 1234") },
            ContactPhone { kind: ContactPointKind::Work.into(), ..phone("(010) 6552-9988") },
        ],
        mailing_address: Some(PostalAddress {
            region_code: "CN".into(),
            locality: "北京市".into(),
            address_lines: vec!["长安街1号".into()],
            ..PostalAddress::default()
        }),
        birth_date: Some(day(1990, 5, 17)),
        language_code: "zh-CN".into(),
        tags: vec!["vip".into(), "vip".into()],
        description: "第一行\n第二行".into(),
        ..of_parts("张", "", "安怡")
    }
}

async fn names(rig: &Rig, caller: &Caller, request: ListContactsRequest) -> Vec<String> {
    let page = rig.list_contacts(caller, request).await.unwrap();
    page.contacts.into_iter().map(|contact| contact.display_name).collect()
}

fn filter(filter: &str) -> ListContactsRequest {
    ListContactsRequest {
        filter: filter.into(),
        order_by: "display_name".into(),
        ..ListContactsRequest::default()
    }
}

fn search(q: &str) -> ListContactsRequest {
    ListContactsRequest { q: q.into(), ..ListContactsRequest::default() }
}

fn fields(status: &Status) -> Vec<String> {
    violations(status).into_iter().map(|(field, code)| format!("{field} {code}")).collect()
}

/// The first events of the caller's tenant.
async fn events(rig: &Rig, caller: &Caller, count: usize) -> Vec<Event> {
    let max_events = i32::try_from(count).unwrap();
    let start_from = StartFrom::Earliest.into();
    let request = StreamEventsRequest { start_from, max_events, ..StreamEventsRequest::default() };
    let mut stream = rig.events(caller).stream_events(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while events.len() < count {
        let answer = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap().unwrap();
        events.extend(answer.unwrap().events);
    }
    events
}

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

fn full_ascii() -> Contact {
    Contact { emails: vec![email("san.zhang@example.com"), email("zhang@example.cn")], ..full() }
}

#[tokio::test]
async fn a_contact_is_found_by_name_pinyin_initials_digits_and_mail() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    rig.create_contact(&me, full_ascii()).await.unwrap();
    rig.create_contact(&me, of_parts("Müller", "", "Jürgen")).await.unwrap();
    let found =
        ["张安怡", "安怡", "张", "zhang", "zhanganyi", "zhang an yi", "zay", "ZAY", "1234 1234", "6552-9988"];
    for q in found.into_iter().chain(["san.zhang@ex", "zhang@example.cn", "8613812341234", "張"]) {
        assert_eq!(names(&rig, &me, search(q)).await, ["张安怡"], "{q}");
    }
    for q in ["müller", "muller", "Jürgen Müller", "Müller Jürgen", "jurg"] {
        assert_eq!(names(&rig, &me, search(q)).await, ["Jürgen Müller"], "{q}");
    }
    for q in ["zzz", "13999", "nobody@"] {
        assert!(names(&rig, &me, search(q)).await.is_empty(), "{q}");
    }
}

#[tokio::test]
async fn filters_look_at_the_primary_points_and_the_day_of_birth() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let acme = rig.create(&me, account("Acme")).await.unwrap();
    let beta = rig.create(&me, account("Beta")).await.unwrap();
    let a = Contact {
        emails: vec![email("a@x.cn"), email("second@x.cn")],
        phones: vec![phone("13800138000"), ContactPhone { primary: true, ..phone("13800138001") }],
        accounts: vec![tie(&acme.id), tie(&beta.id)],
        birth_date: Some(day(1990, 5, 17)),
        ..named("a")
    };
    let b = Contact {
        accounts: vec![tie(&beta.id)],
        birth_date: Some(day(0, 5, 20)),
        mailing_address: full().mailing_address,
        ..named("b")
    };
    for contact in [a, b, named("c")] {
        rig.create_contact(&me, contact).await.unwrap();
    }
    let (acme, beta) = (acme.id, beta.id);
    for (text, expected) in [
        ("email == \"a@x.cn\"".to_owned(), "a"),
        ("email == \"second@x.cn\"".to_owned(), ""),
        ("email == \"\"".to_owned(), "bc"),
        ("email.endsWith(\"@x.cn\")".to_owned(), "a"),
        ("phone == \"+8613800138001\"".to_owned(), "a"),
        ("phone == \"+8613800138000\"".to_owned(), ""),
        (format!("account_id == \"{acme}\""), "a"),
        (format!("account_id in [\"{acme}\", \"{beta}\"]"), "ab"),
        ("!has(account_id)".to_owned(), "c"),
        ("birth_date == date(\"1990-05-17\")".to_owned(), "a"),
        ("birth_date < date(\"1990-05-18\")".to_owned(), "a"),
        ("has(birth_date)".to_owned(), "a"),
        ("birth_date.month == 5".to_owned(), "ab"),
        ("birth_date.month == 5 && birth_date.day > 17".to_owned(), "b"),
        ("birth_date.year == 1990".to_owned(), "a"),
        ("mailing_address.locality == \"北京市\"".to_owned(), "b"),
        ("life_cycle_stage == \"LIFE_CYCLE_STAGE_LEAD\"".to_owned(), "abc"),
    ] {
        assert_eq!(names(&rig, &me, filter(&text)).await.concat(), expected, "{text}");
    }
    let status = rig.list_contacts(&me, filter("emails.address == \"a@x.cn\"")).await;
    assert_error(status, Code::InvalidArgument, "FILTER_INVALID");
}

#[tokio::test]
async fn masked_points_are_masked_in_answers_lists_and_events() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id);
    let partial = rights.clone().masking(Sensitivity::Phone, Mask::Partial);
    let partial = partial.masking(Sensitivity::Email, Mask::Partial);
    let partial = rig.callers.add(&partial.masking(Sensitivity::PersonName, Mask::Partial));
    let hidden = rights.masking(Sensitivity::Phone, Mask::Hidden).masking(Sensitivity::Email, Mask::Hidden);
    let hidden = rig.callers.add(&hidden.masking(Sensitivity::PersonalDate, Mask::Hidden));
    let created = rig.create_contact(&boss, full_ascii()).await.unwrap();
    let change = Contact { id: created.id.clone(), phones: vec![phone("13912345678")], ..Contact::default() };
    let updated = rig.update_contact(&boss, change, &["phones"]).await.unwrap();

    let masked = |contact: &Contact| Contact {
        display_name: "张**".into(),
        family_name: "*".into(),
        given_name: "安*".into(),
        emails: vec![
            ContactEmail { address: "s***@example.com".into(), ..contact.emails[0].clone() },
            ContactEmail { address: "z***@example.cn".into(), ..contact.emails[1].clone() },
        ],
        phones: contact
            .phones
            .iter()
            .map(|phone| {
                let number = match phone.number.as_str() {
                    "+8613812341234" => "+86138****1234",
                    "+8613912345678" => "+86139****5678",
                    _ => "+86106****988",
                };
                ContactPhone { number: number.into(), ..phone.clone() }
            })
            .collect(),
        ..contact.clone()
    };
    let seen = rig.get_contact(&partial, &created.id).await.unwrap();
    assert_eq!(seen, masked(&updated));
    let listed = rig.list_contacts(&partial, ListContactsRequest::default()).await.unwrap();
    assert_eq!(listed.contacts, [masked(&updated)]);
    let told = events(&rig, &partial, 2).await;
    let first = ContactCreated::decode(told[0].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(first.contact, Some(masked(&created)));
    let second = ContactUpdated::decode(told[1].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(second.contact, Some(masked(&updated)));
    assert_eq!(second.previous.unwrap().phones, masked(&created).phones);
    assert_eq!(told[1].changed_fields.as_ref().unwrap().paths, ["phones"]);

    let seen = rig.get_contact(&hidden, &created.id).await.unwrap();
    assert!(seen.emails.iter().all(|email| email.address.is_empty()) && seen.emails.len() == 2);
    assert!(seen.phones[0].number.is_empty() && seen.phones[0].primary && seen.birth_date.is_none());
    let told = events(&rig, &hidden, 1).await;
    let first = ContactCreated::decode(told[0].payload.as_ref().unwrap().value.as_slice()).unwrap();
    let text = format!("{first:?}");
    assert!(
        !text.contains("13812341234") && !text.contains("example.com") && !text.contains("1990"),
        "{text}"
    );

    for caller in [&partial, &hidden] {
        for text in ["phone == \"+8613912345678\"", "email.startsWith(\"san\")"] {
            let status = rig.list_contacts(caller, filter(text)).await;
            assert_error(status, Code::PermissionDenied, "FIELD_MASKED");
        }
        for q in ["13912345678", "san.zhang"] {
            assert!(names(&rig, caller, search(q)).await.is_empty(), "{q}");
        }
    }
    let status = rig.list_contacts(&hidden, filter("birth_date.month == 5")).await;
    assert_error(status, Code::PermissionDenied, "FIELD_MASKED");
    let by_name = ListContactsRequest { order_by: "family_name".into(), ..ListContactsRequest::default() };
    assert_error(rig.list_contacts(&partial, by_name).await, Code::PermissionDenied, "FIELD_MASKED");
    assert!(names(&rig, &partial, search("安怡")).await.is_empty());
    assert_eq!(names(&rig, &hidden, search("安怡")).await, ["张安怡"]);
}

#[tokio::test]
async fn masked_and_hidden_values_written_back_keep_the_real_ones() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let classes = [
        Sensitivity::Phone,
        Sensitivity::Email,
        Sensitivity::PersonName,
        Sensitivity::PersonalDate,
        Sensitivity::Address,
        Sensitivity::Note,
    ];
    let created = rig.create_contact(&boss, full_ascii()).await.unwrap();
    for mask in [Mask::Partial, Mask::Hidden] {
        let rights = Rights::all(boss.tenant_id);
        let clerk =
            rig.callers.add(&classes.iter().fold(rights, |rights, class| rights.masking(*class, mask)));
        let seen = rig.get_contact(&clerk, &created.id).await.unwrap();
        let back = Contact { job_title: format!("{mask:?}"), ..seen.clone() };
        let answer = rig.update_contact(&clerk, back.clone(), &["*"]).await.unwrap();
        assert_eq!(Contact { etag: back.etag.clone(), update_time: back.update_time, ..answer }, back);
        let real = rig.get_contact(&boss, &created.id).await.unwrap();
        let expected = Contact {
            job_title: back.job_title,
            etag: real.etag.clone(),
            update_time: real.update_time,
            ..created.clone()
        };
        assert_eq!(real, expected, "{mask:?}");

        // A new number beside one that is seen masked, in another order.
        let mut phones = seen.phones.clone();
        phones.reverse();
        phones.push(phone("+8613700000000"));
        let change = Contact { id: created.id.clone(), phones, ..Contact::default() };
        rig.update_contact(&clerk, change, &["phones"]).await.unwrap();
        let real = rig.get_contact(&boss, &created.id).await.unwrap();
        let numbers: Vec<&str> = real.phones.iter().map(|phone| phone.number.as_str()).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["+861065529988", "+8613700000000", "+8613812341234"], "{mask:?}");
        if mask == Mask::Partial {
            assert_eq!(numbers, ["+861065529988", "+8613812341234", "+8613700000000"]);
            assert!(real.phones[1].primary && real.phones[1].verified);
        }
        let restored =
            Contact { id: created.id.clone(), phones: created.phones.clone(), ..Contact::default() };
        rig.update_contact(&boss, restored, &["phones"]).await.unwrap();

        let other =
            Contact { id: created.id.clone(), phones: vec![phone("+86139****9999")], ..Contact::default() };
        let status = rig.update_contact(&clerk, other, &["phones"]).await;
        let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(violations(&status)[0].0, "contact.phones[0].number");
    }
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
