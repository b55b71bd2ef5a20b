//! `crm.customer.v1.AccountOverviewService`.

use crm_kit_rpc::call;
use crm_proto::crm::customer::v1::{
    AccountOverview, GetAccountOverviewRequest, ListAccountTimelineRequest, ListAccountTimelineResponse,
    account_overview_service_server::AccountOverviewService,
};
use tonic::{Request, Response, Status};

use super::Overviews;

#[tonic::async_trait]
impl AccountOverviewService for Overviews {
    async fn get_account_overview(
        &self,
        request: Request<GetAccountOverviewRequest>,
    ) -> Result<Response<AccountOverview>, Status> {
        let call = call(&request)?;
        // Every section waits in it.
        Ok(Response::new(Box::pin(self.get(&call, request.get_ref())).await?))
    }

    async fn list_account_timeline(
        &self,
        request: Request<ListAccountTimelineRequest>,
    ) -> Result<Response<ListAccountTimelineResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(self.timeline(&call, request.get_ref()).await?))
    }
}
