//! Looks at an installation, a data folder and a running server without changing any of them.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::credentials::Credentials;
use super::error::ServerError;
use super::find::Binaries;
use super::init::{SUPERUSER, existing_version, holder};

/// Installed PostgreSQL programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Holds `postgres` and `initdb`.
    pub folder: PathBuf,
    /// Their major version.
    pub version: u32,
}

/// What a data folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderState {
    /// Not there, or without data yet.
    Empty,
    /// Holds data, and nobody uses it.
    Idle {
        /// Major version of PostgreSQL that made it.
        version: u32,
    },
    /// A launcher holds it.
    InUse {
        /// Process id of the launcher.
        pid: String,
    },
}

/// The programs [`super::Server::start`] would use for this folder.
pub fn installation(bin_dir: Option<&Path>, data_dir: &Path) -> Result<Installation, ServerError> {
    let data = existing_version(&data_dir.join("cluster"))?;
    let Binaries { folder, major } = Binaries::find(bin_dir, data)?;
    Ok(Installation { folder, version: major })
}

/// What the folder is now.
pub fn folder_state(data_dir: &Path) -> Result<FolderState, ServerError> {
    let path = data_dir.join("lock");
    if let Ok(lock) = File::open(&path) {
        match lock.try_lock_shared() {
            Ok(()) => lock.unlock().map_err(ServerError::io("unlock", &path))?,
            Err(TryLockError::WouldBlock) => return Ok(FolderState::InUse { pid: holder(&path) }),
            Err(TryLockError::Error(source)) => return Err(ServerError::io("lock", &path)(source)),
        }
    }
    let version = existing_version(&data_dir.join("cluster"))?;
    Ok(version.map_or(FolderState::Empty, |version| FolderState::Idle { version }))
}

/// How the superuser connects to the server that another process runs on this folder.
pub fn running_options(data_dir: &Path) -> Result<PgConnectOptions, ServerError> {
    let path = data_dir.join("cluster/postmaster.pid");
    let text = fs::read_to_string(&path).map_err(ServerError::io("read", &path))?;
    let mut lines = text.lines().map(str::trim).skip(3);
    let (port, socket) = (lines.next().and_then(|port| port.parse().ok()), lines.next());
    let (Some(port), Some(socket)) = (port, socket) else {
        return Err(ServerError::folder(&path, "it does not name the server's socket"));
    };
    let password = Credentials::open(data_dir.join("credentials"))?.get(SUPERUSER).unwrap_or_default();
    let options = PgConnectOptions::new_without_pgpass().socket(socket).port(port).username(SUPERUSER);
    let options = options.password(&password).database("postgres").ssl_mode(PgSslMode::Disable);
    Ok(options.disable_statement_logging())
}
