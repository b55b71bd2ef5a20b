//! Failures, the services' and the gateway's own, have one shape.

use serde_json::json;

use crate::client::{Under, request};

#[tokio::test]
async fn a_service_error_keeps_its_typed_details() {
    let under = Under::start().await;
    let answer = under.get("/v1/accounts/missing").await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json(),
        json!({"error": {
            "code": 404,
            "status": "NOT_FOUND",
            "message": "no such account",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "NOT_FOUND", "domain": "crm",
                 "metadata": answer.json()["error"]["details"][0]["metadata"]},
                {"@type": "type.googleapis.com/google.rpc.BadRequest", "field_violations": [
                    {"field": "id", "description": "names nothing", "reason": ""},
                ]},
            ],
        }})
    );
    assert_eq!(
        answer.json()["error"]["details"][0]["metadata"],
        json!({"collection": "accounts", "id": "missing"})
    );
}

#[tokio::test]
async fn waiting_times_become_retry_after() {
    let under = Under::start().await;
    let answer = under.get("/v1/accounts/busy").await;
    assert_eq!((answer.status.as_u16(), answer.headers["retry-after"].to_str().unwrap()), (429, "3"));
    assert_eq!(answer.json()["error"]["details"][0]["retry_delay"], "2.500s");
    let answer = under.get("/v1/accounts/anonymous").await;
    assert_eq!(
        (answer.status.as_u16(), answer.headers["www-authenticate"].to_str().unwrap()),
        (401, "Bearer")
    );
}

#[tokio::test]
async fn unknown_fields_are_refused_by_name() {
    let under = Under::start().await;
    for (path, body, field) in [
        ("/v1/accounts", r#"{"display_name": "a", "colour": 1}"#, "account.colour"),
        ("/v1/accounts", r#"{"billing_address": {"street": "x"}}"#, "account.billing_address.street"),
        (
            "/v1/accounts",
            r#"{"external_ids": [{"system": "a"}, {"sys": "b"}]}"#,
            "account.external_ids[1].sys",
        ),
        ("/v1/accounts", r#"{"custom": {"score": {"numbr": "1"}}}"#, "account.custom.score.numbr"),
        ("/v1/accounts:batchCreate", r#"{"requests": [{"acount": {}}]}"#, "requests[0].acount"),
    ] {
        let answer = under.json("POST", path, body).await;
        assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (400, "FIELD_INVALID"), "{body}");
        assert_eq!(answer.violation(), field);
    }
    let answer = under.get("/v1/accounts?page_sise=3").await;
    assert_eq!((answer.status.as_u16(), answer.violation().as_str()), (400, "page_sise"));
}

#[tokio::test]
async fn values_that_do_not_fit_are_refused_by_name() {
    let under = Under::start().await;
    for (body, field) in [
        (r#"{"employee_count": "many"}"#, "account.employee_count"),
        (r#"{"employee_count": 1.5}"#, "account.employee_count"),
        (r#"{"employee_count": 99999999999}"#, "account.employee_count"),
        (r#"{"display_name": 7}"#, "account.display_name"),
        (r#"{"kind": "KIND_FRIEND"}"#, "account.kind"),
        (r#"{"tags": "vip"}"#, "account.tags"),
        (r#"{"tags": ["a", null]}"#, "account.tags[1]"),
        (r#"{"blocked": "true"}"#, "account.blocked"),
        (r#"{"claim_time": "yesterday"}"#, "account.claim_time"),
        (r#"{"claim_time": "2026-01-31"}"#, "account.claim_time"),
        (r#"{"display_name": "a", "displayName": "b"}"#, "account.display_name"),
        (r#"{"custom": {"a": {"text": "x"}, "a": {"text": "y"}}}"#, "account.custom.a"),
        (r#"{"custom": {"a": {"text": "x", "number": "1"}}}"#, "account.custom.a.number"),
        ("[]", "account"),
    ] {
        let answer = under.json("POST", "/v1/accounts", body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.violation().as_str()),
            (400, field),
            "{body}: {}",
            answer.text()
        );
    }
    for (query, field) in [
        ("page_size=x", "page_size"),
        ("page_size=1&pageSize=2", "page_size"),
        ("show_deleted=maybe", "show_deleted"),
        ("q=%ff", "q"),
    ] {
        let answer = under.get(&format!("/v1/accounts?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.violation().as_str()), (400, field), "{query}");
    }
}

#[tokio::test]
async fn each_field_has_one_place() {
    let under = Under::start().await;
    for (method, path, field) in [
        ("GET", "/v1/accounts/1?id=2", "id"),
        ("PATCH", "/v1/accounts/1?account.display_name=x", "account.display_name"),
        ("POST", "/v1/accounts/1:undelete?etag=x", "etag"),
    ] {
        let answer = under.call(request(method, path, "")).await;
        assert_eq!((answer.status.as_u16(), answer.violation().as_str()), (400, field), "{path}");
    }
}

#[tokio::test]
async fn bodies_must_be_json_where_one_is_taken() {
    let under = Under::start().await;
    let answer = under.json("POST", "/v1/accounts", "{\"display_name\": \"a\",\n  oops}").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("line 2, column 3"), "{}", answer.text());
    let answer = under.json("GET", "/v1/accounts/1", "{}").await;
    assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (400, "FIELD_INVALID"));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=gbk"] {
        let mut request = request("POST", "/v1/accounts", "{}");
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        let answer = under.call(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason().as_str()),
            (415, "MEDIA_TYPE_UNSUPPORTED"),
            "{kind}"
        );
    }
    let mut request = request("POST", "/v1/accounts", "{}");
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(under.call(request).await.status, 415);
}

#[tokio::test]
async fn unknown_paths_and_methods_say_what_exists() {
    let under = Under::start().await;
    for path in
        ["/v1/nothing", "/v1/accounts/", "/v1/accounts/1/2", "/v1/accounts/1:explode", "//", "/v2/accounts"]
    {
        let answer = under.call(request("PUT", path, "")).await;
        let refused = answer.status.as_u16();
        assert!(refused == 404 || (refused == 405 && path.ends_with("explode")), "{path}: {refused}");
    }
    let answer = under.get("/v1/nothing").await;
    assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (404, "ROUTE_NOT_FOUND"));
    let answer = under.call(request("PUT", "/v1/accounts/1", "")).await;
    assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (405, "METHOD_NOT_ALLOWED"));
    assert_eq!(answer.headers["allow"], "DELETE, GET, HEAD, PATCH");
}

#[tokio::test]
async fn deadlines_end_calls() {
    let under = Under::start().await;
    for (name, value) in [("x-timeout", "100ms"), ("grpc-timeout", "100m"), ("x-timeout", "0.1")] {
        let mut request = request("GET", "/v1/accounts/slow", "");
        request.headers_mut().insert(name, value.parse().unwrap());
        let answer = under.call(request).await;
        assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (504, "DEADLINE_EXCEEDED"), "{name}");
    }
    let mut request = request("GET", "/v1/accounts/1", "");
    request.headers_mut().insert("x-timeout", "soon".parse().unwrap());
    let answer = under.call(request).await;
    assert_eq!((answer.status.as_u16(), answer.violation().as_str()), (400, "x-timeout"));
}

#[tokio::test]
async fn a_service_that_is_down_is_unavailable() {
    let channel = crm_gateway::channel("http://127.0.0.1:1").unwrap();
    let backends = vec![crm_gateway::Backend::new("customer", channel)];
    let gateway = crm_gateway::Gateway::new(
        crm_gateway::contract().unwrap(),
        backends,
        crm_gateway::Settings::default(),
    )
    .unwrap();
    let under = Under::serve(gateway, crate::backend::Fake::default()).await;
    let answer = under.get("/v1/accounts/1").await;
    assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (503, "DEPENDENCY_UNAVAILABLE"));
    assert!(
        answer.headers.contains_key("retry-after") && !answer.text().contains("tcp"),
        "{}",
        answer.text()
    );
    let ready = under.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.json()["backends"]["customer"].clone()),
        (503, json!("UNREACHABLE"))
    );
    assert_eq!(under.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn the_service_of_an_event_stream_must_exist() {
    let under = Under::start().await;
    let answer = under.get("/v1/events/analytics").await;
    assert_eq!((answer.status.as_u16(), answer.violation().as_str()), (400, "service"));
}
