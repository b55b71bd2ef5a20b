//! A service that keeps records as a process of its own: what tells it from another one, its settings, and how it starts and ends.

use std::{collections::BTreeMap, sync::Arc};

use crm_kit_api::{Error, Result, clock::Clock};
use crm_kit_pg::{Db, db::PoolSettings, follow::Followers, migrate, outbox::Told};
use crm_kit_rpc::{
    auth::RemoteAccess,
    client, config,
    lifecycle::{self, Face},
    peer::Peers,
    server::{Limits, Server},
    telemetry::PrometheusHandle,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sqlx::{migrate::Migrator, postgres::PgConnectOptions};
use tokio_util::task::TaskTracker;

use super::Parts;

/// The service that knows credentials, rights and people, which every other one asks, and its address unless the settings say otherwise.
const PLATFORM: (&str, &str) = ("platform", "http://localhost:7001");

/// What tells one service from another.
#[derive(Debug)]
pub struct Service {
    /// Its name in addresses, log lines, settings and the gateway.
    pub name: &'static str,
    /// Its port, unless the settings say otherwise; metrics are 2000 above it.
    pub port: u16,
    /// The services it asks beside the platform, with their addresses unless the settings say otherwise.
    pub peers: &'static [(&'static str, &'static str)],
    /// Its migrations, run after the kit's.
    pub migrations: &'static [&'static Migrator],
    /// Collections of its own whose changes it tells.
    pub collections: &'static [Told],
}

/// Settings, each with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Address to listen on. Empty: the service's port on every interface.
    pub listen: String,
    /// Address of `/metrics` and `/livez`. Empty: 2000 above the service's port.
    pub metrics_listen: String,
    /// Database, as the role of daily work.
    pub database_url: SecretString,
    /// Database, as the owner of the tables. With it the service runs the migrations at start; without it they are run elsewhere.
    pub owner_database_url: SecretString,
    /// Most database connections.
    pub database_connections: u32,
    /// Secret of the deployment that seals event cursors. Every process of the service has the same one.
    pub cursor_secret: SecretString,
    /// Secret with which services prove to each other that they are of this installation: at least 32 bytes, the same in every service.
    pub internal_secret: SecretString,
    /// Limits of the server.
    pub limits: Limits,
    /// Addresses of other services, each under its name. Empty: there is none.
    #[serde(flatten)]
    pub peers: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: String::new(),
            metrics_listen: String::new(),
            database_url: SecretString::default(),
            owner_database_url: SecretString::default(),
            database_connections: 24,
            cursor_secret: SecretString::default(),
            internal_secret: SecretString::default(),
            limits: Limits::default(),
            peers: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// The settings of a service, from the file and the environment.
    pub fn load(service: &Service) -> Result<Self> {
        config::load::<Self>(service.name)?.complete(service)
    }

    /// With the service's own defaults. Fails for settings that the service does not have.
    fn complete(mut self, service: &Service) -> Result<Self> {
        let known = || std::iter::once(PLATFORM).chain(service.peers.iter().copied());
        if let Some(name) = self.peers.keys().find(|name| known().all(|(known, _)| known != *name)) {
            let message = format!("{name} is no setting of {}", service.name);
            return Err(Error::invalid_field(name, "SETTINGS_INVALID", message));
        }
        for (name, address) in known() {
            self.peers.entry(name.to_owned()).or_insert_with(|| address.to_owned());
        }
        for (listen, port) in
            [(&mut self.listen, service.port), (&mut self.metrics_listen, service.port + 2000)]
        {
            if listen.is_empty() {
                *listen = format!("0.0.0.0:{port}");
            }
        }
        Ok(self)
    }

    /// The other services, asked over the network.
    fn connect(&self, service: &Service, clock: Clock) -> Result<Peers> {
        let mut peers = Peers::new(service.name, &self.internal_secret, clock)?;
        for (name, _) in std::iter::once(&PLATFORM).chain(service.peers) {
            match self.peers.get(*name).map(String::as_str) {
                None | Some("") => {}
                Some(address) => peers = peers.with(name, client::connect(address)?),
            }
        }
        Ok(peers)
    }
}

/// Runs a service as a process of its own until a signal.
pub async fn run<B, F>(
    service: &Service,
    settings: Settings,
    metrics: PrometheusHandle,
    build: B,
) -> Result<()>
where
    B: FnOnce(Parts) -> F,
    F: Future<Output = Result<Server>>,
{
    let options = options("database_url", &settings.database_url)?;
    if !settings.owner_database_url.expose_secret().is_empty() {
        let owner = self::options("owner_database_url", &settings.owner_database_url)?;
        migrate::run(&owner, options.get_username(), service.migrations).await?;
    }
    let pool = PoolSettings { max_connections: settings.database_connections, ..PoolSettings::default() };
    let (tasks, clock) = (TaskTracker::new(), Clock::system());
    let shutdown = lifecycle::shutdown_on_signal(&tasks)?;
    let peers = settings.connect(service, clock.clone())?;
    let platform = client::connect(&settings.peers[PLATFORM.0])?;
    let server = build(Parts {
        db: Db::new(options, &pool),
        authenticator: Arc::new(RemoteAccess::new(platform, clock.clone(), peers.clone())),
        peers,
        followers: Followers::default(),
        clock,
        cursor_secret: settings.cursor_secret.expose_secret().as_bytes().to_vec(),
        limits: settings.limits,
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
    })
    .await?;
    let face = Face { listen: &settings.listen, metrics_listen: &settings.metrics_listen, metrics };
    lifecycle::run(server, face, tasks, shutdown).await
}

fn options(setting: &str, url: &SecretString) -> Result<PgConnectOptions> {
    // The error of the driver would show the URL, and the password in it.
    let parsed = url.expose_secret().parse();
    parsed.map_err(|_: sqlx::Error| {
        Error::invalid_field(setting, "SETTINGS_INVALID", "is not a PostgreSQL URL")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SERVICE: Service = Service {
        name: "sheds",
        port: 7009,
        peers: &[("barns", "http://localhost:7010"), ("mills", "http://localhost:7011")],
        migrations: &[],
        collections: &[],
    };

    fn settings(value: serde_json::Value) -> Result<Settings> {
        serde_json::from_value::<Settings>(value).unwrap().complete(&SERVICE)
    }

    #[test]
    fn settings_have_the_defaults_of_their_service() {
        let settings = settings(json!({
            "database_connections": 3, "limits": {"requests": 5}, "mills": "", "internal_secret": "s"
        }));
        let settings = settings.unwrap();
        assert_eq!((settings.listen.as_str(), settings.database_connections), ("0.0.0.0:7009", 3));
        assert_eq!(settings.metrics_listen, "0.0.0.0:9009");
        let addresses: Vec<&str> = settings.peers.values().map(String::as_str).collect();
        assert_eq!(addresses, ["http://localhost:7010", "", "http://localhost:7001"]);
        assert_eq!(settings.internal_secret.expose_secret(), "s");
    }

    #[test]
    fn settings_that_a_service_does_not_have_are_refused() {
        let error = settings(json!({"shops": "http://localhost:1"})).unwrap_err();
        assert_eq!((error.violations()[0].field.as_str(), error.reason()), ("shops", "FIELD_INVALID"));
    }
}
