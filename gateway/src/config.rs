//! Settings: what an operator can turn, with defaults that suit a production installation.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use figment::{
    Figment,
    providers::{Env, Format as _, Toml},
};
use serde::{Deserialize, Deserializer, de::Error as _};

/// How the gateway behaves. Durations read `30s`, `500ms`, `5m` or a number of seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Largest JSON body, and largest line of a streamed body, in bytes.
    pub json_body_limit: usize,
    /// Largest message taken from a service, in bytes.
    pub response_limit: usize,
    /// Largest header block, in bytes.
    pub header_limit: u32,
    /// Time for a connection to show its protocol and for a request's headers to arrive.
    #[serde(deserialize_with = "span")]
    pub header_timeout: Duration,
    /// Time for a JSON body to arrive whole, and longest pause within an uploaded file.
    #[serde(deserialize_with = "span")]
    pub body_timeout: Duration,
    /// Longest pause between the lines of a streamed request.
    #[serde(deserialize_with = "span")]
    pub stream_idle_timeout: Duration,
    /// Deadline of a unary call that states none.
    #[serde(deserialize_with = "span")]
    pub default_deadline: Duration,
    /// Pause after which an event stream gets a keep-alive comment.
    #[serde(deserialize_with = "span")]
    pub sse_keep_alive: Duration,
    /// Connections open at once; more are closed at once.
    pub max_connections: usize,
    /// Requests in flight on one HTTP/2 connection.
    pub max_concurrent_streams: u32,
    /// Pause after which an HTTP/2 connection is pinged, and the time the answer may take.
    #[serde(deserialize_with = "span")]
    pub keep_alive: Duration,
    /// A connection without a request in flight is closed after this long.
    #[serde(deserialize_with = "span")]
    pub idle_timeout: Duration,
    /// A connection whose peer takes nothing of an answer that lies ready is closed after this long.
    #[serde(deserialize_with = "span")]
    pub stall_timeout: Duration,
    /// Requests per second that one caller may send on average; 0 turns the limit off.
    pub rate_per_second: u32,
    /// Requests that one caller may send at once.
    pub rate_burst: u32,
    /// Whether the last address in `x-forwarded-for` is the caller's: only behind a proxy that sets it.
    pub trust_forwarded_for: bool,
    /// Origins whose pages may call; `*` means any. None by default.
    pub cors_origins: Vec<String>,
    /// Time that requests in flight get when the gateway stops.
    #[serde(deserialize_with = "span")]
    pub drain_timeout: Duration,
    /// Backend of the packages that several services mount, such as `crm.event.v1`, over gRPC when the metadata `crm-service` is absent.
    pub default_service: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            json_body_limit: 4 << 20,
            response_limit: 64 << 20,
            header_limit: 32 << 10,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            stream_idle_timeout: Duration::from_mins(5),
            default_deadline: Duration::from_secs(30),
            sse_keep_alive: Duration::from_secs(15),
            max_connections: 10_000,
            max_concurrent_streams: 256,
            keep_alive: Duration::from_secs(20),
            idle_timeout: Duration::from_mins(5),
            stall_timeout: Duration::from_mins(1),
            rate_per_second: 200,
            rate_burst: 400,
            trust_forwarded_for: false,
            cors_origins: Vec::new(),
            drain_timeout: Duration::from_secs(20),
            default_service: "customer".to_owned(),
        }
    }
}

/// Configuration of the binary.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    /// Address to listen on.
    #[serde(default = "any_8080")]
    pub listen: SocketAddr,
    /// Address of each service by name, for example `customer = "http://customer:50051"`. Service `x` serves the package `crm.x.v1`.
    #[serde(default)]
    pub backends: BTreeMap<String, String>,
    /// Log filter, as `tracing` reads it.
    #[serde(default = "info")]
    pub log: String,
    #[serde(flatten)]
    pub settings: Settings,
}

impl Config {
    /// Reads `CRM_GATEWAY_..` variables over the file that `CRM_GATEWAY_CONFIG` names (default `gateway.toml`, which may be absent).
    pub fn load() -> Result<Self, Box<figment::Error>> {
        let file = std::env::var("CRM_GATEWAY_CONFIG").unwrap_or_else(|_| "gateway.toml".to_owned());
        Figment::new()
            .merge(Toml::file(file))
            .merge(Env::prefixed("CRM_GATEWAY_").split("__"))
            .extract()
            .map_err(Box::new)
    }
}

fn any_8080() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 8080))
}

fn info() -> String {
    "info".to_owned()
}

/// Reads `2`, `2s`, `1.5s`, `500ms`, `5m` or `1h`.
pub fn parse_span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let scale = match &text[split..] {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = text[..split].parse().ok()?;
    Duration::try_from_secs_f64(number * scale).ok().filter(|span| *span <= Duration::from_hours(24))
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Span {
        Seconds(f64),
        Text(String),
    }
    let text = match Span::deserialize(deserializer)? {
        Span::Seconds(seconds) => seconds.to_string(),
        Span::Text(text) => text,
    };
    parse_span(&text)
        .ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration such as 30s or 500ms")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(parse_span("2"), Some(Duration::from_secs(2)));
        assert_eq!(parse_span("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_span("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_span("5m"), Some(Duration::from_mins(5)));
        for text in ["", "s", "-1", "2 parsecs", "NaN", "inf", "1e99"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
    }
}
