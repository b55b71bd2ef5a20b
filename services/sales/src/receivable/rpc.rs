//! `crm.sales.v1.ReceivableService`.

use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    GetReceivableAgeingRequest, ReceivableAgeing, receivable_service_server::ReceivableService,
};
use tonic::{Request, Response, Status};

use super::{Receivables, ageing::Question};

#[tonic::async_trait]
impl ReceivableService for Receivables {
    async fn get_receivable_ageing(
        &self,
        request: Request<GetReceivableAgeingRequest>,
    ) -> Result<Response<ReceivableAgeing>, Status> {
        let call = call(&request)?;
        let question = Question::read(&call, request.get_ref())?;
        Ok(Response::new(self.ageing(&call, &question).await?))
    }
}
