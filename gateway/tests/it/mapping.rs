//! Every kind of HTTP mapping, and JSON both ways.

use serde_json::json;

use crate::client::{Under, request};

#[tokio::test]
async fn path_variables_fill_the_request_and_the_answer_shows_every_field() {
    let under = Under::start().await;
    let answer = under.get("/v1/accounts/a%20b%E5%AE%A2").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers["content-type"], "application/json");
    let account = answer.json();
    assert_eq!(account["id"], "a b客");
    assert_eq!(account["create_time"], "2026-01-01T00:00:00.500Z");
    assert_eq!(account["display_name"], "寰宇 \"Global\"\n");
    assert_eq!(account["kind"], "KIND_CUSTOMER");
    assert_eq!(account["level"], 99, "a value this contract does not know keeps its number");
    assert_eq!(account["life_cycle_stage"], "LIFE_CYCLE_STAGE_UNSPECIFIED");
    assert_eq!(
        account["annual_revenue"],
        json!({"currency_code": "CNY", "units": "9007199254740993", "nanos": -5})
    );
    assert_eq!(account["external_ids"], json!([{"system": "sap", "value": "7"}]));
    assert_eq!(account["custom"]["score"]["number"], "12.50");
    assert_eq!(account["custom"]["since"]["date"], json!({"year": 2026, "month": 1, "day": 31}));
    assert_eq!(account["custom"]["vip"]["boolean"], false);
    assert!(account["custom"]["vip"].get("number").is_none(), "the others of a oneof are not shown");
    assert_eq!(account["number"], "", "defaults are shown");
    assert_eq!(account["blocked"], false);
    assert!(account.get("update_time").is_none(), "unset messages are not");
    assert_eq!(account["billing_address"]["address_lines"], json!(["a", "b"]));
}

#[tokio::test]
async fn what_the_gateway_writes_it_reads_back() {
    let under = Under::start().await;
    let first = under.get("/v1/accounts/1").await;
    let second = under.json("POST", "/v1/accounts", first.text()).await;
    assert_eq!(second.status, 200, "{}", second.text());
    assert_eq!(first.json(), second.json());
}

#[tokio::test]
async fn query_parameters_take_both_spellings_and_every_kind() {
    let under = Under::start().await;
    let answer =
        under.get("/v1/accounts?page_size=7&orderBy=create_time+desc&q=%E5%8D%8E&showDeleted=true").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let echoed = answer.json();
    let token = echoed["next_page_token"].as_str().unwrap();
    for part in ["page_size: 7", "order_by: \"create_time desc\"", "q: \"华\"", "show_deleted: true"] {
        assert!(token.contains(part), "{part} in {token}");
    }
    assert_eq!(echoed["total_size"], "70000000000");
    let answer = under.get("/v1/accounts:batchGet?ids=a&ids=b&ids=a").await;
    let ids: Vec<_> =
        answer.json()["accounts"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, ["a", "b", "a"]);
}

#[tokio::test]
async fn a_field_mask_stands_in_the_query_and_the_id_in_the_path() {
    let under = Under::start().await;
    let body =
        r#"{"displayName": "New", "employee_count": "12", "kind": 2, "custom": {"a": {"number": "1"}}}"#;
    let answer =
        under.json("PATCH", "/v1/accounts/77?update_mask=displayName,custom.a_b,owner_id", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let account = answer.json();
    assert_eq!(account["id"], "77");
    assert_eq!(account["employee_count"], 12);
    assert_eq!(account["kind"], "KIND_PARTNER");
    assert_eq!(account["description"], "display_name|custom.a_b|owner_id");
}

#[tokio::test]
async fn an_id_in_path_and_body_must_agree() {
    let under = Under::start().await;
    let same = under.json("PATCH", "/v1/accounts/77", r#"{"id": "77"}"#).await;
    assert_eq!(same.status, 200, "{}", same.text());
    let other = under.json("PATCH", "/v1/accounts/77", r#"{"id": "78"}"#).await;
    assert_eq!((other.status.as_u16(), other.violation().as_str()), (400, "account.id"));
    let other = under.json("POST", "/v1/accounts/1:undelete", r#"{"id": "2"}"#).await;
    assert_eq!((other.status.as_u16(), other.violation().as_str()), (400, "id"));
}

#[tokio::test]
async fn custom_verbs_take_a_body_or_none() {
    let under = Under::start().await;
    let answer = under.json("POST", "/v1/accounts/1:undelete", r#"{"etag": "x"}"#).await;
    assert_eq!((answer.json()["id"].clone(), answer.json()["etag"].clone()), (json!("1"), json!("x")));
    let answer = under.call(request("POST", "/v1/accounts/1:undelete", "")).await;
    assert_eq!(answer.json()["id"], "1");
    let mut form = request("POST", "/v1/accounts/1:undelete", "");
    form.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    assert_eq!(under.call(form).await.status, 200, "no body may be called anything");
    let answer = under.call(request("DELETE", "/v1/accounts/9?etag=y", "")).await;
    assert_eq!((answer.json()["id"].clone(), answer.json()["etag"].clone()), (json!("9"), json!("y")));
    let body = r#"{"requests": [{"account": {"display_name": "a"}}, {"account": {"display_name": "b"}}]}"#;
    let answer = under.json("POST", "/v1/accounts:batchCreate", body).await;
    assert_eq!(answer.json()["accounts"][1]["display_name"], "b");
}

#[tokio::test]
async fn http2_with_prior_knowledge_works_on_the_same_port() {
    let under = Under::start().await;
    let mut request = request("GET", &format!("http://{}/v1/accounts/1", under.address), "");
    request.headers_mut().remove("host");
    let response = under.send_http2(request).await;
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
}

#[tokio::test]
async fn headers_are_carried_and_internal_ones_are_not() {
    let under = Under::start().await;
    let mut request = request("GET", "/v1/accounts/1", "");
    for (name, value) in [
        ("authorization", "Bearer t"),
        ("idempotency-key", "k"),
        ("crm-override", "customer.duplicates.override"),
        ("x-request-id", "req-1"),
        ("accept-language", "zh-CN"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-timeout", "2s"),
        ("x-crm-client-ip", "6.6.6.6"),
        ("x-crm-tenant", "evil"),
        ("grpc-status", "0"),
        ("cookie", "a=b"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = under.call(request).await;
    assert_eq!(answer.headers["x-request-id"], "req-1");
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert!(!answer.headers.contains_key("x-internal"));
    let seen = under.fake.last();
    let text = |name: &str| seen.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(text("authorization").as_deref(), Some("Bearer t"));
    assert_eq!(text("idempotency-key").as_deref(), Some("k"));
    assert_eq!(text("crm-override").as_deref(), Some("customer.duplicates.override"));
    assert_eq!(text("x-request-id").as_deref(), Some("req-1"));
    assert_eq!(text("accept-language").as_deref(), Some("zh-CN"));
    assert!(text("traceparent").is_some() && text("grpc-timeout").is_some());
    assert_eq!(text("x-crm-client-ip").as_deref(), Some("127.0.0.1"));
    assert_eq!((text("x-crm-tenant"), text("grpc-status"), text("cookie")), (None, None, None));
    let answer = under.get("/v1/accounts/1").await;
    assert_eq!(answer.headers["x-request-id"].len(), 36, "made when absent");
}
