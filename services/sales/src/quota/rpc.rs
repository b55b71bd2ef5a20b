//! `crm.sales.v1.QuotaService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    BatchCreateQuotasRequest, BatchCreateQuotasResponse, BatchDeleteQuotasRequest, BatchDeleteQuotasResponse,
    BatchGetQuotasRequest, BatchGetQuotasResponse, BatchUpdateQuotasRequest, BatchUpdateQuotasResponse,
    BulkUpsertQuotasRequest, BulkUpsertQuotasResponse, CreateQuotaRequest, DeleteQuotaRequest,
    FiscalCalendar, GetFiscalCalendarRequest, GetQuotaRequest, ListQuotaAttainmentsRequest,
    ListQuotaAttainmentsResponse, ListQuotaSumsRequest, ListQuotaSumsResponse, ListQuotaVersionsRequest,
    ListQuotaVersionsResponse, ListQuotasRequest, ListQuotasResponse, PublishQuotasRequest,
    PublishQuotasResponse, Quota, UndeleteQuotaRequest, UpdateFiscalCalendarRequest, UpdateQuotaRequest,
    quota_service_server::QuotaService,
};
use tonic::{Request, Response, Streaming};

use super::Quotas;
use crate::fiscal;

/// The service's methods over the use cases of quotas.
#[derive(Clone, Debug)]
pub struct Handlers(pub Quotas);

#[tonic::async_trait]
impl QuotaService for Handlers {
    type BulkUpsertQuotasStream = Answers<BulkUpsertQuotasResponse>;

    async fn get_quota(&self, request: Request<GetQuotaRequest>) -> Answer<Quota> {
        serve::get(&self.0.slice, request).await
    }

    async fn list_quotas(&self, request: Request<ListQuotasRequest>) -> Answer<ListQuotasResponse> {
        serve::list(&self.0.slice, request).await
    }

    async fn create_quota(&self, request: Request<CreateQuotaRequest>) -> Answer<Quota> {
        serve::create(&self.0.slice, request).await
    }

    async fn update_quota(&self, request: Request<UpdateQuotaRequest>) -> Answer<Quota> {
        serve::update(&self.0.slice, request).await
    }

    async fn delete_quota(&self, request: Request<DeleteQuotaRequest>) -> Answer<Quota> {
        serve::delete(&self.0.slice, request).await
    }

    async fn undelete_quota(&self, request: Request<UndeleteQuotaRequest>) -> Answer<Quota> {
        serve::undelete(&self.0.slice, request).await
    }

    async fn batch_get_quotas(
        &self,
        request: Request<BatchGetQuotasRequest>,
    ) -> Answer<BatchGetQuotasResponse> {
        serve::batch_get(&self.0.slice, request).await
    }

    async fn batch_create_quotas(
        &self,
        request: Request<BatchCreateQuotasRequest>,
    ) -> Answer<BatchCreateQuotasResponse> {
        serve::batch_create(&self.0.slice, request).await
    }

    async fn batch_update_quotas(
        &self,
        request: Request<BatchUpdateQuotasRequest>,
    ) -> Answer<BatchUpdateQuotasResponse> {
        serve::batch_update(&self.0.slice, request).await
    }

    async fn batch_delete_quotas(
        &self,
        request: Request<BatchDeleteQuotasRequest>,
    ) -> Answer<BatchDeleteQuotasResponse> {
        serve::batch_delete(&self.0.slice, request).await
    }

    async fn bulk_upsert_quotas(
        &self,
        request: Request<Streaming<BulkUpsertQuotasRequest>>,
    ) -> Answer<Self::BulkUpsertQuotasStream> {
        serve::bulk_upsert(&self.0.slice, request)
    }

    async fn publish_quotas(&self, request: Request<PublishQuotasRequest>) -> Answer<PublishQuotasResponse> {
        let call = call(&request)?;
        Ok(Response::new(self.0.publish(&call, &request.into_inner().ids).await?))
    }

    async fn list_quota_versions(
        &self,
        request: Request<ListQuotaVersionsRequest>,
    ) -> Answer<ListQuotaVersionsResponse> {
        let call = call(&request)?;
        let versions = self.0.versions(&call, &request.get_ref().quota_id).await?;
        Ok(Response::new(ListQuotaVersionsResponse { versions }))
    }

    async fn list_quota_sums(&self, request: Request<ListQuotaSumsRequest>) -> Answer<ListQuotaSumsResponse> {
        let call = call(&request)?;
        Ok(Response::new(ListQuotaSumsResponse { sums: self.0.sums(&call, request.get_ref()).await? }))
    }

    async fn list_quota_attainments(
        &self,
        request: Request<ListQuotaAttainmentsRequest>,
    ) -> Answer<ListQuotaAttainmentsResponse> {
        let call = call(&request)?;
        Ok(Response::new(self.0.attainments(&call, request.get_ref()).await?))
    }

    async fn get_fiscal_calendar(
        &self,
        request: Request<GetFiscalCalendarRequest>,
    ) -> Answer<FiscalCalendar> {
        let call = call(&request)?;
        Ok(Response::new(fiscal::ops::get(&self.0.slice.db, &call).await?))
    }

    async fn update_fiscal_calendar(
        &self,
        request: Request<UpdateFiscalCalendarRequest>,
    ) -> Answer<FiscalCalendar> {
        let call = call(&request)?;
        let wire = request.into_inner().fiscal_calendar.unwrap_or_default();
        Ok(Response::new(fiscal::ops::update(&self.0.slice.db, &call, &wire).await?))
    }
}
