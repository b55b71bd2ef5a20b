//! A PostgreSQL server of our own, from the programs installed on the machine.
//!
//! [`Server::start`] finds the programs, initialises the data folder once, starts the server on a private
//! Unix socket and waits until it answers. The server ends with us, even after `kill -9`; if it is killed
//! itself, [`Server::supervise`] starts it again and connection pools reconnect by themselves. One folder
//! has one launcher: a lock file says so. [`ExistingServer`] is the same for a server that somebody else runs. What does
//! not belong here: migrations, pools.

mod credentials;
mod database;
mod error;
mod existing;
mod find;
mod init;
mod inspect;
mod run;
mod settings;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};
use tokio::time::{Instant, interval, sleep, timeout};

pub use self::database::{Leakproof, LeakproofState, leakproof_marks, mark_leakproof};
pub use self::error::ServerError;
pub use self::existing::{DatabaseNames, ExistingServer, admin_options};
use self::init::{Prepared, SUPERUSER};
pub use self::inspect::{FolderState, Installation, folder_state, installation, running_options};
use self::run::Postmaster;

const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// More unexpected ends than this within [`GIVE_UP_WINDOW`] and supervision gives up.
const GIVE_UP_AFTER: usize = 5;
const GIVE_UP_WINDOW: Duration = Duration::from_mins(1);

/// What to start, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Made if missing; must be empty or made by an earlier start.
    pub data_dir: PathBuf,
    /// The folder with `postgres` and `initdb`; absent = search the usual places.
    pub bin_dir: Option<PathBuf>,
    /// PostgreSQL settings which win over ours.
    pub settings: Vec<(String, String)>,
    /// False only for tests: faster, and a crash of the machine loses the data.
    pub durable: bool,
}

/// A running server. Dropping it asks the server to end without waiting; prefer [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    postmaster: Mutex<Arc<Postmaster>>,
    stopping: AtomicBool,
    /// One start or stop at a time.
    turn: tokio::sync::Mutex<()>,
    prepared: Prepared,
}

impl Server {
    /// Initialises the folder if need be and starts the server. Returns when it accepts connections.
    pub async fn start(options: Options) -> Result<Self, ServerError> {
        settings::check(&options.settings)?;
        let folder = options.data_dir.clone();
        let prepared = tokio::task::spawn_blocking(move || Prepared::new(options))
            .await
            .map_err(|_| ServerError::folder(&folder, "its preparation was cut short"))??;
        let begin = Instant::now();
        let postmaster = Postmaster::launch(&prepared).await?;
        tracing::info!(
            pid = postmaster.pid,
            folder = %prepared.folder.display(),
            version = prepared.binaries.major,
            milliseconds = begin.elapsed().as_millis(),
            "database server started"
        );
        Ok(Self {
            postmaster: Mutex::new(Arc::new(postmaster)),
            stopping: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
            prepared,
        })
    }

    pub fn pid(&self) -> u32 {
        self.current().pid
    }

    /// The major version of the server.
    pub fn version(&self) -> u32 {
        self.prepared.binaries.major
    }

    /// The folder of the Unix socket, for `psql -h`.
    pub fn socket_folder(&self) -> &Path {
        &self.prepared.socket_folder
    }

    /// Resolves when the present server process has ended, asked for or not.
    pub async fn exited(&self) -> ExitStatus {
        self.current().exited().await
    }

    /// Starts the server again whenever it ends unasked. Runs until [`Server::stop`] (then `Ok`), or until
    /// the server will not stay up. Dropping the future ends supervision, not the server.
    pub async fn supervise(&self) -> Result<(), ServerError> {
        let mut ends: Vec<Instant> = Vec::new();
        loop {
            let status = self.exited_while_pruning().await;
            if self.stopping.load(Ordering::Acquire) {
                return Ok(());
            }
            tracing::warn!(%status, "the database server ended by itself; starting it again");
            ends.retain(|end| end.elapsed() < GIVE_UP_WINDOW);
            ends.push(Instant::now());
            while let Err(error) = self.revive().await {
                if ends.len() > GIVE_UP_AFTER {
                    return Err(error);
                }
                tracing::warn!(%error, "the database server does not start");
                sleep(Duration::from_secs(1)).await;
                ends.push(Instant::now());
            }
            if ends.len() > GIVE_UP_AFTER {
                return Err(run::not_ready(
                    &self.prepared,
                    format!("ended {} times in a minute", ends.len()),
                ));
            }
        }
    }

    /// Stops the server if it runs, and starts it again. Open connections break; pools reconnect.
    pub async fn restart(&self) -> Result<(), ServerError> {
        let _turn = self.turn.lock().await;
        self.end().await?;
        self.launch().await
    }

    /// Fast shutdown: open transactions are rolled back, a checkpoint is written. Waits until it is done.
    pub async fn stop(&self) -> Result<(), ServerError> {
        self.stopping.store(true, Ordering::Release);
        let _turn = self.turn.lock().await;
        self.end().await
    }

    /// Proves that the server reads and executes: a `SELECT` and a `DO` block on a new connection.
    pub async fn health(&self) -> Result<(), ServerError> {
        let probe = async {
            let mut connection = PgConnection::connect_with(&self.superuser_options()).await?;
            sqlx::raw_sql("SELECT 1; DO $$ BEGIN PERFORM 1; END $$").execute(&mut connection).await?;
            connection.close().await
        };
        let Ok(result) = timeout(HEALTH_TIMEOUT, probe).await else {
            let problem = format!("did not answer within {} s", HEALTH_TIMEOUT.as_secs());
            return Err(run::not_ready(&self.prepared, problem));
        };
        result.map_err(ServerError::sql("reach the database server"))
    }

    /// For set-up only; statements are not logged, since some hold passwords.
    pub fn superuser_options(&self) -> PgConnectOptions {
        self.connect_options("postgres", SUPERUSER, self.prepared.credentials.get(SUPERUSER))
            .disable_statement_logging()
    }

    /// How a role made by [`Server::ensure_database`] connects.
    pub fn options(&self, database: &str, role: &str) -> Result<PgConnectOptions, ServerError> {
        let password = self.password(role)?;
        Ok(self.connect_options(database, role, Some(password)))
    }

    /// The stored password of a role made by [`Server::ensure_database`].
    pub fn password(&self, role: &str) -> Result<String, ServerError> {
        let unknown = || ServerError::Setting(format!("no password is known for the role {role}"));
        self.prepared.credentials.get(role).ok_or_else(unknown)
    }

    /// A connection URL sqlx and libpq understand. It holds the password: do not log it.
    pub fn url(&self, database: &str, user: &str, password: &str) -> String {
        let socket = self.prepared.socket_folder.to_string_lossy();
        format!(
            "postgres://{}:{}@{}:{}/{}?sslmode=disable",
            encoded(user),
            encoded(password),
            encoded(&socket),
            self.prepared.port,
            encoded(database)
        )
    }

    /// Creates or repairs a service's database: `owner_role` owns it and migrates, `service_role` may
    /// connect and see the schema `public` (table grants belong to the migrations), neither passes
    /// row-level security by rank; `pg_trgm` is there and the search functions are marked.
    pub async fn ensure_database(
        &self,
        name: &str,
        owner_role: &str,
        service_role: &str,
    ) -> Result<Vec<Leakproof>, ServerError> {
        let names = database::Names { database: name, owner: owner_role, service: service_role };
        database::ensure(&self.superuser_options(), &self.prepared.credentials, names).await
    }

    fn connect_options(&self, database: &str, user: &str, password: Option<String>) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.prepared.socket_folder)
            .port(self.prepared.port)
            .username(user)
            .password(password.as_deref().unwrap_or_default())
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    fn current(&self) -> Arc<Postmaster> {
        Arc::clone(&self.postmaster.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn exited_while_pruning(&self) -> ExitStatus {
        let mut hours = interval(PRUNE_EVERY);
        let current = self.current();
        loop {
            tokio::select! {
                status = current.exited() => return status,
                _ = hours.tick() => run::prune_logs(&self.prepared.folder),
            }
        }
    }

    /// Starts the server unless somebody else just did, or it shall stop.
    async fn revive(&self) -> Result<(), ServerError> {
        let _turn = self.turn.lock().await;
        if self.stopping.load(Ordering::Acquire) || self.current().is_running() {
            return Ok(());
        }
        self.launch().await
    }

    async fn launch(&self) -> Result<(), ServerError> {
        let next = Arc::new(Postmaster::launch(&self.prepared).await?);
        *self.postmaster.lock().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    async fn end(&self) -> Result<(), ServerError> {
        if self.current().stop().await {
            return Ok(());
        }
        Err(run::not_ready(&self.prepared, "does not stop".to_owned()))
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
