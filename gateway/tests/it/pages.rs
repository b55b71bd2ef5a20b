//! Health, metrics, the OpenAPI document and the pages.

use std::collections::HashSet;

use serde_json::Value;

use crate::client::Under;

#[tokio::test]
async fn probes_and_metrics_answer() {
    let under = Under::start().await;
    assert_eq!(under.get("/healthz").await.json()["status"], "SERVING");
    let ready = under.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.json()["backends"]["customer"].clone()),
        (200, "SERVING".into())
    );
    assert_eq!(under.get("/metrics").await.text(), "metric 1\n");
    let index = under.get("/").await.json();
    for (_, link) in index["links"].as_object().unwrap() {
        assert_eq!(under.get(link.as_str().unwrap()).await.status, 200, "{link}");
    }
}

#[tokio::test]
async fn the_documentation_page_needs_nothing_from_elsewhere() {
    let under = Under::start().await;
    let page = under.get("/docs").await;
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(
        !page.text().contains("http://")
            && !page.text().contains("https://")
            && !page.text().contains("onclick")
    );
    for asset in ["/docs/docs.js", "/docs/docs.css"] {
        assert!(page.text().contains(asset));
        let asset = under.get(asset).await;
        assert!(asset.status == 200 && asset.body.len() > 500 && !asset.text().contains("innerHTML"));
    }
}

fn references(value: &Value, found: &mut HashSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get("$ref") {
                found.insert(reference.clone());
            }
            object.values().for_each(|inner| references(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_openapi_document_is_whole() {
    let under = Under::start().await;
    let document = under.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = HashSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        assert!(
            document.pointer(reference.strip_prefix('#').unwrap()).is_some_and(|at| !at.is_null()),
            "{reference}"
        );
    }
    let mut ids = HashSet::new();
    let mut methods = HashSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            assert!(["get", "put", "post", "patch", "delete"].contains(&verb.as_str()));
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path} has no summary");
            assert!(!operation["x-permission"].as_str().unwrap().is_empty(), "{path} has no permission");
            assert!(operation["responses"]["200"]["content"].is_object());
            methods.insert(operation["x-grpc-method"].as_str().unwrap().to_owned());
            check_parameters(path, operation);
        }
    }
    for service in crm_proto::pool().services() {
        let mounted = ["crm.customer.v1", "crm.event.v1", "crm.record.v1"].contains(&service.package_name());
        for method in service.methods().filter(|_| mounted) {
            let name = format!("/{}/{}", service.full_name(), method.name());
            assert!(methods.contains(&name), "{name} is missing");
        }
    }
}

/// Every `{variable}` of the path is declared, once, and nothing else is.
fn check_parameters(path: &str, operation: &Value) {
    let declared: Vec<&str> = operation["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|parameter| parameter["in"] == "path")
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    let used: Vec<&str> = path.split('{').skip(1).map(|part| part.split('}').next().unwrap()).collect();
    assert_eq!(declared, used, "{path}");
}

#[tokio::test]
async fn the_openapi_document_says_what_the_contract_says() {
    let under = Under::start().await;
    let document = under.get("/openapi.json").await.json();
    let account = &document["components"]["schemas"]["crm.customer.v1.Account"];
    assert!(account["description"].as_str().unwrap().starts_with("A company"));
    assert_eq!(account["properties"]["id"]["readOnly"], true);
    assert_eq!(account["properties"]["display_name"]["maxLength"], 200);
    assert_eq!(account["properties"]["display_name"]["x-label"]["zh"], "客户名称");
    assert_eq!(account["properties"]["phone"]["x-sensitivity"], "PHONE");
    assert_eq!(account["properties"]["tags"]["maxItems"], 50);
    assert_eq!(account["properties"]["tags"]["items"]["maxLength"], 50);
    assert_eq!(account["properties"]["employee_count"]["maximum"], 100_000_000);
    assert!(account["required"].as_array().unwrap().contains(&"display_name".into()));
    let create = &document["paths"]["/v1/accounts"]["post"];
    assert_eq!(create["x-permission"], "customer.accounts.create");
    assert!(create["responses"]["409"]["description"].as_str().unwrap().contains("EXTERNAL_ID_TAKEN"));
    let keyed = |operation: &Value| operation["parameters"].to_string().contains("IdempotencyKey");
    assert!(keyed(create) && !keyed(&document["paths"]["/v1/accounts/{id}"]["get"]));
    let upload = &document["paths"]["/v1/{service}/importJobs/{id}:upload"]["post"];
    assert!(upload["requestBody"]["content"]["application/octet-stream"].is_object());
    let events = &document["paths"]["/v1/events/{service}"]["get"];
    assert!(events["responses"]["200"]["content"]["text/event-stream"].is_object());
}

#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn one_line_and_one_count_per_request_and_nothing_private_in_them() {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().unwrap();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let under = Under::start().await;
    let mut asked = crate::client::request("GET", "/v1/accounts/id-4711?id=hush", "");
    asked.headers_mut().insert("authorization", "Bearer hush".parse().unwrap());
    asked.headers_mut().insert("x-request-id", "req-77".parse().unwrap());
    under.call(asked).await;
    under.get("/v1/events/customer?collections=broken").await;
    let lines = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    crate::client::eventually(|| lines().contains("/v1/events/{service}")).await;
    let text = lines();
    let line: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["target"] == "crm_gateway::request")
        .collect();
    assert_eq!(line[0]["fields"]["route"], "/v1/accounts/{id}");
    assert_eq!(line[0]["fields"]["status"], 400);
    assert_eq!(line[0]["fields"]["request_id"], "req-77");
    assert_eq!(line[0]["fields"]["caller"].as_str().unwrap().len(), 16);
    assert_eq!(line[1]["fields"]["code"], "NOT_FOUND", "a stream is logged with its end");
    let printed = metrics.render();
    assert!(printed.contains(r#"route="/v1/accounts/{id}""#), "{printed}");
    for secret in ["hush", "4711"] {
        assert!(!text.contains(secret) && !printed.contains(secret), "{secret}");
    }
}
