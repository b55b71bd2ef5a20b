//! `crm.sales.v1.AllocationService`.

use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    AllocateReceiptRequest, AllocationResult, AutoAllocateReceiptRequest, DeallocateReceiptRequest,
    ListAllocationEntriesRequest, ListAllocationEntriesResponse, ListAllocationsRequest,
    ListAllocationsResponse, allocation_service_server::AllocationService,
};
use tonic::{Request, Response, Status};

use super::{Allocations, convert, ops::Verb, page::Wanted};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AllocationService for Allocations {
    async fn allocate_receipt(&self, request: Request<AllocateReceiptRequest>) -> Answer<AllocationResult> {
        let call = call(&request)?;
        let AllocateReceiptRequest { id, etag, lines } = request.get_ref();
        let verb = Verb::Allocate(convert::allocation_lines(lines)?);
        Ok(Response::new(self.act(&call, (id, etag), verb).await?))
    }

    async fn deallocate_receipt(
        &self,
        request: Request<DeallocateReceiptRequest>,
    ) -> Answer<AllocationResult> {
        let call = call(&request)?;
        let DeallocateReceiptRequest { id, etag, lines } = request.get_ref();
        let verb = Verb::Deallocate(convert::deallocation_lines(lines)?);
        Ok(Response::new(self.act(&call, (id, etag), verb).await?))
    }

    async fn auto_allocate_receipt(
        &self,
        request: Request<AutoAllocateReceiptRequest>,
    ) -> Answer<AllocationResult> {
        let call = call(&request)?;
        let AutoAllocateReceiptRequest { id, etag } = request.get_ref();
        Ok(Response::new(self.act(&call, (id, etag), Verb::AutoAllocate).await?))
    }

    async fn list_allocations(
        &self,
        request: Request<ListAllocationsRequest>,
    ) -> Answer<ListAllocationsResponse> {
        let call = call(&request)?;
        let ListAllocationsRequest { receipt_id, payment_plan_id, page_size, page_token } = request.get_ref();
        let wanted = Wanted { receipt_id, payment_plan_id, page_size: *page_size, page_token };
        let (allocations, next_page_token) = self.list(&call, wanted).await?;
        Ok(Response::new(ListAllocationsResponse { allocations, next_page_token }))
    }

    async fn list_allocation_entries(
        &self,
        request: Request<ListAllocationEntriesRequest>,
    ) -> Answer<ListAllocationEntriesResponse> {
        let call = call(&request)?;
        let ListAllocationEntriesRequest { receipt_id, payment_plan_id, page_size, page_token } =
            request.get_ref();
        let wanted = Wanted { receipt_id, payment_plan_id, page_size: *page_size, page_token };
        let (allocation_entries, next_page_token) = self.history(&call, wanted).await?;
        Ok(Response::new(ListAllocationEntriesResponse { allocation_entries, next_page_token }))
    }
}
