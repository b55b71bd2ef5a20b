//! `crm.sales.v1.PriceEntryService`.

use std::pin::Pin;

use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::sales::v1::{
    BatchCreatePriceEntriesRequest, BatchCreatePriceEntriesResponse, BatchDeletePriceEntriesRequest,
    BatchDeletePriceEntriesResponse, BatchGetPriceEntriesRequest, BatchGetPriceEntriesResponse,
    BatchUpdatePriceEntriesRequest, BatchUpdatePriceEntriesResponse, BulkUpsertPriceEntriesRequest,
    BulkUpsertPriceEntriesResponse, CreatePriceEntryRequest, DeletePriceEntryRequest, GetPriceEntryRequest,
    ListPriceEntriesRequest, ListPriceEntriesResponse, PriceEntry, ResolvePriceRequest, ResolvedPrice,
    UndeletePriceEntryRequest, UpdatePriceEntryRequest, price_entry_service_server::PriceEntryService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::Prices;
use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, single};

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of price_entries.
#[derive(Clone, Debug)]
pub struct Handlers(pub Prices);

#[tonic::async_trait]
impl PriceEntryService for Handlers {
    type BulkUpsertPriceEntriesStream =
        Pin<Box<dyn Stream<Item = Result<BulkUpsertPriceEntriesResponse, Status>> + Send>>;

    async fn get_price_entry(&self, request: Request<GetPriceEntryRequest>) -> Answer<PriceEntry> {
        let call = call(&request)?;
        Ok(Response::new(self.0.entries.get(&call, &[request.into_inner().id]).await.map(only)?))
    }

    async fn list_price_entries(
        &self,
        request: Request<ListPriceEntriesRequest>,
    ) -> Answer<ListPriceEntriesResponse> {
        let call = call(&request)?;
        let page = self.0.entries.list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListPriceEntriesResponse {
            price_entries: page.wires,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_price_entry(&self, request: Request<CreatePriceEntryRequest>) -> Answer<PriceEntry> {
        let call = call(&request)?;
        let price_entry = request.into_inner().price_entry.unwrap_or_default();
        Ok(Response::new(self.0.entries.create(&call, vec![price_entry], single, only).await?))
    }

    async fn update_price_entry(&self, request: Request<UpdatePriceEntryRequest>) -> Answer<PriceEntry> {
        let call = call(&request)?;
        let update = update(request.into_inner());
        Ok(Response::new(self.0.entries.update(&call, vec![update], single, only).await?))
    }

    async fn delete_price_entry(&self, request: Request<DeletePriceEntryRequest>) -> Answer<PriceEntry> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(self.0.entries.delete(&call, vec![delete], single, only).await?))
    }

    async fn undelete_price_entry(&self, request: Request<UndeletePriceEntryRequest>) -> Answer<PriceEntry> {
        let call = call(&request)?;
        let UndeletePriceEntryRequest { id, etag } = request.into_inner();
        Ok(Response::new(self.0.entries.undelete(&call, Delete { id, etag }).await?))
    }

    async fn batch_get_price_entries(
        &self,
        request: Request<BatchGetPriceEntriesRequest>,
    ) -> Answer<BatchGetPriceEntriesResponse> {
        let call = call(&request)?;
        let price_entries = self.0.entries.get(&call, &request.into_inner().ids).await?;
        Ok(Response::new(BatchGetPriceEntriesResponse { price_entries }))
    }

    async fn batch_create_price_entries(
        &self,
        request: Request<BatchCreatePriceEntriesRequest>,
    ) -> Answer<BatchCreatePriceEntriesResponse> {
        let call = call(&request)?;
        let price_entries = request.into_inner().requests.into_iter();
        let price_entries = price_entries.map(|request| request.price_entry.unwrap_or_default()).collect();
        let answer = |price_entries| BatchCreatePriceEntriesResponse { price_entries };
        Ok(Response::new(self.0.entries.create(&call, price_entries, item, answer).await?))
    }

    async fn batch_update_price_entries(
        &self,
        request: Request<BatchUpdatePriceEntriesRequest>,
    ) -> Answer<BatchUpdatePriceEntriesResponse> {
        let call = call(&request)?;
        let updates = request.into_inner().requests.into_iter().map(update).collect();
        let answer = |price_entries| BatchUpdatePriceEntriesResponse { price_entries };
        Ok(Response::new(self.0.entries.update(&call, updates, item, answer).await?))
    }

    async fn batch_delete_price_entries(
        &self,
        request: Request<BatchDeletePriceEntriesRequest>,
    ) -> Answer<BatchDeletePriceEntriesResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |price_entries| BatchDeletePriceEntriesResponse { price_entries };
        Ok(Response::new(self.0.entries.delete(&call, deletes, item, answer).await?))
    }

    async fn bulk_upsert_price_entries(
        &self,
        request: Request<Streaming<BulkUpsertPriceEntriesRequest>>,
    ) -> Answer<Self::BulkUpsertPriceEntriesStream> {
        let (call, checks) = (call(&request)?, row_checks(&request));
        let rows = request.into_inner().map(|row| {
            row.map(|row| bulk::row(row.key, row.price_entry.unwrap_or_default(), row.update_mask))
        });
        let results = bulk::run(self.0.entries.clone(), call, checks, rows);
        Ok(Response::new(Box::pin(
            results.map(|results| Ok(BulkUpsertPriceEntriesResponse { results: results? })),
        )))
    }

    async fn resolve_price(&self, request: Request<ResolvePriceRequest>) -> Answer<ResolvedPrice> {
        let call = call(&request)?;
        Ok(Response::new(self.0.resolve(&call, request.get_ref()).await?))
    }
}

fn wanted(request: &ListPriceEntriesRequest) -> Wanted<'_> {
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

fn update(request: UpdatePriceEntryRequest) -> Update<PriceEntry> {
    Update { wire: request.price_entry.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeletePriceEntryRequest { id, etag }: DeletePriceEntryRequest) -> Delete {
    Delete { id, etag }
}
