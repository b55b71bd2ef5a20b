//! What a service that keeps records mounts and runs beside its own methods: custom fields, imports, exports and hand-overs, and the workers
//! behind them.

use crm_kit_api::clock::Clock;
use crm_kit_pg::{Db, jobs::Worker, outbox::Told, people::People};
use crm_proto::crm::record::v1::{
    custom_field_service_server::CustomFieldServiceServer, export_job_service_server::ExportJobServiceServer,
    hand_over_service_server::HandOverServiceServer, import_job_service_server::ImportJobServiceServer,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

use crate::{
    collection::Collections,
    custom_field::{self, Catalog, CustomFields, jobs::Workers},
    export_job::{self, ExportJobs},
    hand_over::{self, HandOvers},
    import_job::{self, ImportJobs, links::Abroad},
    recycle_bin::RecycleBin,
};

/// Collections of this crate whose changes a service tells beside those of its records.
pub const TOLD: [Told; 4] = [
    Told { collection: custom_field::COLLECTION, permission: "record.customFields.read" },
    Told { collection: import_job::COLLECTION, permission: "record.importJobs.read" },
    Told { collection: export_job::COLLECTION, permission: "record.exportJobs.manage" },
    Told { collection: hand_over::COLLECTION, permission: "record.handOvers.manage" },
];

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
    /// For the collections of a service, whose definitions `catalog` knows.
    pub fn new(
        db: Db,
        clock: Clock,
        catalog: Catalog,
        collections: Collections,
        people: People,
        shutdown: CancellationToken,
    ) -> Self {
        let imports = ImportJobs::new(db.clone(), clock.clone(), collections.clone(), shutdown.clone());
        let exports = ExportJobs::new(db.clone(), clock.clone(), collections.clone(), shutdown.clone());
        let custom_fields = CustomFields { db: db.clone(), catalog };
        let (hand_db, hand_clock, kinds) = (db.clone(), clock.clone(), collections.clone());
        let hand_overs = HandOvers { db: hand_db, clock: hand_clock, collections: kinds, people, shutdown };
        Self { custom_fields, imports, exports, hand_overs, collections, db, clock }
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
