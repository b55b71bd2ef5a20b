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
    pub database_url: SecretString,
    /// Database, as the owner of the tables, for migrations. Empty: migrations are run elsewhere.
    pub owner_database_url: SecretString,
    /// Most database connections.
    pub database_connections: u32,
    /// Secret of the deployment that seals event cursors. Every process of the service has the same one.
    pub cursor_secret: SecretString,
    /// Secret with which services prove to each other that they are of this installation: at least 32 bytes, the same in every service.
    /// Without it no other service can call this one in its own name or follow its events.
    pub internal_secret: SecretString,
    /// What decides who gets in.
    pub security: Security,
    /// Limits of the server.
    pub limits: Limits,
}

/// What decides who gets in.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Security {
    /// 32 random bytes in base64, under which signing keys are sealed in the database. Every process of the service has the same one; with
    /// another, new signing keys are made and access tokens in use have to be refreshed.
    pub secret_key: SecretString,
    /// Credential of the operator, who creates and suspends tenants: at least 32 characters. Unset: there is no operator.
    pub operator_key: Option<SecretString>,
    /// Whether the gateway's word about the network address of callers counts. Without it everybody behind the gateway shares one limit of
    /// failed sign-ins; with it a caller that reaches the service directly can evade that limit, though not the lock of a name.
    pub trust_client_ip: bool,
}

impl Default for Security {
    fn default() -> Self {
        Self { secret_key: SecretString::default(), operator_key: None, trust_client_ip: true }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:7001".to_owned(),
            metrics_listen: "0.0.0.0:9001".to_owned(),
            database_url: SecretString::default(),
            owner_database_url: SecretString::default(),
            database_connections: 24,
            cursor_secret: SecretString::default(),
            internal_secret: SecretString::default(),
            security: Security::default(),
            limits: Limits::default(),
        }
    }
}
