//! All processes of the suite, put together as an operator would: settings in the environment, nothing shared but addresses.

use std::{collections::BTreeMap, net::TcpListener, time::Duration};

use crm_testkit::{Database, callers::Bearer};
use serde_json::json;
use sqlx::{ConnectOptions as _, PgConnection, migrate::Migrator};
use tonic::{
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use super::{
    rest::Rest,
    running::{Running, until},
};

/// Every service with its migrations; a new one is a line here. Its binary is `crm-<name>`, its settings are `CRM_<NAME>__..`.
const SERVICES: [(&str, &[&Migrator]); 3] = [
    ("platform", &crm_platform::MIGRATIONS),
    ("sales", &crm_sales::MIGRATIONS),
    ("customer", &crm_customer::MIGRATIONS),
];

const OPERATOR_KEY: &str = "operator-key-of-the-process-tests-only";
/// 32 bytes in base64.
const SECRET_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PASSWORD: &str = "a-password-of-my-own";

/// The running suite.
pub struct Suite {
    pub services: BTreeMap<&'static str, Service>,
    pub gateway: Running,
    /// At the gateway, without a credential.
    pub rest: Rest,
}

/// One service's process, and what it needs to be started again.
pub struct Service {
    pub process: Running,
    database: Database,
    variables: Vec<(String, String)>,
}

impl Suite {
    /// Starts everything; a service's requests get this many seconds when it stops.
    pub async fn start(drain_seconds: u64) -> Self {
        let mut services = BTreeMap::new();
        let mut backends = Vec::new();
        // Customer and sales know each other, so the address of the later one is chosen before.
        let later = free_address();
        let mut near = vec![("CUSTOMER".to_owned(), format!("http://{later}"))];
        for (name, migrations) in SERVICES {
            let listen = if name == "customer" { &later } else { "127.0.0.1:0" };
            let service = Service::start((name, listen), migrations, &near, drain_seconds).await;
            let url = format!("http://{}", service.process.address);
            backends.push((format!("CRM_GATEWAY_BACKENDS__{}", name.to_uppercase()), url.clone()));
            if name != "customer" {
                near.push((name.to_uppercase(), url));
            }
            services.insert(name, service);
        }
        let own = [("CRM_GATEWAY_LISTEN", "127.0.0.1:0"), ("CRM_GATEWAY_RATE_PER_SECOND", "0")];
        backends.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let gateway = Running::start("gateway", &backends).await;
        let rest = Rest::new(&gateway.address);
        until("every service answers", || async { rest.get("/readyz").await.status == 200 }).await;
        Self { services, gateway, rest }
    }

    pub fn service(&mut self, name: &str) -> &mut Service {
        self.services.get_mut(name).unwrap()
    }

    /// A tenant made by the operator, and its administrator, signed in under a password of its own.
    pub async fn administrator(&self, slug: &str) -> Rest {
        let operator = self.rest.with_token(OPERATOR_KEY);
        let body = json!({"tenant": {"slug": slug, "display_name": slug}});
        let made = operator.post("/v1/tenants", &body).await.ok();
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        let (username, first) = (text("administrator_username"), text("first_password"));
        let newcomer = self.rest.sign_in(slug, &username, &first).await;
        let change = json!({"old_password": first, "new_password": PASSWORD});
        newcomer.post("/v1/users/me:changePassword", &change).await.ok();
        self.rest.sign_in(slug, &username, PASSWORD).await
    }
}

impl Service {
    async fn start(
        (name, listen): (&str, &str),
        migrations: &[&Migrator],
        near: &[(String, String)],
        drain_seconds: u64,
    ) -> Self {
        let database = Database::new(name, migrations).await;
        let url = |options: &sqlx::postgres::PgConnectOptions| options.to_url_lossy().to_string();
        let mut settings = vec![
            ("LISTEN", listen.to_owned()),
            ("METRICS_LISTEN", "127.0.0.1:0".to_owned()),
            ("DATABASE_URL", url(&database.service)),
            ("OWNER_DATABASE_URL", url(&database.owner)),
            ("DATABASE_CONNECTIONS", "8".to_owned()),
            ("CURSOR_SECRET", "cursors of the process tests".to_owned()),
            ("INTERNAL_SECRET", "a secret that the services of the process tests share".to_owned()),
            ("LIMITS__DRAIN_SECONDS", drain_seconds.to_string()),
        ];
        if name == "platform" {
            settings.push(("SECURITY__SECRET_KEY", SECRET_KEY.to_owned()));
            settings.push(("SECURITY__OPERATOR_KEY", OPERATOR_KEY.to_owned()));
        } else {
            let others = near.iter().filter(|(other, _)| *other != name.to_uppercase());
            settings.extend(others.map(|(other, url)| (other.as_str(), url.clone())));
        }
        let prefix = format!("CRM_{}__", name.to_uppercase());
        let variables: Vec<_> =
            settings.into_iter().map(|(setting, value)| (format!("{prefix}{setting}"), value)).collect();
        let process = Running::start(name, &variables).await;
        Self { process, database, variables }
    }

    /// Starts the ended process again, at the same address.
    pub async fn restart(&mut self) {
        for (variable, value) in &mut self.variables {
            if variable.ends_with("__LISTEN") {
                value.clone_from(&self.process.address);
            }
        }
        self.process = Running::start(&self.process.name.clone(), &self.variables).await;
    }

    /// A channel straight to the process, with the credential of `caller`.
    pub fn channel(&self, caller: &Rest) -> InterceptedService<Channel, Bearer> {
        Bearer::new(caller.token()).on(&self.endpoint().connect_lazy())
    }

    pub fn endpoint(&self) -> Endpoint {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.process.address)).unwrap();
        endpoint.connect_timeout(Duration::from_secs(5))
    }

    /// A connection to its database that no policy binds.
    pub async fn look(&self) -> PgConnection {
        self.database.look().await
    }
}

/// An address that nobody listens at.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
