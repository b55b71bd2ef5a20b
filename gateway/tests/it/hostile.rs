//! Input made to harm: never a fault on our side, never a fallen process.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::client::Under;

/// Random JSON whose keys and values are often those of the contract.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("KIND_CUSTOMER"),
            Just("2026-01-31T08:00:00Z"),
            Just("1.5s"),
            Just("AQI="),
            Just("-7"),
            Just("a.b,c"),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 8, |inner| {
        let key = prop_oneof![
            Just("display_name".to_owned()),
            Just("custom".to_owned()),
            Just("tags".to_owned()),
            Just("externalIds".to_owned()),
            Just("annual_revenue".to_owned()),
            Just("claim_time".to_owned()),
            Just("kind".to_owned()),
            Just("employee_count".to_owned()),
            Just("blocked".to_owned()),
            Just("billing_address".to_owned()),
            Just("value".to_owned()),
            Just("@type".to_owned()),
            "\\PC{0,6}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

#[test]
fn random_json_gives_an_answer_or_a_refusal() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let under = runtime.block_on(Under::start());
    let mut runner = TestRunner::new(Config { cases: 300, ..Config::default() });
    let paths =
        ["/v1/accounts", "/v1/accounts:batchCreate", "/v1/accounts/1:undelete", "/v1/customer/importJobs"];
    let outcome = runner.run(&(any_json(), 0..paths.len()), |(body, path)| {
        let answer = runtime.block_on(under.json("POST", paths[path], &body.to_string()));
        prop_assert!(
            answer.status == 200 || answer.status == 400,
            "{} {}: {}",
            paths[path],
            body,
            answer.text()
        );
        let _ = answer.json();
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn random_bytes_and_paths_never_break_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let under = runtime.block_on(Under::start());
    let mut runner = TestRunner::new(Config { cases: 200, ..Config::default() });
    let outcome = runner.run(
        &("[a-zA-Z0-9:/%{}*.~+-]{0,30}", "[a-z_=&%0-9+.]{0,30}", "\\PC{0,40}"),
        |(path, query, body)| {
            let uri = format!("/v1/{path}?{query}");
            if uri.parse::<http::Uri>().is_ok() {
                let answer = runtime.block_on(under.json("POST", &uri, &body));
                prop_assert!(
                    answer.status.as_u16() < 500 || answer.status == 501,
                    "{uri} {body}: {}",
                    answer.text()
                );
            }
            Ok(())
        },
    );
    outcome.unwrap();
}

#[tokio::test]
async fn deep_nesting_is_refused_before_it_costs_the_stack() {
    let under = Under::start().await;
    for body in ["[".repeat(1_000_000), "{\"a\":".repeat(500_000), format!("{{\"tags\":{}", "[".repeat(65))] {
        let answer = under.json("POST", "/v1/accounts", &body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("64 levels"), "{}", answer.text());
    }
}
