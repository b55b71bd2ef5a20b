//! Who sees and defines fields, and what other collections and tenants have.

use std::{collections::BTreeMap, time::Duration};

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::{
    customer::v1::{Account, AccountCreated, Contact, ListAccountsRequest, ListContactsRequest},
    event::v1::{StartFrom, StreamEventsRequest},
    record::v1::{
        CustomField, CustomValue, GetCustomFieldRequest, ListCustomFieldsRequest, custom_field::Type,
    },
};
use crm_testkit::{
    Rights,
    status::{assert_error, metadata, violations},
};
use prost::Message as _;
use tonic::Code;

use super::{
    assert_filters, custom, day, define, define_all, definition, described, formula, number, redefine, set,
    text, told, value_of, with,
};
use crate::rig::{Rig, filter};

#[tokio::test]
async fn values_are_masked_by_the_class_of_their_definition_and_never_written_back() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let secret = |key: &str, kind: Type, class: Sensitivity| CustomField {
        sensitivity: class.into(),
        ..definition(key, kind)
    };
    define_all(
        &rig,
        &boss,
        [
            secret("tel", Type::Phone, Sensitivity::Phone),
            secret("salary", Type::Number, Sensitivity::Financial),
            secret("born", Type::Date, Sensitivity::PersonalDate),
            definition("open", Type::Text),
        ],
    )
    .await;
    let rights = Rights::all(boss.tenant_id).masking(Sensitivity::Phone, Mask::Partial);
    let rights = rights.masking(Sensitivity::Financial, Mask::Hidden);
    let clerk = rig.callers.add(&rights.masking(Sensitivity::PersonalDate, Mask::Partial));
    let values = [
        ("tel", text("+8613812341234")),
        ("salary", number("12345")),
        ("born", day(1990, 5, 17)),
        ("open", text("x")),
    ];
    let created = rig.create(&boss, with("A", values.clone())).await.unwrap();
    let of_class = |key: &str| Sensitivity::try_from(created.custom[key].sensitivity).unwrap();
    assert_eq!((of_class("tel"), of_class("salary")), (Sensitivity::Phone, Sensitivity::Financial));

    let seen = rig.get(&clerk, &created.id).await.unwrap();
    assert_eq!(value_of(&seen, "tel"), Some(text("+86138****1234")));
    assert_eq!((value_of(&seen, "salary"), value_of(&seen, "born")), (None, None));
    assert_eq!(value_of(&seen, "open"), Some(text("x")));
    let listed = rig.list(&clerk, ListAccountsRequest::default()).await.unwrap();
    assert_eq!(listed.accounts[0].custom, seen.custom);
    let start_from = StartFrom::Earliest.into();
    let request = StreamEventsRequest { start_from, max_events: 20, ..StreamEventsRequest::default() };
    let mut stream = rig.events(&clerk).stream_events(request).await.unwrap().into_inner();
    let told_of = loop {
        let answer = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap();
        let events = answer.unwrap().unwrap().events;
        if let Some(event) = events.into_iter().find(|event| event.record_id == created.id) {
            break AccountCreated::decode(event.payload.unwrap().value.as_slice()).unwrap();
        }
    };
    assert_eq!(told_of.account.unwrap().custom, seen.custom);

    for expression in ["custom.tel == \"+8613812341234\"", "custom.salary > 10000", "has(custom.born)"] {
        let status = rig.list(&clerk, filter(expression)).await;
        assert_error(status, Code::PermissionDenied, "FIELD_MASKED");
    }
    let by_salary =
        ListAccountsRequest { order_by: "custom.salary".into(), ..ListAccountsRequest::default() };
    assert_error(rig.list(&clerk, by_salary).await, Code::PermissionDenied, "FIELD_MASKED");
    assert_filters(&rig, &clerk, &[("custom.open == \"x\"", "A")]).await;
    let fields = described(&rig, &clerk, "accounts").await;
    let masked = |path: &str| fields.iter().find(|field| field.path == path).unwrap().masked;
    assert!(masked("custom.tel") && masked("custom.salary") && !masked("custom.open"));

    for mask in [&["*"][..], &[], &["custom"], &["custom.tel", "custom.salary", "custom.born", "region"]] {
        let back = Account { region: format!("{mask:?}"), etag: String::new(), ..seen.clone() };
        let answer = rig.update(&clerk, back, mask).await.unwrap();
        assert_eq!(answer.custom, seen.custom);
        assert_eq!(rig.get(&boss, &created.id).await.unwrap().custom, created.custom, "{mask:?}");
    }
    let status = set(&rig, &clerk, &created.id, "tel", Some(text("+86139****9999"))).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert!(told(&status)[0].starts_with("account.custom") && told(&status)[0].ends_with(" MASKED_VALUE"));
    set(&rig, &clerk, &created.id, "tel", Some(text("13900000000"))).await.unwrap();
    set(&rig, &clerk, &created.id, "salary", Some(number("1"))).await.unwrap();
    let real = rig.get(&boss, &created.id).await.unwrap();
    assert_eq!(value_of(&real, "tel"), Some(text("+8613900000000")));
    assert_eq!(value_of(&real, "salary"), Some(number("1")));

    // A formula does not show what it is made of.
    let leak = define(&rig, &boss, formula("leak", "custom.salary * 2", Type::Number)).await;
    let status = assert_error(leak, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["custom_field.sensitivity CLASS_LOST"]);
    let leak = define(&rig, &boss, formula("leak", "string(custom.salary)", Type::Text)).await;
    assert_error(leak, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn contacts_have_fields_of_their_own_that_follow_the_same_rules() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let of_contacts = |field: CustomField| CustomField { collection: "contacts".into(), ..field };
    let code = CustomField { unique: true, ..definition("code", Type::Text) };
    let tel = CustomField { sensitivity: Sensitivity::Phone.into(), ..definition("tel", Type::Phone) };
    let greeting = CustomField {
        sensitivity: Sensitivity::PersonName.into(),
        ..formula("greeting", "salutation + family_name", Type::Text)
    };
    define_all(&rig, &boss, [code, tel, greeting].map(of_contacts)).await;
    let status = rig.create(&boss, with("A", [("code", text("x"))])).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.code FIELD_UNKNOWN"]);
    let contact = |values: BTreeMap<String, CustomValue>| Contact {
        salutation: "Dr. ".into(),
        family_name: "Li".into(),
        custom: values,
        ..Contact::default()
    };
    let values = custom([("code", text("x")), ("tel", text("13812341234"))]);
    let created = rig.create_contact(&boss, contact(values.clone())).await.unwrap();
    let shown = |contact: &Contact, key: &str| contact.custom.get(key).and_then(|one| one.value.clone());
    assert_eq!(shown(&created, "greeting"), Some(text("Dr. Li")));
    let status = rig.create_contact(&boss, contact(values)).await;
    let status = assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    assert_eq!(told(&status), ["contact.custom.code VALUE_TAKEN"]);
    let bad = custom([("tel", text("12")), ("nothing", text("x"))]);
    let status = rig.create_contact(&boss, contact(bad)).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["contact.custom.nothing", "contact.custom.tel"]);

    let rights = Rights::all(boss.tenant_id).masking(Sensitivity::Phone, Mask::Partial);
    let clerk = rig.callers.add(&rights.masking(Sensitivity::PersonName, Mask::Hidden));
    let seen = rig.get_contact(&clerk, &created.id).await.unwrap();
    assert_eq!((shown(&seen, "tel"), shown(&seen, "greeting")), (Some(text("+86138****1234")), None));
    let back = Contact { job_title: "CEO".into(), ..seen.clone() };
    let answer = rig.update_contact(&clerk, back, &["*"]).await.unwrap();
    assert_eq!(answer.custom, seen.custom);
    let real = rig.get_contact(&boss, &created.id).await.unwrap();
    assert_eq!((real.custom, real.family_name.as_str()), (created.custom.clone(), "Li"));
    let by_code =
        ListContactsRequest { filter: "custom.code == \"x\"".into(), ..ListContactsRequest::default() };
    assert_eq!(rig.list_contacts(&boss, by_code).await.unwrap().contacts.len(), 1);
}

#[tokio::test]
async fn definitions_of_another_tenant_are_invisible() {
    let rig = Rig::new().await;
    let (me, other) = (rig.administrator(), rig.administrator());
    let theirs = define(&rig, &other, definition("score", Type::Number)).await.unwrap();
    rig.create(&other, with("theirs", [("score", number("1"))])).await.unwrap();
    let get = GetCustomFieldRequest { service: String::new(), id: theirs.id.clone() };
    assert_error(rig.custom_fields(&me).get_custom_field(get).await, Code::NotFound, "NOT_FOUND");
    let list = ListCustomFieldsRequest::default();
    let page = rig.custom_fields(&me).list_custom_fields(list).await.unwrap().into_inner();
    assert!(page.custom_fields.is_empty());
    assert!(described(&rig, &me, "accounts").await.iter().all(|field| field.path != "custom.score"));
    let renamed =
        CustomField { id: theirs.id.clone(), display_name: "mine".into(), ..CustomField::default() };
    let status = redefine(&rig, &me, renamed, &["display_name"]).await;
    assert_error(status, Code::NotFound, "NOT_FOUND");
    let status = rig.create(&me, with("x", [("score", number("1"))])).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.score FIELD_UNKNOWN"]);
    assert_error(rig.list(&me, filter("custom.score == 1")).await, Code::InvalidArgument, "FILTER_INVALID");
    define(&rig, &me, definition("score", Type::Text)).await.unwrap();
    rig.create(&me, with("mine", [("score", text("high"))])).await.unwrap();
    assert_filters(&rig, &me, &[("custom.score == \"high\"", "mine")]).await;
    assert_filters(&rig, &other, &[("custom.score == 1", "theirs")]).await;
}

#[tokio::test]
async fn only_who_manages_fields_may_define_them() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id);
    let reader = rig.callers.add(&rights.clone().with_permissions(&["record.customFields.read"]));
    let clerk = rig.callers.add(&rights.with_permissions(&["customer.accounts.read"]));
    let field = define(&rig, &boss, definition("score", Type::Number)).await.unwrap();
    for caller in [&reader, &clerk] {
        let status = define(&rig, caller, definition("other", Type::Number)).await;
        let status = assert_error(status, Code::PermissionDenied, "PERMISSION_MISSING");
        assert_eq!(metadata(&status, "permission"), "record.customFields.manage");
        let status =
            redefine(&rig, caller, CustomField { retired: true, ..field.clone() }, &["retired"]).await;
        assert_error(status, Code::PermissionDenied, "PERMISSION_MISSING");
        assert!(described(&rig, caller, "accounts").await.iter().any(|field| field.path == "custom.score"));
    }
    let get = GetCustomFieldRequest { service: String::new(), id: field.id.clone() };
    let read = rig.custom_fields(&reader).get_custom_field(get.clone()).await.unwrap().into_inner();
    assert_eq!(read, field);
    let status = rig.custom_fields(&clerk).get_custom_field(get).await;
    assert_error(status, Code::PermissionDenied, "PERMISSION_MISSING");
}
