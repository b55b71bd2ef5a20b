//! The suite of one test: platform, customer and sales with their production wiring, joined in memory, each on a database of its own.

use std::sync::Arc;

use crm_kit_api::clock::Clock;
use crm_kit_rpc::{auth::RemoteAccess, client, server::Limits};
use crm_platform::{
    app::App,
    bootstrap::{FirstTenant, bootstrap},
    config::Security,
};
use crm_proto::crm::platform::v1::{
    ChangePasswordRequest, CreateSessionRequest, SessionTokens, session_service_client::SessionServiceClient,
    user_service_client::UserServiceClient,
};
use crm_testkit::{Database, callers::Bearer};
use secrecy::ExposeSecret as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::Channel;

/// The services, running.
pub struct Suite {
    pub platform: Channel,
    pub customer: Channel,
    pub sales: Channel,
    pub followers: crm_kit_pg::follow::Followers,
    pub customer_database: Database,
    platform_db: crm_kit_pg::Db,
    clock: Clock,
    _shutdown: tokio_util::sync::DropGuard,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub token: String,
}

impl Suite {
    pub async fn new() -> Self {
        let platform_database = Database::new("platform", &crm_platform::MIGRATIONS).await;
        let customer_database = Database::new("customer", &crm_customer::MIGRATIONS).await;
        let sales_database = Database::new("sales", &crm_sales::MIGRATIONS).await;
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let clock = Clock::system();
        let platform_db = platform_database.db();
        // 32 bytes in base64.
        let secret_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned().into();
        let app = App::build(crm_platform::app::Parts {
            db: platform_db.clone(),
            peers: crm_testkit::peers(crm_platform::app::NAME, &clock),
            clock: clock.clone(),
            security: Security { secret_key, ..Security::default() },
            cursor_secret: b"suite".to_vec(),
            limits: Limits::default(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        })
        .await
        .unwrap();
        let platform = client::join(app.server, &tasks, shutdown.clone());
        let peers = crm_testkit::peers(crm_customer::app::NAME, &clock)
            .with(crm_platform::app::NAME, platform.clone());
        let followers = crm_kit_pg::follow::Followers::default();
        let customer = crm_customer::app::build(crm_customer::app::Parts {
            db: customer_database.db(),
            authenticator: Arc::new(RemoteAccess::new(platform.clone(), clock.clone(), peers.clone())),
            peers,
            followers: followers.clone(),
            clock: clock.clone(),
            cursor_secret: b"suite".to_vec(),
            limits: Limits::default(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        })
        .await
        .unwrap();
        let customer = client::join(customer, &tasks, shutdown.clone());
        let peers = crm_testkit::peers(crm_sales::app::NAME, &clock)
            .with(crm_platform::app::NAME, platform.clone())
            .with(crm_customer::app::NAME, customer.clone());
        let sales = crm_sales::app::build(crm_sales::app::Parts {
            db: sales_database.db(),
            authenticator: Arc::new(RemoteAccess::new(platform.clone(), clock.clone(), peers.clone())),
            peers,
            followers: followers.clone(),
            clock: clock.clone(),
            cursor_secret: b"suite".to_vec(),
            limits: Limits::default(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        })
        .await
        .unwrap();
        let sales = client::join(sales, &tasks, shutdown.clone());
        Self {
            platform,
            customer,
            sales,
            followers,
            customer_database,
            platform_db,
            clock,
            _shutdown: shutdown.drop_guard(),
        }
    }

    /// A tenant with its administrator, signed in under a password of its own.
    pub async fn tenant(&self, slug: &str) -> SignedIn {
        let first = FirstTenant {
            slug: slug.to_owned(),
            display_name: format!("{slug} company"),
            region_code: String::new(),
            time_zone: String::new(),
            currency_code: String::new(),
            language_code: String::new(),
        };
        let sign_in = bootstrap(&self.platform_db, &self.clock, first).await.unwrap().unwrap();
        let old_password = sign_in.password.expose_secret().to_owned();
        let tokens = self.sign_in(slug, &sign_in.username, &old_password).await;
        let mut users = UserServiceClient::new(Bearer::new(&tokens.access_token).on(&self.platform));
        let new_password = "a-password-of-my-own".to_owned();
        let request = ChangePasswordRequest { old_password, new_password: new_password.clone() };
        users.change_password(request).await.unwrap();
        let tokens = self.sign_in(slug, &sign_in.username, &new_password).await;
        SignedIn { token: tokens.access_token }
    }

    pub async fn sign_in(&self, tenant: &str, username: &str, password: &str) -> SessionTokens {
        let request = CreateSessionRequest {
            tenant: tenant.to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
        };
        SessionServiceClient::new(self.platform.clone()).create_session(request).await.unwrap().into_inner()
    }

    /// The channel of the service that a method belongs to.
    pub fn channel_of(&self, method: &str) -> &Channel {
        match method {
            _ if method.starts_with("/crm.platform.") => &self.platform,
            _ if method.starts_with("/crm.sales.") => &self.sales,
            _ => &self.customer,
        }
    }
}
