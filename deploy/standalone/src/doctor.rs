//! `crm doctor`: which PostgreSQL is found, what a data folder holds, whether search may use its indexes, whether the address is free.

use std::{net::SocketAddr, path::Path, process::ExitCode};

use crm_kit_pg::server::{
    FolderState, Leakproof, LeakproofState, admin_options, folder_state, installation, leakproof_marks,
    running_options,
};
use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};

use crate::{
    cli::Doctor,
    failure::Result,
    terminal,
    up::{DATABASES, is_live},
};

/// Looks at everything and changes nothing. Fails when something would stop `crm up`; what only makes it slow is a warning.
pub async fn run(options: &Doctor) -> Result<ExitCode> {
    let mut findings = Findings::default();
    Findings::good("crm", env!("CARGO_PKG_VERSION"));
    if options.database_url.is_none() {
        match installation(options.postgres_bin.as_deref(), &options.data) {
            Ok(found) => {
                Findings::good("postgres", format!("{} in {}", found.version, found.folder.display()));
            }
            Err(error) => findings.bad("postgres", error),
        }
    }
    let state = folder_state(&options.data);
    match &state {
        Ok(state) => Findings::good("data folder", told(&options.data, state)),
        Err(error) => findings.bad("data folder", error),
    }
    if let Err(error) = databases(options, state.as_ref().ok(), &mut findings).await {
        findings.bad("database", error);
    }
    address(options.listen, &mut findings).await;
    Ok(if findings.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[derive(Default)]
struct Findings {
    failed: bool,
}

impl Findings {
    fn good(what: &str, text: impl std::fmt::Display) {
        terminal::line(format!("ok    {what}: {text}"));
    }

    fn slow(what: &str, text: impl std::fmt::Display) {
        terminal::line(format!("SLOW  {what}: {text}"));
    }

    fn bad(&mut self, what: &str, text: impl std::fmt::Display) {
        self.failed = true;
        terminal::line(format!("FAIL  {what}: {text}"));
    }
}

fn told(folder: &Path, state: &FolderState) -> String {
    let folder = folder.display();
    match state {
        FolderState::Empty => format!("{folder} has no data yet; `crm up` makes it"),
        FolderState::Idle { version } => {
            format!(
                "{folder}, made by PostgreSQL {version}, not in use; look again while `crm up` runs to see its databases"
            )
        }
        FolderState::InUse { pid } => format!("{folder}, in use by process {pid}"),
    }
}

/// Looks inside through a running server; nothing is started for the purpose, because a start writes.
async fn databases(options: &Doctor, state: Option<&FolderState>, findings: &mut Findings) -> Result<()> {
    match (&options.database_url, state) {
        (Some(url), _) => inspect(&admin_options(url)?, findings).await,
        (None, Some(FolderState::InUse { .. })) => inspect(&running_options(&options.data)?, findings).await,
        (None, _) => Ok(()),
    }
}

async fn inspect(superuser: &PgConnectOptions, findings: &mut Findings) -> Result<()> {
    let mut connection = superuser.connect().await?;
    let query = r"
        SELECT current_setting('server_version'), datctype, datcollate
        FROM pg_catalog.pg_database WHERE datname = current_database()";
    let row: (String, String, String) = sqlx::query_as(query).fetch_one(&mut connection).await?;
    let (version, character_type, collation) = row;
    Findings::good("server", format!("PostgreSQL {version}, collation {collation}"));
    if character_type == "C" || character_type == "POSIX" {
        findings.bad("character type", format!("{character_type}: Chinese text has no letters for search"));
    } else {
        Findings::good("character type", character_type);
    }
    connection.close().await?;
    for database in DATABASES {
        inspect_database(superuser, database.name, findings).await?;
    }
    Ok(())
}

async fn inspect_database(superuser: &PgConnectOptions, name: &str, findings: &mut Findings) -> Result<()> {
    let what = format!("database {name}");
    let mut connection = match superuser.clone().database(name).connect().await {
        Ok(connection) => connection,
        Err(error) => {
            findings.bad(&what, error);
            return Ok(());
        }
    };
    let query = "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(current_database()))";
    let size: String = sqlx::query_scalar(query).fetch_one(&mut connection).await?;
    let marks = leakproof_marks(&mut connection).await?;
    connection.close().await?;
    if marks.iter().any(|mark| mark.state == LeakproofState::Missing) {
        findings.bad(&what, format!("{size}, the extension pg_trgm is missing; `crm up` makes it, or its owner: CREATE EXTENSION pg_trgm"));
    } else if marks.iter().all(Leakproof::is_marked) {
        Findings::good(&what, format!("{size}, search uses its indexes under row-level security"));
    } else {
        Findings::slow(&what, format!("{size}, search reads every record of the tenant instead of an index"));
        tell_unmarked(name, &marks);
    }
    Ok(())
}

/// What the marks are worth, and how somebody who may sets them.
fn tell_unmarked(database: &str, marks: &[Leakproof]) {
    let unmarked = || marks.iter().filter(|mark| !mark.is_marked());
    for mark in unmarked() {
        terminal::line(format!("        no index for {}", mark.reason));
    }
    terminal::line(
        "      Everything works, but such a search takes time in proportion to the tenant's records, not to what it finds.",
    );
    terminal::line(
        "      Only a superuser may mend it: start `crm up` once with such a role in --database-url, or run",
    );
    let statements: Vec<String> = unmarked().map(|mark| format!("{};", mark.statement())).collect();
    terminal::line(format!("        psql -d {database} -c '{}'", statements.join(" ")));
}

async fn address(listen: SocketAddr, findings: &mut Findings) {
    match tokio::net::TcpListener::bind(listen).await {
        Ok(_) => Findings::good("address", format!("{listen} is free")),
        Err(_) if is_live(listen).await => {
            Findings::good("address", format!("{listen} answers as a crm gateway"));
        }
        Err(error) => findings.bad("address", format!("{listen} cannot be used: {error}")),
    }
}
