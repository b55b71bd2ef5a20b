//! `crm.customer.v1.DuplicateService`.

use crm_kit_rpc::call;
use crm_proto::crm::customer::v1::{
    SearchDuplicatesRequest, SearchDuplicatesResponse, duplicate_service_server::DuplicateService,
};
use tonic::{Request, Response, Status};

use super::search::Duplicates;

#[tonic::async_trait]
impl DuplicateService for Duplicates {
    async fn search_duplicates(
        &self,
        request: Request<SearchDuplicatesRequest>,
    ) -> Result<Response<SearchDuplicatesResponse>, Status> {
        let call = call(&request)?;
        let hits = self.search(&call, request.into_inner()).await?;
        Ok(Response::new(SearchDuplicatesResponse { hits }))
    }
}
