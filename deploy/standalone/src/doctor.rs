//! `crm doctor`: which PostgreSQL is found, what a data folder holds, whether search may use its indexes, whether the address is free.

use std::{net::SocketAddr, path::Path, process::ExitCode};

use crm_kit_pg::server::{
    FolderState, LeakproofState, Options, Server, ServerError, folder_state, installation, mark_leakproof,
    running_options,
};
use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};

use crate::{
    cli::Doctor,
    failure::Result,
    terminal,
    up::{DATABASES, is_live},
};

/// Looks at everything and changes nothing but missing marks of search functions. Fails when something would stop `crm up`.
pub async fn run(options: &Doctor) -> Result<ExitCode> {
    let mut findings = Findings::default();
    Findings::good("crm", env!("CARGO_PKG_VERSION"));
    match installation(options.postgres_bin.as_deref(), &options.data) {
        Ok(found) => Findings::good("postgres", format!("{} in {}", found.version, found.folder.display())),
        Err(error) => findings.bad("postgres", error),
    }
    let state = folder_state(&options.data);
    match &state {
        Ok(state) => Findings::good("data folder", told(&options.data, state)),
        Err(error) => findings.bad("data folder", error),
    }
    if let Ok(state) = state
        && let Err(error) = databases(options, &state, &mut findings).await
    {
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

    fn bad(&mut self, what: &str, text: impl std::fmt::Display) {
        self.failed = true;
        terminal::line(format!("FAIL  {what}: {text}"));
    }
}

fn told(folder: &Path, state: &FolderState) -> String {
    let folder = folder.display();
    match state {
        FolderState::Empty => format!("{folder} has no data yet; `crm up` makes it"),
        FolderState::Idle { version } => format!("{folder}, made by PostgreSQL {version}, not in use"),
        FolderState::InUse { pid } => format!("{folder}, in use by process {pid}"),
    }
}

/// Looks inside: through the running server, or through one started for the purpose.
async fn databases(options: &Doctor, state: &FolderState, findings: &mut Findings) -> Result<()> {
    match state {
        FolderState::Empty => Ok(()),
        FolderState::InUse { .. } => inspect(&running_options(&options.data)?, findings).await,
        FolderState::Idle { .. } => {
            let server = start(options).await?;
            let outcome = inspect(&server.superuser_options(), findings).await;
            server.stop().await?;
            outcome
        }
    }
}

async fn start(options: &Doctor) -> Result<Server, ServerError> {
    let bin_dir = options.postgres_bin.clone();
    Server::start(Options { data_dir: options.data.clone(), bin_dir, settings: Vec::new(), durable: true })
        .await
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
    let marks = mark_leakproof(&mut connection).await?;
    connection.close().await?;
    let slow: Vec<&str> = marks
        .iter()
        .filter(|mark| matches!(mark.state, LeakproofState::NotPermitted | LeakproofState::Missing))
        .map(|mark| mark.reason)
        .collect();
    if slow.is_empty() {
        Findings::good(&what, format!("{size}, search uses its indexes under row-level security"));
    } else {
        findings.bad(&what, format!("{size}, no index for: {}", slow.join("; ")));
    }
    Ok(())
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
