//! What tests of orders share.

use crm_proto::{
    crm::{
        record::v1::{ExternalId, RowResult},
        sales::v1::{
            AcknowledgeOrderRequest, AmendOrderRequest, BulkUpsertOrdersRequest, CancelOrderRequest,
            CloseOrderRequest, ConfirmOrderRequest, CreateOrderRequest, DocumentLine, FulfilledLine,
            GetOrderRequest, ListOrderAmendmentsRequest, ListOrderFulfilmentsRequest, ListOrdersRequest,
            Order, OrderAmendment, OrderFulfilment, RecordOrderFulfilmentRequest, UpdateOrderRequest,
            order::ErpState, order_service_client::OrderServiceClient,
        },
    },
    google::r#type::Money,
};
use crm_testkit::Caller;
use tonic::{Response, Status};

use crate::rig::{Rig, Wired, field_mask};

/// The orders as one caller sees them.
pub struct Desk {
    pub client: OrderServiceClient<Wired>,
}

type Outcome = Result<Order, Status>;

impl Desk {
    pub fn new(rig: &Rig, caller: &Caller) -> Self {
        Self { client: OrderServiceClient::new(caller.on(&rig.channel)) }
    }

    pub async fn create(&mut self, order: Order) -> Outcome {
        let request = CreateOrderRequest { order: Some(order) };
        self.client.create_order(request).await.map(Response::into_inner)
    }

    /// An order with these lines, confirmed.
    pub async fn confirmed(&mut self, lines: Vec<DocumentLine>) -> Order {
        let made = self.create(order(lines)).await.unwrap();
        self.confirm(&made.id, false).await.unwrap()
    }

    pub async fn get(&mut self, id: &str) -> Outcome {
        self.client.get_order(GetOrderRequest { id: id.to_owned() }).await.map(Response::into_inner)
    }

    pub async fn update(&mut self, order: Order, mask: &[&str]) -> Outcome {
        let request = UpdateOrderRequest { order: Some(order), update_mask: field_mask(mask) };
        self.client.update_order(request).await.map(Response::into_inner)
    }

    pub async fn confirm(&mut self, id: &str, without_erp: bool) -> Outcome {
        let request = ConfirmOrderRequest { id: id.to_owned(), etag: String::new(), without_erp };
        self.client.confirm_order(request).await.map(Response::into_inner)
    }

    pub async fn fulfil(&mut self, order: &Order, reference: &str, quantities: &[(usize, &str)]) -> Outcome {
        let lines = quantities.iter().map(|(index, quantity)| FulfilledLine {
            line_id: order.lines[*index].id.clone(),
            quantity: (*quantity).to_owned(),
        });
        let request = RecordOrderFulfilmentRequest {
            id: order.id.clone(),
            reference: reference.to_owned(),
            lines: lines.collect(),
            ..RecordOrderFulfilmentRequest::default()
        };
        self.client.record_order_fulfilment(request).await.map(Response::into_inner)
    }

    pub async fn amend(&mut self, id: &str, lines: Vec<DocumentLine>) -> Outcome {
        let request = AmendOrderRequest {
            id: id.to_owned(),
            reason: "the customer wants it so".into(),
            lines,
            ..AmendOrderRequest::default()
        };
        self.client.amend_order(request).await.map(Response::into_inner)
    }

    pub async fn close(&mut self, id: &str) -> Outcome {
        let request = CloseOrderRequest { id: id.to_owned(), ..CloseOrderRequest::default() };
        self.client.close_order(request).await.map(Response::into_inner)
    }

    pub async fn cancel(&mut self, id: &str, reason: &str) -> Outcome {
        let request =
            CancelOrderRequest { id: id.to_owned(), reason: reason.to_owned(), ..Default::default() };
        self.client.cancel_order(request).await.map(Response::into_inner)
    }

    pub async fn report(&mut self, order: &Order, state: ErpState, erp_id: &str, message: &str) -> Outcome {
        let request = AcknowledgeOrderRequest {
            id: order.id.clone(),
            etag: String::new(),
            erp_state: state.into(),
            erp_id: erp_id.to_owned(),
            erp_message: message.to_owned(),
            amendment_number: order.amendment_number,
        };
        self.client.acknowledge_order(request).await.map(Response::into_inner)
    }

    pub async fn amendments(&mut self, id: &str) -> Result<Vec<OrderAmendment>, Status> {
        let request = ListOrderAmendmentsRequest { order_id: id.to_owned(), ..Default::default() };
        self.client.list_order_amendments(request).await.map(|answer| answer.into_inner().amendments)
    }

    pub async fn fulfilments(&mut self, id: &str) -> Result<Vec<OrderFulfilment>, Status> {
        let request = ListOrderFulfilmentsRequest { order_id: id.to_owned(), ..Default::default() };
        self.client.list_order_fulfilments(request).await.map(|answer| answer.into_inner().fulfilments)
    }

    /// Orders that satisfy a filter, in an order.
    pub async fn list(&mut self, filter: &str, order_by: &str) -> Result<Vec<Order>, Status> {
        let mut found = Vec::new();
        let mut request = ListOrdersRequest {
            filter: filter.to_owned(),
            order_by: order_by.to_owned(),
            page_size: 1000,
            ..ListOrdersRequest::default()
        };
        loop {
            let page = self.client.list_orders(request.clone()).await?.into_inner();
            found.extend(page.orders);
            if page.next_page_token.is_empty() {
                return Ok(found);
            }
            request.page_token = page.next_page_token;
        }
    }

    pub async fn upsert(&mut self, rows: Vec<BulkUpsertOrdersRequest>) -> Vec<RowResult> {
        let stream = self.client.bulk_upsert_orders(futures::stream::iter(rows)).await;
        let mut answers = stream.unwrap().into_inner();
        let mut results = Vec::new();
        while let Some(answer) = answers.message().await.unwrap() {
            results.extend(answer.results);
        }
        results
    }
}

/// An order of a firm.
pub fn order(lines: Vec<DocumentLine>) -> Order {
    Order { account_name: "Acme".into(), lines, ..Order::default() }
}

/// A line without product.
pub fn line(name: &str, quantity: &str, price: &str) -> DocumentLine {
    DocumentLine {
        product_name: name.into(),
        quantity: quantity.into(),
        unit_price: price.into(),
        ..DocumentLine::default()
    }
}

/// A row of a streaming upsert.
pub fn row(key: &str, order: Order) -> BulkUpsertOrdersRequest {
    let key = ExternalId { system: "erp".into(), value: key.into() };
    BulkUpsertOrdersRequest { key: Some(key), order: Some(order), update_mask: None }
}

/// The total of an order, with tax.
pub fn gross(order: &Order) -> Money {
    order.totals.clone().unwrap().gross_amount.unwrap()
}

/// What of an order's lines is fulfilled and open.
pub fn progress(order: &Order) -> Vec<(&str, &str)> {
    let lines = order.progress.iter();
    lines.map(|line| (line.fulfilled_quantity.as_str(), line.open_quantity.as_str())).collect()
}
