//! Migrations: the kit's first, then those of the service in the order it names them, each run once under the advisory lock that sqlx takes, and after
//! them the rights of the role the service works as. Each list of migrations keeps its books in a table of its own.
//!
//! The role is not the owner of the tables, so row-level security binds it; audit rows it may only add and read.
//!
//! Not here: creating databases and roles, which is set-up (see [`crate::server`] for our own server).

use crm_kit_api::{Error, Result, error::COMMON_DOMAIN};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};
use tonic::Code;

/// Tables that every service has.
pub static KIT: Migrator = sqlx::migrate!();

/// Brings a database to the level of this binary. `owner` may create tables; `service_role` gets the rights of daily work.
///
/// Fails with `FAILED_PRECONDITION / DATABASE_INCOMPATIBLE` for a database whose tables come from migrations that this binary does not know.
pub async fn run(owner: &PgConnectOptions, service_role: &str, service: &[&Migrator]) -> Result<()> {
    let mut conn = owner.connect().await.map_err(crate::db::database_error)?;
    apply(&mut conn, &KIT).await?;
    for migrator in service {
        apply(&mut conn, migrator).await?;
    }
    grant(&mut conn, service_role, service).await?;
    conn.close().await.map_err(crate::db::database_error)
}

async fn apply(conn: &mut PgConnection, migrator: &Migrator) -> Result<()> {
    migrator.run(conn).await.map_err(|error| match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) => incompatible(),
        MigrateError::ExecuteMigration(sqlx::Error::Database(fault), _)
            if fault.code().as_deref() == Some(TABLE_EXISTS) =>
        {
            incompatible()
        }
        error => Error::unavailable("the database schema", error),
    })
}

/// SQLSTATE of a table that is there already.
const TABLE_EXISTS: &str = "42P07";

fn incompatible() -> Error {
    let message = "the database was made by a development version whose tables this version cannot take over; move its data folder (or database) \
                   away and let it be made anew";
    Error::new(Code::FailedPrecondition, COMMON_DOMAIN, "DATABASE_INCOMPATIBLE", message)
}

async fn grant(conn: &mut PgConnection, role: &str, service: &[&Migrator]) -> Result<()> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let role = quoted(role);
    let books: Vec<String> = std::iter::once(&KIT)
        .chain(service.iter().copied())
        .map(|migrator| quoted(&migrator.table_name))
        .collect();
    let books = books.join(", ");
    let functions = functions(conn).await?;
    let functions = functions.iter().map(|name| format!("GRANT EXECUTE ON FUNCTION {name} TO {role};"));
    let functions: String = functions.collect();
    let sql = format!(
        "SELECT pg_advisory_xact_lock(7201);
         GRANT USAGE ON SCHEMA public TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
         {functions}
         REVOKE UPDATE, DELETE ON audit_log FROM {role};
         REVOKE ALL ON {books} FROM {role};
         GRANT SELECT ON {books} TO {role}"
    );
    // One transaction: processes that start together grant one after the other. Built from quoted identifiers only.
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop).map_err(crate::db::database_error)
}

/// The functions that run as the owner of the tables: what a service may do beyond its rows, each of them narrow.
async fn functions(conn: &mut PgConnection) -> Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT oid::regprocedure::text FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace AND prosecdef AND proowner = current_user::regrole ORDER BY 1",
    )
    .fetch_all(conn)
    .await
    .map_err(crate::db::database_error)
}
