//! Records of every kind of the sales service follow merges, whatever their state, and come back.

use crm_proto::crm::sales::v1::{
    AllocateReceiptRequest, AllocationLine, AmendContractRequest, ConfirmOrderRequest, ConfirmReceiptRequest,
    Contract, CreateContractRequest, CreateOpportunityRequest, CreateOrderRequest, CreatePaymentPlanRequest,
    CreateQuoteRequest, CreateReceiptRequest, DeleteQuoteRequest, DocumentLine, GetContractRequest,
    GetOrderRequest, GetPaymentPlanRequest, GetQuoteRequest, GetReceiptRequest, Opportunity,
    OpportunityCompetitor, Order, PaymentPlan, Quote, Receipt, RevertContractRequest, SignContractRequest,
    SubmitContractRequest, SubmitQuoteRequest, UndeleteQuoteRequest, UpdateContractRequest,
    UpdatePaymentPlanRequest, allocation_service_client::AllocationServiceClient,
    contract::State as ContractState, contract_service_client::ContractServiceClient,
    order::State as OrderState, order_service_client::OrderServiceClient,
    payment_plan_service_client::PaymentPlanServiceClient, quote::State as QuoteState,
    quote_service_client::QuoteServiceClient, receipt::State as ReceiptState,
    receipt_service_client::ReceiptServiceClient,
};
use crm_proto::{
    crm::customer::v1::merge::State,
    google::r#type::{Date, Money},
};
use prost_types::FieldMask;
use tonic::{Response, Status};

use super::{Tenant, Wired};
use crate::{process::running::until, suite::Suite};

/// Whom a record is for.
#[derive(Clone, Copy)]
struct Party<'p> {
    account: &'p str,
    contact: &'p str,
}

/// One record of each kind, each where users cannot change whom it is for, but for the deal.
#[derive(Clone, Debug, PartialEq)]
struct Records {
    deal: Opportunity,
    quote: Quote,
    order: Order,
    contract: Contract,
    plan: PaymentPlan,
    receipt: Receipt,
}

/// The parts of sales that are not deals.
struct Desk {
    quotes: QuoteServiceClient<Wired>,
    orders: OrderServiceClient<Wired>,
    contracts: ContractServiceClient<Wired>,
    plans: PaymentPlanServiceClient<Wired>,
    receipts: ReceiptServiceClient<Wired>,
    allocations: AllocationServiceClient<Wired>,
}

fn ok<T>(answer: Result<Response<T>, Status>) -> T {
    answer.unwrap().into_inner()
}

fn lines() -> Vec<DocumentLine> {
    vec![DocumentLine { product_name: "work".into(), unit_price: "100".into(), ..DocumentLine::default() }]
}

fn yuan(units: i64) -> Money {
    Money { currency_code: "CNY".into(), units, nanos: 0 }
}

impl Desk {
    fn new(tenant: &Tenant) -> Self {
        let sales = || tenant.sales.clone();
        Self {
            quotes: QuoteServiceClient::new(sales()),
            orders: OrderServiceClient::new(sales()),
            contracts: ContractServiceClient::new(sales()),
            plans: PaymentPlanServiceClient::new(sales()),
            receipts: ReceiptServiceClient::new(sales()),
            allocations: AllocationServiceClient::new(sales()),
        }
    }

    /// An approved quote.
    async fn quote(&mut self, party: Party<'_>) -> Quote {
        let quote = Quote {
            display_name: "offer".into(),
            account_id: party.account.into(),
            account_name: "as it was".into(),
            contact_id: party.contact.into(),
            contact_name: "as it was".into(),
            currency_code: "CNY".into(),
            lines: lines(),
            ..Quote::default()
        };
        let made = ok(self.quotes.create_quote(CreateQuoteRequest { quote: Some(quote) }).await);
        let submit = SubmitQuoteRequest { id: made.id, ..SubmitQuoteRequest::default() };
        let quote = ok(self.quotes.submit_quote(submit).await);
        assert_eq!(quote.state(), QuoteState::Approved);
        quote
    }

    /// A confirmed order.
    async fn order(&mut self, party: Party<'_>) -> Order {
        let order = Order {
            account_id: party.account.into(),
            account_name: "as it was".into(),
            contact_id: party.contact.into(),
            contact_name: "as it was".into(),
            currency_code: "CNY".into(),
            lines: lines(),
            ..Order::default()
        };
        let made = ok(self.orders.create_order(CreateOrderRequest { order: Some(order) }).await);
        let confirm = ConfirmOrderRequest { id: made.id, ..ConfirmOrderRequest::default() };
        let order = ok(self.orders.confirm_order(confirm).await);
        assert_eq!(order.state(), OrderState::Confirmed);
        order
    }

    /// A signed contract.
    async fn contract(&mut self, party: Party<'_>) -> Contract {
        let contract = Contract {
            display_name: "frame".into(),
            account_id: party.account.into(),
            account_name: "as it was".into(),
            customer_party: "as it was signed".into(),
            start_date: Some(Date { year: 2026, month: 1, day: 1 }),
            amount: Some(yuan(100)),
            ..Contract::default()
        };
        let request = CreateContractRequest { contract: Some(contract) };
        let id = ok(self.contracts.create_contract(request).await).id;
        let submit = SubmitContractRequest { id: id.clone(), ..SubmitContractRequest::default() };
        self.contracts.submit_contract(submit).await.unwrap();
        let sign = SignContractRequest { id, ..SignContractRequest::default() };
        let contract = ok(self.contracts.sign_contract(sign).await);
        assert_eq!(contract.state(), ContractState::Signed);
        contract
    }

    async fn plan(&mut self, party: Party<'_>) -> PaymentPlan {
        let plan = PaymentPlan {
            account_id: party.account.into(),
            account_name: "as it was".into(),
            amount: Some(yuan(100)),
            due_date: Some(Date { year: 2026, month: 1, day: 1 }),
            ..PaymentPlan::default()
        };
        ok(self.plans.create_payment_plan(CreatePaymentPlanRequest { payment_plan: Some(plan) }).await)
    }

    /// A receipt that pays an instalment in full; both as they are then.
    async fn paid(&mut self, party: Party<'_>) -> (PaymentPlan, Receipt) {
        let plan = self.plan(party).await;
        let receipt = Receipt {
            account_id: party.account.into(),
            account_name: "as it was".into(),
            amount: Some(yuan(100)),
            ..Receipt::default()
        };
        let id = ok(self.receipts.create_receipt(CreateReceiptRequest { receipt: Some(receipt) }).await).id;
        let confirm = ConfirmReceiptRequest { id: id.clone(), etag: String::new() };
        self.receipts.confirm_receipt(confirm).await.unwrap();
        let line = AllocationLine { payment_plan_id: plan.id, amount: Some(yuan(100)) };
        let request = AllocateReceiptRequest { id, etag: String::new(), lines: vec![line] };
        let paid = ok(self.allocations.allocate_receipt(request).await);
        let receipt = paid.receipt.unwrap();
        assert_eq!(receipt.state(), ReceiptState::Allocated);
        (paid.payment_plans.into_iter().next().unwrap(), receipt)
    }

    async fn get_plan(&mut self, id: &str) -> PaymentPlan {
        ok(self.plans.get_payment_plan(GetPaymentPlanRequest { id: id.into() }).await)
    }

    async fn get_contract(&mut self, id: &str) -> Contract {
        ok(self.contracts.get_contract(GetContractRequest { id: id.into() }).await)
    }
}

impl Records {
    async fn new(tenant: &mut Tenant, desk: &mut Desk, party: Party<'_>) -> Self {
        let deal = tenant.deal("deal", party.account, &[party.contact]).await;
        let (plan, receipt) = desk.paid(party).await;
        Self {
            deal,
            quote: desk.quote(party).await,
            order: desk.order(party).await,
            contract: desk.contract(party).await,
            plan,
            receipt,
        }
    }

    async fn again(&self, tenant: &mut Tenant, desk: &mut Desk) -> Self {
        let id = |id: &String| id.clone();
        Self {
            deal: tenant.get(&self.deal.id).await,
            quote: ok(desk.quotes.get_quote(GetQuoteRequest { id: id(&self.quote.id) }).await),
            order: ok(desk.orders.get_order(GetOrderRequest { id: id(&self.order.id) }).await),
            contract: desk.get_contract(&self.contract.id).await,
            plan: desk.get_plan(&self.plan.id).await,
            receipt: ok(desk.receipts.get_receipt(GetReceiptRequest { id: id(&self.receipt.id) }).await),
        }
    }

    fn ids(&self) -> [&str; 6] {
        [&self.deal.id, &self.quote.id, &self.order.id, &self.contract.id, &self.plan.id, &self.receipt.id]
    }

    fn accounts(&self) -> [(&str, &str); 6] {
        [
            (&self.deal.account_id, &self.deal.account_name),
            (&self.quote.account_id, &self.quote.account_name),
            (&self.order.account_id, &self.order.account_name),
            (&self.contract.account_id, &self.contract.account_name),
            (&self.plan.account_id, &self.plan.account_name),
            (&self.receipt.account_id, &self.receipt.account_name),
        ]
    }

    fn contacts(&self) -> [(&str, &str); 3] {
        let person = &self.deal.contacts[0];
        [
            (&person.contact_id, &person.display_name),
            (&self.quote.contact_id, &self.quote.contact_name),
            (&self.order.contact_id, &self.order.contact_name),
        ]
    }

    /// Without what every write changes.
    fn unstamped(mut self) -> Self {
        (self.deal.etag, self.deal.update_time) = (String::new(), None);
        (self.quote.etag, self.quote.update_time) = (String::new(), None);
        (self.order.etag, self.order.update_time) = (String::new(), None);
        (self.contract.etag, self.contract.update_time) = (String::new(), None);
        (self.plan.etag, self.plan.update_time) = (String::new(), None);
        (self.receipt.etag, self.receipt.update_time) = (String::new(), None);
        self
    }
}

fn mask(path: &str) -> FieldMask {
    FieldMask { paths: vec![path.into()] }
}

/// Audit rows of a record.
async fn audited(suite: &Suite, id: &str) -> usize {
    let sql = "SELECT count(*) FROM audit_log WHERE record_id = $1::uuid";
    let mut conn = suite.sales_database.look().await;
    let rows: i64 = sqlx::query_scalar(sql).bind(id).fetch_one(&mut conn).await.unwrap();
    usize::try_from(rows).unwrap()
}

#[tokio::test]
async fn records_of_every_kind_follow_in_any_state_and_come_back() {
    let suite = Suite::new().await;
    let mut acme = Tenant::new(&suite, "acme").await;
    let mut desk = Desk::new(&acme);
    let (a, b) = (acme.account("Alpha").await, acme.account("Beta").await);
    let (x, y) = (acme.contact("Xu").await, acme.contact("Yu").await);
    let party = Party { account: &b, contact: &y };
    let made = Records::new(&mut acme, &mut desk, party).await;
    let own = Records::new(&mut acme, &mut desk, Party { account: &a, contact: &x }).await;
    let mut before = Vec::new();
    for id in made.ids() {
        before.push(audited(&suite, id).await);
    }

    let merge = acme.merge("accounts", [&a, &b]).await;
    let people = acme.merge("contacts", [&x, &y]).await;
    assert_eq!(acme.followed(&suite, &merge).await.state(), State::Complete);
    assert_eq!(acme.followed(&suite, &people).await.state(), State::Complete);
    let moved = made.again(&mut acme, &mut desk).await;
    assert_eq!(moved.accounts(), [(&*a, "Alpha"); 6]);
    assert_eq!(moved.contacts(), [(&*x, "Xu"); 3]);
    assert_eq!(moved.contract.customer_party, "as it was signed");
    assert_eq!(own.again(&mut acme, &mut desk).await, own, "what refers to the survivors stays as it is");
    // Deals, quotes and orders followed twice.
    let events = acme.told(&suite).await;
    for ((id, before), moves) in made.ids().into_iter().zip(before).zip([2, 2, 2, 1, 1, 1]) {
        assert_eq!(audited(&suite, id).await - before, moves);
        let updates = events.iter().filter(|event| event.record_id == id).rev().take(moves);
        assert_eq!(updates.clone().count(), moves, "{id} is told of");
        for update in updates {
            let paths = &update.changed_fields.as_ref().unwrap().paths;
            assert!(
                paths.iter().all(|path| path.contains("account_") || path.contains("contact")),
                "{paths:?}"
            );
        }
    }

    // What somebody changes beside it does not hold a record where it is.
    let noted =
        Contract { id: made.contract.id.clone(), description: "said since".into(), ..Contract::default() };
    let request = UpdateContractRequest { contract: Some(noted), update_mask: Some(mask("description")) };
    desk.contracts.update_contract(request).await.unwrap();
    for id in [&people, &merge] {
        acme.undo(id).await;
        assert_eq!(acme.followed(&suite, id).await.state(), State::Undone);
    }
    let mut wanted = made.clone();
    wanted.contract.description = "said since".into();
    assert_eq!(made.again(&mut acme, &mut desk).await.unstamped(), wanted.unstamped());
    assert_eq!(own.again(&mut acme, &mut desk).await, own);
}

#[tokio::test]
async fn what_somebody_changed_since_stays_and_the_bin_and_competitors_follow() {
    let suite = Suite::new().await;
    let mut acme = Tenant::new(&suite, "acme").await;
    let mut desk = Desk::new(&acme);
    let (a, b) = (acme.account("Alpha").await, acme.account("Beta").await);
    let party = Party { account: &b, contact: "" };
    let plan = desk.plan(party).await;
    let binned = desk.quote(party).await.id;
    let delete = DeleteQuoteRequest { id: binned.clone(), etag: String::new() };
    desk.quotes.delete_quote(delete).await.unwrap();
    let rival = OpportunityCompetitor {
        display_name: "as it was".into(),
        account_id: b.clone(),
        ..OpportunityCompetitor::default()
    };
    let deal = Opportunity {
        display_name: "contested".into(),
        competitors: vec![rival.clone()],
        ..Opportunity::default()
    };
    let request = CreateOpportunityRequest { opportunity: Some(deal) };
    let deal = ok(acme.deals.create_opportunity(request).await).id;

    let merge = acme.merge("accounts", [&a, &b]).await;
    acme.followed(&suite, &merge).await;
    let undelete = UndeleteQuoteRequest { id: binned.clone(), etag: String::new() };
    assert_eq!(ok(desk.quotes.undelete_quote(undelete).await).account_id, a);
    let moved = &acme.get(&deal).await.competitors[0];
    assert_eq!((moved.account_id.as_str(), moved.display_name.as_str()), (&*a, "Alpha"));
    let renamed =
        PaymentPlan { id: plan.id.clone(), account_name: "Renamed".into(), ..PaymentPlan::default() };
    let request =
        UpdatePaymentPlanRequest { payment_plan: Some(renamed), update_mask: Some(mask("account_name")) };
    desk.plans.update_payment_plan(request).await.unwrap();

    acme.undo(&merge).await;
    acme.followed(&suite, &merge).await;
    let kept = desk.get_plan(&plan.id).await;
    assert_eq!((kept.account_id.as_str(), kept.account_name.as_str()), (&*a, "Renamed"));
    assert_eq!(ok(desk.quotes.get_quote(GetQuoteRequest { id: binned }).await).account_id, b);
    assert_eq!(acme.get(&deal).await.competitors, [rival]);
}

#[tokio::test]
async fn an_earlier_version_of_a_contract_comes_back_with_the_survivor() {
    let suite = Suite::new().await;
    let mut acme = Tenant::new(&suite, "acme").await;
    let mut desk = Desk::new(&acme);
    let [a, b, c] = [acme.account("Alpha").await, acme.account("Beta").await, acme.account("Gamma").await];
    let id = desk.contract(Party { account: &a, contact: "" }).await.id;
    let amend = AmendContractRequest { id: id.clone(), etag: String::new(), reason: "more".into() };
    desk.contracts.amend_contract(amend).await.unwrap();
    // The draft is for somebody else, so that only the version in force refers to what is merged.
    let other = acme.account("Other").await;
    let draft = Contract { id: id.clone(), account_id: other.clone(), ..Contract::default() };
    let request = UpdateContractRequest { contract: Some(draft), update_mask: Some(mask("account_id")) };
    desk.contracts.update_contract(request).await.unwrap();
    let first = acme.merge("accounts", [&b, &a]).await;
    let second = acme.merge("accounts", [&c, &b]).await;
    acme.followed(&suite, &first).await;
    acme.followed(&suite, &second).await;
    assert_eq!(desk.get_contract(&id).await.account_id, other);

    let request = RevertContractRequest { id: id.clone(), etag: String::new() };
    let back = ok(desk.contracts.revert_contract(request).await);
    assert_eq!((back.account_id.as_str(), back.account_name.as_str()), (&*c, "Gamma"));
    for (merge, account) in [(&second, &b), (&first, &a)] {
        acme.undo(merge).await;
        acme.followed(&suite, merge).await;
        assert_eq!(&desk.get_contract(&id).await.account_id, account);
    }
}

#[tokio::test]
async fn a_merge_is_complete_when_the_last_kind_has_followed() {
    let suite = Suite::new().await;
    let mut acme = Tenant::new(&suite, "acme").await;
    let mut desk = Desk::new(&acme);
    let (a, b) = (acme.account("Alpha").await, acme.account("Beta").await);
    let (plan, receipt) = desk.paid(Party { account: &b, contact: "" }).await;
    let mut lock = suite.sales_database.look().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE receipt IN EXCLUSIVE MODE").execute(&mut lock).await.unwrap();
    let merge = acme.merge("accounts", [&a, &b]).await;
    suite.followers.drain().await.unwrap();
    until("all but the last kind has followed", || async {
        let request = GetPaymentPlanRequest { id: plan.id.clone() };
        ok(desk.plans.clone().get_payment_plan(request).await).account_id == a
    })
    .await;
    let waits = acme.get_merge(&merge).await;
    assert_eq!((waits.state(), waits.awaited_services), (State::Moving, vec!["sales".to_owned()]));
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.unwrap();
    assert_eq!(acme.followed(&suite, &merge).await.state(), State::Complete);
    let now = ok(desk.receipts.get_receipt(GetReceiptRequest { id: receipt.id }).await);
    assert_eq!(now.account_id, a);
}
