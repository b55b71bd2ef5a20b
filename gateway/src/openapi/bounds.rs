//! `buf.validate` rules as JSON Schema keywords.

use prost_reflect::{DynamicMessage, Value as Proto};
use serde_json::{Map, Value, json};

use super::read::set;

/// Adds what the `FieldRules` say to the schema of the field.
pub fn apply(rules: &DynamicMessage, schema: &mut Map<String, Value>) {
    for (field, value) in rules.fields() {
        let Some(inner) = value.as_message() else { continue };
        match field.name() {
            "string" => string(inner, schema),
            "bytes" => copy(inner, schema, &[("min_len", "minLength"), ("max_len", "maxLength")]),
            "repeated" => repeated(inner, schema),
            "map" => copy(inner, schema, &[("min_pairs", "minProperties"), ("max_pairs", "maxProperties")]),
            "int32" | "uint32" | "sint32" | "fixed32" | "sfixed32" | "float" | "double" => {
                number(inner, schema);
            }
            // 64-bit numbers are text in JSON; their bounds stay readable.
            "int64" | "uint64" | "sint64" | "fixed64" | "sfixed64" => {
                let mut bounds = Map::new();
                number(inner, &mut bounds);
                schema.extend(bounds.into_iter().map(|(key, bound)| (format!("x-{key}"), bound)));
            }
            _ => {}
        }
    }
}

fn string(rules: &DynamicMessage, schema: &mut Map<String, Value>) {
    copy(rules, schema, &[("min_len", "minLength"), ("max_len", "maxLength"), ("pattern", "pattern")]);
    if let Some(exact) = set(rules, "len").as_ref().and_then(plain) {
        schema.insert("minLength".to_owned(), exact.clone());
        schema.insert("maxLength".to_owned(), exact);
    }
    for (rule, format) in
        [("uuid", "uuid"), ("email", "email"), ("hostname", "hostname"), ("uri", "uri"), ("ip", "ip")]
    {
        if set(rules, rule).and_then(|value| value.as_bool()) == Some(true) {
            schema.insert("format".to_owned(), json!(format));
        }
    }
    one_of(rules, schema);
}

fn number(rules: &DynamicMessage, schema: &mut Map<String, Value>) {
    let names =
        [("gte", "minimum"), ("lte", "maximum"), ("gt", "exclusiveMinimum"), ("lt", "exclusiveMaximum")];
    copy(rules, schema, &names);
    one_of(rules, schema);
}

fn one_of(rules: &DynamicMessage, schema: &mut Map<String, Value>) {
    if let Some(Proto::List(allowed)) = set(rules, "in") {
        schema.insert("enum".to_owned(), allowed.iter().filter_map(plain).collect());
    }
}

fn repeated(rules: &DynamicMessage, schema: &mut Map<String, Value>) {
    copy(rules, schema, &[("min_items", "minItems"), ("max_items", "maxItems"), ("unique", "uniqueItems")]);
    if let (Some(Proto::Message(items)), Some(Value::Object(item))) =
        (set(rules, "items"), schema.get_mut("items"))
    {
        apply(&items, item);
    }
}

fn copy(rules: &DynamicMessage, schema: &mut Map<String, Value>, names: &[(&str, &str)]) {
    for (rule, keyword) in names {
        if let Some(value) = set(rules, rule).as_ref().and_then(plain) {
            schema.insert((*keyword).to_owned(), value);
        }
    }
}

fn plain(value: &Proto) -> Option<Value> {
    Some(match value {
        Proto::Bool(value) => json!(value),
        Proto::I32(value) => json!(value),
        Proto::I64(value) => json!(value),
        Proto::U32(value) => json!(value),
        Proto::U64(value) => json!(value),
        Proto::F32(value) => json!(value),
        Proto::F64(value) => json!(value),
        Proto::String(value) => json!(value),
        _ => return None,
    })
}
