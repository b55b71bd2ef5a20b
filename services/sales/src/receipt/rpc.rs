//! `crm.sales.v1.ReceiptService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    BatchCreateReceiptsRequest, BatchCreateReceiptsResponse, BatchDeleteReceiptsRequest,
    BatchDeleteReceiptsResponse, BatchGetReceiptsRequest, BatchGetReceiptsResponse,
    BatchUpdateReceiptsRequest, BatchUpdateReceiptsResponse, BulkUpsertReceiptsRequest,
    BulkUpsertReceiptsResponse, ConfirmReceiptRequest, CreateReceiptRequest, DeleteReceiptRequest,
    GetReceiptRequest, ListReceiptsRequest, ListReceiptsResponse, Receipt, ReverseReceiptRequest,
    UndeleteReceiptRequest, UpdateReceiptRequest, receipt_service_server::ReceiptService,
};
use tonic::{Request, Streaming};

use crate::allocation::Allocations;

/// The service's methods over the use cases of receipts, of which reversing is one of allocations.
#[derive(Clone, Debug)]
pub struct Handlers(pub Allocations);

#[tonic::async_trait]
impl ReceiptService for Handlers {
    type BulkUpsertReceiptsStream = Answers<BulkUpsertReceiptsResponse>;

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Answer<Receipt> {
        serve::get(&self.0.receipts, request).await
    }

    async fn list_receipts(&self, request: Request<ListReceiptsRequest>) -> Answer<ListReceiptsResponse> {
        serve::list(&self.0.receipts, request).await
    }

    async fn create_receipt(&self, request: Request<CreateReceiptRequest>) -> Answer<Receipt> {
        serve::create(&self.0.receipts, request).await
    }

    async fn update_receipt(&self, request: Request<UpdateReceiptRequest>) -> Answer<Receipt> {
        serve::update(&self.0.receipts, request).await
    }

    async fn delete_receipt(&self, request: Request<DeleteReceiptRequest>) -> Answer<Receipt> {
        serve::delete(&self.0.receipts, request).await
    }

    async fn undelete_receipt(&self, request: Request<UndeleteReceiptRequest>) -> Answer<Receipt> {
        serve::undelete(&self.0.receipts, request).await
    }

    async fn batch_get_receipts(
        &self,
        request: Request<BatchGetReceiptsRequest>,
    ) -> Answer<BatchGetReceiptsResponse> {
        serve::batch_get(&self.0.receipts, request).await
    }

    async fn batch_create_receipts(
        &self,
        request: Request<BatchCreateReceiptsRequest>,
    ) -> Answer<BatchCreateReceiptsResponse> {
        serve::batch_create(&self.0.receipts, request).await
    }

    async fn batch_update_receipts(
        &self,
        request: Request<BatchUpdateReceiptsRequest>,
    ) -> Answer<BatchUpdateReceiptsResponse> {
        serve::batch_update(&self.0.receipts, request).await
    }

    async fn batch_delete_receipts(
        &self,
        request: Request<BatchDeleteReceiptsRequest>,
    ) -> Answer<BatchDeleteReceiptsResponse> {
        serve::batch_delete(&self.0.receipts, request).await
    }

    async fn confirm_receipt(&self, request: Request<ConfirmReceiptRequest>) -> Answer<Receipt> {
        let call = call(&request)?;
        let ConfirmReceiptRequest { id, etag } = request.get_ref();
        let confirm = |receipt: &mut super::Receipt| receipt.confirm(&call);
        serve::told(
            &self.0.receipts,
            &call,
            self.0.receipts.act(&call, "confirm", (id, etag), confirm).await?,
        )
    }

    async fn reverse_receipt(&self, request: Request<ReverseReceiptRequest>) -> Answer<Receipt> {
        let call = call(&request)?;
        let ReverseReceiptRequest { id, etag, reason } = request.get_ref();
        serve::told(&self.0.receipts, &call, self.0.reverse(&call, (id, etag), reason).await?)
    }

    async fn bulk_upsert_receipts(
        &self,
        request: Request<Streaming<BulkUpsertReceiptsRequest>>,
    ) -> Answer<Self::BulkUpsertReceiptsStream> {
        serve::bulk_upsert(&self.0.receipts, request)
    }
}
