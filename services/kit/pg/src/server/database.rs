//! Roles and databases inside the server, and which functions may run ahead of row-level security.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};

use super::credentials::Credentials;
use super::error::ServerError;

/// Serialises set-up across processes; any constant does.
pub(super) const SETUP_LOCK: i64 = 0x6372_6d00;

/// Functions behind the operators that search uses, each with the index it opens.
///
/// Under a policy PostgreSQL may use an index only for operators whose function is LEAKPROOF. None of these
/// shows a row's value in an error: what depends on the row is only the answer, and rows outside the tenant
/// are dropped after it. (`LIKE` complains about a pattern that ends in a lone escape, so patterns are
/// escaped where they are built.) Not marked, since nothing here needs them: `&&`, `?`, `<%`, `numeric`
/// comparison, `lower()`.
const SEARCH_FUNCTIONS: [(&str, &str); 6] = [
    ("pg_catalog.texticlike(text,text)", "ILIKE: substring search over names (gin_trgm_ops)"),
    (
        "pg_catalog.textlike(text,text)",
        "LIKE: prefix and substring search over folded keys (gin_trgm_ops, btree)",
    ),
    ("similarity_op(text,text)", "%: duplicates by similar names (gin_trgm_ops)"),
    ("pg_catalog.ts_match_vq(tsvector,tsquery)", "@@: word search, Chinese included (tsvector_ops)"),
    ("pg_catalog.jsonb_contains(jsonb,jsonb)", "@>: filters on custom fields (jsonb_path_ops)"),
    ("pg_catalog.arraycontains(anyarray,anyarray)", "@>: filters on tags (array_ops)"),
];

/// One function search needs, and whether row-level security lets it use an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leakproof {
    pub function: &'static str,
    /// The operator, what uses it, and the index class it opens.
    pub reason: &'static str,
    pub state: LeakproofState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeakproofState {
    /// Is marked, and was before.
    Already,
    /// Marked now.
    Marked,
    /// Not marked: search under row-level security reads every row of the tenant.
    Unmarked,
    /// As [`LeakproofState::Unmarked`], and this role may not mark it: only a superuser may.
    NotPermitted,
    /// The function is not there, for want of the extension `pg_trgm`.
    Missing,
}

impl Leakproof {
    /// Whether an index can be used.
    pub fn is_marked(&self) -> bool {
        matches!(self.state, LeakproofState::Already | LeakproofState::Marked)
    }

    /// What a superuser runs in the database.
    pub fn statement(&self) -> String {
        mark(self.function)
    }
}

/// What a superuser runs in a database for fast search.
pub(super) fn leakproof_statements() -> impl Iterator<Item = String> {
    SEARCH_FUNCTIONS.iter().map(|(function, _)| mark(function))
}

fn mark(function: &str) -> String {
    format!("ALTER FUNCTION {function} LEAKPROOF")
}

/// Looks which functions that search needs are marked in this database. Changes nothing.
pub async fn leakproof_marks(connection: &mut PgConnection) -> Result<Vec<Leakproof>, ServerError> {
    let names: Vec<&str> = SEARCH_FUNCTIONS.iter().map(|(name, _)| *name).collect();
    let query = r"
        SELECT p.proleakproof
        FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, place)
        LEFT JOIN pg_catalog.pg_proc p ON p.oid = to_regprocedure(wanted.name)
        ORDER BY wanted.place";
    let marked: Vec<Option<bool>> = sqlx::query_scalar(query)
        .bind(names)
        .fetch_all(&mut *connection)
        .await
        .map_err(ServerError::sql("look up the search functions"))?;
    let report = SEARCH_FUNCTIONS.into_iter().zip(marked).map(|((function, reason), marked)| {
        let state = match marked {
            Some(true) => LeakproofState::Already,
            Some(false) => LeakproofState::Unmarked,
            None => LeakproofState::Missing,
        };
        Leakproof { function, reason, state }
    });
    Ok(report.collect())
}

/// Marks the functions search needs in this database, as far as the role may. Idempotent; call it outside a
/// transaction. `pg_dump` does not carry these marks, so it belongs into every start.
pub async fn mark_leakproof(connection: &mut PgConnection) -> Result<Vec<Leakproof>, ServerError> {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    let mut report = leakproof_marks(connection).await?;
    for function in report.iter_mut().filter(|function| function.state == LeakproofState::Unmarked) {
        function.state = match run(connection, function.statement()).await {
            Ok(()) => LeakproofState::Marked,
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) => {
                LeakproofState::NotPermitted
            }
            Err(error) => {
                return Err(ServerError::sql(format!("mark {} as leakproof", function.function))(error));
            }
        };
    }
    Ok(report)
}

/// The names of one service's database and of its two roles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub database: &'a str,
    pub owner: &'a str,
    pub service: &'a str,
}

impl Names<'_> {
    pub fn check(&self) -> Result<(), ServerError> {
        for name in [self.database, self.owner, self.service] {
            let first = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
            let rest = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if !first || !rest || name.len() > 63 || name.starts_with("pg_") {
                return Err(ServerError::Setting(format!("not a usable database or role name: {name}")));
            }
        }
        if self.owner == self.service || [self.owner, self.service].contains(&super::init::SUPERUSER) {
            let problem = "owner and service must be two roles of their own: an owner is not held by row-level security";
            return Err(ServerError::Setting(problem.to_owned()));
        }
        Ok(())
    }
}

/// Creates or repairs the roles, the database, its grants and extension. Idempotent and safe to run at once.
pub(super) async fn ensure(
    superuser: &PgConnectOptions,
    credentials: &Credentials,
    names: Names<'_>,
) -> Result<Vec<Leakproof>, ServerError> {
    names.check()?;
    let failed = || ServerError::sql(format!("set up the database {}", names.database));
    let mut admin = PgConnection::connect_with(superuser).await.map_err(failed())?;
    // The connection's end releases the lock, and nothing with a password in it reaches the log.
    run(&mut admin, format!("SET log_min_error_statement = panic; SELECT pg_advisory_lock({SETUP_LOCK})"))
        .await
        .map_err(failed())?;
    for role in [names.owner, names.service] {
        ensure_role(&mut admin, credentials, role).await?;
    }
    ensure_grants(&mut admin, names).await.map_err(failed())?;
    let mut inside =
        PgConnection::connect_with(&superuser.clone().database(names.database)).await.map_err(failed())?;
    run(&mut inside, contents(names)).await.map_err(failed())?;
    let report = mark_leakproof(&mut inside).await?;
    for connection in [inside, admin] {
        connection.close().await.map_err(failed())?;
    }
    Ok(report)
}

async fn ensure_role(
    admin: &mut PgConnection,
    credentials: &Credentials,
    role: &str,
) -> Result<(), ServerError> {
    const PLAIN: &str = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION";
    let failed = || ServerError::sql(format!("set up the role {role}"));
    let query = r"
        SELECT rolcanlogin AND NOT (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)
        FROM pg_catalog.pg_roles WHERE rolname = $1";
    let plain: Option<bool> =
        sqlx::query_scalar(query).bind(role).fetch_optional(&mut *admin).await.map_err(failed())?;
    let (password, is_new) = credentials.get_or_create(role)?;
    let verb = if plain.is_some() { "ALTER" } else { "CREATE" };
    if plain == Some(true) && !is_new {
        return Ok(());
    }
    let statement = format!("{verb} ROLE {} {PLAIN} PASSWORD '{password}'", quoted(role));
    run(admin, statement).await.map_err(failed())
}

async fn ensure_grants(admin: &mut PgConnection, names: Names<'_>) -> Result<(), sqlx::Error> {
    let (database, owner, service) = (quoted(names.database), quoted(names.owner), quoted(names.service));
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)")
            .bind(names.database)
            .fetch_one(&mut *admin)
            .await?;
    if !exists {
        run(admin, format!("CREATE DATABASE {database} OWNER {owner}")).await?;
    }
    let grants = format!(
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC; GRANT CONNECT ON DATABASE {database} TO {service}"
    );
    run(admin, grants).await
}

fn contents(names: Names<'_>) -> String {
    let service = quoted(names.service);
    format!(
        "SET client_min_messages = warning; \
         CREATE EXTENSION IF NOT EXISTS pg_trgm; \
         GRANT USAGE ON SCHEMA public TO {service}"
    )
}

/// The one place for built SQL: names come through `quoted` or are constants, and passwords are hex.
pub(super) async fn run(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
