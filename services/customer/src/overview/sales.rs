//! What the sales service knows of an account, asked over its public API with the rights of the user.

use std::time::Instant;

use crm_kit_api::Call;
use crm_kit_rpc::peer::{Errand, Peers, Wire};
use crm_proto::crm::sales::v1::{
    Contract, ListContractsRequest, ListOpportunitiesRequest, ListOrdersRequest, ListPaymentPlansRequest,
    ListReceiptsRequest, Opportunity, Order, PaymentPlan, Receipt,
    contract_service_client::ContractServiceClient, opportunity_service_client::OpportunityServiceClient,
    order_service_client::OrderServiceClient, payment_plan_service_client::PaymentPlanServiceClient,
    receipt_service_client::ReceiptServiceClient,
};
use tonic::Status;
use uuid::Uuid;

use super::gap::Section;

/// Name of the service.
const NAME: &str = "sales";

/// Records of a section.
const RECORDS: i32 = 50;
/// Documents of a section; they come with their lines.
const DOCUMENTS: i32 = 20;

/// The open deals of an account.
pub const OPEN_DEALS: Section =
    Section { service: NAME, name: "open_opportunities", permission: "sales.opportunities.read" };
/// Its orders.
pub const ORDERS: Section = Section { service: NAME, name: "orders", permission: "sales.orders.read" };
/// Its contracts.
pub const CONTRACTS: Section =
    Section { service: NAME, name: "contracts", permission: "sales.contracts.read" };
/// What it is still to pay.
pub const OPEN_PAYMENT_PLANS: Section =
    Section { service: NAME, name: "open_payment_plans", permission: "sales.paymentPlans.read" };
/// What it has paid.
pub const RECEIPTS: Section = Section { service: NAME, name: "receipts", permission: "sales.receipts.read" };

/// Records of a section, and whether there are more.
pub type Stretch<T> = Result<(Vec<T>, bool), Status>;

/// What is asked about one account.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    pub peers: &'q Peers,
    pub call: &'q Call,
    pub account_id: Uuid,
}

impl Question<'_> {
    /// The service hears how long we wait, so that it does not go on working for nobody.
    fn wire(&self, until: Instant) -> Result<Wire, Status> {
        Ok(self.peers.on(NAME, Errand::of(self.call).with_the_users_rights().until(until))?)
    }

    fn filter(&self, further: &str) -> String {
        format!("account_id == \"{}\"{further}", self.account_id)
    }

    /// The open deals, the newest first.
    pub async fn open_deals(&self, until: Instant) -> Stretch<Opportunity> {
        let request = ListOpportunitiesRequest {
            page_size: RECORDS,
            filter: self.filter(" && state == \"STATE_OPEN\""),
            order_by: "create_time desc".to_owned(),
            ..ListOpportunitiesRequest::default()
        };
        let mut sales = OpportunityServiceClient::new(self.wire(until)?);
        let page = sales.list_opportunities(request).await?.into_inner();
        Ok((page.opportunities, !page.next_page_token.is_empty()))
    }

    /// The orders without their lines, the newest first.
    pub async fn orders(&self, until: Instant) -> Stretch<Order> {
        let request = ListOrdersRequest {
            page_size: DOCUMENTS,
            filter: self.filter(""),
            order_by: "create_time desc".to_owned(),
            ..ListOrdersRequest::default()
        };
        let page = OrderServiceClient::new(self.wire(until)?).list_orders(request).await?.into_inner();
        let bare = |order| Order { lines: Vec::new(), progress: Vec::new(), ..order };
        Ok((page.orders.into_iter().map(bare).collect(), !page.next_page_token.is_empty()))
    }

    /// The contracts without their lines, the newest first.
    pub async fn contracts(&self, until: Instant) -> Stretch<Contract> {
        let request = ListContractsRequest {
            page_size: DOCUMENTS,
            filter: self.filter(""),
            order_by: "create_time desc".to_owned(),
            ..ListContractsRequest::default()
        };
        let page = ContractServiceClient::new(self.wire(until)?).list_contracts(request).await?.into_inner();
        let bare = |contract| Contract { lines: Vec::new(), ..contract };
        Ok((page.contracts.into_iter().map(bare).collect(), !page.next_page_token.is_empty()))
    }

    /// The payment plans of which something is still to be paid, the earliest due first.
    pub async fn open_payment_plans(&self, until: Instant) -> Stretch<PaymentPlan> {
        let request = ListPaymentPlansRequest {
            page_size: RECORDS,
            filter: self.filter(" && (state == \"STATE_PENDING\" || state == \"STATE_PARTIALLY_PAID\")"),
            order_by: "due_date".to_owned(),
            ..ListPaymentPlansRequest::default()
        };
        let mut sales = PaymentPlanServiceClient::new(self.wire(until)?);
        let page = sales.list_payment_plans(request).await?.into_inner();
        Ok((page.payment_plans, !page.next_page_token.is_empty()))
    }

    /// The receipts, the newest first.
    pub async fn receipts(&self, until: Instant) -> Stretch<Receipt> {
        let request = ListReceiptsRequest {
            page_size: RECORDS,
            filter: self.filter(""),
            order_by: "create_time desc".to_owned(),
            ..ListReceiptsRequest::default()
        };
        let page = ReceiptServiceClient::new(self.wire(until)?).list_receipts(request).await?.into_inner();
        Ok((page.receipts, !page.next_page_token.is_empty()))
    }
}
