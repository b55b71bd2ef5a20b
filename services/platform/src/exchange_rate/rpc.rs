//! The exchange rate service on the wire.

use crm_kit_api::id;
use crm_kit_pg::Db;
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    BatchCreateExchangeRatesRequest, BatchCreateExchangeRatesResponse, BatchGetConversionRatesRequest,
    BatchGetConversionRatesResponse, BatchUpsertExchangeRatesRequest, BatchUpsertExchangeRatesResponse,
    ConvertMoneyRequest, ConvertMoneyResponse, CreateExchangeRateRequest, DeleteExchangeRateRequest,
    ExchangeRate, GetExchangeRateRequest, ListExchangeRatesRequest, ListExchangeRatesResponse,
    exchange_rate_service_server::ExchangeRateService,
};
use tonic::{Request, Response, Status};

use super::{list, ops};

/// Serves exchange rates.
#[derive(Clone, Debug)]
pub struct ExchangeRates {
    pub db: Db,
}

#[tonic::async_trait]
impl ExchangeRateService for ExchangeRates {
    async fn get_exchange_rate(
        &self,
        request: Request<GetExchangeRateRequest>,
    ) -> Result<Response<ExchangeRate>, Status> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(ops::get(&self.db, &call, id).await?.to_wire()))
    }

    async fn list_exchange_rates(
        &self,
        request: Request<ListExchangeRatesRequest>,
    ) -> Result<Response<ListExchangeRatesResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(list::list(&self.db, &call, request.get_ref()).await?))
    }

    async fn create_exchange_rate(
        &self,
        request: Request<CreateExchangeRateRequest>,
    ) -> Result<Response<ExchangeRate>, Status> {
        let call = call(&request)?;
        let rate = request.into_inner().exchange_rate.unwrap_or_default();
        Ok(Response::new(ops::create(&self.db, &call, &rate).await?))
    }

    async fn delete_exchange_rate(
        &self,
        request: Request<DeleteExchangeRateRequest>,
    ) -> Result<Response<ExchangeRate>, Status> {
        let call = call(&request)?;
        let DeleteExchangeRateRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::delete(&self.db, &call, id::parse("id", id)?, etag).await?))
    }

    async fn batch_create_exchange_rates(
        &self,
        request: Request<BatchCreateExchangeRatesRequest>,
    ) -> Result<Response<BatchCreateExchangeRatesResponse>, Status> {
        let call = call(&request)?;
        let requests = request.into_inner().requests.into_iter();
        let rates: Vec<_> = requests.map(|request| request.exchange_rate.unwrap_or_default()).collect();
        Ok(Response::new(ops::create_all(&self.db, &call, &rates).await?))
    }

    async fn batch_upsert_exchange_rates(
        &self,
        request: Request<BatchUpsertExchangeRatesRequest>,
    ) -> Result<Response<BatchUpsertExchangeRatesResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::upsert(&self.db, &call, &request.get_ref().exchange_rates).await?))
    }

    async fn batch_get_conversion_rates(
        &self,
        request: Request<BatchGetConversionRatesRequest>,
    ) -> Result<Response<BatchGetConversionRatesResponse>, Status> {
        let call = call(&request)?;
        let conversion_rates = ops::conversion_rates(&self.db, &call, &request.get_ref().queries).await?;
        Ok(Response::new(BatchGetConversionRatesResponse { conversion_rates }))
    }

    async fn convert_money(
        &self,
        request: Request<ConvertMoneyRequest>,
    ) -> Result<Response<ConvertMoneyResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::convert_money(&self.db, &call, request.get_ref()).await?))
    }
}
