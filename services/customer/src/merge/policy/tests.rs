//! What each policy and each rule makes of small records.

use chrono::TimeZone as _;
use serde_json::json;

use super::*;

fn record(number: u32, document: Value) -> Participant {
    let time = |day| Utc.with_ymd_and_hms(2026, 1, day, 0, 0, 0).unwrap();
    let Value::Object(document) = document else { panic!("no object") };
    Participant {
        id: Uuid::from_u128(number.into()),
        create_time: time(number),
        update_time: time(20 + number),
        document,
    }
}

fn field(path: &str, keys: &[&str], shape: Shape) -> Field {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    Field { path: path.to_owned(), keys, shape, default: Policy::FillEmpty }
}

/// What a policy makes of a field, and the numbers of the records its value comes from; none when it stays.
fn merged(shape: Shape, policy: Policy, values: &[Value]) -> (Value, Vec<u128>) {
    let of =
        |(index, value): (usize, &Value)| record(u32::try_from(index).unwrap() + 1, json!({ "f": value }));
    let records: Vec<Participant> = values.iter().enumerate().map(of).collect();
    let (document, chosen) = merge(&[field("f", &["f"], shape)], &records, &|_| policy).unwrap();
    let from = chosen.iter().flat_map(|chosen| chosen.from.iter().map(Uuid::as_u128)).collect();
    (document["f"].clone(), from)
}

#[test]
fn one_value_is_taken_by_each_policy() {
    let texts = [json!("bb"), json!("ccc"), json!(""), json!("a")];
    let text = |policy| merged(Shape::Text, policy, &texts);
    assert_eq!(text(Policy::Survivor), (json!("bb"), vec![]));
    assert_eq!(text(Policy::FillEmpty), (json!("bb"), vec![]));
    assert_eq!(text(Policy::Newest), (json!("a"), vec![4]), "the one that was changed last");
    assert_eq!(text(Policy::Oldest), (json!("bb"), vec![]), "the one that was created first");
    assert_eq!(text(Policy::Longest), (json!("ccc"), vec![2]));
    let empty = [json!(""), json!("x"), json!("y")];
    assert_eq!(
        merged(Shape::Text, Policy::FillEmpty, &empty),
        (json!("y"), vec![3]),
        "of the last changed loser"
    );
    assert_eq!(merged(Shape::Text, Policy::Oldest, &empty), (json!("x"), vec![2]), "empty ones do not count");
    assert_eq!(merged(Shape::Text, Policy::Survivor, &empty), (json!(""), vec![]));
    assert_eq!(merged(Shape::Text, Policy::Newest, &[json!("x"), json!(null)]), (json!("x"), vec![]));
}

#[test]
fn the_greatest_is_found_among_numbers_texts_of_numbers_and_times() {
    let greatest = |values: &[Value]| merged(Shape::Ordered, Policy::Greatest, values).0;
    assert_eq!(greatest(&[json!(3), json!(10), json!(0)]), json!(10));
    assert_eq!(greatest(&[json!("9.5"), json!("10"), json!(null)]), json!("10"));
    let times = [json!("2026-01-01T00:00:00Z"), json!("2026-01-01T00:00:00.5Z")];
    assert_eq!(greatest(&times), times[1]);
    assert_eq!(greatest(&[json!("2026-01-02"), json!("2025-12-31")]), json!("2026-01-02"));
}

#[test]
fn lists_unite_with_one_primary_and_without_repeats() {
    let point = |value: &str, primary: bool| json!({"value": value, "kind": 1, "primary": primary, "verified": false});
    let lists = [
        json!([point("a@x.cn", true)]),
        json!([point("A@X.cn", true), point("b@x.cn", false)]),
        json!([point("c@x.cn", true)]),
    ];
    let (united, from) = merged(Shape::List(20), Policy::Union, &lists);
    // Losers in the order of their last change.
    assert_eq!(united, json!([point("a@x.cn", true), point("c@x.cn", false), point("b@x.cn", false)]));
    assert_eq!(from, [1, 3, 2]);
    let none_primary = [json!([]), json!([point("b@x.cn", false)])];
    assert_eq!(merged(Shape::List(20), Policy::Union, &none_primary).0, json!([point("b@x.cn", true)]));
    let tie = |role: &str, primary: bool| json!({"account_id": "1", "role": role, "from_date": null, "to_date": null, "primary": primary});
    let ties = [json!([tie("Buyer", true)]), json!([tie("buyer", true), tie("Board", false)])];
    assert_eq!(
        merged(Shape::List(50), Policy::Union, &ties).0,
        json!([tie("Buyer", true), tie("Board", false)])
    );
    assert_eq!(merged(Shape::List(50), Policy::Longest, &ties).1, [2]);
}

#[test]
fn a_list_that_would_be_too_long_is_refused() {
    let records = [record(1, json!({"f": ["a"]})), record(2, json!({"f": ["b"]}))];
    let error = merge(&[field("f", &["f"], Shape::List(1))], &records, &|_| Policy::Union).unwrap_err();
    assert_eq!(error.violations()[0].code, "TOO_MANY_ITEMS");
}

#[test]
fn addresses_are_never_mixed() {
    let short = json!({"region_code": "CN", "locality": "", "address_lines": []});
    let full = json!({"region_code": "CN", "locality": "深圳", "address_lines": ["坂田"]});
    assert_eq!(merged(Shape::Address, Policy::Fullest, &[short, full.clone()]), (full, vec![2]));
}

#[test]
fn columns_that_stand_together_come_from_one_record() {
    let records =
        [record(1, json!({"sum": null, "currency": ""})), record(2, json!({"sum": 5, "currency": "EUR"}))];
    let (document, _) =
        merge(&[field("sum", &["sum", "currency"], Shape::Value)], &records, &|_| Policy::FillEmpty).unwrap();
    assert_eq!((&document["sum"], &document["currency"]), (&json!(5), &json!("EUR")));
}

#[test]
fn descriptions_are_joined_once_each_and_flags_hold_when_any_holds() {
    let texts = [json!("one"), json!("two"), json!("one"), json!("three")];
    assert_eq!(merged(Shape::Long(100), Policy::Concatenate, &texts).0, json!("one\n\nthree\n\ntwo"));
    assert_eq!(
        merged(Shape::Long(10), Policy::Concatenate, &texts).0,
        json!("one\n\nthree"),
        "what has no room is left out"
    );
    assert_eq!(merged(Shape::Flag, Policy::Union, &[json!(false), json!(true)]), (json!(true), vec![2]));
    assert_eq!(merged(Shape::Flag, Policy::Union, &[json!(false), json!(false)]).1, Vec::<u128>::new());
}

#[test]
fn external_ids_always_move() {
    let id = |value: &str| json!({"system": "erp", "value": value});
    let records =
        [record(1, json!({"external_ids": [id("1")]})), record(2, json!({"external_ids": [id("2")]}))];
    let (document, chosen) = merge(&[], &records, &|_| Policy::Survivor).unwrap();
    assert_eq!(document["external_ids"], json!([id("1"), id("2")]));
    assert_eq!(chosen, []);
}

#[test]
fn each_rule_picks_its_survivor_and_the_oldest_when_it_finds_several() {
    let id = json!([{"system": "erp", "value": "1"}]);
    let records = [
        record(1, json!({"f": "", "last_activity_time": "2026-01-05T00:00:00Z", "external_ids": []})),
        record(2, json!({"f": "x", "last_activity_time": null, "external_ids": []})),
        record(3, json!({"f": "y", "last_activity_time": "2026-01-04T00:00:00Z", "external_ids": id})),
    ];
    let fields = [field("f", &["f"], Shape::Text)];
    let picked = |rule| survivor(rule, &fields, &records);
    assert_eq!(picked(SurvivorRule::Unspecified), 1, "the older one of two as complete");
    assert_eq!(picked(SurvivorRule::MostComplete), 1);
    assert_eq!(picked(SurvivorRule::MostRecentlyActive), 0);
    assert_eq!(picked(SurvivorRule::HasExternalId), 2);
    assert_eq!(picked(SurvivorRule::Oldest), 0);
}
