//! `crm.sales.v1.PaymentPlanService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    BatchCreatePaymentPlansRequest, BatchCreatePaymentPlansResponse, BatchDeletePaymentPlansRequest,
    BatchDeletePaymentPlansResponse, BatchGetPaymentPlansRequest, BatchGetPaymentPlansResponse,
    BatchUpdatePaymentPlansRequest, BatchUpdatePaymentPlansResponse, BulkUpsertPaymentPlansRequest,
    BulkUpsertPaymentPlansResponse, CancelPaymentPlanRequest, CreatePaymentPlanRequest,
    DeletePaymentPlanRequest, GetPaymentPlanRequest, ListPaymentPlansRequest, ListPaymentPlansResponse,
    PaymentPlan, SplitPaymentPlanRequest, SplitPaymentPlanResponse, UndeletePaymentPlanRequest,
    UpdatePaymentPlanRequest, payment_plan_service_server::PaymentPlanService,
};
use tonic::{Request, Response, Streaming};

use super::{PaymentPlans, ops};

/// The service's methods over the use cases of payment plans.
#[derive(Clone, Debug)]
pub struct Handlers(pub PaymentPlans);

#[tonic::async_trait]
impl PaymentPlanService for Handlers {
    type BulkUpsertPaymentPlansStream = Answers<BulkUpsertPaymentPlansResponse>;

    async fn get_payment_plan(&self, request: Request<GetPaymentPlanRequest>) -> Answer<PaymentPlan> {
        serve::get(&self.0, request).await
    }

    async fn list_payment_plans(
        &self,
        request: Request<ListPaymentPlansRequest>,
    ) -> Answer<ListPaymentPlansResponse> {
        serve::list(&self.0, request).await
    }

    async fn create_payment_plan(&self, request: Request<CreatePaymentPlanRequest>) -> Answer<PaymentPlan> {
        serve::create(&self.0, request).await
    }

    async fn update_payment_plan(&self, request: Request<UpdatePaymentPlanRequest>) -> Answer<PaymentPlan> {
        serve::update(&self.0, request).await
    }

    async fn delete_payment_plan(&self, request: Request<DeletePaymentPlanRequest>) -> Answer<PaymentPlan> {
        serve::delete(&self.0, request).await
    }

    async fn undelete_payment_plan(
        &self,
        request: Request<UndeletePaymentPlanRequest>,
    ) -> Answer<PaymentPlan> {
        serve::undelete(&self.0, request).await
    }

    async fn batch_get_payment_plans(
        &self,
        request: Request<BatchGetPaymentPlansRequest>,
    ) -> Answer<BatchGetPaymentPlansResponse> {
        serve::batch_get(&self.0, request).await
    }

    async fn batch_create_payment_plans(
        &self,
        request: Request<BatchCreatePaymentPlansRequest>,
    ) -> Answer<BatchCreatePaymentPlansResponse> {
        serve::batch_create(&self.0, request).await
    }

    async fn batch_update_payment_plans(
        &self,
        request: Request<BatchUpdatePaymentPlansRequest>,
    ) -> Answer<BatchUpdatePaymentPlansResponse> {
        serve::batch_update(&self.0, request).await
    }

    async fn batch_delete_payment_plans(
        &self,
        request: Request<BatchDeletePaymentPlansRequest>,
    ) -> Answer<BatchDeletePaymentPlansResponse> {
        serve::batch_delete(&self.0, request).await
    }

    async fn cancel_payment_plan(&self, request: Request<CancelPaymentPlanRequest>) -> Answer<PaymentPlan> {
        let call = call(&request)?;
        let CancelPaymentPlanRequest { id, etag, reason } = request.get_ref();
        serve::told(&self.0, &call, ops::cancel(&self.0, &call, (id, etag), reason).await?)
    }

    async fn split_payment_plan(
        &self,
        request: Request<SplitPaymentPlanRequest>,
    ) -> Answer<SplitPaymentPlanResponse> {
        let call = call(&request)?;
        Ok(Response::new(ops::split(&self.0, &call, request.into_inner()).await?))
    }

    async fn bulk_upsert_payment_plans(
        &self,
        request: Request<Streaming<BulkUpsertPaymentPlansRequest>>,
    ) -> Answer<Self::BulkUpsertPaymentPlansStream> {
        serve::bulk_upsert(&self.0, request)
    }
}
