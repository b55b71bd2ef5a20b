//! `crm.sales.v1.PaymentPlanService`.

use std::pin::Pin;

use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::sales::v1::{
    BatchCreatePaymentPlansRequest, BatchCreatePaymentPlansResponse, BatchDeletePaymentPlansRequest,
    BatchDeletePaymentPlansResponse, BatchGetPaymentPlansRequest, BatchGetPaymentPlansResponse,
    BatchUpdatePaymentPlansRequest, BatchUpdatePaymentPlansResponse, BulkUpsertPaymentPlansRequest,
    BulkUpsertPaymentPlansResponse, CancelPaymentPlanRequest, CreatePaymentPlanRequest,
    DeletePaymentPlanRequest, GetPaymentPlanRequest, ListPaymentPlansRequest, ListPaymentPlansResponse,
    PaymentPlan, SplitPaymentPlanRequest, SplitPaymentPlanResponse, UndeletePaymentPlanRequest,
    UpdatePaymentPlanRequest, payment_plan_service_server::PaymentPlanService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::{PaymentPlans, ops};
use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, single};

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of payment plans.
#[derive(Clone, Debug)]
pub struct Handlers(pub PaymentPlans);

#[tonic::async_trait]
impl PaymentPlanService for Handlers {
    type BulkUpsertPaymentPlansStream =
        Pin<Box<dyn Stream<Item = Result<BulkUpsertPaymentPlansResponse, Status>> + Send>>;

    async fn get_payment_plan(&self, request: Request<GetPaymentPlanRequest>) -> Answer<PaymentPlan> {
        let call = call(&request)?;
        Ok(Response::new(self.0.get(&call, &[request.into_inner().id]).await.map(only)?))
    }

    async fn list_payment_plans(
        &self,
        request: Request<ListPaymentPlansRequest>,
    ) -> Answer<ListPaymentPlansResponse> {
        let call = call(&request)?;
        let page = self.0.list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListPaymentPlansResponse {
            payment_plans: page.wires,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_payment_plan(&self, request: Request<CreatePaymentPlanRequest>) -> Answer<PaymentPlan> {
        let call = call(&request)?;
        let payment_plan = request.into_inner().payment_plan.unwrap_or_default();
        Ok(Response::new(self.0.create(&call, vec![payment_plan], single, only).await?))
    }

    async fn update_payment_plan(&self, request: Request<UpdatePaymentPlanRequest>) -> Answer<PaymentPlan> {
        let call = call(&request)?;
        let update = update(request.into_inner());
        Ok(Response::new(self.0.update(&call, vec![update], single, only).await?))
    }

    async fn delete_payment_plan(&self, request: Request<DeletePaymentPlanRequest>) -> Answer<PaymentPlan> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(self.0.delete(&call, vec![delete], single, only).await?))
    }

    async fn undelete_payment_plan(
        &self,
        request: Request<UndeletePaymentPlanRequest>,
    ) -> Answer<PaymentPlan> {
        let call = call(&request)?;
        let UndeletePaymentPlanRequest { id, etag } = request.into_inner();
        Ok(Response::new(self.0.undelete(&call, Delete { id, etag }).await?))
    }

    async fn batch_get_payment_plans(
        &self,
        request: Request<BatchGetPaymentPlansRequest>,
    ) -> Answer<BatchGetPaymentPlansResponse> {
        let call = call(&request)?;
        let payment_plans = self.0.get(&call, &request.into_inner().ids).await?;
        Ok(Response::new(BatchGetPaymentPlansResponse { payment_plans }))
    }

    async fn batch_create_payment_plans(
        &self,
        request: Request<BatchCreatePaymentPlansRequest>,
    ) -> Answer<BatchCreatePaymentPlansResponse> {
        let call = call(&request)?;
        let payment_plans = request.into_inner().requests.into_iter();
        let payment_plans = payment_plans.map(|request| request.payment_plan.unwrap_or_default()).collect();
        let answer = |payment_plans| BatchCreatePaymentPlansResponse { payment_plans };
        Ok(Response::new(self.0.create(&call, payment_plans, item, answer).await?))
    }

    async fn batch_update_payment_plans(
        &self,
        request: Request<BatchUpdatePaymentPlansRequest>,
    ) -> Answer<BatchUpdatePaymentPlansResponse> {
        let call = call(&request)?;
        let updates = request.into_inner().requests.into_iter().map(update).collect();
        let answer = |payment_plans| BatchUpdatePaymentPlansResponse { payment_plans };
        Ok(Response::new(self.0.update(&call, updates, item, answer).await?))
    }

    async fn batch_delete_payment_plans(
        &self,
        request: Request<BatchDeletePaymentPlansRequest>,
    ) -> Answer<BatchDeletePaymentPlansResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |payment_plans| BatchDeletePaymentPlansResponse { payment_plans };
        Ok(Response::new(self.0.delete(&call, deletes, item, answer).await?))
    }

    async fn cancel_payment_plan(&self, request: Request<CancelPaymentPlanRequest>) -> Answer<PaymentPlan> {
        let call = call(&request)?;
        let CancelPaymentPlanRequest { id, etag, reason } = request.get_ref();
        Ok(Response::new(ops::cancel(&self.0, &call, (id, etag), reason).await?))
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
        let (call, checks) = (call(&request)?, row_checks(&request));
        let rows = request.into_inner().map(|row| {
            row.map(|row| bulk::row(row.key, row.payment_plan.unwrap_or_default(), row.update_mask))
        });
        let results = bulk::run(self.0.clone(), call, checks, rows);
        Ok(Response::new(Box::pin(
            results.map(|results| Ok(BulkUpsertPaymentPlansResponse { results: results? })),
        )))
    }
}

fn wanted(request: &ListPaymentPlansRequest) -> Wanted<'_> {
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

fn update(request: UpdatePaymentPlanRequest) -> Update<PaymentPlan> {
    Update { wire: request.payment_plan.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeletePaymentPlanRequest { id, etag }: DeletePaymentPlanRequest) -> Delete {
    Delete { id, etag }
}
