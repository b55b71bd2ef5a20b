//! REST calls to the gateway.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

/// A caller of the gateway.
#[derive(Clone)]
pub struct Rest {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    token: String,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The body of a call that succeeded.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Whether it says that a service cannot be reached, and nothing else.
    pub fn is_unavailable(&self) -> bool {
        self.status == 503 && self.body["error"]["status"] == json!("UNAVAILABLE")
    }
}

impl Rest {
    /// Calls `address` without a credential.
    pub fn new(address: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: format!("http://{address}"), token: String::new() }
    }

    /// The same with a credential.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &Value::Null, "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body, "").await
    }

    /// One call; a connection that breaks fails the test.
    pub async fn send(&self, method: Method, path: &str, body: &Value, key: &str) -> Answer {
        self.try_send(method, path, body, key).await.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// One call; fails when no whole answer comes.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        key: &str,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(Bytes::from(text))).unwrap();
        let response = self.client.request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    /// Signs in; the same caller with a token.
    pub async fn sign_in(&self, tenant: &str, username: &str, password: &str) -> Self {
        let body = json!({"tenant": tenant, "username": username, "password": password});
        let tokens = self.post("/v1/sessions", &body).await.ok();
        self.with_token(tokens["access_token"].as_str().unwrap())
    }
}
