//! Transactions: each names its tenant for row-level security, carries the caller's deadline down to the server, and is retried when the database
//! asks for it.
//!
//! A write costs two round trips beside its own statements' (`BEGIN` with the settings, `COMMIT`) and one statement that leaves audit,
//! events and the idempotent answer. A retry of a request with an idempotency key costs nothing unless the first attempt was committed:
//! the key is inserted with the change, and only a failure looks it up.
//!
//! Not here: SQL of any service.

use std::{borrow::Cow, marker::PhantomData, sync::Arc, time::Duration};

use crm_kit_api::{Call, Error, Result, call::Statistics};
use futures::future::BoxFuture;
use prost::Message;
use sqlx::{
    AssertSqlSafe, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    change::{self, Change},
    reader::{One, Readers},
};

/// Attempts at a transaction that the database aborts for another's sake.
const ATTEMPTS: u32 = 4;

/// A service's database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
    readers: Option<Readers>,
    lists: Arc<Semaphore>,
    committed: Arc<watch::Sender<u64>>,
}

/// A transaction of one tenant. `'c` is how long what the work borrows lives; it lets the boxed future of [`Db::write`] borrow from its
/// caller.
#[derive(Debug)]
pub struct Tx<'c> {
    borrows: PhantomData<&'c ()>,
    conn: PoolConnection<Postgres>,
    /// Whether the transaction was neither committed nor rolled back.
    open: bool,
    tenant_id: Uuid,
    changes: Vec<Change>,
    statements: u64,
}

/// How a pool behaves.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// Most connections.
    pub max_connections: u32,
    /// How long a request waits for a connection before it fails as UNAVAILABLE.
    pub acquire_timeout: Duration,
    /// Whether reads of a single statement use connections that stay with a tenant; off where session settings do not hold.
    pub session_reads: bool,
    /// Lists and searches that run at once; more wait for their turn. About two for each core of the database machine that the process may use.
    pub lists: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { max_connections: 24, acquire_timeout: Duration::from_secs(5), session_reads: true, lists: 8 }
    }
}

impl Db {
    /// Makes a pool; connections are opened when they are first needed.
    pub fn new(options: PgConnectOptions, settings: &PoolSettings) -> Self {
        let options = options.options([
            ("idle_in_transaction_session_timeout", "60s"),
            ("lock_timeout", "10s"),
            ("statement_timeout", "120s"),
        ]);
        let readers = settings.session_reads.then(|| {
            // A third of the connections; they serve short statements only.
            let most = usize::try_from(settings.max_connections / 3).unwrap_or(1).max(1);
            Readers::new(options.clone(), most, settings.acquire_timeout)
        });
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            // A broken connection shows itself at `BEGIN`, which is retried; a ping before each use would be a round trip.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let lists = Arc::new(Semaphore::new(settings.lists.max(1)));
        Self { pool, readers, lists, committed: Arc::new(watch::Sender::new(0)) }
    }

    /// Runs statements that change nothing, for the call's tenant. `work` may run again after a lost connection.
    pub async fn read<'c, T, F>(&self, call: &Call, work: F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let deadline = call.time_left()?;
        within(deadline, self.attempt(&Plan::of(call, "BEGIN READ ONLY", deadline), work, None)).await
    }

    /// As [`Db::read`] for a single statement, which then needs no transaction.
    pub async fn read_one<'c, T, F>(&self, call: &Call, mut work: F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut One<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let (deadline, started) = (call.time_left()?, Instant::now());
        let outcome = if let Some(readers) = &self.readers {
            within(deadline, readers.read(call.tenant_id(), work)).await
        } else {
            let mut one =
                One::in_transaction(self.begin(&Plan::of(call, "BEGIN READ ONLY", deadline)).await?);
            let outcome = within(deadline, work(&mut one)).await;
            one.finish().await;
            outcome
        };
        call.statistics.add(1, started.elapsed());
        outcome
    }

    /// As [`Db::read`] for lists: each query is planned for the values at hand, because the best plan of a search or a filter depends on them.
    pub async fn list<'c, T, F>(&self, call: &Call, work: F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let deadline = call.time_left()?;
        let begin = "BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan";
        // Lists are work for the database's processors. More of them at once than it has only take turns, and each then takes as long as all of them.
        let _place = within(deadline, async { self.lists.acquire().await.map_err(|_| closed()) }).await?;
        within(deadline, self.attempt(&Plan::of(call, begin, deadline), work, None)).await
    }

    /// Runs a change for the call's tenant and commits it together with its audit rows, events and, when the call has an idempotency key, its
    /// answer. `work` may run again after a serialization failure, so it holds no effect outside the transaction.
    ///
    /// A call whose key is known gets the stored answer; the same key with another request fails with
    /// `INVALID_ARGUMENT / IDEMPOTENCY_KEY_REUSED`.
    pub async fn write<'c, T, F>(&self, call: &Call, action: &'static str, mut work: F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Message + Default + Send,
    {
        let deadline = call.time_left()?;
        let commit = Commit { call, action, answer: |answer: &T| answer.encode_to_vec() };
        let attempts = async {
            let outcome = self.attempt(&Plan::of(call, "BEGIN", deadline), &mut work, Some(&commit)).await;
            match (outcome, &call.idempotency) {
                (Err(error), Some(_)) => self.replay(call).await?.ok_or(error),
                (outcome, _) => outcome,
            }
        };
        within(deadline, attempts).await
    }

    /// As [`Db::write`] for a group of rows of a stream or a job, which answer row by row and so keep no idempotent answer.
    pub async fn write_rows<'c, T, F>(&self, call: &Call, action: &'static str, work: F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let call = &Call { idempotency: None, ..call.clone() };
        let commit = Commit { call, action, answer: |_: &T| Vec::new() };
        self.attempt(&Plan::of(call, "BEGIN", None), work, Some(&commit)).await
    }

    /// Runs a change for the call's tenant and undoes it: every check of the database is made, nothing stays.
    pub async fn rehearse<'c, T, F>(&self, call: &Call, mut work: F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let mut tx = self.begin(&Plan::of(call, "BEGIN", None)).await?;
        let outcome = work(&mut tx).await;
        tx.rollback().await;
        outcome
    }

    /// As [`Db::for_tenant`] for statements that change nothing.
    pub async fn read_for_tenant<'c, T, F>(&self, tenant_id: Uuid, work: F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let plan =
            Plan { tenant_id, begin: "BEGIN READ ONLY", deadline: None, overrides: &[], statistics: None };
        self.attempt(&plan, work, None).await
    }

    /// Runs statements for a tenant outside any call: sign-in, jobs, event streams. Changes recorded in the transaction need a call, so
    /// this commits plain statements only.
    pub async fn for_tenant<'c, T, F>(&self, tenant_id: Uuid, work: F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let plan = Plan { tenant_id, begin: "BEGIN", deadline: None, overrides: &[], statistics: None };
        self.attempt(&plan, work, None).await
    }

    /// A connection without a tenant, which sees only tables without row-level security.
    pub async fn system(&self) -> Result<PoolConnection<Postgres>> {
        self.pool.acquire().await.map_err(database_error)
    }

    /// Changes whenever this process commits a write; event streams and workers wait on it instead of polling.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    /// Closes the pool after the connections in use came back.
    pub async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.close();
        }
        self.pool.close().await;
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(drop).map_err(database_error)
    }

    async fn attempt<'c, T, F>(
        &self,
        plan: &Plan<'_>,
        mut work: F,
        commit: Option<&Commit<'_, T>>,
    ) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let mut attempt = 1;
        loop {
            let outcome = self.once(plan, &mut work, commit).await;
            match outcome {
                Err(error) if attempt < ATTEMPTS && is_transient(&error) => {
                    metrics::counter!("crm_database_retries_total").increment(1);
                    tokio::time::sleep(Duration::from_millis(u64::from(attempt) * 5)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn once<'c, T, F>(&self, plan: &Plan<'_>, work: &mut F, commit: Option<&Commit<'_, T>>) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let started = Instant::now();
        let mut tx = self.begin(plan).await?;
        let outcome = Self::work(&mut tx, work, commit).await;
        if let Some(statistics) = plan.statistics {
            statistics.add(tx.statements + 1, started.elapsed());
        }
        match outcome {
            Ok((value, told)) => {
                tx.commit().await?;
                if told || (commit.is_none() && plan.begin == "BEGIN") {
                    self.committed.send_modify(|count| *count = count.wrapping_add(1));
                }
                Ok(value)
            }
            Err(error) => {
                tx.rollback().await;
                Err(error)
            }
        }
    }

    /// The work and what it leaves behind; whether it left events.
    async fn work<'c, T, F>(
        tx: &mut Tx<'c>,
        work: &mut F,
        commit: Option<&Commit<'_, T>>,
    ) -> Result<(T, bool)>
    where
        F: for<'t> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send,
    {
        let value = work(tx).await?;
        let Some(Commit { call, action, answer }) = commit else { return Ok((value, false)) };
        let changes = std::mem::take(&mut tx.changes);
        let told = !changes.is_empty();
        let answer = call.idempotency.as_ref().map(|key| (key, answer(&value)));
        change::append(tx.conn(), call, action, changes, answer).await?;
        Ok((value, told))
    }

    /// One round trip: begin, and set what holds for this transaction only.
    async fn begin<'c>(&self, plan: &Plan<'_>) -> Result<Tx<'c>> {
        let Plan { tenant_id, begin, deadline, overrides, .. } = plan;
        let deadline = deadline.map_or_else(String::new, |left| {
            // Milliseconds, as a number of 32 bits.
            format!("; SET LOCAL statement_timeout = {}", left.as_millis().clamp(1, 86_400_000))
        });
        let overrides = match overrides {
            [] => String::new(),
            // Letters and dots only, as the guard checked.
            names => format!("; SET LOCAL app.overrides = '{}'", names.join(",")),
        };
        let sql = format!("{begin}; SET LOCAL app.tenant_id = '{tenant_id}'{deadline}{overrides}");
        let conn = self.pool.acquire().await.map_err(database_error)?;
        let mut tx = Tx {
            borrows: PhantomData,
            conn,
            open: true,
            tenant_id: *tenant_id,
            changes: Vec::new(),
            statements: 1,
        };
        // Built from keywords, a UUID, a number and names of permissions only.
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx.conn).await.map_err(database_error)?;
        Ok(tx)
    }

    /// The stored answer of the call's idempotency key, if an earlier attempt was committed.
    async fn replay<T: Message + Default>(&self, call: &Call) -> Result<Option<T>> {
        let Some(key) = &call.idempotency else { return Ok(None) };
        let mut tx = self.begin(&Plan::of(call, "BEGIN READ ONLY", None)).await?;
        let stored = change::stored_answer(tx.conn(), call, key).await;
        tx.rollback().await;
        stored?.map(|answer| T::decode(answer.as_slice()).map_err(Error::internal)).transpose()
    }
}

/// How a transaction begins.
struct Plan<'p> {
    tenant_id: Uuid,
    begin: &'static str,
    deadline: Option<Duration>,
    overrides: &'p [String],
    statistics: Option<&'p Statistics>,
}

impl<'p> Plan<'p> {
    fn of(call: &'p Call, begin: &'static str, deadline: Option<Duration>) -> Self {
        let (tenant_id, overrides) = (call.tenant_id(), &call.overrides);
        Self { tenant_id, begin, deadline, overrides, statistics: Some(&call.statistics) }
    }
}

struct Commit<'c, T> {
    call: &'c Call,
    action: &'static str,
    answer: fn(&T) -> Vec<u8>,
}

impl Tx<'_> {
    /// The connection, for one statement of a store; statements are counted by it.
    pub fn conn(&mut self) -> &mut PgConnection {
        self.statements += 1;
        &mut self.conn
    }

    /// Tenant of the transaction; stores put it into every predicate.
    pub fn tenant_id(&self) -> Uuid {
        self.tenant_id
    }

    /// Remembers a change; its audit row and event are written right before the commit.
    pub fn record(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// A commit whose answer is lost may have taken place, so that is not an error to try again after.
    async fn commit(mut self) -> Result<()> {
        let done = sqlx::raw_sql("COMMIT").execute(&mut *self.conn).await;
        self.open = done.is_err();
        match done {
            Err(error @ sqlx::Error::Database(_)) => Err(database_error(error)),
            Err(error) => Err(Error::unavailable("the database", CommitUnknown(error))),
            Ok(_) => Ok(()),
        }
    }

    pub(crate) async fn rollback(mut self) {
        self.open = sqlx::raw_sql("ROLLBACK").execute(&mut *self.conn).await.is_err();
    }
}

/// A transaction that was given up half-way, by a deadline or a caller who left, takes its connection with it: nobody knows what state that is in.
impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if self.open {
            self.conn.close_on_drop();
        }
    }
}

/// The answer to a COMMIT never came.
#[derive(Debug)]
struct CommitUnknown(sqlx::Error);

impl std::fmt::Display for CommitUnknown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the answer to a commit was lost: {}", self.0)
    }
}

impl std::error::Error for CommitUnknown {}

async fn within<T>(deadline: Option<Duration>, work: impl Future<Output = Result<T>>) -> Result<T> {
    match deadline {
        None => work.await,
        Some(left) => tokio::time::timeout_at(Instant::now() + left, work)
            .await
            .unwrap_or_else(|_| Err(Error::deadline_exceeded())),
    }
}

/// The error for a failure of the database itself. Constraint violations that a caller can cause are told apart by
/// [`crate::constraint::map`] before they get here.
pub fn database_error(error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|database| database.code().map(Cow::into_owned));
    match (code.as_deref(), &error) {
        (Some("40001" | "40P01" | "55P03"), _) => Error::concurrent_change().caused_by(error),
        (Some("57014"), _) => Error::deadline_exceeded().caused_by(error),
        (Some(class), _)
            if class.starts_with("57P") || class.starts_with("53") || class.starts_with("08") =>
        {
            Error::unavailable("the database", error)
        }
        (
            None,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::Tls(_),
        ) => Error::unavailable("the database", error),
        _ => Error::internal(error),
    }
}

/// Whether this service's own database does not answer, and not something else that an effect needed.
pub(crate) fn is_unreachable(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    error.code() == tonic::Code::Unavailable
        && source.is_some_and(|source| source.is::<sqlx::Error>() || source.is::<CommitUnknown>())
}

/// Whether the same transaction may well succeed at once: it lost against another, or its connection was stale.
pub(crate) fn is_transient(error: &Error) -> bool {
    let Some(source) =
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<sqlx::Error>())
    else {
        return false;
    };
    match source {
        sqlx::Error::Database(database) => {
            matches!(database.code().as_deref(), Some("40001" | "40P01" | "57P01"))
        }
        sqlx::Error::Io(_) => true,
        _ => false,
    }
}

fn closed() -> Error {
    Error::unavailable("the database", sqlx::Error::PoolClosed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_has_no_connection_left_is_told_as_unavailable() {
        assert_eq!(database_error(sqlx::Error::PoolTimedOut).code(), tonic::Code::Unavailable);
        assert_eq!(database_error(sqlx::Error::RowNotFound).code(), tonic::Code::Internal);
    }
}
