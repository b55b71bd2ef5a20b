//! The approval service on the wire.

use crm_kit_api::id;
use crm_kit_pg::Db;
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    ApprovalRequest, ApproveTaskRequest, GetApprovalRequestRequest, ListApprovalRequestsRequest,
    ListApprovalRequestsResponse, ListMyApprovalTasksRequest, ListMyApprovalTasksResponse, RejectTaskRequest,
    ReturnTaskRequest, SubmitApprovalRequest, WithdrawApprovalRequest,
    approval_service_server::ApprovalService,
};
use tonic::{Request, Response, Status};

use super::{decide::decide, list, model::Act, submit};

/// Serves approvals.
#[derive(Clone, Debug)]
pub struct Approvals {
    pub db: Db,
}

#[tonic::async_trait]
impl ApprovalService for Approvals {
    async fn submit_approval(
        &self,
        request: Request<SubmitApprovalRequest>,
    ) -> Result<Response<ApprovalRequest>, Status> {
        let call = call(&request)?;
        Ok(Response::new(submit::submit(&self.db, &call, request.get_ref()).await?))
    }

    async fn get_approval_request(
        &self,
        request: Request<GetApprovalRequestRequest>,
    ) -> Result<Response<ApprovalRequest>, Status> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(list::get(&self.db, &call, id).await?.to_wire()))
    }

    async fn list_approval_requests(
        &self,
        request: Request<ListApprovalRequestsRequest>,
    ) -> Result<Response<ListApprovalRequestsResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(list::list(&self.db, &call, request.get_ref()).await?))
    }

    async fn list_my_approval_tasks(
        &self,
        request: Request<ListMyApprovalTasksRequest>,
    ) -> Result<Response<ListMyApprovalTasksResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(list::tasks(&self.db, &call, request.get_ref()).await?))
    }

    async fn approve_task(
        &self,
        request: Request<ApproveTaskRequest>,
    ) -> Result<Response<ApprovalRequest>, Status> {
        let call = call(&request)?;
        let ApproveTaskRequest { id, comment } = request.get_ref();
        Ok(Response::new(decide(&self.db, &call, id, Act::Approve, comment).await?))
    }

    async fn reject_task(
        &self,
        request: Request<RejectTaskRequest>,
    ) -> Result<Response<ApprovalRequest>, Status> {
        let call = call(&request)?;
        let RejectTaskRequest { id, comment } = request.get_ref();
        Ok(Response::new(decide(&self.db, &call, id, Act::Reject, comment).await?))
    }

    async fn return_task(
        &self,
        request: Request<ReturnTaskRequest>,
    ) -> Result<Response<ApprovalRequest>, Status> {
        let call = call(&request)?;
        let ReturnTaskRequest { id, comment } = request.get_ref();
        Ok(Response::new(decide(&self.db, &call, id, Act::Return, comment).await?))
    }

    async fn withdraw_approval(
        &self,
        request: Request<WithdrawApprovalRequest>,
    ) -> Result<Response<ApprovalRequest>, Status> {
        let call = call(&request)?;
        Ok(Response::new(submit::withdraw(&self.db, &call, request.get_ref()).await?))
    }
}
