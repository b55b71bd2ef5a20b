//! The tenants' own fields: definitions, values of every type, rules, computed values and walls.

use std::{collections::BTreeMap, time::Duration};

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::{
    crm::{
        customer::v1::{
            Account, AccountCreated, BatchUpdateAccountsRequest, Contact, ContactAccount,
            DeleteAccountRequest, DeleteContactRequest, ListAccountsRequest, ListContactsRequest,
            UndeleteAccountRequest, UpdateAccountRequest, account::Level,
        },
        event::v1::{StartFrom, StreamEventsRequest},
        record::v1::{
            CreateCustomFieldRequest, CustomField, CustomValue, DescribeFieldsRequest, FieldDescription,
            GetCustomFieldRequest, ListCustomFieldsRequest, TextList, UpdateCustomFieldRequest,
            custom_field::{Option as Choice, RollUp, Type, roll_up::Function},
            custom_value::Value,
        },
    },
    google::r#type::{Date, Money},
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use prost::Message as _;
use prost_types::Timestamp;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::rig::{Rig, field_mask, filter, named};

fn definition(key: &str, kind: Type) -> CustomField {
    let mut field = CustomField {
        display_name: format!("The {key}"),
        collection: "accounts".into(),
        key: key.into(),
        filterable: true,
        ..CustomField::default()
    };
    field.set_type(kind);
    field
}

fn choices(keys: &[&str]) -> Vec<Choice> {
    let choice =
        |key: &&str| Choice { key: (*key).into(), display_name: key.to_uppercase(), ..Choice::default() };
    keys.iter().map(choice).collect()
}

fn formula(key: &str, text: &str, result: Type) -> CustomField {
    CustomField { formula: text.into(), formula_type: result.into(), ..definition(key, Type::Formula) }
}

fn roll_up(key: &str, function: Function, field: &str) -> CustomField {
    let roll_up = Some(RollUp { function: function.into(), field: field.into() });
    CustomField { roll_up, ..definition(key, Type::RollUp) }
}

fn value(value: Value) -> CustomValue {
    CustomValue { value: Some(value), sensitivity: 0 }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn number(number: &str) -> Value {
    Value::Number(number.into())
}

fn list(keys: &[&str]) -> Value {
    Value::Options(TextList { items: keys.iter().map(|key| (*key).into()).collect() })
}

fn day(year: i32, month: i32, day: i32) -> Value {
    Value::Date(Date { year, month, day })
}

fn instant(seconds: i64) -> Value {
    Value::DateTime(Timestamp { seconds, nanos: 0 })
}

fn money(currency: &str, units: i64, nanos: i32) -> Value {
    Value::Money(Money { currency_code: currency.into(), units, nanos })
}

fn custom<const N: usize>(values: [(&str, Value); N]) -> BTreeMap<String, CustomValue> {
    values.into_iter().map(|(key, one)| (key.to_owned(), value(one))).collect()
}

fn with<const N: usize>(name: &str, values: [(&str, Value); N]) -> Account {
    Account { custom: custom(values), ..named(name) }
}

/// A change of one custom field of an account.
fn change(id: &str, key: &str, new: Option<Value>) -> (Account, String) {
    let custom = new.map(|new| (key.to_owned(), value(new))).into_iter().collect();
    (Account { id: id.into(), custom, ..Account::default() }, format!("custom.{key}"))
}

fn value_of(account: &Account, key: &str) -> Option<Value> {
    account.custom.get(key).and_then(|value| value.value.clone())
}

fn told(status: &Status) -> Vec<String> {
    let mut told: Vec<String> =
        violations(status).into_iter().map(|(field, code)| format!("{field} {code}")).collect();
    told.sort();
    told
}

async fn define(rig: &Rig, caller: &Caller, field: CustomField) -> Result<CustomField, Status> {
    let request = CreateCustomFieldRequest { service: String::new(), custom_field: Some(field) };
    rig.custom_fields(caller).create_custom_field(request).await.map(tonic::Response::into_inner)
}

async fn redefine(
    rig: &Rig,
    caller: &Caller,
    field: CustomField,
    mask: &[&str],
) -> Result<CustomField, Status> {
    let request = UpdateCustomFieldRequest {
        service: String::new(),
        custom_field: Some(field),
        update_mask: field_mask(mask),
    };
    rig.custom_fields(caller).update_custom_field(request).await.map(tonic::Response::into_inner)
}

async fn define_all(rig: &Rig, caller: &Caller, fields: impl IntoIterator<Item = CustomField>) {
    for field in fields {
        define(rig, caller, field).await.unwrap();
    }
}

async fn set(rig: &Rig, caller: &Caller, id: &str, key: &str, new: Option<Value>) -> Result<Account, Status> {
    let (account, path) = change(id, key, new);
    rig.update(caller, account, &[&path]).await
}

async fn described(rig: &Rig, caller: &Caller, collection: &str) -> Vec<FieldDescription> {
    let request = DescribeFieldsRequest { service: String::new(), collection: collection.into() };
    rig.custom_fields(caller).describe_fields(request).await.unwrap().into_inner().fields
}

/// Reads the account until it satisfies a condition.
async fn wait(rig: &Rig, caller: &Caller, id: &str, what: &str, holds: impl Fn(&Account) -> bool) -> Account {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let account = rig.get(caller, id).await.unwrap();
        if holds(&account) {
            return account;
        }
        if tokio::time::Instant::now() >= deadline {
            let jobs = "SELECT coalesce(string_agg(j::text, '; '), 'none') FROM job j";
            let mut conn = rig.database.look().await;
            let jobs: String = sqlx::query_scalar(jobs).fetch_one(&mut conn).await.unwrap();
            panic!("{what}: {:?}; jobs: {jobs}", account.custom);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Checks which accounts filters select, by name.
async fn assert_filters(rig: &Rig, caller: &Caller, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let request = ListAccountsRequest { order_by: "display_name".into(), ..filter(text) };
        assert_eq!(rig.names(caller, request).await.concat(), *expected, "{text}");
    }
}

/// Checks the orders of lists that are read one account at a time.
async fn assert_orders(rig: &Rig, caller: &Caller, cases: &[(&str, &str)]) {
    for (order, expected) in cases {
        let (mut names, mut token) = (String::new(), String::new());
        loop {
            let request = ListAccountsRequest {
                page_size: 1,
                order_by: (*order).into(),
                page_token: token,
                ..ListAccountsRequest::default()
            };
            let page = rig.list(caller, request).await.unwrap_or_else(|status| panic!("{order}: {status:?}"));
            names.extend(page.accounts.into_iter().map(|account| account.display_name));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(names, *expected, "{order}");
    }
}

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
async fn references_name_live_records_in_scope() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let anna = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    for (key, target) in [("partner", "accounts"), ("person", "contacts"), ("user", "users")] {
        let field = CustomField { reference_collection: target.into(), ..definition(key, Type::Reference) };
        define(&rig, &boss, field).await.unwrap();
    }
    let stranger = rig.administrator();
    let theirs = rig.create(&stranger, named("theirs")).await.unwrap();
    let hers = rig.create(&anna, named("P")).await.unwrap();
    let bosses = rig.create(&boss, named("Q")).await.unwrap();
    let person = Contact { display_name: "p".into(), ..Contact::default() };
    let person = rig.create_contact(&anna, person).await.unwrap();
    let to = |id: &str| Value::ReferenceId(id.into());
    let user = Uuid::new_v4().to_string();
    let values = [("partner", to(&hers.id)), ("person", to(&person.id)), ("user", to(&user))];
    let a = rig.create(&anna, with("A", values.clone())).await.unwrap();
    assert_eq!(rig.get(&anna, &a.id).await.unwrap().custom, custom(values));
    for missing in [&bosses.id, &theirs.id, &person.id, &user] {
        let status = set(&rig, &anna, &a.id, "partner", Some(to(missing))).await;
        let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(told(&status), ["account.custom.partner REFERENCE_NOT_FOUND"]);
    }
    // A reference that stands outlives its record.
    let delete = DeleteContactRequest { id: person.id.clone(), etag: String::new() };
    rig.contacts(&anna).delete_contact(delete).await.unwrap();
    let whole = Account { region: "North".into(), ..a.clone() };
    assert_eq!(rig.update(&anna, whole, &["*"]).await.unwrap().custom, a.custom);
    let status = rig.create(&anna, with("B", [("person", to(&person.id))])).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["account.custom.person REFERENCE_NOT_FOUND"]);
    let by_partner = format!("custom.partner == \"{}\" && custom.user == \"{user}\"", hers.id);
    assert_filters(&rig, &boss, &[(&by_partner, "A"), ("!has(custom.partner)", "PQ")]).await;
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

#[tokio::test]
async fn what_is_required_is_asked_for_when_its_time_comes() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let before = rig.create(&me, named("before")).await.unwrap();
    let always = CustomField { required: true, ..definition("always", Type::Text) };
    let always = define(&rig, &me, always).await.unwrap();
    let sometimes = CustomField {
        required_if: "level == \"LEVEL_A\" && custom.always != \"no\"".into(),
        ..definition("sometimes", Type::Number)
    };
    define(&rig, &me, sometimes).await.unwrap();
    let status = assert_error(rig.create(&me, named("x")).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["account.custom.always REQUIRED"]);
    let level = |account: Account, level: Level| Account { level: level.into(), ..account };
    let status = rig.create(&me, level(named("x"), Level::A)).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["account.custom.always REQUIRED", "account.custom.sometimes REQUIRED"]);
    let blank = rig.create(&me, with("x", [("always", text("  "))])).await;
    assert_eq!(told(&blank.unwrap_err()), ["account.custom.always REQUIRED"]);

    let a = rig.create(&me, with("a", [("always", text("y"))])).await.unwrap();
    let status = set(&rig, &me, &a.id, "always", None).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.always REQUIRED"]);
    let raised = level(Account { id: a.id.clone(), ..Account::default() }, Level::A);
    let status = rig.update(&me, raised.clone(), &["level"]).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.sometimes REQUIRED"]);
    let both = Account { custom: custom([("sometimes", number("0"))]), ..raised };
    rig.update(&me, both, &["level", "custom.sometimes"]).await.unwrap();
    rig.create(&me, level(with("b", [("always", text("no"))]), Level::A)).await.unwrap();

    // A record from before the rule is left in peace until the field is written.
    let touched = Account { id: before.id.clone(), region: "North".into(), ..Account::default() };
    rig.update(&me, touched, &["region"]).await.unwrap();
    set(&rig, &me, &before.id, "always", Some(text("y"))).await.unwrap();
    let status = set(&rig, &me, &before.id, "always", None).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.always REQUIRED"]);
    // Nobody is asked for a retired field.
    redefine(&rig, &me, CustomField { retired: true, ..always }, &["retired"]).await.unwrap();
    rig.create(&me, named("c")).await.unwrap();
    let status = rig.create(&me, with("d", [("always", text("y"))])).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.always FIELD_RETIRED"]);
    assert_eq!(value_of(&rig.get(&me, &a.id).await.unwrap(), "always"), Some(text("y")));
}

#[tokio::test]
async fn a_unique_value_is_held_by_one_live_record() {
    let rig = Rig::new().await;
    let (me, other) = (rig.administrator(), rig.administrator());
    for caller in [&me, &other] {
        let code = CustomField { unique: true, ..definition("code", Type::Text) };
        let mail = CustomField { unique: true, ..definition("mail", Type::Email) };
        define_all(&rig, caller, [code, mail]).await;
    }
    let a = with("A", [("code", text("x")), ("mail", text("Info@x.cn"))]);
    let a = rig.create(&me, a).await.unwrap();
    rig.create(&other, with("O", [("code", text("x"))])).await.unwrap();
    for (key, taken) in [("code", text("x")), ("mail", text("info@X.CN"))] {
        let status = rig.create(&me, with("B", [(key, taken)])).await;
        let status = assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
        assert_eq!(metadata(&status, "field"), format!("custom.{key}"));
        assert_eq!(told(&status), [format!("account.custom.{key} VALUE_TAKEN")]);
    }
    let b = rig.create(&me, with("B", [("code", text("X"))])).await.unwrap();
    let status = set(&rig, &me, &b.id, "code", Some(text("x"))).await;
    assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    assert_eq!(value_of(&rig.get(&me, &b.id).await.unwrap(), "code"), Some(text("X")));

    let (account, path) = change(&a.id, "code", Some(text("free")));
    let free = UpdateAccountRequest { account: Some(account), update_mask: field_mask(&[&path]) };
    rig.create(&me, with("T", [("code", text("third"))])).await.unwrap();
    let (account, path) = change(&b.id, "code", Some(text("third")));
    let refused = UpdateAccountRequest { account: Some(account), update_mask: field_mask(&[&path]) };
    let batch = BatchUpdateAccountsRequest { requests: vec![free, refused] };
    let status = rig.accounts(&me).batch_update_accounts(batch).await;
    let status = assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    assert_eq!(told(&status), ["requests[1].account.custom.code VALUE_TAKEN"]);

    // Two records of one batch exchange theirs.
    let updates = [(&a.id, "X"), (&b.id, "x")].map(|(id, code)| {
        let (account, path) = change(id, "code", Some(text(code)));
        UpdateAccountRequest { account: Some(account), update_mask: field_mask(&[&path]) }
    });
    let batch = BatchUpdateAccountsRequest { requests: updates.to_vec() };
    rig.accounts(&me).batch_update_accounts(batch).await.unwrap();

    let delete = DeleteAccountRequest { id: b.id.clone(), etag: String::new() };
    rig.accounts(&me).delete_account(delete).await.unwrap();
    let c = rig.create(&me, with("C", [("code", text("x"))])).await.unwrap();
    let undelete = UndeleteAccountRequest { id: b.id.clone(), etag: String::new() };
    let status = rig.accounts(&me).undelete_account(undelete.clone()).await;
    assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    set(&rig, &me, &c.id, "code", None).await.unwrap();
    let back = rig.accounts(&me).undelete_account(undelete).await.unwrap().into_inner();
    assert_eq!(value_of(&back, "code"), Some(text("x")));
    let status = set(&rig, &me, &c.id, "code", Some(text("x"))).await;
    assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");

    let race = (0..8).map(|index| rig.create(&me, with(&format!("r{index}"), [("code", text("race"))])));
    let race = futures::future::join_all(race.collect::<Vec<_>>()).await;
    let (won, lost): (Vec<_>, Vec<_>) = race.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for status in lost {
        assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    }
}

#[tokio::test]
async fn a_field_becomes_unique_only_when_its_values_are() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let code = define(&rig, &me, definition("code", Type::Text)).await.unwrap();
    rig.create(&me, with("A", [("code", text("x"))])).await.unwrap();
    let b = rig.create(&me, with("B", [("code", text("x"))])).await.unwrap();
    let unique = CustomField { id: code.id.clone(), unique: true, ..CustomField::default() };
    let status = redefine(&rig, &me, unique.clone(), &["unique"]).await;
    let status = assert_error(status, Code::FailedPrecondition, "FIELD_IN_USE");
    assert_eq!((metadata(&status, "key"), metadata(&status, "records")), ("code".into(), "1".into()));
    rig.create(&me, with("C", [("code", text("x"))])).await.unwrap();
    let accounts = rig.list(&me, filter("custom.code == \"x\"")).await.unwrap().accounts;
    for (index, account) in accounts.iter().enumerate() {
        set(&rig, &me, &account.id, "code", Some(text(&format!("x{index}")))).await.unwrap();
    }
    redefine(&rig, &me, unique, &["unique"]).await.unwrap();
    let taken = value_of(&rig.get(&me, &b.id).await.unwrap(), "code").unwrap();
    let status = rig.create(&me, with("D", [("code", taken.clone())])).await;
    assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    let common = CustomField { id: code.id, unique: false, ..CustomField::default() };
    redefine(&rig, &me, common, &["unique"]).await.unwrap();
    rig.create(&me, with("D", [("code", taken)])).await.unwrap();
}

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
