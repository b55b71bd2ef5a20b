//! The composition root: everything the service is made of, put together in one place.

use std::sync::Arc;

use crm_kit_api::{Result, clock::Clock};
use crm_kit_pg::{
    Db,
    outbox::{CursorKey, EventStreams, StreamSettings},
};
use crm_kit_rpc::{
    auth::Authenticate,
    server::{Limits, Server},
};
use crm_proto::crm::{
    customer::v1::{
        account_service_server::AccountServiceServer, custom_field_service_server::CustomFieldServiceServer,
    },
    event::v1::event_service_server::EventServiceServer,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

use crate::{
    account::{self, Accounts},
    custom_field::{self, Catalog, CustomFields, jobs::Workers},
    record::number::Numbers,
    value::phone,
};

/// Name of the service in addresses, log lines and the gateway.
pub const NAME: &str = "customer";

/// Collections whose changes the service tells.
pub const COLLECTIONS: &[&str] = &[account::COLLECTION, custom_field::COLLECTION];

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
    let accounts = Accounts::new(db.clone(), catalog.clone(), numbers);
    let workers = Workers {
        db: db.clone(),
        catalog: catalog.clone(),
        accounts: accounts.clone(),
        clock: clock.clone(),
    };
    workers.spawn(&tasks, &shutdown);
    let custom_fields = CustomFields { db: db.clone(), catalog };
    let key = CursorKey::derive(&cursor_secret, NAME);
    let events = EventStreams::new(db, key, COLLECTIONS, StreamSettings::default(), shutdown);
    let routes = Routes::new(AccountServiceServer::new(accounts))
        .add_service(CustomFieldServiceServer::new(custom_fields))
        .add_service(EventServiceServer::new(events));
    Server::new(NAME, routes, authenticator, clock, limits).await
}
