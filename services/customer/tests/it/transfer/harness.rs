//! The service in memory, for a tenant of its own.

use std::sync::Arc;

use crm_customer::{
    MIGRATIONS,
    app::{self, Parts},
};
use crm_kit_api::{
    clock::Clock,
    sensitivity::{Mask, Sensitivity},
};
use crm_kit_pg::{Db, db::PoolSettings, follow::Followers};
use crm_kit_rpc::{client, server::Limits};
use crm_proto::{
    crm::customer::v1::{
        account_service_client::AccountServiceClient, contact_service_client::ContactServiceClient,
        lead_service_client::LeadServiceClient,
    },
    crm::record::v1::{
        ApplyImportJobRequest, CreateExportJobRequest, CreateImportJobRequest, DownloadExportFileRequest,
        DownloadImportErrorsRequest, ExportJob, ImportError, ImportJob, ListImportErrorsRequest,
        UploadImportFileRequest, WatchExportJobRequest, WatchImportJobRequest,
        custom_field_service_client::CustomFieldServiceClient,
        export_job_service_client::ExportJobServiceClient, import_job_service_client::ImportJobServiceClient,
    },
    google::api::HttpBody,
};
use crm_testkit::{Caller, Callers, Database, Rights, callers::Bearer};
use futures::TryStreamExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Status, service::interceptor::InterceptedService, transport::Channel};
use uuid::Uuid;

/// What outlives a process: the database, and who may call.
#[derive(Clone)]
pub struct Origin {
    pub database: Database,
    known: Callers,
    /// `all` sees everything, `own` its own records, `masked` everything with telephone numbers and notes masked.
    callers: [(&'static str, Caller); 4],
}

impl Origin {
    async fn new() -> Self {
        let known = Callers::default();
        let rights = Rights::all(Uuid::new_v4());
        let masked = rights
            .clone()
            .masking(Sensitivity::Phone, Mask::Partial)
            .masking(Sensitivity::Note, Mask::Hidden);
        let callers = [
            ("all", known.add(&rights)),
            ("clerk", known.add(&rights.clone().with_permissions(&["record.*"]))),
            ("own", known.add(&rights.with_team(&[]))),
            ("masked", known.add(&masked)),
        ];
        Self { database: Database::new("customer", &MIGRATIONS).await, known, callers }
    }
}

/// The service, as one process.
pub struct Service {
    pub origin: Origin,
    pub db: Db,
    channel: Channel,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

type Calls = InterceptedService<Channel, Bearer>;

impl Service {
    /// A service with an empty tenant.
    pub async fn start() -> Self {
        Self::again(Origin::new().await).await
    }

    /// Another process of a service.
    pub async fn again(origin: Origin) -> Self {
        let db = Db::new(origin.database.service.clone(), &PoolSettings::default());
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let server = app::build(Parts {
            db: db.clone(),
            authenticator: Arc::new(origin.known.clone()),
            peers: crm_testkit::peers_alone(app::NAME, &Clock::system()),
            followers: Followers::default(),
            clock: Clock::system(),
            cursor_secret: b"a secret of this test only......".to_vec(),
            limits: Limits::default(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        });
        let channel = client::join(server.await.unwrap(), &tasks, shutdown.clone());
        Self { origin, db, channel, tasks, shutdown }
    }

    /// The tenant of every caller.
    pub fn tenant_id(&self) -> Uuid {
        self.origin.callers[0].1.tenant_id
    }

    fn calls(&self, who: &'static str) -> Calls {
        let (_, caller) = self.origin.callers.iter().find(|(name, _)| *name == who).unwrap();
        caller.on(&self.channel)
    }

    pub fn imports(&self, who: &'static str) -> ImportJobServiceClient<Calls> {
        ImportJobServiceClient::new(self.calls(who))
    }

    pub fn custom_fields(&self, who: &'static str) -> CustomFieldServiceClient<Calls> {
        CustomFieldServiceClient::new(self.calls(who))
    }

    pub fn exports(&self, who: &'static str) -> ExportJobServiceClient<Calls> {
        ExportJobServiceClient::new(self.calls(who))
    }

    pub fn contacts(&self, who: &'static str) -> ContactServiceClient<Calls> {
        ContactServiceClient::new(self.calls(who))
    }

    pub fn leads(&self, who: &'static str) -> LeadServiceClient<Calls> {
        LeadServiceClient::new(self.calls(who))
    }

    pub fn accounts(&self, who: &'static str) -> AccountServiceClient<Calls> {
        AccountServiceClient::new(self.calls(who))
    }

    /// Creates a job, sends the file and waits for the dry run.
    pub async fn dry_run(&self, who: &'static str, job: ImportJob, file: &[u8]) -> ImportJob {
        let request = CreateImportJobRequest { service: String::new(), import_job: Some(job) };
        let job = self.imports(who).create_import_job(request).await.unwrap().into_inner();
        self.upload(who, &job.id, file).await.unwrap();
        self.watch(who, &job.id).await
    }

    pub async fn upload(&self, who: &'static str, id: &str, file: &[u8]) -> Result<ImportJob, Status> {
        let pieces: Vec<_> = file
            .chunks(300_000)
            .map(|piece| UploadImportFileRequest {
                service: String::new(),
                id: id.to_owned(),
                file: Some(HttpBody { data: piece.to_vec(), ..HttpBody::default() }),
            })
            .collect();
        self.imports(who)
            .upload_import_file(futures::stream::iter(pieces))
            .await
            .map(tonic::Response::into_inner)
    }

    /// The last answer of a watch.
    pub async fn watch(&self, who: &'static str, id: &str) -> ImportJob {
        let request = WatchImportJobRequest { service: String::new(), id: id.to_owned() };
        let answers = self.imports(who).watch_import_job(request).await.unwrap().into_inner();
        let answers: Vec<_> = answers.try_collect().await.unwrap();
        answers.last().unwrap().import_job.clone().unwrap()
    }

    /// Applies a job and waits for its end.
    pub async fn apply(&self, who: &'static str, id: &str) -> ImportJob {
        self.imports(who)
            .apply_import_job(ApplyImportJobRequest { service: String::new(), id: id.to_owned() })
            .await
            .unwrap();
        self.watch(who, id).await
    }

    pub async fn errors(&self, id: &str) -> Vec<ImportError> {
        let request = ListImportErrorsRequest {
            service: String::new(),
            id: id.to_owned(),
            page_size: 1000,
            ..ListImportErrorsRequest::default()
        };
        self.imports("all").list_import_errors(request).await.unwrap().into_inner().errors
    }

    pub async fn error_file(&self, id: &str) -> String {
        let request = DownloadImportErrorsRequest { service: String::new(), id: id.to_owned() };
        let pieces = self.imports("all").download_import_errors(request).await.unwrap().into_inner();
        joined(pieces.try_collect().await.unwrap())
    }

    /// Exports and returns the job and its file.
    pub async fn export(&self, who: &'static str, job: ExportJob) -> (ExportJob, Vec<u8>) {
        let request = CreateExportJobRequest { service: String::new(), export_job: Some(job) };
        let job = self.exports(who).create_export_job(request).await.unwrap().into_inner();
        let request = WatchExportJobRequest { service: String::new(), id: job.id.clone() };
        let answers = self.exports(who).watch_export_job(request).await.unwrap().into_inner();
        let answers: Vec<_> = answers.try_collect().await.unwrap();
        let job = answers.last().unwrap().export_job.clone().unwrap();
        assert_eq!(job.failure, "");
        let request = DownloadExportFileRequest { service: String::new(), id: job.id.clone() };
        let pieces = self.exports(who).download_export_file(request).await.unwrap().into_inner();
        let pieces: Vec<HttpBody> = pieces.try_collect().await.unwrap();
        (job, pieces.into_iter().flat_map(|piece| piece.data).collect())
    }

    /// Stops and waits for the workers.
    pub async fn stop(self) {
        drop(self.channel);
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn joined(pieces: Vec<HttpBody>) -> String {
    String::from_utf8(pieces.into_iter().flat_map(|piece| piece.data).collect()).unwrap()
}
