//! A whole platform service in memory with one tenant, whose administrator has signed in.

use chrono::{DateTime, TimeDelta};
use crm_kit_api::clock::Clock;
use crm_kit_rpc::{client, server::Limits};
use crm_platform::{
    App, FirstSignIn, MIGRATIONS,
    app::Parts,
    bootstrap::{FirstTenant, bootstrap},
    config::Security,
};
use crm_proto::crm::platform::v1::{
    ChangePasswordRequest, CreateRoleRequest, CreateSessionRequest, CreateUserRequest, ListRolesRequest,
    Role, SessionTokens, User, access_service_client::AccessServiceClient,
    api_key_service_client::ApiKeyServiceClient, department_service_client::DepartmentServiceClient,
    role_service_client::RoleServiceClient, session_service_client::SessionServiceClient,
    signing_key_service_client::SigningKeyServiceClient, tenant_service_client::TenantServiceClient,
    user_service_client::UserServiceClient,
};
use crm_testkit::{Database, callers::Bearer};
use secrecy::ExposeSecret as _;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tonic::{Status, service::interceptor::InterceptedService, transport::Channel};

pub const OPERATOR_KEY: &str = "operator-key-of-the-tests-0123456789abcdef";
pub const PASSWORD: &str = "correct horse battery";

pub type Wire = InterceptedService<Channel, Bearer>;

/// The service and its first tenant `acme`.
pub struct World {
    pub channel: Channel,
    pub database: Database,
    pub clock: Clock,
    /// Access token of the administrator, who has chosen [`PASSWORD`].
    pub admin: String,
    pub admin_id: String,
    pub first: FirstSignIn,
    _shutdown: DropGuard,
}

/// A user of a test.
pub struct Person {
    pub user: User,
    pub token: String,
    pub tokens: SessionTokens,
}

impl World {
    pub async fn new() -> Self {
        let database = Database::new("platform", &MIGRATIONS).await;
        let clock = Clock::fixed(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let first = FirstTenant {
            slug: "acme".into(),
            display_name: "Acme".into(),
            region_code: String::new(),
            time_zone: String::new(),
            currency_code: String::new(),
            language_code: "en".into(),
        };
        let first = bootstrap(&database.db(), &clock, first).await.unwrap().unwrap();
        let (channel, shutdown) = serve(&database, &clock).await;
        let mut world = Self {
            channel,
            database,
            clock,
            admin: String::new(),
            admin_id: String::new(),
            first: first.clone(),
            _shutdown: shutdown.drop_guard(),
        };
        let tokens = world.sign_in("acme", &first.username, first.password.expose_secret()).await.unwrap();
        assert!(tokens.password_change_required);
        let tokens = world.choose_password(&tokens.access_token, first.password.expose_secret()).await;
        world.admin_id = tokens.session.unwrap().user_id;
        world.admin = tokens.access_token;
        world
    }

    /// Another process of the service over the same database.
    pub async fn another(&self) -> Self {
        let (channel, shutdown) = serve(&self.database, &self.clock).await;
        Self {
            channel,
            database: self.database.clone(),
            clock: self.clock.clone(),
            admin: self.admin.clone(),
            admin_id: self.admin_id.clone(),
            first: self.first.clone(),
            _shutdown: shutdown.drop_guard(),
        }
    }

    fn on(&self, token: &str) -> Wire {
        Bearer::new(token).on(&self.channel)
    }

    pub fn users(&self, token: &str) -> UserServiceClient<Wire> {
        UserServiceClient::new(self.on(token))
    }

    pub fn roles(&self, token: &str) -> RoleServiceClient<Wire> {
        RoleServiceClient::new(self.on(token))
    }

    pub fn departments(&self, token: &str) -> DepartmentServiceClient<Wire> {
        DepartmentServiceClient::new(self.on(token))
    }

    pub fn tenants(&self, token: &str) -> TenantServiceClient<Wire> {
        TenantServiceClient::new(self.on(token))
    }

    pub fn api_keys(&self, token: &str) -> ApiKeyServiceClient<Wire> {
        ApiKeyServiceClient::new(self.on(token))
    }

    pub fn access(&self, token: &str) -> AccessServiceClient<Wire> {
        AccessServiceClient::new(self.on(token))
    }

    pub fn sessions(&self, token: &str) -> SessionServiceClient<Wire> {
        SessionServiceClient::new(self.on(token))
    }

    pub fn signing_keys(&self) -> SigningKeyServiceClient<Channel> {
        SigningKeyServiceClient::new(self.channel.clone())
    }

    pub fn nobody(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
    }

    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    pub async fn sign_in(
        &self,
        tenant: &str,
        username: &str,
        password: &str,
    ) -> Result<SessionTokens, Status> {
        let request = CreateSessionRequest {
            tenant: tenant.into(),
            username: username.into(),
            password: password.into(),
        };
        Ok(self.nobody().create_session(request).await?.into_inner())
    }

    pub async fn choose_password(&self, token: &str, old_password: &str) -> SessionTokens {
        let request =
            ChangePasswordRequest { old_password: old_password.into(), new_password: PASSWORD.into() };
        self.users(token).change_password(request).await.unwrap().into_inner()
    }

    /// Id of a built-in role.
    pub async fn built_in(&self, key: &str) -> String {
        let roles =
            self.roles(&self.admin).list_roles(ListRolesRequest::default()).await.unwrap().into_inner().roles;
        roles.into_iter().find(|role| role.built_in == key).unwrap().id
    }

    /// A role of the tenant's own.
    pub async fn role(&self, role: Role) -> String {
        let request = CreateRoleRequest { role: Some(role) };
        self.roles(&self.admin).create_role(request).await.unwrap().into_inner().id
    }

    pub async fn create_user(&self, user: User) -> User {
        let request = CreateUserRequest { user: Some(user) };
        self.users(&self.admin).create_user(request).await.unwrap().into_inner()
    }

    /// A user who has signed in and chosen [`PASSWORD`].
    pub async fn person(&self, user: User) -> Person {
        let user = self.create_user(user).await;
        let tokens = self.sign_in("acme", &user.username, &user.first_password).await.unwrap();
        let tokens = self.choose_password(&tokens.access_token, &user.first_password).await;
        Person { user, token: tokens.access_token.clone(), tokens }
    }
}

/// A user to create.
pub fn named(username: &str, role_ids: &[&str]) -> User {
    User {
        username: username.into(),
        display_name: username.into(),
        role_ids: role_ids.iter().map(|id| (*id).to_owned()).collect(),
        ..User::default()
    }
}

async fn serve(database: &Database, clock: &Clock) -> (Channel, CancellationToken) {
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let security = Security {
        secret_key: "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".to_owned().into(),
        operator_key: Some(OPERATOR_KEY.to_owned().into()),
        trust_client_ip: true,
    };
    let parts = Parts {
        db: database.db(),
        peers: crm_testkit::peers(crm_platform::app::NAME, clock),
        clock: clock.clone(),
        security,
        cursor_secret: b"cursor secret of the tests".to_vec(),
        limits: Limits::default(),
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
    };
    let app = App::build(parts).await.unwrap();
    (client::join(app.server, &tasks, shutdown.clone()), shutdown)
}
