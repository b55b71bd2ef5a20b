//! The suite of one test: platform, customer and sales with their production wiring, joined in memory, each on a database of its own.

use std::{net::SocketAddr, sync::Arc};

use crm_kit_api::clock::Clock;
use crm_kit_rpc::{
    auth::RemoteAccess,
    client,
    server::{Limits, Server},
};
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
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::Channel;

use crate::line::Line;

/// The services, running.
pub struct Suite {
    pub platform: Channel,
    pub customer: Channel,
    pub sales: Channel,
    pub followers: crm_kit_pg::follow::Followers,
    pub customer_database: Database,
    pub sales_database: Database,
    /// Between customer and sales.
    pub line: Line,
    pub clock: Clock,
    platform_db: crm_kit_pg::Db,
    _shutdown: tokio_util::sync::DropGuard,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub token: String,
}

impl Suite {
    pub async fn new() -> Self {
        Box::pin(Self::joined(Clock::system(), None)).await
    }

    /// A suite whose customer service finds `sales` where the sales service should be.
    pub async fn with_sales_at(sales: Channel) -> Self {
        Box::pin(Self::joined(Clock::system(), Some(sales))).await
    }

    /// A suite whose time a test may set.
    pub async fn at(clock: Clock) -> Self {
        Box::pin(Self::joined(clock, None)).await
    }

    async fn joined(clock: Clock, sales_for_customer: Option<Channel>) -> Self {
        let platform_database = Database::new("platform", &crm_platform::MIGRATIONS).await;
        let customer_database = Database::new("customer", &crm_customer::MIGRATIONS).await;
        let sales_database = Database::new("sales", &crm_sales::MIGRATIONS).await;
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
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
        let followers = crm_kit_pg::follow::Followers::default();
        // Customer and sales ask each other.
        let (customer, door) = client::door();
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
        let (address, sales) = served(sales, &tasks, shutdown.clone()).await;
        let line = Line::to(address).await;
        let by_line = client::connect(&format!("http://{}", line.address)).unwrap();
        let sales_for_customer = sales_for_customer.unwrap_or(by_line);
        let peers = crm_testkit::peers(crm_customer::app::NAME, &clock)
            .with(crm_platform::app::NAME, platform.clone())
            .with(crm_sales::app::NAME, sales_for_customer);
        let built = crm_customer::app::build(crm_customer::app::Parts {
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
        door.open(built, &tasks, shutdown.clone());
        Self {
            platform,
            customer,
            sales,
            followers,
            customer_database,
            sales_database,
            line,
            clock,
            platform_db,
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
        self.person(slug, &sign_in.username, sign_in.password.expose_secret()).await
    }

    /// A user who signs in with its first password and chooses one of its own.
    pub async fn person(&self, slug: &str, username: &str, first_password: &str) -> SignedIn {
        let tokens = self.sign_in(slug, username, first_password).await;
        let mut users = UserServiceClient::new(Bearer::new(&tokens.access_token).on(&self.platform));
        let (old_password, new_password) = (first_password.to_owned(), "a-password-of-my-own".to_owned());
        let request = ChangePasswordRequest { old_password, new_password: new_password.clone() };
        users.change_password(request).await.unwrap();
        let tokens = self.sign_in(slug, username, &new_password).await;
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

/// Serves on a port; a line can be laid to it.
async fn served(server: Server, tasks: &TaskTracker, shutdown: CancellationToken) -> (SocketAddr, Channel) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = futures::stream::unfold(listener, |listener| async move {
        let accepted = listener.accept().await.map(|(stream, _)| stream);
        Some((accepted, listener))
    });
    tasks.spawn(async move { server.serve_streams(Box::pin(incoming), shutdown).await.unwrap() });
    (address, client::connect(&format!("http://{address}")).unwrap())
}
