//! `crm.sales.v1.PriceEntryService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    BatchCreatePriceEntriesRequest, BatchCreatePriceEntriesResponse, BatchDeletePriceEntriesRequest,
    BatchDeletePriceEntriesResponse, BatchGetPriceEntriesRequest, BatchGetPriceEntriesResponse,
    BatchUpdatePriceEntriesRequest, BatchUpdatePriceEntriesResponse, BulkUpsertPriceEntriesRequest,
    BulkUpsertPriceEntriesResponse, CreatePriceEntryRequest, DeletePriceEntryRequest, GetPriceEntryRequest,
    ListPriceEntriesRequest, ListPriceEntriesResponse, PriceEntry, ResolvePriceRequest, ResolvedPrice,
    UndeletePriceEntryRequest, UpdatePriceEntryRequest, price_entry_service_server::PriceEntryService,
};
use tonic::{Request, Response, Streaming};

use super::Prices;

/// The service's methods over the use cases of price_entries.
#[derive(Clone, Debug)]
pub struct Handlers(pub Prices);

#[tonic::async_trait]
impl PriceEntryService for Handlers {
    type BulkUpsertPriceEntriesStream = Answers<BulkUpsertPriceEntriesResponse>;

    async fn get_price_entry(&self, request: Request<GetPriceEntryRequest>) -> Answer<PriceEntry> {
        serve::get(&self.0.entries, request).await
    }

    async fn list_price_entries(
        &self,
        request: Request<ListPriceEntriesRequest>,
    ) -> Answer<ListPriceEntriesResponse> {
        serve::list(&self.0.entries, request).await
    }

    async fn create_price_entry(&self, request: Request<CreatePriceEntryRequest>) -> Answer<PriceEntry> {
        serve::create(&self.0.entries, request).await
    }

    async fn update_price_entry(&self, request: Request<UpdatePriceEntryRequest>) -> Answer<PriceEntry> {
        serve::update(&self.0.entries, request).await
    }

    async fn delete_price_entry(&self, request: Request<DeletePriceEntryRequest>) -> Answer<PriceEntry> {
        serve::delete(&self.0.entries, request).await
    }

    async fn undelete_price_entry(&self, request: Request<UndeletePriceEntryRequest>) -> Answer<PriceEntry> {
        serve::undelete(&self.0.entries, request).await
    }

    async fn batch_get_price_entries(
        &self,
        request: Request<BatchGetPriceEntriesRequest>,
    ) -> Answer<BatchGetPriceEntriesResponse> {
        serve::batch_get(&self.0.entries, request).await
    }

    async fn batch_create_price_entries(
        &self,
        request: Request<BatchCreatePriceEntriesRequest>,
    ) -> Answer<BatchCreatePriceEntriesResponse> {
        serve::batch_create(&self.0.entries, request).await
    }

    async fn batch_update_price_entries(
        &self,
        request: Request<BatchUpdatePriceEntriesRequest>,
    ) -> Answer<BatchUpdatePriceEntriesResponse> {
        serve::batch_update(&self.0.entries, request).await
    }

    async fn batch_delete_price_entries(
        &self,
        request: Request<BatchDeletePriceEntriesRequest>,
    ) -> Answer<BatchDeletePriceEntriesResponse> {
        serve::batch_delete(&self.0.entries, request).await
    }

    async fn bulk_upsert_price_entries(
        &self,
        request: Request<Streaming<BulkUpsertPriceEntriesRequest>>,
    ) -> Answer<Self::BulkUpsertPriceEntriesStream> {
        serve::bulk_upsert(&self.0.entries, request)
    }

    async fn resolve_price(&self, request: Request<ResolvePriceRequest>) -> Answer<ResolvedPrice> {
        let call = call(&request)?;
        Ok(Response::new(self.0.resolve(&call, request.get_ref()).await?))
    }
}
