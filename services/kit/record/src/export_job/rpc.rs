//! `crm.record.v1.ExportJobService`.

use std::pin::Pin;

use crm_kit_rpc::call;
use crm_proto::{
    crm::record::v1::{
        CancelExportJobRequest, CreateExportJobRequest, DownloadExportFileRequest, ExportJob,
        GetExportJobRequest, ListExportJobsRequest, ListExportJobsResponse, WatchExportJobRequest,
        WatchExportJobResponse, export_job_service_server::ExportJobService,
    },
    google::api::HttpBody,
};
use futures::{Stream, TryStreamExt as _};
use tonic::{Request, Response, Status};

use super::{ExportJobs, convert};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ExportJobService for ExportJobs {
    type WatchExportJobStream = Pin<Box<dyn Stream<Item = Result<WatchExportJobResponse, Status>> + Send>>;
    type DownloadExportFileStream = Pin<Box<dyn Stream<Item = Result<HttpBody, Status>> + Send>>;

    async fn get_export_job(&self, request: Request<GetExportJobRequest>) -> Answer<ExportJob> {
        let call = call(&request)?;
        Ok(Response::new(convert::to_wire(&self.get(&call, &request.get_ref().id).await?)))
    }

    async fn list_export_jobs(
        &self,
        request: Request<ListExportJobsRequest>,
    ) -> Answer<ListExportJobsResponse> {
        let call = call(&request)?;
        let ListExportJobsRequest { page_size, page_token, .. } = request.get_ref();
        let (jobs, next_page_token) = self.list(&call, *page_size, page_token).await?;
        let export_jobs = jobs.iter().map(convert::to_wire).collect();
        Ok(Response::new(ListExportJobsResponse { export_jobs, next_page_token }))
    }

    async fn create_export_job(&self, request: Request<CreateExportJobRequest>) -> Answer<ExportJob> {
        let call = call(&request)?;
        Ok(Response::new(self.create(&call, request.into_inner().export_job.unwrap_or_default()).await?))
    }

    async fn cancel_export_job(&self, request: Request<CancelExportJobRequest>) -> Answer<ExportJob> {
        let call = call(&request)?;
        Ok(Response::new(self.cancel(&call, &request.get_ref().id).await?))
    }

    async fn watch_export_job(
        &self,
        request: Request<WatchExportJobRequest>,
    ) -> Answer<Self::WatchExportJobStream> {
        let call = call(&request)?;
        let jobs = self.clone().watch(call, request.into_inner().id);
        Ok(Response::new(Box::pin(jobs.map_ok(|job| WatchExportJobResponse { export_job: Some(job) }))))
    }

    async fn download_export_file(
        &self,
        request: Request<DownloadExportFileRequest>,
    ) -> Answer<Self::DownloadExportFileStream> {
        let call = call(&request)?;
        Ok(Response::new(Box::pin(self.clone().download(call, &request.get_ref().id).await?)))
    }
}
