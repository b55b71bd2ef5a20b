//! A small reference ERP system, as a process of its own: it follows confirmed orders over the public event stream, books each once, acknowledges it, and
//! reports the payment it received. It knows the suite by nothing but the contract.
//!
//! `erp <address of sales> <token> <ledger file>`. The ledger is its whole memory. It is written before anything is told, so a process that is killed goes on
//! where it was: events come again, bookings and payments are found by their keys.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a process of the tests talks, and stops at what it cannot handle"
)]

mod ledger;

use std::{env, path::PathBuf, time::Duration};

use crm_proto::crm::{
    event::v1::{Event, StartFrom, StreamEventsRequest, event_service_client::EventServiceClient},
    record::v1::ExternalId,
    sales::v1::{
        AcknowledgeOrderRequest, BulkUpsertReceiptsRequest, Order, OrderCreated, OrderUpdated, Receipt,
        order::ErpState, order_service_client::OrderServiceClient, receipt::Method,
        receipt_service_client::ReceiptServiceClient,
    },
};
use crm_testkit::callers::Bearer;
use ledger::Ledger;
use prost::{Message, Name};
use tonic::{
    Code, Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

/// Currencies that it keeps books in.
const CURRENCIES: [&str; 2] = ["CNY", "USD"];
/// How long it waits when sales does not answer.
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let (sales, token) = (arguments.next().unwrap(), arguments.next().unwrap());
    let mut ledger = Ledger::open(PathBuf::from(arguments.next().unwrap()));
    let channel = Bearer::new(&token).on(&Endpoint::from_shared(sales).unwrap().connect_lazy());
    println!(r#"{{"message":"listening","address":"nowhere"}}"#);
    let erp = Erp { channel };
    loop {
        if let Err(status) = erp.follow(&mut ledger).await {
            println!("{status}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

struct Erp {
    channel: InterceptedService<Channel, Bearer>,
}

impl Erp {
    /// Takes orders as they come, from where the ledger stands, until the stream ends.
    async fn follow(&self, ledger: &mut Ledger) -> Result<(), Status> {
        let cursor = ledger.cursor();
        let start_from = if cursor.is_empty() { StartFrom::Earliest } else { StartFrom::After };
        let request = StreamEventsRequest {
            start_from: start_from.into(),
            cursor,
            collections: vec!["orders".to_owned()],
            ..StreamEventsRequest::default()
        };
        let mut stream =
            EventServiceClient::new(self.channel.clone()).stream_events(request).await?.into_inner();
        while let Some(response) = stream.message().await? {
            for event in &response.events {
                if let Some(order) = order(event)
                    && order.erp_state() == ErpState::PendingPush
                {
                    self.take(ledger, &order).await?;
                }
            }
            ledger.stand_at(response.cursor);
        }
        Ok(())
    }

    /// Books an order, says so, and reports what was paid for it.
    async fn take(&self, ledger: &mut Ledger, order: &Order) -> Result<(), Status> {
        if !CURRENCIES.contains(&order.currency_code.as_str()) {
            let message = format!("no books in {}", order.currency_code);
            return self.answer(order, ErpState::Failed, "", &message).await;
        }
        let erp_id = ledger.book(&order.id, order.amendment_number);
        self.answer(order, ErpState::Acknowledged, &erp_id, "").await?;
        if order.amendment_number == 0 { self.report_payment(order, &erp_id).await } else { Ok(()) }
    }

    async fn answer(
        &self,
        order: &Order,
        state: ErpState,
        erp_id: &str,
        message: &str,
    ) -> Result<(), Status> {
        let request = AcknowledgeOrderRequest {
            id: order.id.clone(),
            etag: String::new(),
            erp_state: state.into(),
            erp_id: erp_id.to_owned(),
            erp_message: message.to_owned(),
            amendment_number: order.amendment_number,
        };
        match OrderServiceClient::new(self.channel.clone()).acknowledge_order(request).await {
            // Somebody cancelled or removed it meanwhile; a later event tells.
            Err(status) if matches!(status.code(), Code::NotFound | Code::FailedPrecondition) => {
                println!("order {}: {status}", order.number);
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    /// The payment is named by the booking, so that reporting it twice is reporting it once.
    async fn report_payment(&self, order: &Order, erp_id: &str) -> Result<(), Status> {
        let row = BulkUpsertReceiptsRequest {
            key: Some(ExternalId { system: "erp".to_owned(), value: format!("payment-{erp_id}") }),
            receipt: Some(Receipt {
                account_id: order.account_id.clone(),
                account_name: order.account_name.clone(),
                amount: order.totals.as_ref().and_then(|totals| totals.gross_amount.clone()),
                receive_date: order.order_date,
                method: Method::BankTransfer.into(),
                bank_reference: erp_id.to_owned(),
                ..Receipt::default()
            }),
            update_mask: None,
        };
        let mut receipts = ReceiptServiceClient::new(self.channel.clone());
        let rows = futures::stream::iter([row]);
        let mut answers = receipts.bulk_upsert_receipts(rows).await?.into_inner();
        while let Some(answer) = answers.message().await? {
            for result in answer.results {
                assert!(result.status.is_none(), "{result:?}");
            }
        }
        Ok(())
    }
}

/// The order that an event tells of, when it was made or changed.
fn order(event: &Event) -> Option<Order> {
    let payload = event.payload.as_ref()?;
    let is = |name: String| payload.type_url == format!("type.googleapis.com/{name}");
    if is(OrderCreated::full_name()) {
        return OrderCreated::decode(payload.value.as_slice()).ok()?.order;
    }
    is(OrderUpdated::full_name())
        .then(|| OrderUpdated::decode(payload.value.as_slice()).ok()?.order)
        .flatten()
}
