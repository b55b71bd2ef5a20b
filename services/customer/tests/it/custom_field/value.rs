//! Values of every type: what is kept, found and refused.

use crm_proto::crm::{
    customer::v1::{Account, ListAccountsRequest},
    record::v1::{CustomField, custom_field::Type, custom_value::Value},
};
use crm_testkit::status::{assert_error, metadata, violations};
use tonic::Code;

use super::{
    assert_filters, assert_orders, choices, custom, day, define, define_all, definition, instant, list,
    money, number, redefine, set, text, told, value_of, with,
};
use crate::rig::{Rig, filter, named};

#[tokio::test]
async fn texts_addresses_and_links_are_kept_in_standard_form_and_found() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let kinds = [
        ("line", Type::Text),
        ("note", Type::LongText),
        ("mail", Type::Email),
        ("tel", Type::Phone),
        ("web", Type::Url),
    ];
    define_all(&rig, &me, kinds.map(|(key, kind)| definition(key, kind))).await;
    let sent = [
        ("line", text("华为 \"1%_")),
        ("note", text("one\ntwo")),
        ("mail", text("Info@HUAWEI.com")),
        ("tel", text("0755-28780808")),
        ("web", text("www.huawei.com")),
    ];
    let a = rig.create(&me, with("A", sent)).await.unwrap();
    let stored = [
        ("line", text("华为 \"1%_")),
        ("note", text("one\ntwo")),
        ("mail", text("Info@huawei.com")),
        ("tel", text("+8675528780808")),
        ("web", text("https://www.huawei.com/")),
    ];
    assert_eq!(a.custom, custom(stored));
    assert_eq!(rig.get(&me, &a.id).await.unwrap(), a);
    rig.create(&me, with("B", [("line", text("abc"))])).await.unwrap();
    rig.create(&me, named("C")).await.unwrap();

    let updated = set(&rig, &me, &a.id, "line", Some(text("b"))).await.unwrap();
    assert_eq!(value_of(&updated, "line"), Some(text("b")));
    assert_eq!((updated.custom.len(), value_of(&updated, "tel")), (5, value_of(&a, "tel")));
    let cleared = set(&rig, &me, &a.id, "note", None).await.unwrap();
    assert_eq!((cleared.custom.len(), value_of(&cleared, "note")), (4, None));
    assert_filters(
        &rig,
        &me,
        &[
            ("custom.line == \"b\"", "A"),
            ("custom.line in [\"b\", \"abc\"]", "AB"),
            ("custom.line.startsWith(\"a\")", "B"),
            ("has(custom.line)", "AB"),
            ("!has(custom.line)", "C"),
            ("custom.line != \"b\"", "BC"),
            ("has(custom.note)", ""),
            ("custom.mail.endsWith(\"@huawei.com\") && custom.tel == \"+8675528780808\"", "A"),
            ("custom.web.contains(\"huawei\")", "A"),
        ],
    )
    .await;
    assert_orders(
        &rig,
        &me,
        &[
            ("custom.line", "CBA"),
            ("custom.line desc", "ABC"),
            ("custom.mail desc, display_name desc", "ACB"),
        ],
    )
    .await;
}

#[tokio::test]
async fn numbers_and_amounts_are_exact() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let limited =
        CustomField { minimum: "-1.5".into(), maximum: "100".into(), ..definition("rate", Type::Number) };
    define_all(&rig, &me, [definition("score", Type::Number), definition("cash", Type::Money), limited])
        .await;
    let a = with("A", [("score", number("1.50")), ("cash", money("CNY", 12, 500_000_000))]);
    let a = rig.create(&me, a).await.unwrap();
    assert_eq!(a.custom, custom([("score", number("1.5")), ("cash", money("CNY", 12, 500_000_000))]));
    let b = with("B", [("score", number("123456789012345678.0123456789")), ("cash", money("USD", 9, 0))]);
    let b = rig.create(&me, b).await.unwrap();
    assert_eq!(value_of(&b, "score"), Some(number("123456789012345678.0123456789")));
    let c = rig.create(&me, with("C", [("score", number("-20"))])).await.unwrap();
    rig.create(&me, with("D", [("score", number("-0.00"))])).await.unwrap();
    assert_eq!(rig.get(&me, &b.id).await.unwrap(), b);

    let updated = set(&rig, &me, &c.id, "cash", Some(money("CNY", -3, -100_000))).await.unwrap();
    assert_eq!(value_of(&updated, "cash"), Some(money("CNY", -3, -100_000)));
    assert_eq!(value_of(&updated, "score"), Some(number("-20")));
    for (key, bad, code) in [
        ("rate", number("-1.51"), "TOO_SMALL"),
        ("rate", number("100.0000000001"), "TOO_LARGE"),
        ("cash", money("yuan", 1, 0), ""),
        ("cash", money("CNY", 1, -5), ""),
    ] {
        let status = set(&rig, &me, &a.id, key, Some(bad.clone())).await;
        let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
        let told = told(&status);
        assert!(told[0].starts_with(&format!("account.custom.{key}")), "{told:?}");
        assert!(told[0].ends_with(code), "{bad:?}: {told:?}");
    }
    set(&rig, &me, &a.id, "rate", Some(number("100"))).await.unwrap();
    assert_filters(
        &rig,
        &me,
        &[
            ("custom.score > 1.4", "AB"),
            ("custom.score == 0", "D"),
            ("custom.score < 0", "C"),
            ("custom.score == 123456789012345678.0123456789", "B"),
            ("custom.cash >= 9", "AB"),
            ("custom.cash == 12.5 && custom.cash.currency_code == \"CNY\"", "A"),
            ("!has(custom.cash)", "D"),
        ],
    )
    .await;
    assert_orders(
        &rig,
        &me,
        &[("custom.score", "CDAB"), ("custom.score desc", "BADC"), ("custom.cash", "DCBA")],
    )
    .await;
}

#[tokio::test]
async fn truths_days_and_instants_are_compared_as_what_they_are() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let kinds = [("yes", Type::Boolean), ("on", Type::Date), ("at", Type::DateTime)];
    define_all(&rig, &me, kinds.map(|(key, kind)| definition(key, kind))).await;
    let values = [("yes", Value::Boolean(true)), ("on", day(2025, 1, 31)), ("at", instant(1_700_000_000))];
    let a = rig.create(&me, with("A", values.clone())).await.unwrap();
    assert_eq!(a.custom, custom(values));
    assert_eq!(rig.get(&me, &a.id).await.unwrap(), a);
    let b = with("B", [("yes", Value::Boolean(false)), ("on", day(1899, 12, 31)), ("at", instant(-86_400))]);
    let b = rig.create(&me, b).await.unwrap();
    assert_eq!(value_of(&rig.get(&me, &b.id).await.unwrap(), "at"), Some(instant(-86_400)));
    rig.create(&me, named("C")).await.unwrap();
    let status = set(&rig, &me, &a.id, "on", Some(day(2025, 2, 29))).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["account.custom.on DATE_INVALID"]);
    assert_filters(
        &rig,
        &me,
        &[
            ("custom.yes", "A"),
            ("custom.yes == false", "B"),
            ("!custom.yes", "BC"),
            ("has(custom.yes)", "AB"),
            ("custom.on == date(\"2025-01-31\")", "A"),
            ("custom.on < date(\"2025-01-31\")", "B"),
            ("custom.at > timestamp(\"2023-01-01T00:00:00+08:00\")", "A"),
            ("custom.at < timestamp(\"1970-01-01T00:00:00Z\")", "B"),
            ("!has(custom.at)", "C"),
        ],
    )
    .await;
    assert_orders(
        &rig,
        &me,
        &[("custom.yes", "CBA"), ("custom.on desc", "ABC"), ("custom.at", "CBA"), ("custom.at desc", "ABC")],
    )
    .await;
}

#[tokio::test]
async fn choices_are_among_the_options_and_retired_ones_are_only_kept() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let select = CustomField { options: choices(&["hi", "mid", "lo"]), ..definition("grade", Type::Select) };
    let select = define(&rig, &me, select).await.unwrap();
    let many = CustomField { options: choices(&["x", "y", "z"]), ..definition("many", Type::MultiSelect) };
    let many = define(&rig, &me, many).await.unwrap();
    let a = with("A", [("grade", text("lo")), ("many", list(&["z", "x", "z"]))]);
    let a = rig.create(&me, a).await.unwrap();
    assert_eq!(a.custom, custom([("grade", text("lo")), ("many", list(&["z", "x"]))]));
    assert_eq!(rig.get(&me, &a.id).await.unwrap(), a);
    rig.create(&me, with("B", [("grade", text("hi")), ("many", list(&["y"]))])).await.unwrap();
    rig.create(&me, with("C", [("many", list(&[]))])).await.unwrap();
    assert_filters(
        &rig,
        &me,
        &[
            ("custom.grade == \"lo\"", "A"),
            ("\"x\" in custom.many", "A"),
            ("\"x\" in custom.many || \"y\" in custom.many", "AB"),
            ("!(\"x\" in custom.many)", "BC"),
            ("has(custom.many)", "AB"),
        ],
    )
    .await;
    assert_orders(&rig, &me, &[("custom.grade", "CBA"), ("custom.grade desc", "ABC")]).await;
    let by_many = ListAccountsRequest { order_by: "custom.many".into(), ..ListAccountsRequest::default() };
    assert_error(rig.list(&me, by_many).await, Code::InvalidArgument, "FIELD_INVALID");

    let bad = with("D", [("grade", text("top")), ("many", list(&["x", "w"]))]);
    let status = assert_error(rig.create(&me, bad).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        told(&status),
        ["account.custom.grade OPTION_UNKNOWN", "account.custom.many[1] OPTION_UNKNOWN"]
    );
    for (field, path) in [(&select, "options"), (&many, "options")] {
        let mut fewer = field.clone();
        fewer.options.retain(|option| !["lo", "z"].contains(&option.key.as_str()));
        fewer.etag.clear();
        let status = redefine(&rig, &me, fewer.clone(), &[path]).await;
        let status = assert_error(status, Code::FailedPrecondition, "FIELD_IN_USE");
        assert_eq!((metadata(&status, "key"), metadata(&status, "records")), (field.key.clone(), "1".into()));
        let mut retired = field.clone();
        for option in &mut retired.options {
            option.retired = ["lo", "z"].contains(&option.key.as_str());
        }
        redefine(&rig, &me, retired, &[path]).await.unwrap();
    }
    // What a record has it keeps, and only that.
    let kept = Account { region: "North".into(), ..a.clone() };
    let kept = rig.update(&me, kept, &["*"]).await.unwrap();
    assert_eq!(kept.custom, a.custom);
    set(&rig, &me, &a.id, "many", Some(list(&["y", "z"]))).await.unwrap();
    let status = rig.create(&me, with("E", [("grade", text("lo")), ("many", list(&["z"]))])).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        told(&status),
        ["account.custom.grade OPTION_RETIRED", "account.custom.many[0] OPTION_RETIRED"]
    );
}

#[tokio::test]
async fn every_wrong_value_is_told_at_once_by_its_place() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let kinds = [
        ("line", Type::Text),
        ("num", Type::Number),
        ("yes", Type::Boolean),
        ("on", Type::Date),
        ("at", Type::DateTime),
        ("cash", Type::Money),
        ("mail", Type::Email),
        ("tel", Type::Phone),
        ("web", Type::Url),
    ];
    define_all(&rig, &me, kinds.map(|(key, kind)| definition(key, kind))).await;
    let short = CustomField { minimum: "2".into(), maximum: "3".into(), ..definition("code", Type::Text) };
    define(&rig, &me, short).await.unwrap();
    let bad = [
        ("line", text("a\nb")),
        ("num", text("1")),
        ("yes", number("1")),
        ("on", text("2025-01-31")),
        ("at", day(2025, 1, 31)),
        ("cash", number("1")),
        ("mail", text("nobody")),
        ("tel", text("12")),
        ("web", text("javascript:alert(1)")),
        ("code", text("客")),
        ("nothing", text("x")),
    ];
    let status = assert_error(rig.create(&me, with("A", bad)).await, Code::InvalidArgument, "FIELD_INVALID");
    let mut fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    let expected = ["at", "cash", "code", "line", "mail", "nothing", "num", "on", "tel", "web", "yes"];
    assert_eq!(fields, expected.map(|key| format!("account.custom.{key}")));
    let codes = told(&status);
    for code in ["num TYPE_MISMATCH", "nothing FIELD_UNKNOWN", "code TOO_SHORT"] {
        assert!(codes.contains(&format!("account.custom.{code}")), "{codes:?}");
    }
    let a = rig.create(&me, named("A")).await.unwrap();
    let status = set(&rig, &me, &a.id, "nothing", Some(text("x"))).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["account.custom.nothing FIELD_UNKNOWN"]);
    assert_error(rig.list(&me, filter("custom.nothing == 1")).await, Code::InvalidArgument, "FILTER_INVALID");
    let hidden = CustomField { filterable: false, ..definition("unlisted", Type::Text) };
    define(&rig, &me, hidden).await.unwrap();
    let status = rig.list(&me, filter("custom.unlisted == \"x\"")).await;
    assert_error(status, Code::InvalidArgument, "FILTER_INVALID");
}
