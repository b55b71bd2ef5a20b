//! `crm.customer.v1.DuplicateScanService`.

use crm_kit_rpc::call;
use crm_proto::crm::customer::v1::{
    CreateDuplicateScanRequest, DismissDuplicatesRequest, DuplicateScan, DuplicateSet,
    GetDuplicateScanRequest, GetDuplicateSetRequest, ListDuplicateScansRequest, ListDuplicateScansResponse,
    ListDuplicateSetsRequest, ListDuplicateSetsResponse, duplicate_scan_service_server::DuplicateScanService,
};
use tonic::{Request, Response, Status};

use super::DuplicateScans;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl DuplicateScanService for DuplicateScans {
    async fn get_duplicate_scan(&self, request: Request<GetDuplicateScanRequest>) -> Answer<DuplicateScan> {
        let call = call(&request)?;
        Ok(Response::new(self.get(&call, &request.get_ref().id).await?))
    }

    async fn list_duplicate_scans(
        &self,
        request: Request<ListDuplicateScansRequest>,
    ) -> Answer<ListDuplicateScansResponse> {
        let call = call(&request)?;
        let ListDuplicateScansRequest { page_size, page_token } = request.into_inner();
        let (duplicate_scans, next_page_token) = self.list(&call, page_size, &page_token).await?;
        Ok(Response::new(ListDuplicateScansResponse { duplicate_scans, next_page_token }))
    }

    async fn create_duplicate_scan(
        &self,
        request: Request<CreateDuplicateScanRequest>,
    ) -> Answer<DuplicateScan> {
        let call = call(&request)?;
        let wire = request.into_inner().duplicate_scan.unwrap_or_default();
        Ok(Response::new(self.create(&call, &wire).await?))
    }

    async fn get_duplicate_set(&self, request: Request<GetDuplicateSetRequest>) -> Answer<DuplicateSet> {
        let call = call(&request)?;
        Ok(Response::new(self.set(&call, &request.get_ref().id).await?))
    }

    async fn list_duplicate_sets(
        &self,
        request: Request<ListDuplicateSetsRequest>,
    ) -> Answer<ListDuplicateSetsResponse> {
        let call = call(&request)?;
        let ListDuplicateSetsRequest { collection, page_size, page_token } = request.into_inner();
        let (duplicate_sets, next_page_token) = self.sets(&call, &collection, page_size, &page_token).await?;
        Ok(Response::new(ListDuplicateSetsResponse { duplicate_sets, next_page_token }))
    }

    async fn dismiss_duplicates(&self, request: Request<DismissDuplicatesRequest>) -> Answer<()> {
        let call = call(&request)?;
        Ok(Response::new(self.dismiss(&call, request.get_ref()).await?))
    }
}
