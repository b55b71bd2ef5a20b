//! The database server under the suite: our own, or one that somebody else runs.

use crm_kit_pg::server::{DatabaseNames, ExistingServer, Leakproof, Options, Server};
use sqlx::postgres::PgConnectOptions;

use super::DATABASES;
use crate::{cli::Up, failure::Result, terminal};

/// A server in which the suite's databases are.
#[derive(Debug)]
pub enum Database {
    /// Started by us, in the data folder.
    Own(Server),
    /// Only used by us.
    Existing(ExistingServer),
}

impl Database {
    /// Starts or reaches the server, and makes what is missing in it.
    pub async fn open(options: &Up) -> Result<Self> {
        let Some(url) = &options.database_url else {
            let bin_dir = options.postgres_bin.clone();
            let settings = options.postgres_settings.clone();
            let server =
                Server::start(Options { data_dir: options.data.clone(), bin_dir, settings, durable: true })
                    .await?;
            for names in DATABASES {
                server.ensure_database(names.name, names.owner, names.role).await?;
            }
            return Ok(Self::Own(server));
        };
        let server = ExistingServer::open(url, &options.data)?;
        let marks = server.ensure_databases(&DATABASES).await?;
        if !marks.iter().all(Leakproof::is_marked) {
            terminal::note(
                "search works without indexes: `crm doctor` tells what that costs and how to mend it",
            );
        }
        Ok(Self::Existing(server))
    }

    /// How a role connects to a service's database.
    pub fn options(&self, names: DatabaseNames<'_>, role: &str) -> Result<PgConnectOptions> {
        Ok(match self {
            Self::Own(server) => server.options(names.name, role)?,
            Self::Existing(server) => server.options(names.name, role)?,
        })
    }

    /// Keeps our own server alive; ends when it cannot be. An existing one is its keeper's care.
    pub async fn supervise(&self) -> Result<()> {
        match self {
            Self::Own(server) => Ok(server.supervise().await?),
            Self::Existing(_) => std::future::pending().await,
        }
    }

    /// Stops our own server.
    pub async fn stop(&self) -> Result<()> {
        match self {
            Self::Own(server) => Ok(server.stop().await?),
            Self::Existing(_) => Ok(()),
        }
    }
}
