//! Connections that stay with a tenant, for reads of a single statement.
//!
//! A transaction costs two round trips beside its statement, which for reading one record is most of the work. A reader sets its tenant for the session
//! and reads on its own; it is used again for the same tenant without any further statement, and told the other tenant first when it is
//! used for another. Every statement still names the tenant itself; row-level security stands behind as everywhere.
//!
//! A reader whose statement failed or was given up half-way is thrown away. On an engine or a proxy where session settings do not hold
//! (a distributed engine that passes on `SET LOCAL` only, a pooler in transaction mode), [`crate::db::PoolSettings::session_reads`] turns
//! this off, and single reads run in transactions like all others.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use crm_kit_api::{Error, Result};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use crate::db::{Tx, database_error};

/// A few connections for single reads.
#[derive(Clone)]
pub(crate) struct Readers {
    options: Arc<PgConnectOptions>,
    places: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Reader>>>,
    wait: Duration,
}

struct Reader {
    conn: PgConnection,
    tenant: Uuid,
}

impl fmt::Debug for Readers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Readers")
    }
}

impl Readers {
    /// At most `most` connections; they are opened when they are needed.
    pub(crate) fn new(options: PgConnectOptions, most: usize, wait: Duration) -> Self {
        let options = options.options([("default_transaction_read_only", "on")]);
        Self {
            options: Arc::new(options),
            places: Arc::new(Semaphore::new(most)),
            idle: Arc::default(),
            wait,
        }
    }

    /// Runs one statement for a tenant. A connection that turns out to be stale is replaced once.
    pub(crate) async fn read<'c, T, F>(&self, tenant: Uuid, mut work: F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut One<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let _place = self.place().await?;
        let kept = self.idle_reader(tenant);
        let was_kept = kept.is_some();
        match self.attempt(tenant, kept, &mut work).await {
            Err(error) if was_kept && crate::db::is_transient(&error) => {
                self.attempt(tenant, None, &mut work).await
            }
            outcome => outcome,
        }
    }

    async fn attempt<'c, T, F>(&self, tenant: Uuid, kept: Option<Reader>, work: &mut F) -> Result<T>
    where
        F: for<'t> FnMut(&'t mut One<'c>) -> BoxFuture<'t, Result<T>> + Send,
        T: Send,
    {
        let mut reader = match kept {
            Some(reader) => reader,
            None => {
                Reader { conn: self.options.connect().await.map_err(database_error)?, tenant: Uuid::nil() }
            }
        };
        if reader.tenant != tenant {
            // Built from a UUID only.
            let sql = AssertSqlSafe(format!("SET app.tenant_id = '{tenant}'"));
            sqlx::raw_sql(sql).execute(&mut reader.conn).await.map_err(database_error)?;
            reader.tenant = tenant;
        }
        let mut one = One { lent: Lent::Reader(reader, PhantomData) };
        let value = work(&mut one).await?;
        if let Lent::Reader(reader, _) = one.lent {
            self.idle.lock().push(reader);
        }
        Ok(value)
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>> {
        match tokio::time::timeout(self.wait, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(Error::unavailable("the database", sqlx::Error::PoolClosed)),
            Err(_) => Err(Error::unavailable("the database", sqlx::Error::PoolTimedOut)),
        }
    }

    /// An idle connection, preferably one that is with the tenant already.
    fn idle_reader(&self, tenant: Uuid) -> Option<Reader> {
        let mut idle = self.idle.lock();
        match idle.iter().rposition(|reader| reader.tenant == tenant) {
            Some(place) => Some(idle.swap_remove(place)),
            None => idle.pop(),
        }
    }

    /// Closes the idle connections and lends no more.
    pub(crate) fn close(&self) {
        self.places.close();
        self.idle.lock().clear();
    }
}

/// A connection lent for one statement. `'c` is how long what the work borrows lives, as in [`Tx`].
pub struct One<'c> {
    lent: Lent<'c>,
}

enum Lent<'c> {
    Reader(Reader, PhantomData<&'c ()>),
    Transaction(Box<Tx<'c>>),
}

impl<'c> One<'c> {
    pub(crate) fn in_transaction(tx: Tx<'c>) -> Self {
        Self { lent: Lent::Transaction(Box::new(tx)) }
    }

    /// The connection.
    pub fn conn(&mut self) -> &mut PgConnection {
        match &mut self.lent {
            Lent::Reader(reader, _) => &mut reader.conn,
            Lent::Transaction(tx) => tx.conn(),
        }
    }

    /// Ends the transaction, if the statement ran in one.
    pub(crate) async fn finish(self) {
        if let Lent::Transaction(tx) = self.lent {
            tx.rollback().await;
        }
    }
}
