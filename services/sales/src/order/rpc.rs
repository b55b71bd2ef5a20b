//! `crm.sales.v1.OrderService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    AcknowledgeOrderRequest, AmendOrderRequest, BatchCreateOrdersRequest, BatchCreateOrdersResponse,
    BatchDeleteOrdersRequest, BatchDeleteOrdersResponse, BatchGetOrdersRequest, BatchGetOrdersResponse,
    BatchUpdateOrdersRequest, BatchUpdateOrdersResponse, BulkUpsertOrdersRequest, BulkUpsertOrdersResponse,
    CancelOrderRequest, CloseOrderRequest, ConfirmOrderRequest, CreateOrderFromQuoteRequest,
    CreateOrderRequest, DeleteOrderRequest, GetOrderRequest, ListOrderAmendmentsRequest,
    ListOrderAmendmentsResponse, ListOrderFulfilmentsRequest, ListOrderFulfilmentsResponse,
    ListOrdersRequest, ListOrdersResponse, Order, RecordOrderFulfilmentRequest, UndeleteOrderRequest,
    UpdateOrderRequest, order_service_server::OrderService,
};
use tonic::{Request, Response, Streaming};

use super::{
    history::{Amendment, Fulfilment},
    ops::{Orders, Verb},
};

/// The service's methods over the use cases of orders.
#[derive(Clone, Debug)]
pub struct Handlers(pub Orders);

#[tonic::async_trait]
impl OrderService for Handlers {
    type BulkUpsertOrdersStream = Answers<BulkUpsertOrdersResponse>;

    async fn get_order(&self, request: Request<GetOrderRequest>) -> Answer<Order> {
        serve::get(&self.0.slice, request).await
    }

    async fn list_orders(&self, request: Request<ListOrdersRequest>) -> Answer<ListOrdersResponse> {
        serve::list(&self.0.slice, request).await
    }

    async fn create_order(&self, request: Request<CreateOrderRequest>) -> Answer<Order> {
        serve::create(&self.0.slice, request).await
    }

    async fn update_order(&self, request: Request<UpdateOrderRequest>) -> Answer<Order> {
        serve::update(&self.0.slice, request).await
    }

    async fn delete_order(&self, request: Request<DeleteOrderRequest>) -> Answer<Order> {
        serve::delete(&self.0.slice, request).await
    }

    async fn undelete_order(&self, request: Request<UndeleteOrderRequest>) -> Answer<Order> {
        serve::undelete(&self.0.slice, request).await
    }

    async fn batch_get_orders(
        &self,
        request: Request<BatchGetOrdersRequest>,
    ) -> Answer<BatchGetOrdersResponse> {
        serve::batch_get(&self.0.slice, request).await
    }

    async fn batch_create_orders(
        &self,
        request: Request<BatchCreateOrdersRequest>,
    ) -> Answer<BatchCreateOrdersResponse> {
        serve::batch_create(&self.0.slice, request).await
    }

    async fn batch_update_orders(
        &self,
        request: Request<BatchUpdateOrdersRequest>,
    ) -> Answer<BatchUpdateOrdersResponse> {
        serve::batch_update(&self.0.slice, request).await
    }

    async fn batch_delete_orders(
        &self,
        request: Request<BatchDeleteOrdersRequest>,
    ) -> Answer<BatchDeleteOrdersResponse> {
        serve::batch_delete(&self.0.slice, request).await
    }

    async fn bulk_upsert_orders(
        &self,
        request: Request<Streaming<BulkUpsertOrdersRequest>>,
    ) -> Answer<Self::BulkUpsertOrdersStream> {
        serve::bulk_upsert(&self.0.slice, request)
    }

    async fn create_order_from_quote(&self, request: Request<CreateOrderFromQuoteRequest>) -> Answer<Order> {
        let call = call(&request)?;
        serve::told(
            &self.0.slice,
            &call,
            Box::pin(self.0.of_quote(&call, &request.get_ref().quote_id)).await?,
        )
    }

    async fn confirm_order(&self, request: Request<ConfirmOrderRequest>) -> Answer<Order> {
        let call = call(&request)?;
        let ConfirmOrderRequest { id, etag, without_erp } = request.get_ref();
        let verb = Verb::Confirm { without_erp: *without_erp };
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), verb).await?)
    }

    async fn record_order_fulfilment(&self, request: Request<RecordOrderFulfilmentRequest>) -> Answer<Order> {
        let (call, request) = (call(&request)?, request.get_ref());
        serve::told(
            &self.0.slice,
            &call,
            self.0.act(&call, (&request.id, &request.etag), Verb::Fulfil(request)).await?,
        )
    }

    async fn amend_order(&self, request: Request<AmendOrderRequest>) -> Answer<Order> {
        let (call, request) = (call(&request)?, request.get_ref());
        serve::told(
            &self.0.slice,
            &call,
            self.0.act(&call, (&request.id, &request.etag), Verb::Amend(request)).await?,
        )
    }

    async fn close_order(&self, request: Request<CloseOrderRequest>) -> Answer<Order> {
        let call = call(&request)?;
        let CloseOrderRequest { id, etag } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Close).await?)
    }

    async fn cancel_order(&self, request: Request<CancelOrderRequest>) -> Answer<Order> {
        let call = call(&request)?;
        let CancelOrderRequest { id, etag, reason } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Cancel(reason)).await?)
    }

    async fn acknowledge_order(&self, request: Request<AcknowledgeOrderRequest>) -> Answer<Order> {
        let (call, request) = (call(&request)?, request.get_ref());
        let verb = Verb::Acknowledge(request);
        serve::told(&self.0.slice, &call, self.0.act(&call, (&request.id, &request.etag), verb).await?)
    }

    async fn list_order_amendments(
        &self,
        request: Request<ListOrderAmendmentsRequest>,
    ) -> Answer<ListOrderAmendmentsResponse> {
        let call = call(&request)?;
        let ListOrderAmendmentsRequest { order_id, page_size, page_token } = request.get_ref();
        let page = (*page_size, page_token.as_str());
        let (amendments, next_page_token) = self.0.amendments(&call, order_id, page).await?;
        let amendments = amendments.iter().map(Amendment::to_wire).collect();
        Ok(Response::new(ListOrderAmendmentsResponse { amendments, next_page_token }))
    }

    async fn list_order_fulfilments(
        &self,
        request: Request<ListOrderFulfilmentsRequest>,
    ) -> Answer<ListOrderFulfilmentsResponse> {
        let call = call(&request)?;
        let ListOrderFulfilmentsRequest { order_id, page_size, page_token } = request.get_ref();
        let page = (*page_size, page_token.as_str());
        let (fulfilments, next_page_token) = self.0.fulfilments(&call, order_id, page).await?;
        let fulfilments = fulfilments.iter().map(Fulfilment::to_wire).collect();
        Ok(Response::new(ListOrderFulfilmentsResponse { fulfilments, next_page_token }))
    }
}
