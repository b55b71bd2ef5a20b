//! `crm.record.v1.ImportJobService`.

use std::pin::Pin;

use crm_kit_rpc::call;
use crm_proto::{
    crm::record::v1::{
        ApplyImportJobRequest, CancelImportJobRequest, CreateImportJobRequest, DownloadImportErrorsRequest,
        GetImportJobRequest, ImportJob, ListImportErrorCountsRequest, ListImportErrorCountsResponse,
        ListImportErrorsRequest, ListImportErrorsResponse, ListImportJobsRequest, ListImportJobsResponse,
        UpdateImportJobRequest, UploadImportFileRequest, WatchImportJobRequest, WatchImportJobResponse,
        import_job_service_server::ImportJobService,
    },
    google::api::HttpBody,
};
use futures::{Stream, TryStreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::{ImportJobs, convert};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ImportJobService for ImportJobs {
    type WatchImportJobStream = Pin<Box<dyn Stream<Item = Result<WatchImportJobResponse, Status>> + Send>>;
    type DownloadImportErrorsStream = Pin<Box<dyn Stream<Item = Result<HttpBody, Status>> + Send>>;

    async fn get_import_job(&self, request: Request<GetImportJobRequest>) -> Answer<ImportJob> {
        let call = call(&request)?;
        Ok(Response::new(convert::to_wire(&self.get(&call, &request.get_ref().id).await?)))
    }

    async fn list_import_jobs(
        &self,
        request: Request<ListImportJobsRequest>,
    ) -> Answer<ListImportJobsResponse> {
        let call = call(&request)?;
        let ListImportJobsRequest { page_size, page_token, .. } = request.get_ref();
        let page = self.list(&call, *page_size, page_token).await?;
        Ok(Response::new(ListImportJobsResponse {
            import_jobs: page.items.iter().map(convert::to_wire).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn create_import_job(&self, request: Request<CreateImportJobRequest>) -> Answer<ImportJob> {
        let call = call(&request)?;
        Ok(Response::new(self.create(&call, request.into_inner().import_job.unwrap_or_default()).await?))
    }

    async fn update_import_job(&self, request: Request<UpdateImportJobRequest>) -> Answer<ImportJob> {
        let call = call(&request)?;
        let UpdateImportJobRequest { import_job, update_mask, .. } = request.into_inner();
        Ok(Response::new(self.update(&call, import_job.unwrap_or_default(), update_mask).await?))
    }

    async fn upload_import_file(
        &self,
        request: Request<Streaming<UploadImportFileRequest>>,
    ) -> Answer<ImportJob> {
        let call = call(&request)?;
        Ok(Response::new(self.upload(&call, request.into_inner()).await?))
    }

    async fn apply_import_job(&self, request: Request<ApplyImportJobRequest>) -> Answer<ImportJob> {
        let call = call(&request)?;
        Ok(Response::new(self.apply(&call, &request.get_ref().id).await?))
    }

    async fn cancel_import_job(&self, request: Request<CancelImportJobRequest>) -> Answer<ImportJob> {
        let call = call(&request)?;
        Ok(Response::new(self.cancel(&call, &request.get_ref().id).await?))
    }

    async fn watch_import_job(
        &self,
        request: Request<WatchImportJobRequest>,
    ) -> Answer<Self::WatchImportJobStream> {
        let call = call(&request)?;
        let jobs = self.clone().watch(call, request.into_inner().id);
        Ok(Response::new(Box::pin(jobs.map_ok(|job| WatchImportJobResponse { import_job: Some(job) }))))
    }

    async fn list_import_errors(
        &self,
        request: Request<ListImportErrorsRequest>,
    ) -> Answer<ListImportErrorsResponse> {
        let call = call(&request)?;
        let ListImportErrorsRequest { id, page_size, page_token, .. } = request.get_ref();
        let page = self.errors(&call, id, *page_size, page_token).await?;
        Ok(Response::new(ListImportErrorsResponse {
            errors: page.items.into_iter().map(convert::error_to_wire).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn list_import_error_counts(
        &self,
        request: Request<ListImportErrorCountsRequest>,
    ) -> Answer<ListImportErrorCountsResponse> {
        let call = call(&request)?;
        let counts = self.error_counts(&call, &request.get_ref().id).await?;
        let counts = counts.into_iter().map(convert::count_to_wire).collect();
        Ok(Response::new(ListImportErrorCountsResponse { counts }))
    }

    async fn download_import_errors(
        &self,
        request: Request<DownloadImportErrorsRequest>,
    ) -> Answer<Self::DownloadImportErrorsStream> {
        let call = call(&request)?;
        Ok(Response::new(Box::pin(self.clone().error_file(call, &request.get_ref().id).await?)))
    }
}
