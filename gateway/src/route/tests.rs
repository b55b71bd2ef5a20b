//! Every kind of mapping, from path, query and body to the JSON of the request that results.

use prost_reflect::DescriptorPool;
use serde_json::{Value, json};

use super::{Routes, Target, rule, table::Match};
use crate::{json::Shapes, rest::request};

struct Contract {
    shapes: Shapes,
    routes: Routes,
}

fn contract() -> Contract {
    let here = env!("CARGO_MANIFEST_DIR");
    let includes = [format!("{here}/tests"), format!("{here}/../proto/third_party")];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(true).open_file("kinds.proto").unwrap();
    let pool = DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap();
    let shapes = Shapes::compile(&pool);
    let target = |package: &str| (package == "test.kinds.v1").then_some(Target::Backend(0));
    let routes = rule::compile(&pool, &shapes, target).unwrap();
    Contract { shapes, routes }
}

/// The request message as JSON without defaults, or the refusal.
fn ask(contract: &Contract, verb: &str, uri: &str, body: &str) -> Result<Value, String> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let Match::Found(route) = contract.routes.table.find(&verb.parse().unwrap(), path) else {
        return Err("no route".to_owned());
    };
    let shapes = &contract.shapes;
    let message = request::captured(&route, path)
        .and_then(|captured| request::assemble(shapes, &route, &captured, query, body.as_bytes()))
        .map_err(|failure| failure.into_status().message().to_owned())?;
    let mut out = Vec::new();
    shapes.write(route.method.input, &message, &mut out).map_err(|error| error.to_string())?;
    let mut json: Value = serde_json::from_slice(&out).unwrap();
    strip(&mut json);
    Ok(json)
}

fn strip(json: &mut Value) {
    if let Value::Object(fields) = json {
        fields.values_mut().for_each(strip);
        let defaults = [
            json!(""),
            json!("0"),
            json!(0),
            json!(0.0),
            json!(false),
            json!([]),
            json!({}),
            json!("COLOUR_UNSPECIFIED"),
        ];
        fields.retain(|name, value| name == "maybe" || name == "boxed" || !defaults.contains(value));
    }
}

#[test]
fn paths_capture_one_segment_several_or_the_rest() {
    let contract = contract();
    let cases = [
        ("/v1/shelves/a%2Fb/books/2", json!({"name": "shelves/a/b/books/2"})),
        ("/v1/kinds/-5", json!({"number": "-5"})),
        ("/v1/files/a/b:c/d", json!({"name": "a/b:c/d"})),
        ("/v1/files/", json!({})),
        ("/v1/files", json!({})),
    ];
    for (path, expected) in cases {
        assert_eq!(ask(&contract, "GET", path, ""), Ok(expected), "{path}");
    }
    assert!(ask(&contract, "GET", "/v1/kinds/five", "").unwrap_err().contains("`number`"));
    assert_eq!(ask(&contract, "GET", "/v1/shelves/1", ""), Err("no route".to_owned()));
}

#[test]
fn verbs_bodies_and_paths_join() {
    let contract = contract();
    let burnt = ask(
        &contract,
        "POST",
        "/v1/shelves/1:burn",
        r#"{"maybe": 0, "names": {"-1": "a"}, "inners": {"true": {"id": "x"}}}"#,
    );
    assert_eq!(
        burnt,
        Ok(json!({"name": "shelves/1", "maybe": 0, "names": {"-1": "a"}, "inners": {"true": {"id": "x"}}}))
    );
    let put =
        ask(&contract, "PUT", "/v1/kinds/7?flag=true&inner.more=1", r#"{"more": {"numbers": [1, "2"]}}"#);
    assert!(put.unwrap_err().contains("belongs in the body"));
    let put = ask(&contract, "PUT", "/v1/kinds/7?flag=true", r#"{"more": {"numbers": [1, "2"]}}"#);
    assert_eq!(put, Ok(json!({"flag": true, "inner": {"id": "7", "more": {"numbers": [1, 2]}}})));
    let differs = ask(&contract, "PUT", "/v1/kinds/7", r#"{"id": "8"}"#);
    assert!(differs.unwrap_err().contains("`inner.id` differs"));
}

#[test]
fn query_parameters_read_every_kind_from_text() {
    let contract = contract();
    let cases = [
        ("flag=true", json!({"flag": true})),
        ("data=-_8", json!({"data": "+/8="})),
        ("real=-1.5e3", json!({"real": -1500.0})),
        ("real=NaN", json!({"real": "NaN"})),
        ("colour=COLOUR_RED", json!({"colour": "COLOUR_RED"})),
        ("colour=-1", json!({"colour": "COLOUR_GONE"})),
        ("colours=1&colours=COLOUR_GONE", json!({"colours": ["COLOUR_RED", "COLOUR_GONE"]})),
        ("inner.id=a&inner.more.id=b", json!({"inner": {"id": "a", "more": {"id": "b"}}})),
        ("inner.numbers=1&inner.numbers=2", json!({"inner": {"numbers": [1, 2]}})),
        ("when=2026-01-31T08:00:00%2B08:00", json!({"when": "2026-01-31T00:00:00Z"})),
        ("span=1.5s", json!({"span": "1.500s"})),
        ("mask=textBox,name", json!({"mask": "text_box,name"})),
        ("boxed=0&textBox=%20x", json!({"boxed": "0", "text_box": " x"})),
        ("maybe=0", json!({"maybe": 0})),
        (
            "fixed=18446744073709551615&large=1&large=2",
            json!({"fixed": "18446744073709551615", "large": ["1", "2"]}),
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(ask(&contract, "GET", &format!("/v1/kinds?{query}"), ""), Ok(expected), "{query}");
    }
    for query in [
        "flag=yes",
        "data=*",
        "real=one",
        "real=inf",
        "colour=COLOUR_BLUE",
        "colour=-7",
        "inner=x",
        "inner.nope=1",
        "when=now",
        "span=1",
        "boxed=x",
        "names=x",
        "fixed=-1",
        "fixed=%2B1",
        "maybe=1&maybe=2",
        "when.seconds=1",
    ] {
        assert!(ask(&contract, "GET", &format!("/v1/kinds?{query}"), "").is_err(), "{query}");
    }
}

#[test]
fn two_calls_cannot_share_a_path() {
    let Contract { routes, .. } = contract();
    let route = routes.table.routes[0].clone();
    let mut table = super::table::Table::default();
    let template = super::template::parse("/v1/{a}/x").unwrap();
    table.insert(&template, route.clone()).unwrap();
    let again = super::template::parse("/v1/{b}/x").unwrap();
    assert!(table.insert(&again, route).unwrap_err().contains("is bound by"));
}
