//! Settings of the service.

use crm_kit_rpc::server::Limits;
use secrecy::SecretString;
use serde::Deserialize;

/// Settings, each with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address to listen on.
    pub listen: String,
    /// Address of `/metrics` and `/livez`.
    pub metrics_listen: String,
    /// Database, as the role of daily work.
    pub database_url: String,
    /// Database, as the owner of the tables. With it the service runs the migrations at start; without it they are run elsewhere.
    pub owner_database_url: String,
    /// Most database connections.
    pub database_connections: u32,
    /// Address of the platform service.
    pub platform: String,
    /// Address of the customer service, whose merges deals follow and where imports find the accounts that their rows name. Empty: there is none.
    pub customer: String,
    /// Secret of the deployment that seals event cursors. Every process of the service has the same one.
    pub cursor_secret: String,
    /// Secret with which services prove to each other that they are of this installation: at least 32 bytes, the same in every service.
    pub internal_secret: SecretString,
    /// Limits of the server.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:7003".to_owned(),
            metrics_listen: "0.0.0.0:9003".to_owned(),
            database_url: String::new(),
            owner_database_url: String::new(),
            database_connections: 24,
            platform: "http://localhost:7001".to_owned(),
            customer: "http://localhost:7002".to_owned(),
            cursor_secret: String::new(),
            internal_secret: SecretString::default(),
            limits: Limits::default(),
        }
    }
}
