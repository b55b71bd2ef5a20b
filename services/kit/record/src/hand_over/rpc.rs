//! `crm.record.v1.HandOverService`.

use crm_kit_rpc::call;
use crm_proto::crm::record::v1::{
    CancelHandOverRequest, CreateHandOverRequest, GetHandOverRequest, HandOver, ListHandOversRequest,
    ListHandOversResponse, hand_over_service_server::HandOverService,
};
use tonic::{Request, Response, Status};

use super::HandOvers;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl HandOverService for HandOvers {
    async fn get_hand_over(&self, request: Request<GetHandOverRequest>) -> Answer<HandOver> {
        let call = call(&request)?;
        Ok(Response::new(self.get(&call, &request.get_ref().id).await?))
    }

    async fn list_hand_overs(&self, request: Request<ListHandOversRequest>) -> Answer<ListHandOversResponse> {
        let call = call(&request)?;
        let ListHandOversRequest { page_size, page_token, .. } = request.get_ref();
        let (hand_overs, next_page_token) = self.list(&call, *page_size, page_token).await?;
        Ok(Response::new(ListHandOversResponse { hand_overs, next_page_token }))
    }

    async fn create_hand_over(&self, request: Request<CreateHandOverRequest>) -> Answer<HandOver> {
        let call = call(&request)?;
        let CreateHandOverRequest { hand_over, dry_run, .. } = request.into_inner();
        Ok(Response::new(self.create(&call, hand_over.unwrap_or_default(), dry_run).await?))
    }

    async fn cancel_hand_over(&self, request: Request<CancelHandOverRequest>) -> Answer<HandOver> {
        let call = call(&request)?;
        Ok(Response::new(self.cancel(&call, &request.get_ref().id).await?))
    }
}
