//! What a service that keeps records is built on, and what it mounts and runs beside its own methods: the change log, the people directory, custom
//! fields, imports, exports and hand-overs, and the workers behind them.

mod process;

use std::sync::Arc;

use crm_kit_api::{Result, clock::Clock};
use crm_kit_pg::{
    Db,
    follow::{
        Followers,
        operate::{self, ParkedEvents},
    },
    housekeeping,
    jobs::Worker,
    outbox::{CursorKey, EventStreams, Log, StreamSettings, Told},
    people::{self, People},
};
use crm_kit_rpc::{
    auth::Authenticate,
    peer::Peers,
    server::{Limits, Server},
};
use crm_proto::crm::{
    event::v1::{
        event_service_server::EventServiceServer, parked_event_service_server::ParkedEventServiceServer,
    },
    record::v1::{
        custom_field_service_server::CustomFieldServiceServer,
        export_job_service_server::ExportJobServiceServer, hand_over_service_server::HandOverServiceServer,
        import_job_service_server::ImportJobServiceServer,
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

use crate::{
    Records,
    collection::Collections,
    custom_field::{self, Catalog, CustomFields, jobs::Workers},
    export_job::{self, ExportJobs},
    hand_over::{self, HandOvers},
    import_job::{self, ImportJobs, links::Abroad},
    recycle_bin::RecycleBin,
};

pub use process::{Service, Settings, run};

/// Collections of the kit whose changes every service tells beside its own.
const TOLD: [Told; 5] = [
    operate::TOLD,
    Told { collection: custom_field::COLLECTION, permission: "record.customFields.read" },
    Told { collection: import_job::COLLECTION, permission: "record.importJobs.read" },
    Told { collection: export_job::COLLECTION, permission: "record.exportJobs.manage" },
    Told { collection: hand_over::COLLECTION, permission: "record.handOvers.manage" },
];

/// What a service is built on.
#[derive(Clone)]
pub struct Parts {
    /// Its database, as the role of daily work.
    pub db: Db,
    /// Knows credentials.
    pub authenticator: Arc<dyn Authenticate>,
    /// Tells the time.
    pub clock: Clock,
    /// The other services, with the name of this one; the platform is one of them.
    pub peers: Peers,
    /// Takes the followers of this service, which run until the process ends.
    pub followers: Followers,
    /// Secret that seals event cursors.
    pub cursor_secret: Vec<u8>,
    /// Limits of the server.
    pub limits: Limits,
    /// Tasks that outlive a request.
    pub tasks: TaskTracker,
    /// Cancelled when the process ends.
    pub shutdown: CancellationToken,
}

impl Parts {
    /// Starts what every service has, housekeeping and the people directory, and gives what the use cases of its kinds are made of.
    pub fn records(&self, catalog: Catalog) -> Result<Records> {
        let Self { db, clock, peers, followers, tasks, shutdown, .. } = self;
        housekeeping::spawn(tasks, shutdown.clone(), db.clone(), clock.clone());
        let users = Arc::new(peers.events("platform")?);
        let follower = people::follower(db.clone(), clock.clone(), peers.name(), users);
        followers.start(follower, tasks, shutdown);
        Ok(Records::new(db.clone(), catalog, People::new(db.clone(), Arc::new(peers.users()))))
    }

    /// The service, ready to be served: its own `routes`, what its records share, its change log, and what of others' logs it could not take.
    pub async fn serve(self, service: &Service, shared: Shared, routes: Routes) -> Result<Server> {
        shared.spawn(&self.tasks, &self.shutdown);
        let key = CursorKey::derive(&self.cursor_secret, service.name);
        let collections = service.collections.iter().chain(&TOLD).copied().collect();
        let (name, db) = (service.name, self.db);
        let log = Log { service: name, db: db.clone(), key, collections, clock: self.clock.clone() };
        let events = EventStreams::new(log, StreamSettings::default(), self.shutdown);
        let routes = shared
            .mount(routes)
            .add_service(EventServiceServer::new(events))
            .add_service(ParkedEventServiceServer::new(ParkedEvents { db }));
        Server::new(name, routes, self.peers.and(self.authenticator), self.clock, self.limits).await
    }
}

/// What all records of a service share.
#[derive(Clone, Debug)]
pub struct Shared {
    custom_fields: CustomFields,
    imports: ImportJobs,
    exports: ExportJobs,
    hand_overs: HandOvers,
    collections: Collections,
    db: Db,
    clock: Clock,
}

impl Shared {
    /// For the collections of a service.
    pub fn new(parts: &Parts, records: &Records, collections: Collections) -> Self {
        let Parts { db, clock, shutdown, .. } = parts;
        let imports = ImportJobs::new(db.clone(), clock.clone(), collections.clone(), shutdown.clone());
        let exports = ExportJobs::new(db.clone(), clock.clone(), collections.clone(), shutdown.clone());
        let custom_fields = CustomFields { db: db.clone(), catalog: records.catalog.clone() };
        let hand_overs = HandOvers {
            db: db.clone(),
            clock: clock.clone(),
            collections: collections.clone(),
            people: records.people.clone(),
            shutdown: shutdown.clone(),
        };
        Self {
            custom_fields,
            imports,
            exports,
            hand_overs,
            collections,
            db: db.clone(),
            clock: clock.clone(),
        }
    }

    /// With what finds records of other services by the names that imports give them.
    #[must_use]
    pub fn finding(self, abroad: Abroad) -> Self {
        Self { imports: self.imports.finding(abroad), ..self }
    }

    /// Adds the services to a service's own.
    pub fn mount(self, routes: Routes) -> Routes {
        routes
            .add_service(CustomFieldServiceServer::new(self.custom_fields))
            .add_service(ImportJobServiceServer::new(self.imports))
            .add_service(ExportJobServiceServer::new(self.exports))
            .add_service(HandOverServiceServer::new(self.hand_overs))
    }

    /// Starts the workers, and what empties the recycle bins. Imports run two at a time, so that a long one does not hold up a short one; the database has room for requests beside
    /// them.
    pub fn spawn(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let workers = Workers {
            db: self.db.clone(),
            catalog: self.custom_fields.catalog.clone(),
            collections: self.collections.clone(),
            clock: self.clock.clone(),
        };
        workers.spawn(tasks, shutdown);
        let bin = RecycleBin::new(self.db.clone(), self.collections.clone());
        bin.spawn(self.clock.clone(), tasks, shutdown.clone());
        let worker = |kind| Worker::new(self.db.clone(), self.clock.clone(), kind);
        for _ in 0..2 {
            let imports = self.imports.clone();
            worker(import_job::JOB_KIND).spawn(tasks, shutdown.clone(), move |job| {
                let imports = imports.clone();
                Box::pin(async move { imports.work(job).await })
            });
        }
        let purged = self.imports.clone();
        worker(import_job::PURGE_KIND).spawn(tasks, shutdown.clone(), move |job| {
            let imports = purged.clone();
            Box::pin(async move { imports.purge(job).await })
        });
        let hand_overs = self.hand_overs.clone();
        worker(hand_over::JOB_KIND).spawn(tasks, shutdown.clone(), move |job| {
            let hand_overs = hand_overs.clone();
            Box::pin(async move { hand_overs.work(job).await })
        });
        let exports = self.exports.clone();
        worker(export_job::JOB_KIND).spawn(tasks, shutdown.clone(), move |job| {
            let exports = exports.clone();
            Box::pin(async move { exports.work(job).await })
        });
    }
}
