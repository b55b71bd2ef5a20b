//! The public JSON corpus, and round trips of random messages.

use std::{
    env,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::{Value, json};

use super::{read, *};

/// The shared data, from `CRM_SHARED_DATA` or a folder above this crate.
fn shared_data() -> Option<PathBuf> {
    let named = env::var_os("CRM_SHARED_DATA").map(PathBuf::from);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data"));
    named.into_iter().chain(above).find(|folder| folder.is_dir())
}

fn open_shapes() -> (Shapes, ShapeId) {
    let shapes = Shapes::compile(&DescriptorPool::global());
    let value = shapes.find("google.protobuf.Value").unwrap();
    (shapes, value)
}

#[test]
fn the_public_corpus_is_accepted_and_refused_as_it_says() {
    let Some(data) = shared_data() else {
        println!("skipped: shared data not found");
        return;
    };
    let (shapes, value) = open_shapes();
    let corpus = std::fs::read_to_string(data.join("json/json_test_suite.jsonl")).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for line in corpus.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = BASE64_STANDARD.decode(case["b64"].as_str().unwrap()).unwrap();
        let outcome = read::message(&shapes, value, &text);
        match case["expect"].as_str().unwrap() {
            "accept" | "y" => {
                let encoded = outcome.unwrap_or_else(|why| panic!("{}: {why:?}", case["name"]));
                let mut out = Vec::new();
                shapes.write(value, &encoded, &mut out).unwrap();
                let expected: Value = serde_json::from_slice(&text).unwrap();
                same(&expected, &serde_json::from_slice(&out).unwrap(), &case["name"]);
                accepted += 1;
            }
            "reject" | "refuse" | "n" => {
                assert!(outcome.is_err(), "{}", case["name"]);
                refused += 1;
            }
            _ => {}
        }
    }
    assert!(accepted >= 95 && refused >= 187, "{accepted} accepted, {refused} refused");
}

/// Equal, with numbers compared as the doubles that `Value` holds.
fn same(left: &Value, right: &Value, name: &Value) {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => assert_eq!(left.as_f64(), right.as_f64(), "{name}"),
        (Value::Array(left), Value::Array(right)) => {
            assert_eq!(left.len(), right.len(), "{name}");
            left.iter().zip(right).for_each(|(left, right)| same(left, right, name));
        }
        (Value::Object(left), Value::Object(right)) => {
            assert_eq!(left.len(), right.len(), "{name}");
            left.iter().for_each(|(key, value)| same(value, &right[key], name));
        }
        _ => assert_eq!(left, right, "{name}"),
    }
}

#[test]
fn wrappers_any_and_odd_numbers_read_and_write() {
    let pool = DescriptorPool::global();
    let shapes = Shapes::compile(&pool);
    for (name, text, back) in [
        ("Int64Value", json!("-9223372036854775808"), json!("-9223372036854775808")),
        ("UInt64Value", json!(18_446_744_073_709_551_615_u64), json!("18446744073709551615")),
        ("DoubleValue", json!("-Infinity"), json!("-Infinity")),
        ("FloatValue", json!(1.5), json!(1.5)),
        ("BytesValue", json!("-_8"), json!("+/8=")),
        ("BoolValue", json!(true), json!(true)),
        ("Duration", json!("-1.500s"), json!("-1.500s")),
        ("Timestamp", json!("2026-01-31T08:00:00+08:00"), json!("2026-01-31T00:00:00Z")),
        ("FieldMask", json!("displayName,ownerId"), json!("display_name,owner_id")),
        (
            "Any",
            json!({"value": "2s", "@type": "type.googleapis.com/google.protobuf.Duration"}),
            json!({"@type": "type.googleapis.com/google.protobuf.Duration", "value": "2s"}),
        ),
    ] {
        let id = shapes.find(&format!("google.protobuf.{name}")).unwrap();
        let encoded = read::message(&shapes, id, text.to_string().as_bytes())
            .unwrap_or_else(|why| panic!("{name}: {why:?}"));
        let mut out = Vec::new();
        shapes.write(id, &encoded, &mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), back, "{name}");
    }
    for (name, text) in [
        ("Int64Value", "9223372036854775808"),
        ("UInt32Value", "-1"),
        ("FloatValue", "1e39"),
        ("Int32Value", "1.5"),
        ("Duration", "\"1\""),
        ("Timestamp", "\"2026-13-01T00:00:00Z\""),
        ("BoolValue", "\"true\""),
        ("BytesValue", "\"*\""),
        ("Any", "{\"@type\": \"nowhere/none\"}"),
        ("FieldMask", "\"a b\""),
    ] {
        let id = shapes.find(&format!("google.protobuf.{name}")).unwrap();
        assert!(read::message(&shapes, id, text.as_bytes()).is_err(), "{name} {text}");
    }
}

fn account() -> impl Strategy<Value = crm_proto::crm::customer::v1::Account> {
    use crm_proto::{
        crm::{customer::v1::*, record::v1::*},
        google::r#type::Money,
    };
    let value = prop_oneof![
        any::<String>().prop_map(custom_value::Value::Text),
        any::<bool>().prop_map(custom_value::Value::Boolean),
        (any::<i64>(), -999_999_999..=999_999_999).prop_map(|(units, nanos)| {
            custom_value::Value::Money(Money { currency_code: "CNY".to_owned(), units, nanos })
        }),
        (-62_135_596_800_i64..=253_402_300_799, 0..1_000_000_000).prop_map(|(seconds, nanos)| {
            custom_value::Value::DateTime(prost_types::Timestamp { seconds, nanos })
        }),
    ];
    let value = value.prop_map(|value| CustomValue { value: Some(value), ..Default::default() });
    let plain =
        (any::<String>(), any::<i32>(), 0..5, any::<bool>(), prop::collection::vec(any::<String>(), 0..4));
    (plain, prop::collection::btree_map(any::<String>(), value, 0..4)).prop_map(|(plain, custom)| {
        let (display_name, employee_count, kind, blocked, tags) = plain;
        Account { display_name, employee_count, kind, blocked, tags, custom, ..Default::default() }
    })
}

proptest! {
    #[test]
    fn json_agrees_with_prost_reflect_and_reads_back(account in account()) {
        let pool = crm_proto::pool();
        let shapes = Shapes::compile(pool);
        let id = shapes.find("crm.customer.v1.Account").unwrap();
        let encoded = prost::Message::encode_to_vec(&account);
        let mut out = Vec::new();
        shapes.write(id, &encoded, &mut out).unwrap();
        let ours: Value = serde_json::from_slice(&out).unwrap();
        let described = pool.get_message_by_name("crm.customer.v1.Account").unwrap();
        let dynamic = DynamicMessage::decode(described, encoded.as_slice()).unwrap();
        let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
        let theirs = dynamic.serialize_with_options(serde_json::value::Serializer, &options).unwrap();
        prop_assert_eq!(&ours, &theirs);
        let back = read::message(&shapes, id, &out).unwrap();
        let back: crm_proto::crm::customer::v1::Account = prost::Message::decode(back.as_slice()).unwrap();
        prop_assert_eq!(back, account);
    }

    #[test]
    fn any_bytes_are_written_or_refused_without_a_fall(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let shapes = Shapes::compile(crm_proto::pool());
        let id = shapes.find("crm.customer.v1.Account").unwrap();
        let mut out = Vec::new();
        if shapes.write(id, &bytes, &mut out).is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&out).is_ok(), "{}", String::from_utf8_lossy(&out));
        }
    }
}

#[test]
#[ignore = "a measurement: run with --release"]
fn speed() {
    use crm_proto::crm::customer::v1::Account;
    use crm_proto::crm::record::v1::ExternalId;
    let account = Account {
        id: "0198c5a0-0000-7000-8000-000000000000".to_owned(),
        create_time: Some(prost_types::Timestamp { seconds: 1_767_225_600, nanos: 0 }),
        display_name: "寰宇贸易有限公司".to_owned(),
        tags: vec!["vip".to_owned(), "华东".to_owned()],
        external_ids: vec![ExternalId { system: "sap".to_owned(), value: "7".to_owned() }],
        ..Default::default()
    };
    let encoded = prost::Message::encode_to_vec(&account);
    let pool = crm_proto::pool();
    let shapes = Shapes::compile(pool);
    let id = shapes.find("crm.customer.v1.Account").unwrap();
    let described = pool.get_message_by_name("crm.customer.v1.Account").unwrap();
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    let mut json = Vec::new();
    shapes.write(id, &encoded, &mut json).unwrap();
    let time = |name: &str, run: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        (0..100_000).for_each(|_| run());
        println!("{name:32} {:6.2} us", start.elapsed().as_secs_f64() * 10.0);
    };
    time("write, ours", &mut || {
        let mut out = Vec::with_capacity(1024);
        shapes.write(id, &encoded, &mut out).unwrap();
        std::hint::black_box(out);
    });
    time("write, prost-reflect", &mut || {
        let message = DynamicMessage::decode(described.clone(), encoded.as_slice()).unwrap();
        let mut out = Vec::with_capacity(1024);
        message.serialize_with_options(&mut serde_json::Serializer::new(&mut out), &options).unwrap();
        std::hint::black_box(out);
    });
    time("read, ours", &mut || {
        std::hint::black_box(read::message(&shapes, id, &json).unwrap());
    });
    time("read, prost-reflect", &mut || {
        let mut parser = serde_json::Deserializer::from_slice(&json);
        let message = DynamicMessage::deserialize(described.clone(), &mut parser).unwrap();
        std::hint::black_box(prost::Message::encode_to_vec(&message));
    });
}
