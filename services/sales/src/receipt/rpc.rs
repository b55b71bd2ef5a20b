//! `crm.sales.v1.ReceiptService`.

use std::pin::Pin;

use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::sales::v1::{
    BatchCreateReceiptsRequest, BatchCreateReceiptsResponse, BatchDeleteReceiptsRequest,
    BatchDeleteReceiptsResponse, BatchGetReceiptsRequest, BatchGetReceiptsResponse,
    BatchUpdateReceiptsRequest, BatchUpdateReceiptsResponse, BulkUpsertReceiptsRequest,
    BulkUpsertReceiptsResponse, ConfirmReceiptRequest, CreateReceiptRequest, DeleteReceiptRequest,
    GetReceiptRequest, ListReceiptsRequest, ListReceiptsResponse, Receipt, ReverseReceiptRequest,
    UndeleteReceiptRequest, UpdateReceiptRequest, receipt_service_server::ReceiptService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::Receipts;
use crate::allocation::Allocations;
use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, single};

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of receipts, of which reversing is one of allocations.
#[derive(Clone, Debug)]
pub struct Handlers(pub Allocations);

impl Handlers {
    fn receipts(&self) -> &Receipts {
        &self.0.receipts
    }
}

#[tonic::async_trait]
impl ReceiptService for Handlers {
    type BulkUpsertReceiptsStream =
        Pin<Box<dyn Stream<Item = Result<BulkUpsertReceiptsResponse, Status>> + Send>>;

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Answer<Receipt> {
        let call = call(&request)?;
        Ok(Response::new(self.receipts().get(&call, &[request.into_inner().id]).await.map(only)?))
    }

    async fn list_receipts(&self, request: Request<ListReceiptsRequest>) -> Answer<ListReceiptsResponse> {
        let call = call(&request)?;
        let page = self.receipts().list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListReceiptsResponse {
            receipts: page.wires,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_receipt(&self, request: Request<CreateReceiptRequest>) -> Answer<Receipt> {
        let call = call(&request)?;
        let receipt = request.into_inner().receipt.unwrap_or_default();
        Ok(Response::new(self.receipts().create(&call, vec![receipt], single, only).await?))
    }

    async fn update_receipt(&self, request: Request<UpdateReceiptRequest>) -> Answer<Receipt> {
        let call = call(&request)?;
        let update = update(request.into_inner());
        Ok(Response::new(self.receipts().update(&call, vec![update], single, only).await?))
    }

    async fn delete_receipt(&self, request: Request<DeleteReceiptRequest>) -> Answer<Receipt> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(self.receipts().delete(&call, vec![delete], single, only).await?))
    }

    async fn undelete_receipt(&self, request: Request<UndeleteReceiptRequest>) -> Answer<Receipt> {
        let call = call(&request)?;
        let UndeleteReceiptRequest { id, etag } = request.into_inner();
        Ok(Response::new(self.receipts().undelete(&call, Delete { id, etag }).await?))
    }

    async fn batch_get_receipts(
        &self,
        request: Request<BatchGetReceiptsRequest>,
    ) -> Answer<BatchGetReceiptsResponse> {
        let call = call(&request)?;
        let receipts = self.receipts().get(&call, &request.into_inner().ids).await?;
        Ok(Response::new(BatchGetReceiptsResponse { receipts }))
    }

    async fn batch_create_receipts(
        &self,
        request: Request<BatchCreateReceiptsRequest>,
    ) -> Answer<BatchCreateReceiptsResponse> {
        let call = call(&request)?;
        let receipts = request.into_inner().requests.into_iter();
        let receipts = receipts.map(|request| request.receipt.unwrap_or_default()).collect();
        let answer = |receipts| BatchCreateReceiptsResponse { receipts };
        Ok(Response::new(self.receipts().create(&call, receipts, item, answer).await?))
    }

    async fn batch_update_receipts(
        &self,
        request: Request<BatchUpdateReceiptsRequest>,
    ) -> Answer<BatchUpdateReceiptsResponse> {
        let call = call(&request)?;
        let updates = request.into_inner().requests.into_iter().map(update).collect();
        let answer = |receipts| BatchUpdateReceiptsResponse { receipts };
        Ok(Response::new(self.receipts().update(&call, updates, item, answer).await?))
    }

    async fn batch_delete_receipts(
        &self,
        request: Request<BatchDeleteReceiptsRequest>,
    ) -> Answer<BatchDeleteReceiptsResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |receipts| BatchDeleteReceiptsResponse { receipts };
        Ok(Response::new(self.receipts().delete(&call, deletes, item, answer).await?))
    }

    async fn confirm_receipt(&self, request: Request<ConfirmReceiptRequest>) -> Answer<Receipt> {
        let call = call(&request)?;
        let ConfirmReceiptRequest { id, etag } = request.get_ref();
        let confirm = |receipt: &mut super::Receipt| receipt.confirm(&call);
        Ok(Response::new(self.receipts().act(&call, "confirm", (id, etag), confirm).await?))
    }

    async fn reverse_receipt(&self, request: Request<ReverseReceiptRequest>) -> Answer<Receipt> {
        let call = call(&request)?;
        let ReverseReceiptRequest { id, etag, reason } = request.get_ref();
        Ok(Response::new(self.0.reverse(&call, (id, etag), reason).await?))
    }

    async fn bulk_upsert_receipts(
        &self,
        request: Request<Streaming<BulkUpsertReceiptsRequest>>,
    ) -> Answer<Self::BulkUpsertReceiptsStream> {
        let (call, checks) = (call(&request)?, row_checks(&request));
        let rows = request
            .into_inner()
            .map(|row| row.map(|row| bulk::row(row.key, row.receipt.unwrap_or_default(), row.update_mask)));
        let results = bulk::run(self.receipts().clone(), call, checks, rows);
        Ok(Response::new(Box::pin(
            results.map(|results| Ok(BulkUpsertReceiptsResponse { results: results? })),
        )))
    }
}

fn wanted(request: &ListReceiptsRequest) -> Wanted<'_> {
    Wanted {
        page_size: request.page_size,
        page_token: &request.page_token,
        filter: &request.filter,
        order_by: &request.order_by,
        q: &request.q,
        show_deleted: request.show_deleted,
        include_total_size: request.include_total_size,
    }
}

fn update(request: UpdateReceiptRequest) -> Update<Receipt> {
    Update { wire: request.receipt.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeleteReceiptRequest { id, etag }: DeleteReceiptRequest) -> Delete {
    Delete { id, etag }
}
