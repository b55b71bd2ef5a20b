//! A database server for the length of one command: tests and measurements find it in `CRM_TEST_DATABASE_URL`.

use std::{
    fs::Permissions,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    process::{ExitCode, ExitStatus},
};

use crm_kit_pg::server::{Options, Server};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use crate::{
    cli::Postgres,
    failure::{Failure, Result},
};

/// Names the server for the command: the address of its superuser.
const VARIABLE: &str = "CRM_TEST_DATABASE_URL";
const SUPERUSER: &str = "postgres";

/// Starts a server in a temporary folder, runs the command, stops the server and removes the folder. Ends as the command did.
pub async fn run(options: Postgres) -> Result<ExitCode> {
    let no_folder = |error| Failure::new(format!("cannot make a temporary folder: {error}"));
    // Every account may pass through: as root the server runs as another.
    let open = Permissions::from_mode(0o711);
    let folder =
        tempfile::Builder::new().prefix("crm-postgres-").permissions(open).tempdir().map_err(no_folder)?;
    let server = Server::start(Options {
        data_dir: folder.path().join("data"),
        bin_dir: options.postgres_bin.clone(),
        settings: Vec::new(),
        durable: options.durable,
    })
    .await?;
    let status = execute(&options, &server).await;
    server.stop().await?;
    status.map(exit_code)
}

async fn execute(options: &Postgres, server: &Server) -> Result<ExitStatus> {
    let [program, arguments @ ..] = options.command.as_slice() else {
        return Err(Failure::new("no command was given"));
    };
    let url = server.url(SUPERUSER, SUPERUSER, &server.password(SUPERUSER)?);
    let cannot = |error| Failure::new(format!("cannot run {}: {error}", program.to_string_lossy()));
    let child = Command::new(program).args(arguments).env(VARIABLE, url).spawn().map_err(cannot)?;
    wait(child).await.map_err(cannot)
}

/// Waits for the command, not for our own signals: Ctrl-C reaches both, and the command decides; SIGTERM is passed on.
async fn wait(mut child: Child) -> std::io::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
                if let Some(pid) = pid {
                    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
                }
            }
        }
    }
}

/// As shells do: 128 and the signal's number for a command that a signal ended.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
