//! The overview of an account: what customer and sales know of it together, also when sales says nothing.

use std::time::Duration;

use crm_kit_rpc::client;
use crm_proto::crm::{
    customer::v1::{
        Account, AccountOverview, Contact, ContactAccount, CreateAccountRequest, CreateContactRequest,
        GetAccountOverviewRequest,
        account_overview::{Gap, Reason},
        account_overview_service_client::AccountOverviewServiceClient,
        account_service_client::AccountServiceClient,
        contact_service_client::ContactServiceClient,
    },
    platform::v1::{
        ApiKey, CreateApiKeyRequest, CreateUserRequest, ListRolesRequest, User,
        api_key_service_client::ApiKeyServiceClient, role_service_client::RoleServiceClient,
        user_service_client::UserServiceClient,
    },
    sales::v1::{
        CancelPaymentPlanRequest, CreateOpportunityRequest, CreateOrderRequest, CreatePaymentPlanRequest,
        CreateReceiptRequest, DocumentLine, Opportunity, Order, PaymentPlan, Receipt,
        opportunity_service_client::OpportunityServiceClient, order_service_client::OrderServiceClient,
        payment_plan_service_client::PaymentPlanServiceClient, receipt_service_client::ReceiptServiceClient,
    },
};
use crm_proto::google::r#type::{Date, Money};
use crm_testkit::callers::Bearer;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::suite::{SignedIn, Suite};

async fn account(suite: &Suite, who: &SignedIn, name: &str) -> Account {
    owned(suite, who, Account { display_name: name.into(), ..Account::default() }).await
}

async fn owned(suite: &Suite, who: &SignedIn, account: Account) -> Account {
    let request = CreateAccountRequest { account: Some(account) };
    let mut accounts = AccountServiceClient::new(Bearer::new(&who.token).on(&suite.customer));
    accounts.create_account(request).await.unwrap().into_inner()
}

async fn deal(suite: &Suite, who: &SignedIn, account: &Account, name: &str, owner: &str) -> Opportunity {
    let deal = Opportunity {
        owner_id: owner.into(),
        description: "a note".into(),
        display_name: name.into(),
        account_id: account.id.clone(),
        account_name: account.display_name.clone(),
        ..Opportunity::default()
    };
    let request = CreateOpportunityRequest { opportunity: Some(deal) };
    let mut deals = OpportunityServiceClient::new(Bearer::new(&who.token).on(&suite.sales));
    deals.create_opportunity(request).await.unwrap().into_inner()
}

async fn overview(suite: &Suite, token: &str, account: &Account) -> AccountOverview {
    let request = GetAccountOverviewRequest { id: account.id.clone(), timeline_page_size: 0 };
    let mut overviews = AccountOverviewServiceClient::new(Bearer::new(token).on(&suite.customer));
    overviews.get_account_overview(request).await.unwrap().into_inner()
}

fn names(overview: &AccountOverview) -> Vec<&str> {
    overview.open_opportunities.iter().map(|deal| deal.display_name.as_str()).collect()
}

/// The sections of the sales service.
const SALES: [&str; 5] = ["open_opportunities", "orders", "contracts", "open_payment_plans", "receipts"];

/// A gap for each section of the sales service.
fn gaps(reason: Reason) -> Vec<Gap> {
    let gap = |section: &str| Gap { service: "sales".into(), section: section.into(), reason: reason.into() };
    SALES.map(gap).into()
}

/// A service account with a built-in role.
async fn robot(suite: &Suite, admin: &SignedIn, name: &str, role: &str) -> User {
    let mut roles = RoleServiceClient::new(Bearer::new(&admin.token).on(&suite.platform));
    let roles = roles.list_roles(ListRolesRequest::default()).await.unwrap().into_inner().roles;
    let role = roles.into_iter().find(|known| known.built_in == role).unwrap();
    let user = User {
        username: name.into(),
        display_name: name.into(),
        role_ids: vec![role.id],
        service_account: true,
        ..User::default()
    };
    let mut users = UserServiceClient::new(Bearer::new(&admin.token).on(&suite.platform));
    users.create_user(CreateUserRequest { user: Some(user) }).await.unwrap().into_inner()
}

async fn key(suite: &Suite, admin: &SignedIn, robot: &User, permissions: &[&str]) -> String {
    let key = ApiKey {
        display_name: "Key".into(),
        user_id: robot.id.clone(),
        permissions: permissions.iter().map(|permission| (*permission).to_owned()).collect(),
        ..ApiKey::default()
    };
    let mut keys = ApiKeyServiceClient::new(Bearer::new(&admin.token).on(&suite.platform));
    keys.create_api_key(CreateApiKeyRequest { api_key: Some(key) }).await.unwrap().into_inner().key
}

#[tokio::test]
async fn an_overview_holds_the_open_deals_that_the_caller_may_see() {
    let suite = Suite::new().await;
    let admin = suite.tenant("acme").await;
    let (acme, other) = (account(&suite, &admin, "Acme").await, account(&suite, &admin, "Other").await);
    deal(&suite, &admin, &acme, "First", "").await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    deal(&suite, &admin, &acme, "Second", "").await;
    deal(&suite, &admin, &other, "Another's", "").await;
    let told = overview(&suite, &admin.token, &acme).await;
    assert_eq!((names(&told), told.has_more_open_opportunities), (vec!["Second", "First"], false));
    assert_eq!((told.gaps, told.account.unwrap().id), (vec![], acme.id));
}

/// An order of one line, a payment plan and a receipt of an account.
async fn business(suite: &Suite, who: &SignedIn, account: &Account) -> (Order, PaymentPlan, Receipt) {
    let (id, name) = (account.id.clone(), account.display_name.clone());
    let amount = Some(Money { currency_code: "CNY".into(), units: 100, nanos: 0 });
    let day = Some(Date { year: 2026, month: 3, day: 31 });
    let wire = || Bearer::new(&who.token).on(&suite.sales);
    let line = DocumentLine {
        product_name: "Pump".into(),
        quantity: "2".into(),
        unit_price: "50".into(),
        ..DocumentLine::default()
    };
    let order = Order {
        account_id: id.clone(),
        account_name: name.clone(),
        lines: vec![line],
        description: "a note".into(),
        ..Order::default()
    };
    let mut orders = OrderServiceClient::new(wire());
    let order = orders.create_order(CreateOrderRequest { order: Some(order) }).await.unwrap().into_inner();
    let plan = PaymentPlan {
        account_id: id.clone(),
        account_name: name.clone(),
        amount: amount.clone(),
        due_date: day,
        ..PaymentPlan::default()
    };
    let mut plans = PaymentPlanServiceClient::new(wire());
    let plan = CreatePaymentPlanRequest { payment_plan: Some(plan) };
    let plan = plans.create_payment_plan(plan).await.unwrap().into_inner();
    let receipt =
        Receipt { account_id: id, account_name: name, amount, receive_date: day, ..Receipt::default() };
    let mut receipts = ReceiptServiceClient::new(wire());
    let receipt = CreateReceiptRequest { receipt: Some(receipt) };
    (order, plan, receipts.create_receipt(receipt).await.unwrap().into_inner())
}

#[tokio::test]
async fn an_overview_holds_orders_open_payment_plans_and_receipts() {
    let suite = Suite::new().await;
    let admin = suite.tenant("acme").await;
    let (acme, other) = (account(&suite, &admin, "Acme").await, account(&suite, &admin, "Other").await);
    let (order, plan, receipt) = business(&suite, &admin, &acme).await;
    business(&suite, &admin, &other).await;
    assert_eq!((order.lines.len(), order.progress.len()), (1, 1));
    let told = overview(&suite, &admin.token, &acme).await;
    let order = Order { lines: vec![], progress: vec![], ..order };
    assert_eq!((told.orders, told.has_more_orders), (vec![order.clone()], false));
    assert_eq!((told.contracts, told.has_more_contracts), (vec![], false));
    assert_eq!((told.open_payment_plans, told.has_more_open_payment_plans), (vec![plan.clone()], false));
    assert_eq!((told.receipts, told.has_more_receipts), (vec![receipt], false));
    assert_eq!(told.gaps, []);

    // A plan that is no longer open is in no overview, and masks hold.
    let mut plans = PaymentPlanServiceClient::new(Bearer::new(&admin.token).on(&suite.sales));
    let cancel = CancelPaymentPlanRequest { id: plan.id, reason: "Waived".into(), ..Default::default() };
    plans.cancel_payment_plan(cancel).await.unwrap();
    assert_eq!(overview(&suite, &admin.token, &acme).await.open_payment_plans, []);
    suite.followers.drain().await.unwrap();
    let analyst = robot(&suite, &admin, "analyst", "analyst").await;
    let key = key(&suite, &admin, &analyst, &["customer.*", "sales.*"]).await;
    let told = overview(&suite, &key, &acme).await;
    assert_eq!(told.orders.iter().map(|order| &order.id).collect::<Vec<_>>(), [&order.id], "{:?}", told.gaps);
    assert_ne!(told.orders[0].description, "a note");
}

#[tokio::test]
async fn scope_masks_and_the_list_of_a_key_hold_in_every_section() {
    let suite = Suite::new().await;
    let admin = suite.tenant("acme").await;
    let seller = robot(&suite, &admin, "seller", "sales").await;
    suite.followers.drain().await.unwrap();
    let acme = Account { display_name: "Acme".into(), owner_id: seller.id.clone(), ..Account::default() };
    let acme = owned(&suite, &admin, acme).await;
    deal(&suite, &admin, &acme, "The seller's", &seller.id).await;
    deal(&suite, &admin, &acme, "The boss's", "").await;
    let tie = ContactAccount { account_id: acme.id.clone(), primary: true, ..ContactAccount::default() };
    let person = Contact { display_name: "王小明".into(), accounts: vec![tie], ..Contact::default() };
    let mut contacts = ContactServiceClient::new(Bearer::new(&admin.token).on(&suite.customer));
    contacts.create_contact(CreateContactRequest { contact: Some(person) }).await.unwrap();
    let all = overview(&suite, &admin.token, &acme).await;
    assert_eq!((names(&all).len(), all.contacts.len()), (2, 1));

    // Within its scope: its own deal, and not the contact of somebody else.
    let everything = ["customer.*", "sales.*"];
    let told = overview(&suite, &key(&suite, &admin, &seller, &everything).await, &acme).await;
    assert_eq!((names(&told), told.contacts.len()), (vec!["The seller's"], 0));
    assert_eq!(told.gaps, []);
    // A key that may do less than its account is not lent the account's rights.
    let narrow = key(&suite, &admin, &seller, &["customer.accounts.read"]).await;
    let told = overview(&suite, &narrow, &acme).await;
    assert_eq!(names(&told), Vec::<&str>::new());
    let missing: Vec<(&str, &str, Reason)> =
        told.gaps.iter().map(|gap| (gap.service.as_str(), gap.section.as_str(), gap.reason())).collect();
    let own =
        ["contacts", "timeline.interaction", "timeline.task", "timeline.ownership", "timeline.lead_step"];
    let own = own.map(|section| ("customer", section, Reason::NoPermission));
    assert_eq!(
        missing,
        [own.to_vec(), SALES.map(|section| ("sales", section, Reason::NoPermission)).to_vec()].concat()
    );

    // Masked values stay masked, whichever service tells them.
    let analyst = robot(&suite, &admin, "analyst", "analyst").await;
    let told = overview(&suite, &key(&suite, &admin, &analyst, &everything).await, &acme).await;
    assert_ne!(told.contacts[0].display_name, "王小明");
    assert!(told.open_opportunities.iter().all(|deal| deal.description != "a note"), "{told:?}");
}

#[tokio::test]
async fn a_sales_service_that_is_down_or_hangs_leaves_a_gap() {
    let nobody = client::connect("http://127.0.0.1:1").unwrap();
    let suite = Suite::with_sales_at(nobody).await;
    let admin = suite.tenant("acme").await;
    let acme = account(&suite, &admin, "Acme").await;
    let told = overview(&suite, &admin.token, &acme).await;
    assert_eq!(told.gaps, gaps(Reason::Unavailable));
    assert_eq!(told.account.unwrap().display_name, "Acme");

    // It takes connections and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mute = TaskTracker::new().spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            taken.push(stream);
        }
    });
    let suite = Suite::with_sales_at(client::connect(&format!("http://{address}")).unwrap()).await;
    let admin = suite.tenant("acme").await;
    let acme = account(&suite, &admin, "Acme").await;
    let told = overview(&suite, &admin.token, &acme).await;
    assert_eq!(told.gaps, gaps(Reason::Timeout));

    // A caller in a hurry still gets the rest.
    let mut overviews = AccountOverviewServiceClient::new(Bearer::new(&admin.token).on(&suite.customer));
    let mut request = tonic::Request::new(GetAccountOverviewRequest { id: acme.id, timeline_page_size: 0 });
    request.set_timeout(Duration::from_secs(1));
    let told = overviews.get_account_overview(request).await.unwrap().into_inner();
    assert_eq!(told.gaps, gaps(Reason::Timeout));
    mute.abort();
}
