//! The approval flow service on the wire.

use crm_kit_api::id;
use crm_kit_pg::Db;
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    ApprovalFlow, CreateApprovalFlowRequest, DeleteApprovalFlowRequest, GetApprovalFlowRequest,
    ListApprovalFlowsRequest, ListApprovalFlowsResponse, UpdateApprovalFlowRequest,
    approval_flow_service_server::ApprovalFlowService,
};
use tonic::{Request, Response, Status};

use super::ops;

/// Serves approval flows.
#[derive(Clone, Debug)]
pub struct ApprovalFlows {
    pub db: Db,
}

#[tonic::async_trait]
impl ApprovalFlowService for ApprovalFlows {
    async fn get_approval_flow(
        &self,
        request: Request<GetApprovalFlowRequest>,
    ) -> Result<Response<ApprovalFlow>, Status> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(ops::get(&self.db, &call, id).await?.to_wire()))
    }

    async fn list_approval_flows(
        &self,
        request: Request<ListApprovalFlowsRequest>,
    ) -> Result<Response<ListApprovalFlowsResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::list(&self.db, &call, request.get_ref()).await?))
    }

    async fn create_approval_flow(
        &self,
        request: Request<CreateApprovalFlowRequest>,
    ) -> Result<Response<ApprovalFlow>, Status> {
        let call = call(&request)?;
        let approval_flow = request.into_inner().approval_flow.unwrap_or_default();
        Ok(Response::new(ops::create(&self.db, &call, &approval_flow).await?))
    }

    async fn update_approval_flow(
        &self,
        request: Request<UpdateApprovalFlowRequest>,
    ) -> Result<Response<ApprovalFlow>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let id = id::parse(
            "approval_flow.id",
            request.approval_flow.as_ref().map_or("", |approval_flow| &approval_flow.id),
        )?;
        Ok(Response::new(ops::update(&self.db, &call, id, &request).await?))
    }

    async fn delete_approval_flow(
        &self,
        request: Request<DeleteApprovalFlowRequest>,
    ) -> Result<Response<ApprovalFlow>, Status> {
        let call = call(&request)?;
        let DeleteApprovalFlowRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::delete(&self.db, &call, id::parse("id", id)?, etag).await?))
    }
}
