//! `crm.sales.v1.PipelineService`.

use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    CreatePipelineRequest, GetPipelineRequest, ListPipelinesRequest, ListPipelinesResponse, Pipeline,
    UpdatePipelineRequest, pipeline_service_server::PipelineService,
};
use tonic::{Request, Response, Status};

use super::Pipelines;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl PipelineService for Pipelines {
    async fn get_pipeline(&self, request: Request<GetPipelineRequest>) -> Answer<Pipeline> {
        let call = call(&request)?;
        Ok(Response::new(self.get(&call, &request.get_ref().id).await?))
    }

    async fn list_pipelines(&self, request: Request<ListPipelinesRequest>) -> Answer<ListPipelinesResponse> {
        let call = call(&request)?;
        let ListPipelinesRequest { page_size, page_token, show_retired } = request.get_ref();
        let (pipelines, next_page_token) = self.list(&call, *page_size, page_token, *show_retired).await?;
        Ok(Response::new(ListPipelinesResponse { pipelines, next_page_token }))
    }

    async fn create_pipeline(&self, request: Request<CreatePipelineRequest>) -> Answer<Pipeline> {
        let call = call(&request)?;
        let wire = request.into_inner().pipeline.unwrap_or_default();
        Ok(Response::new(self.create(&call, wire).await?))
    }

    async fn update_pipeline(&self, request: Request<UpdatePipelineRequest>) -> Answer<Pipeline> {
        let call = call(&request)?;
        let UpdatePipelineRequest { pipeline, update_mask } = request.into_inner();
        Ok(Response::new(self.update(&call, pipeline.unwrap_or_default(), update_mask).await?))
    }
}
