//! The composition root: everything the service is made of, put together in one place.

use std::sync::Arc;

use crm_kit_api::{Result, clock::Clock};
use crm_kit_pg::{
    Db,
    jobs::Worker,
    outbox::{CursorKey, EventStreams, StreamSettings},
};
use crm_kit_rpc::{
    auth::Authenticate,
    server::{Limits, Server},
};
use crm_proto::crm::{
    customer::v1::{
        account_service_server::AccountServiceServer, export_job_service_server::ExportJobServiceServer,
        import_job_service_server::ImportJobServiceServer,
    },
    event::v1::event_service_server::EventServiceServer,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

use crate::{
    account::{self, Accounts},
    collection::Collections,
    custom_field::Catalog,
    export_job::{self, ExportJobs},
    import_job::{self, ImportJobs},
    record::number::Numbers,
    value::phone,
};

/// Name of the service in addresses, log lines and the gateway.
pub const NAME: &str = "customer";

/// Collections whose changes the service tells.
pub const COLLECTIONS: &[&str] = &[account::COLLECTION, import_job::COLLECTION, export_job::COLLECTION];

/// What the service is built on.
#[derive(Clone)]
pub struct Parts {
    /// Its database, as the role of daily work.
    pub db: Db,
    /// Knows credentials.
    pub authenticator: Arc<dyn Authenticate>,
    /// Tells the time.
    pub clock: Clock,
    /// Secret that seals event cursors.
    pub cursor_secret: Vec<u8>,
    /// Limits of the server.
    pub limits: Limits,
    /// Tasks that outlive a request.
    pub tasks: TaskTracker,
    /// Cancelled when the process ends.
    pub shutdown: CancellationToken,
}

/// The service, ready to be served.
pub async fn build(parts: Parts) -> Result<Server> {
    let Parts { db, authenticator, clock, cursor_secret, limits, tasks, shutdown } = parts;
    // Numbering plans take 60 ms to read; no request should wait for that.
    phone::load();
    let catalog = Catalog::new(db.clone());
    let numbers = Numbers::new(db.clone());
    let accounts = Accounts::new(db.clone(), catalog, numbers);
    let collections = Collections::new([Arc::new(accounts.clone()) as _]);
    let imports = ImportJobs::new(db.clone(), clock.clone(), collections.clone(), shutdown.clone());
    let exports = ExportJobs::new(db.clone(), clock.clone(), collections, shutdown.clone());
    spawn_workers(&db, &clock, (&imports, &exports), &tasks, &shutdown);
    let key = CursorKey::derive(&cursor_secret, NAME);
    let events = EventStreams::new(db, key, COLLECTIONS, StreamSettings::default(), shutdown);
    let routes = Routes::new(AccountServiceServer::new(accounts))
        .add_service(ImportJobServiceServer::new(imports))
        .add_service(ExportJobServiceServer::new(exports))
        .add_service(EventServiceServer::new(events));
    Server::new(NAME, routes, authenticator, clock, limits).await
}

/// Imports run two at a time, so that a long one does not hold up a short one; the database has room for requests beside them.
fn spawn_workers(
    db: &Db,
    clock: &Clock,
    (imports, exports): (&ImportJobs, &ExportJobs),
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) {
    let worker = |kind| Worker::new(db.clone(), clock.clone(), kind);
    for _ in 0..2 {
        let imports = imports.clone();
        worker(import_job::JOB_KIND).spawn(tasks, shutdown.clone(), move |job| {
            let imports = imports.clone();
            Box::pin(async move { imports.work(job).await })
        });
    }
    let purged = imports.clone();
    worker(import_job::PURGE_KIND).spawn(tasks, shutdown.clone(), move |job| {
        let imports = purged.clone();
        Box::pin(async move { imports.purge(job).await })
    });
    let exports = exports.clone();
    worker(export_job::JOB_KIND).spawn(tasks, shutdown.clone(), move |job| {
        let exports = exports.clone();
        Box::pin(async move { exports.work(job).await })
    });
}
