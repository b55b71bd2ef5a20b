//! Databases made from a migrated template, so that a test pays for a copy and not for migrations.

use std::{borrow::Cow, str::FromStr as _, sync::OnceLock, time::Duration};

use crm_kit_pg::{
    Db,
    db::PoolSettings,
    migrate,
    server::{Options, Server},
};
use sha2::{Digest as _, Sha256};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _, migrate::Migrator,
    postgres::PgConnectOptions,
};
use tokio::sync::OnceCell;
use uuid::Uuid;

const PASSWORD: &str = "test-only";

/// A database of one test, at the level of a service's migrations.
#[derive(Clone, Debug)]
pub struct Database {
    /// As the owner of the tables.
    pub owner: PgConnectOptions,
    /// As the role of daily work, which row-level security binds.
    pub service: PgConnectOptions,
    /// As the superuser, to look past row-level security.
    pub superuser: PgConnectOptions,
}

impl Database {
    /// A fresh database of the service `name`.
    pub async fn new(name: &str, migrations: &[&Migrator]) -> Self {
        let superuser = superuser().await;
        let mut admin = connect(&superuser).await;
        let (owner, service) = (format!("test_{name}_owner"), format!("test_{name}_service"));
        let template = template(&mut admin, &superuser, (name, &owner, &service), migrations).await;
        let database = format!("t_{}", Uuid::new_v4().simple());
        run(&mut admin, &format!("CREATE DATABASE {database} TEMPLATE {template} OWNER {owner}")).await;
        let options = |role: &str| {
            superuser
                .clone()
                .database(&database)
                .username(role)
                .password(PASSWORD)
                .disable_statement_logging()
        };
        Self { owner: options(&owner), service: options(&service), superuser: superuser.database(&database) }
    }

    /// A pool as the role of daily work.
    pub fn db(&self) -> Db {
        let acquire_timeout = Duration::from_secs(20);
        let settings = PoolSettings { max_connections: 8, acquire_timeout, ..PoolSettings::default() };
        Db::new(self.service.clone(), &settings)
    }

    /// Has the service know these people as active users, as if it had followed the platform's events.
    pub async fn knows(&self, tenant_id: Uuid, people: &[Uuid]) {
        let sql = "INSERT INTO colleague (tenant_id, id, display_name, username, email, state, department_ids, change_time, learn_time) \
                   SELECT $1, id, 'Somebody', 'somebody', '', 1, '{}', now(), now() FROM unnest($2::uuid[]) AS p (id)";
        let known = sqlx::query(sql).bind(tenant_id).bind(people).execute(&mut self.look().await).await;
        known.expect("know people");
    }

    /// A connection as the superuser.
    pub async fn look(&self) -> PgConnection {
        connect(&self.superuser).await
    }
}

/// Makes the template unless it is there: one for each state of the migrations.
async fn template(
    admin: &mut PgConnection,
    superuser: &PgConnectOptions,
    (name, owner, service): (&str, &str, &str),
    migrations: &[&Migrator],
) -> String {
    let mut hash = Sha256::new();
    for migration in migrate::KIT.iter().chain(migrations.iter().flat_map(|migrator| migrator.iter())) {
        hash.update(&*migration.checksum);
    }
    let level = hash.finalize().iter().take(8).fold(0_u64, |level, byte| level << 8 | u64::from(*byte));
    let template = format!("template_{name}_{level:x}");
    // Other test processes may be at the same place.
    run(admin, "SELECT pg_advisory_lock(4711)").await;
    let exists = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(&template)
        .fetch_optional(&mut *admin)
        .await
        .expect("list databases")
        .is_some();
    if !exists {
        for role in [owner, service] {
            let sql = format!(
                "DO $$ BEGIN CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' NOSUPERUSER NOBYPASSRLS;
                 EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            );
            run(admin, &sql).await;
        }
        let draft = format!("{template}_draft");
        run(admin, &format!("DROP DATABASE IF EXISTS {draft}")).await;
        run(admin, &format!("CREATE DATABASE {draft} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'"))
            .await;
        let mut conn = connect(&superuser.clone().database(&draft)).await;
        run(&mut conn, "CREATE EXTENSION IF NOT EXISTS pg_trgm").await;
        run(&mut conn, &format!("ALTER SCHEMA public OWNER TO {owner}")).await;
        crm_kit_pg::server::mark_leakproof(&mut conn).await.expect("mark functions");
        conn.close().await.expect("close");
        let options = superuser.clone().database(&draft).username(owner).password(PASSWORD);
        migrate::run(&options, service, migrations).await.expect("migrate");
        // Only a template that is whole gets the name.
        run(admin, &format!("ALTER DATABASE {draft} RENAME TO {template}")).await;
    }
    run(admin, "SELECT pg_advisory_unlock(4711)").await;
    template
}

async fn superuser() -> PgConnectOptions {
    if let Ok(url) = std::env::var("CRM_TEST_DATABASE_URL") {
        return PgConnectOptions::from_str(&url).expect("CRM_TEST_DATABASE_URL").disable_statement_logging();
    }
    own_server().await.superuser_options()
}

/// The server of this process, which ends with it.
async fn own_server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    SERVER
        .get_or_init(|| async {
            let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder"));
            pass_through(folder.path());
            let settings = vec![("max_connections".to_owned(), "300".to_owned())];
            let options =
                Options { data_dir: folder.path().join("pg"), bin_dir: None, settings, durable: false };
            Server::start(options).await.expect("start PostgreSQL")
        })
        .await
}

/// The server's own account must pass through the folder when the tests run as root.
fn pass_through(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711)).expect("open the folder");
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    options.clone().disable_statement_logging().connect().await.expect("connect")
}

async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The plan of a query, as text.
pub async fn plan(conn: &mut PgConnection, sql: Cow<'static, str>) -> String {
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(conn).await.expect("explain");
    rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}
