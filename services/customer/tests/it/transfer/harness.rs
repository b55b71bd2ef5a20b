//! The service in memory, for a tenant of its own.

use std::sync::Arc;

use crm_customer::app::{self, Parts};
use crm_kit_api::{
    Result,
    call::{Access, Permissions, Scope, TenantSettings},
    clock::Clock,
    sensitivity::{Mask, Masks, Sensitivity},
};
use crm_kit_pg::{Db, db::PoolSettings};
use crm_kit_rpc::{
    auth::{Authenticate, Credential},
    client,
    server::Limits,
};
use crm_proto::{
    crm::customer::v1::{
        ApplyImportJobRequest, CreateExportJobRequest, CreateImportJobRequest, DownloadExportFileRequest,
        DownloadImportErrorsRequest, ExportJob, ImportError, ImportJob, ListImportErrorsRequest,
        UploadImportFileRequest, WatchExportJobRequest, WatchImportJobRequest,
        account_service_client::AccountServiceClient, export_job_service_client::ExportJobServiceClient,
        import_job_service_client::ImportJobServiceClient,
    },
    google::api::HttpBody,
};
use futures::TryStreamExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{
    Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};
use uuid::Uuid;

/// Everybody who says a name is let in: `all`, `own`, or `masked`.
struct Names {
    tenant_id: Uuid,
    callers: [Uuid; 3],
}

#[tonic::async_trait]
impl Authenticate for Names {
    async fn authenticate(&self, credential: &Credential) -> Result<Arc<Access>> {
        let who = ["all", "own", "masked"].iter().position(|name| *name == credential.text()).unwrap();
        let masks =
            Masks::default().with(Sensitivity::Phone, Mask::Partial).with(Sensitivity::Note, Mask::Hidden);
        Ok(Arc::new(Access {
            tenant_id: self.tenant_id,
            caller_id: self.callers[who],
            permissions: Permissions::new(["*".to_owned()]),
            scope: if who == 1 { Scope::Owners([self.callers[1]].into()) } else { Scope::All },
            masks: if who == 2 { masks } else { Masks::default() },
            tenant: TenantSettings {
                region_code: "CN".to_owned(),
                time_zone: "Asia/Shanghai".to_owned(),
                currency_code: "CNY".to_owned(),
                language_code: "zh-CN".to_owned(),
            },
            password_change_required: false,
        }))
    }
}

/// Says who calls.
#[derive(Clone)]
pub struct Says(&'static str);

impl Interceptor for Says {
    fn call(&mut self, mut request: Request<()>) -> std::result::Result<Request<()>, Status> {
        let value = MetadataValue::try_from(format!("Bearer {}", self.0)).unwrap();
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

/// The service.
pub struct Service {
    pub tenant_id: Uuid,
    pub db: Db,
    channel: Channel,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

type Calls = InterceptedService<Channel, Says>;

impl Service {
    /// A service with an empty tenant.
    pub async fn start() -> Self {
        Self::of(Uuid::new_v4()).await
    }

    /// A service of a tenant.
    pub async fn of(tenant_id: Uuid) -> Self {
        let url = std::env::var("CUSTOMER_DATABASE_URL").unwrap();
        let db = Db::new(url.parse().unwrap(), &PoolSettings::default());
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let part = |name: u128| Uuid::from_u128(tenant_id.as_u128() ^ name);
        let server = app::build(Parts {
            db: db.clone(),
            authenticator: Arc::new(Names { tenant_id, callers: [part(1), part(2), part(3)] }),
            clock: Clock::system(),
            cursor_secret: b"a secret of this test only......".to_vec(),
            limits: Limits::default(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        });
        let channel = client::join(server.await.unwrap(), &tasks, shutdown.clone());
        Self { tenant_id, db, channel, tasks, shutdown }
    }

    pub fn imports(&self, who: &'static str) -> ImportJobServiceClient<Calls> {
        ImportJobServiceClient::with_interceptor(self.channel.clone(), Says(who))
    }

    pub fn exports(&self, who: &'static str) -> ExportJobServiceClient<Calls> {
        ExportJobServiceClient::with_interceptor(self.channel.clone(), Says(who))
    }

    pub fn accounts(&self, who: &'static str) -> AccountServiceClient<Calls> {
        AccountServiceClient::with_interceptor(self.channel.clone(), Says(who))
    }

    /// Creates a job, sends the file and waits for the dry run.
    pub async fn dry_run(&self, who: &'static str, job: ImportJob, file: &[u8]) -> ImportJob {
        let request = CreateImportJobRequest { import_job: Some(job) };
        let job = self.imports(who).create_import_job(request).await.unwrap().into_inner();
        self.upload(who, &job.id, file).await.unwrap();
        self.watch(who, &job.id).await
    }

    pub async fn upload(
        &self,
        who: &'static str,
        id: &str,
        file: &[u8],
    ) -> std::result::Result<ImportJob, Status> {
        let pieces: Vec<_> = file
            .chunks(300_000)
            .map(|piece| UploadImportFileRequest {
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
        let request = WatchImportJobRequest { id: id.to_owned() };
        let answers = self.imports(who).watch_import_job(request).await.unwrap().into_inner();
        let answers: Vec<_> = answers.try_collect().await.unwrap();
        answers.last().unwrap().import_job.clone().unwrap()
    }

    /// Applies a job and waits for its end.
    pub async fn apply(&self, who: &'static str, id: &str) -> ImportJob {
        self.imports(who).apply_import_job(ApplyImportJobRequest { id: id.to_owned() }).await.unwrap();
        self.watch(who, id).await
    }

    pub async fn errors(&self, id: &str) -> Vec<ImportError> {
        let request = ListImportErrorsRequest {
            id: id.to_owned(),
            page_size: 1000,
            ..ListImportErrorsRequest::default()
        };
        self.imports("all").list_import_errors(request).await.unwrap().into_inner().errors
    }

    pub async fn error_file(&self, id: &str) -> String {
        let request = DownloadImportErrorsRequest { id: id.to_owned() };
        let pieces = self.imports("all").download_import_errors(request).await.unwrap().into_inner();
        joined(pieces.try_collect().await.unwrap())
    }

    /// Exports and returns the job and its file.
    pub async fn export(&self, who: &'static str, job: ExportJob) -> (ExportJob, Vec<u8>) {
        let request = CreateExportJobRequest { export_job: Some(job) };
        let job = self.exports(who).create_export_job(request).await.unwrap().into_inner();
        let request = WatchExportJobRequest { id: job.id.clone() };
        let answers = self.exports(who).watch_export_job(request).await.unwrap().into_inner();
        let answers: Vec<_> = answers.try_collect().await.unwrap();
        let job = answers.last().unwrap().export_job.clone().unwrap();
        assert_eq!(job.failure, "");
        let request = DownloadExportFileRequest { id: job.id.clone() };
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
