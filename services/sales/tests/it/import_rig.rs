//! What tests of imports share: a file goes in, and its job comes back when it has ended.

use crm_proto::{
    crm::record::v1::{
        ApplyImportJobRequest, CreateImportJobRequest, ImportError, ImportJob, ListImportErrorsRequest,
        UploadImportFileRequest, WatchImportJobRequest, import_job::State,
        import_job_service_client::ImportJobServiceClient,
    },
    google::api::HttpBody,
};
use crm_testkit::Caller;
use futures::TryStreamExt as _;

use crate::rig::{Rig, Wired};

/// The imports as one caller sees them.
pub struct Imports(ImportJobServiceClient<Wired>);

impl Imports {
    pub fn new(rig: &Rig, caller: &Caller) -> Self {
        Self(ImportJobServiceClient::new(caller.on(&rig.channel)))
    }

    /// Sends a file, waits for the dry run, has the rows written and waits for the end.
    pub async fn run(&mut self, job: ImportJob, file: &str) -> ImportJob {
        let request = CreateImportJobRequest { service: String::new(), import_job: Some(job) };
        let job = self.0.create_import_job(request).await.unwrap().into_inner();
        let piece = UploadImportFileRequest {
            service: String::new(),
            id: job.id.clone(),
            file: Some(HttpBody { data: file.as_bytes().to_vec(), ..HttpBody::default() }),
        };
        self.0.upload_import_file(futures::stream::iter([piece])).await.unwrap();
        let ready = self.watch(&job.id).await;
        assert_eq!(ready.state(), State::Ready, "{}", ready.failure);
        let request = ApplyImportJobRequest { service: String::new(), id: job.id.clone() };
        self.0.apply_import_job(request).await.unwrap();
        let done = self.watch(&job.id).await;
        assert_eq!(done.state(), State::Done, "{}", done.failure);
        done
    }

    pub async fn errors(&mut self, job: &ImportJob) -> Vec<ImportError> {
        let request = ListImportErrorsRequest { id: job.id.clone(), page_size: 1000, ..Default::default() };
        self.0.list_import_errors(request).await.unwrap().into_inner().errors
    }

    async fn watch(&mut self, id: &str) -> ImportJob {
        let request = WatchImportJobRequest { service: String::new(), id: id.to_owned() };
        let answers = self.0.watch_import_job(request).await.unwrap().into_inner();
        let answers: Vec<_> = answers.try_collect().await.unwrap();
        answers.last().unwrap().import_job.clone().unwrap()
    }
}
