//! Values that the server makes: formulas, roll-ups, automatic numbers.

use crm_proto::crm::{
    customer::v1::{Account, Contact, ContactAccount, DeleteContactRequest},
    record::v1::{
        CustomField,
        custom_field::{Type, roll_up::Function},
        custom_value::Value,
    },
};
use crm_testkit::status::assert_error;
use tonic::Code;

use super::{
    assert_filters, custom, define, define_all, definition, formula, number, redefine, roll_up, set, text,
    told, value, value_of, wait, with,
};
use crate::rig::{Rig, named};

#[tokio::test]
async fn formulas_follow_the_fields_they_use_and_their_own_changes() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    define(&rig, &me, definition("score", Type::Number)).await.unwrap();
    define(&rig, &me, definition("on", Type::Date)).await.unwrap();
    let twice = define(&rig, &me, formula("twice", "custom.score * 2", Type::Number)).await.unwrap();
    let more = formula("more", "custom.twice + employee_count", Type::Number);
    let big = formula("big", "custom.more > 100", Type::Boolean);
    let label = formula("label", "display_name + \"!\"", Type::Text);
    define_all(&rig, &me, [more, big, label]).await;
    let sent = Account { employee_count: 98, ..with("A", [("score", number("1.50"))]) };
    let a = rig.create(&me, sent).await.unwrap();
    let expected = [
        ("score", number("1.5")),
        ("twice", number("3")),
        ("more", number("101")),
        ("big", Value::Boolean(true)),
        ("label", text("A!")),
    ];
    assert_eq!(a.custom, custom(expected));
    let changed = Account { id: a.id.clone(), employee_count: 1, ..Account::default() };
    let changed = rig.update(&me, changed, &["employee_count"]).await.unwrap();
    assert_eq!(
        (value_of(&changed, "more"), value_of(&changed, "big")),
        (Some(number("4")), Some(Value::Boolean(false)))
    );
    let changed = set(&rig, &me, &a.id, "score", Some(number("10"))).await.unwrap();
    assert_eq!(value_of(&changed, "more"), Some(number("21")));
    assert_filters(&rig, &me, &[("custom.twice == 20 && !custom.big", "A")]).await;
    let changed = set(&rig, &me, &a.id, "score", None).await.unwrap();
    assert_eq!((value_of(&changed, "twice"), value_of(&changed, "label")), (None, Some(text("A!"))));
    let whole = rig.update(&me, Account { region: "N".into(), ..changed }, &["*"]).await.unwrap();
    assert_eq!(value_of(&whole, "label"), Some(text("A!")));
    let status = set(&rig, &me, &a.id, "twice", Some(number("7"))).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.twice OUTPUT_ONLY"]);
    let status = rig.create(&me, with("B", [("big", Value::Boolean(true))])).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.big OUTPUT_ONLY"]);

    // A new formula reaches the stored records, and what uses them.
    set(&rig, &me, &a.id, "score", Some(number("1.5"))).await.unwrap();
    let thrice =
        CustomField { id: twice.id.clone(), formula: "custom.score * 3".into(), ..CustomField::default() };
    redefine(&rig, &me, thrice, &["formula"]).await.unwrap();
    let after =
        wait(&rig, &me, &a.id, "recomputed", |account| value_of(account, "more") == Some(number("5.5")));
    assert_eq!(value_of(&after.await, "twice"), Some(number("4.5")));
    define(&rig, &me, formula("late", "custom.score + 1", Type::Number)).await.unwrap();
    wait(&rig, &me, &a.id, "late", |account| value_of(account, "late") == Some(number("2.5"))).await;

    for (text, result, code) in [
        ("custom.score *", Type::Number, "FORMULA_INVALID"),
        ("custom.nothing + 1", Type::Number, "FORMULA_INVALID"),
        ("display_name + 1", Type::Number, "FORMULA_INVALID"),
        ("custom.score + 1", Type::Text, "FORMULA_INVALID"),
        ("custom.bad + 1", Type::Number, "FORMULA_CIRCLE"),
    ] {
        let status = define(&rig, &me, formula("bad", text, result)).await;
        let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(told(&status), [format!("custom_field.formula {code}")], "{text}");
    }
    let circle = CustomField { id: twice.id, formula: "custom.more".into(), ..CustomField::default() };
    let status = redefine(&rig, &me, circle, &["formula"]).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert!(told(&status).contains(&"custom_field.formula FORMULA_CIRCLE".to_owned()), "{status:?}");
}

#[tokio::test]
async fn roll_ups_become_exact_after_every_change_of_the_contacts() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let points = CustomField { collection: "contacts".into(), ..definition("points", Type::Number) };
    define(&rig, &me, points).await.unwrap();
    let old = rig.create(&me, named("old")).await.unwrap();
    define_all(
        &rig,
        &me,
        [
            roll_up("people", Function::Count, ""),
            roll_up("sum", Function::Sum, "points"),
            roll_up("least", Function::Min, "points"),
            roll_up("best", Function::Max, "points"),
            formula("total", "custom.people * 100 + custom.sum", Type::Number),
        ],
    )
    .await;
    let (a, b) = (rig.create(&me, named("A")).await.unwrap(), rig.create(&me, named("B")).await.unwrap());
    let nothing = [("people", number("0")), ("sum", number("0")), ("total", number("0"))];
    assert_eq!(a.custom, custom(nothing.clone()));
    wait(&rig, &me, &old.id, "backfill", |account| account.custom == custom(nothing.clone())).await;

    let contact = |name: &str, points: Option<&str>, accounts: &[&str]| Contact {
        display_name: name.into(),
        accounts: accounts
            .iter()
            .map(|id| ContactAccount { account_id: (*id).into(), ..ContactAccount::default() })
            .collect(),
        custom: points.map(|points| ("points".to_owned(), value(number(points)))).into_iter().collect(),
        ..Contact::default()
    };
    // Only the primary account counts.
    let first = rig.create_contact(&me, contact("1", Some("0.1"), &[&a.id, &b.id])).await.unwrap();
    let second = rig.create_contact(&me, contact("2", Some("-0.3"), &[&a.id])).await.unwrap();
    rig.create_contact(&me, contact("3", None, &[&a.id])).await.unwrap();
    rig.create_contact(&me, contact("4", Some("7"), &[])).await.unwrap();
    let is = |people: &str, sum: &str, least: &str, best: &str, total: &str| {
        custom([
            ("people", number(people)),
            ("sum", number(sum)),
            ("least", number(least)),
            ("best", number(best)),
            ("total", number(total)),
        ])
    };
    let expected = is("3", "-0.2", "-0.3", "0.1", "299.8");
    wait(&rig, &me, &a.id, "created", |account| account.custom == expected).await;
    assert_eq!(rig.get(&me, &b.id).await.unwrap().custom, custom(nothing.clone()));
    assert_filters(&rig, &me, &[("custom.people == 3 && custom.sum < 0", "A")]).await;

    let more = Contact { id: second.id.clone(), ..contact("2", Some("0.2"), &[]) };
    rig.update_contact(&me, more, &["custom.points"]).await.unwrap();
    let expected = is("3", "0.3", "0.1", "0.2", "300.3");
    wait(&rig, &me, &a.id, "updated", |account| account.custom == expected).await;
    let moved = Contact { id: first.id.clone(), ..contact("1", None, &[&b.id]) };
    rig.update_contact(&me, moved, &["accounts"]).await.unwrap();
    let (left, right) = (is("2", "0.2", "0.2", "0.2", "200.2"), is("1", "0.1", "0.1", "0.1", "100.1"));
    wait(&rig, &me, &a.id, "moved from", |account| account.custom == left).await;
    wait(&rig, &me, &b.id, "moved to", |account| account.custom == right).await;
    let delete = DeleteContactRequest { id: first.id, etag: String::new() };
    rig.contacts(&me).delete_contact(delete).await.unwrap();
    wait(&rig, &me, &b.id, "deleted", |account| account.custom == custom(nothing.clone())).await;

    let status = set(&rig, &me, &a.id, "people", Some(number("9"))).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.people OUTPUT_ONLY"]);
    let status = define(&rig, &me, roll_up("bad", Function::Sum, "nothing")).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["custom_field.roll_up.field FIELD_INVALID"]);
}

#[tokio::test]
async fn an_auto_number_is_given_once_and_never_set() {
    let rig = Rig::new().await;
    let (me, other) = (rig.administrator(), rig.administrator());
    let before = rig.create(&me, named("before")).await.unwrap();
    for caller in [&me, &other] {
        let field =
            CustomField { number_pattern: "客-{0000}/x".into(), ..definition("num", Type::AutoNumber) };
        define(&rig, caller, field).await.unwrap();
    }
    let made = (0..8).map(|index| rig.create(&me, named(&format!("n{index}"))));
    let made = futures::future::join_all(made.collect::<Vec<_>>()).await;
    let mut numbers: Vec<Option<Value>> =
        made.iter().map(|account| value_of(account.as_ref().unwrap(), "num")).collect();
    numbers.sort_by_key(|number| format!("{number:?}"));
    let expected = (1..=8).map(|number| Some(text(&format!("客-{number:04}/x"))));
    assert_eq!(numbers, expected.collect::<Vec<_>>());
    let theirs = rig.create(&other, named("o")).await.unwrap();
    assert_eq!(value_of(&theirs, "num"), Some(text("客-0001/x")));

    let one = made[0].as_ref().unwrap();
    let whole = Account { region: "North".into(), ..one.clone() };
    assert_eq!(rig.update(&me, whole, &["*"]).await.unwrap().custom, one.custom);
    let bare = Account { id: one.id.clone(), ..named("bare") };
    assert_eq!(rig.update(&me, bare, &["*"]).await.unwrap().custom, one.custom);
    for id in [&one.id, &before.id] {
        let status = set(&rig, &me, id, "num", Some(text("客-0042/x"))).await;
        assert_eq!(told(&status.unwrap_err()), ["account.custom.num OUTPUT_ONLY"]);
    }
    let status = rig.create(&me, with("x", [("num", text("客-0099/x"))])).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.num OUTPUT_ONLY"]);
    assert_filters(&rig, &me, &[("custom.num == \"客-0001/x\" && display_name == \"none\"", "")]).await;
}
