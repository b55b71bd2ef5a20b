//! Migrations: the kit's first, then the service's, each run once under the advisory lock that sqlx takes, and after them the rights of the role
//! the service works as.
//!
//! The role is not the owner of the tables, so row-level security binds it; audit rows it may only add and read.
//!
//! Not here: creating databases and roles, which is set-up (see [`crate::server`] for our own server).

use crm_kit_api::{Error, Result};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, migrate::Migrator,
    postgres::PgConnectOptions,
};

/// Tables that every service has.
pub static KIT: Migrator = sqlx::migrate!();

/// Brings a database to the level of this binary. `owner` may create tables; `service_role` gets the rights of daily work.
pub async fn run(owner: &PgConnectOptions, service_role: &str, service: &Migrator) -> Result<()> {
    let mut conn = owner.connect().await.map_err(crate::db::database_error)?;
    apply(&mut conn, &KIT).await?;
    apply(&mut conn, service).await?;
    grant(&mut conn, service_role).await?;
    conn.close().await.map_err(crate::db::database_error)
}

async fn apply(conn: &mut PgConnection, migrator: &Migrator) -> Result<()> {
    migrator.run(conn).await.map_err(|error| Error::unavailable("the database schema", error))
}

async fn grant(conn: &mut PgConnection, role: &str) -> Result<()> {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let sql = format!(
        "SELECT pg_advisory_xact_lock(7201);
         GRANT USAGE ON SCHEMA public TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
         GRANT EXECUTE ON FUNCTION kit_housekeeping(timestamptz, timestamptz, bigint) TO {role};
         REVOKE UPDATE, DELETE ON audit_log FROM {role};
         REVOKE ALL ON kit_migration, _sqlx_migrations FROM {role};
         GRANT SELECT ON kit_migration, _sqlx_migrations TO {role}"
    );
    // One transaction: processes that start together grant one after the other. Built from a quoted identifier only.
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop).map_err(crate::db::database_error)
}
