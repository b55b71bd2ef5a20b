//! Why a server could not be started, used or stopped, in words for the person at the keyboard.

use std::path::{Path, PathBuf};

/// What went wrong. The text is meant to be shown as it is.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(
        "PostgreSQL 15 or newer is not installed (looked in {searched}); \
         on Debian or Ubuntu run: apt-get install postgresql; \
         on Fedora: dnf install postgresql-server; on macOS: brew install postgresql; \
         or name the folder that holds `initdb` and `postgres`"
    )]
    NotInstalled { searched: String },

    #[error("PostgreSQL {found} in {} is too old: version 15 or newer is needed (apt-get install postgresql)", folder.display())]
    TooOld { folder: PathBuf, found: u32 },

    #[error(
        "the data in {} was made by PostgreSQL {data}, but only {installed} is installed: \
         install that version (apt-get install postgresql-{data}) or move the data with pg_upgrade",
        folder.display()
    )]
    VersionMismatch { folder: PathBuf, data: u32, installed: String },

    #[error("already running on {}, pid {pid}", folder.display())]
    AlreadyRunning { folder: PathBuf, pid: String },

    #[error("cannot use {}: {problem}", path.display())]
    Folder { path: PathBuf, problem: String },

    #[error("{0}")]
    Setting(String),

    #[error(
        "the role {user} may not create what is missing: {what}; have an administrator of the server run \
         `psql -f {}`, then start again",
        script.display()
    )]
    SetUpNotPermitted { user: String, what: String, script: PathBuf },

    #[error("initdb failed: {log}")]
    Init { log: String },

    #[error("the database server {problem}; the end of its log:\n{log}")]
    NotReady { problem: String, log: String },

    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },

    #[error("cannot {doing}: {source}")]
    Sql { doing: String, source: sqlx::Error },
}

impl ServerError {
    /// For `map_err`: names the action and the path an I/O error belongs to.
    pub(super) fn io<'a>(
        doing: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<'a> {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    pub(super) fn sql(doing: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Sql { doing, source }
    }

    pub(super) fn folder(path: &Path, problem: impl Into<String>) -> Self {
        Self::Folder { path: path.to_owned(), problem: problem.into() }
    }
}
