//! Definitions: their life, their description, and what a change of type does to values.

use crm_proto::crm::{
    customer::v1::ListAccountsRequest,
    record::v1::{
        CustomField, DescribeFieldsRequest, FieldDescription, GetCustomFieldRequest, ListCustomFieldsRequest,
        custom_field::Type,
    },
};
use crm_testkit::status::{assert_error, metadata};
use tonic::Code;

use super::{
    assert_filters, assert_orders, choices, define, define_all, definition, described, formula, number,
    redefine, set, text, told, value_of, with,
};
use crate::rig::Rig;

#[tokio::test]
async fn a_new_type_converts_every_value_or_nothing_changes() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let size = define(&rig, &me, definition("size", Type::Text)).await.unwrap();
    let a = rig.create(&me, with("A", [("size", text("12.50"))])).await.unwrap();
    let b = rig.create(&me, with("B", [("size", text("9"))])).await.unwrap();
    let retype = |kind: Type| {
        let mut field = CustomField { id: size.id.clone(), ..CustomField::default() };
        field.set_type(kind);
        field
    };
    let converted = redefine(&rig, &me, retype(Type::Number), &["type"]).await.unwrap();
    assert_ne!(converted.etag, size.etag);
    assert_eq!(value_of(&rig.get(&me, &a.id).await.unwrap(), "size"), Some(number("12.5")));
    assert_filters(&rig, &me, &[("custom.size > 10", "A")]).await;
    assert_orders(&rig, &me, &[("custom.size", "BA")]).await;
    redefine(&rig, &me, retype(Type::Text), &["type"]).await.unwrap();
    assert_filters(&rig, &me, &[("custom.size == \"12.5\"", "A")]).await;

    set(&rig, &me, &b.id, "size", Some(text("large"))).await.unwrap();
    rig.create(&me, with("C", [("size", text("small"))])).await.unwrap();
    let get = GetCustomFieldRequest { service: String::new(), id: size.id.clone() };
    let definition_before = rig.custom_fields(&me).get_custom_field(get.clone()).await.unwrap().into_inner();
    let before = rig.list(&me, ListAccountsRequest::default()).await.unwrap();
    for kind in [Type::Number, Type::Boolean, Type::Date, Type::Email] {
        let status = redefine(&rig, &me, retype(kind), &["type"]).await;
        let status = assert_error(status, Code::FailedPrecondition, "FIELD_IN_USE");
        let misfits = if matches!(kind, Type::Number) { "2" } else { "3" };
        assert_eq!(
            (metadata(&status, "key"), metadata(&status, "records")),
            ("size".to_owned(), misfits.to_owned()),
            "{kind:?}"
        );
    }
    let after = rig.custom_fields(&me).get_custom_field(get).await.unwrap().into_inner();
    assert_eq!(after, definition_before);
    assert_eq!(rig.list(&me, ListAccountsRequest::default()).await.unwrap(), before);
    // With options for each of them they become choices.
    let choice = CustomField {
        options: ["12_5", "large", "small"].map(|key| choices(&[key])).concat(),
        ..retype(Type::Select)
    };
    let status = redefine(&rig, &me, choice.clone(), &["type", "options"]).await;
    assert_error(status, Code::FailedPrecondition, "FIELD_IN_USE");
    set(&rig, &me, &a.id, "size", Some(text("large"))).await.unwrap();
    redefine(&rig, &me, choice, &["type", "options"]).await.unwrap();
    let status = set(&rig, &me, &a.id, "size", Some(text("huge"))).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.size OPTION_UNKNOWN"]);
}

#[tokio::test]
async fn definitions_are_read_listed_and_changed_under_their_etag() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let score = define(&rig, &me, definition("score", Type::Number)).await.unwrap();
    assert_eq!((score.display_name.as_str(), score.etag.is_empty()), ("The score", false));
    let get = GetCustomFieldRequest { service: String::new(), id: score.id.clone() };
    let mut fields = rig.custom_fields(&me);
    assert_eq!(fields.get_custom_field(get).await.unwrap().into_inner(), score);
    let status = define(&rig, &me, definition("score", Type::Text)).await;
    let status = assert_error(status, Code::AlreadyExists, "FIELD_KEY_TAKEN");
    assert_eq!(metadata(&status, "key"), "score");
    let same = CustomField { collection: "contacts".into(), ..definition("score", Type::Text) };
    define(&rig, &me, same).await.unwrap();
    define(&rig, &me, definition("age", Type::Number)).await.unwrap();

    let mut told_of = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListCustomFieldsRequest {
            service: String::new(),
            page_size: 2,
            page_token,
            collection: String::new(),
        };
        let page = fields.list_custom_fields(request).await.unwrap().into_inner();
        told_of.extend(
            page.custom_fields.into_iter().map(|field| format!("{}.{}", field.collection, field.key)),
        );
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(told_of, ["accounts.age", "accounts.score", "contacts.score"]);
    let contacts = ListCustomFieldsRequest {
        service: String::new(),
        collection: "contacts".into(),
        ..Default::default()
    };
    let page = fields.list_custom_fields(contacts).await.unwrap().into_inner();
    assert_eq!(page.custom_fields.len(), 1);

    let named = |etag: &str| CustomField {
        id: score.id.clone(),
        etag: etag.into(),
        display_name_zh: "评分".into(),
        ..CustomField::default()
    };
    let updated = redefine(&rig, &me, named(&score.etag), &["display_name_zh"]).await.unwrap();
    assert_eq!((updated.display_name.as_str(), updated.display_name_zh.as_str()), ("The score", "评分"));
    let status = redefine(&rig, &me, CustomField { display_name_zh: "x".into(), ..named(&score.etag) }, &[]);
    let status = assert_error(status.await, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(metadata(&status, "etag"), updated.etag);
    let moved = CustomField { key: "other".into(), collection: "contacts".into(), ..named("") };
    let status = redefine(&rig, &me, moved, &["key", "collection"]).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["custom_field.collection IMMUTABLE", "custom_field.key IMMUTABLE"]);
    let bad = CustomField {
        display_name: " ".into(),
        unique: true,
        formula: "1".into(),
        options: choices(&["a"]),
        ..definition("bad", Type::Boolean)
    };
    let status = assert_error(define(&rig, &me, bad).await, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [
        "display_name REQUIRED",
        "formula NOT_APPLICABLE",
        "options NOT_APPLICABLE",
        "unique NOT_APPLICABLE",
    ];
    assert_eq!(told(&status), expected.map(|text| format!("custom_field.{text}")));
}

#[tokio::test]
async fn fields_are_described_with_labels_in_both_languages() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let grade = CustomField {
        display_name: "Grade".into(),
        display_name_zh: "等级".into(),
        options: choices(&["hi", "lo"]),
        required: true,
        ..definition("grade", Type::Select)
    };
    define_all(
        &rig,
        &me,
        [grade, definition("plain", Type::LongText), formula("two", "1 + 1", Type::Number)],
    )
    .await;
    let fields = described(&rig, &me, "accounts").await;
    let field = |path: &str| fields.iter().find(|field| field.path == path).unwrap();
    assert_eq!(
        *field("custom.grade"),
        FieldDescription {
            path: "custom.grade".into(),
            label_en: "Grade".into(),
            label_zh: "等级".into(),
            r#type: "TYPE_SELECT".into(),
            values: vec!["hi".into(), "lo".into()],
            required: true,
            filterable: true,
            sortable: true,
            ..FieldDescription::default()
        }
    );
    let plain = field("custom.plain");
    assert_eq!((plain.label_en.as_str(), plain.label_zh.as_str()), ("The plain", "The plain"));
    assert!(plain.filterable && !plain.sortable && !plain.required);
    assert!(field("custom.two").output_only);
    let name = field("display_name");
    assert_eq!((name.label_en.as_str(), name.label_zh.as_str()), ("Account name", "客户名称"));
    let contacts = described(&rig, &me, "contacts").await;
    assert!(contacts.iter().all(|field| !field.path.starts_with("custom.")));
    for field in fields.iter().chain(&contacts) {
        assert!(!field.label_en.is_empty() && !field.label_zh.is_empty(), "{}", field.path);
    }
    // What is said to be filterable and sortable is.
    for field in fields.iter().filter(|field| field.sortable) {
        let request = ListAccountsRequest { order_by: field.path.clone(), ..ListAccountsRequest::default() };
        rig.list(&me, request).await.unwrap_or_else(|status| panic!("{}: {status:?}", field.path));
    }
    let nowhere = DescribeFieldsRequest { service: String::new(), collection: "deals".into() };
    let status = rig.custom_fields(&me).describe_fields(nowhere).await;
    assert_error(status, Code::NotFound, "NOT_FOUND");
}
