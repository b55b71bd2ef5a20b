//! The service of one test.

use std::{sync::Arc, time::Duration};

use chrono::{TimeZone as _, Utc};
use crm_customer::{
    MIGRATIONS,
    account::Account as StoredAccount,
    app,
    contact::Contact as StoredContact,
    interaction::Interaction,
    kinds,
    lead::Lead as StoredLead,
    task::{Task, Tasks},
};
use crm_kit_api::clock::Clock;
use crm_kit_pg::{Db, db::PoolSettings, follow::Followers, people::People};
use crm_kit_record::{Records, collection::Collections, custom_field::Catalog, recycle_bin::RecycleBin};
use crm_kit_rpc::{client, server::Limits};
use crm_proto::crm::{
    customer::v1::{
        Account, Contact, CreateAccountRequest, CreateContactRequest, CreateLeadRequest, GetAccountRequest,
        GetContactRequest, GetLeadRequest, Lead, ListAccountsRequest, ListAccountsResponse,
        ListContactsRequest, ListContactsResponse, UpdateAccountRequest, UpdateContactRequest,
        account_service_client::AccountServiceClient, contact_service_client::ContactServiceClient,
        lead_service_client::LeadServiceClient,
    },
    event::v1::event_service_client::EventServiceClient,
    record::v1::custom_field_service_client::CustomFieldServiceClient,
};
use crm_testkit::{Caller, Callers, Database, Rights, callers::Bearer};
use prost_types::FieldMask;
use sqlx::ConnectOptions as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Status, service::interceptor::InterceptedService, transport::Channel};
use uuid::Uuid;

pub type Wired = InterceptedService<Channel, Bearer>;

/// A running customer service with a database of its own.
pub struct Rig {
    pub callers: Callers,
    pub clock: Clock,
    pub channel: Channel,
    pub database: Database,
    pub shutdown: CancellationToken,
}

impl Rig {
    pub async fn new() -> Self {
        let database = Database::new("customer", &MIGRATIONS).await;
        let db = database.db();
        Self::on(database, db).await
    }

    /// As [`Self::new`], and the driver logs each statement, at level `debug` with target `sqlx::query`.
    pub async fn logging_statements() -> Self {
        let database = Database::new("customer", &MIGRATIONS).await;
        let options = database.service.clone().log_slow_statements("debug".parse().unwrap(), Duration::ZERO);
        let settings = PoolSettings { max_connections: 8, ..PoolSettings::default() };
        let db = Db::new(options, &settings);
        Self::on(database, db).await
    }

    async fn on(database: Database, db: Db) -> Self {
        let callers = Callers::default();
        let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 1, 8, 0, 0).unwrap());
        let (channel, shutdown) = serve(db, &callers, &clock).await;
        Self { callers, clock, channel, database, shutdown }
    }

    /// A caller with every right in a tenant of its own.
    pub fn administrator(&self) -> Caller {
        self.callers.add(&Rights::all(Uuid::new_v4()))
    }

    /// What the use cases of the service's kinds are made of.
    pub fn records(&self) -> Records {
        let db = self.database.db();
        let peers = crm_testkit::peers_alone(app::NAME, &self.clock);
        let people = People::new(db.clone(), Arc::new(peers.users()));
        Records::new(db.clone(), Catalog::new(db, kinds::all()), people)
    }

    /// Empties the recycle bins as the service's own task does; returns how many records went.
    pub async fn purge(&self) -> u64 {
        let records = self.records();
        let collections = Collections::new([
            Arc::new(records.slice::<StoredAccount>()) as _,
            Arc::new(records.slice::<StoredContact>()) as _,
            Arc::new(records.slice::<StoredLead>()) as _,
            Arc::new(records.slice::<Interaction>()) as _,
            Arc::new(records.slice::<Task>()) as _,
        ]);
        RecycleBin::new(records.db, collections).run(self.clock.now(), &self.shutdown).await.unwrap()
    }

    /// Tells superiors of overdue tasks as the service's own task does; returns of how many.
    pub async fn escalate(&self) -> usize {
        Tasks(self.records().slice()).escalate(self.clock.now(), &self.shutdown).await.unwrap()
    }

    pub fn accounts(&self, caller: &Caller) -> AccountServiceClient<Wired> {
        AccountServiceClient::new(caller.on(&self.channel))
    }

    pub fn contacts(&self, caller: &Caller) -> ContactServiceClient<Wired> {
        ContactServiceClient::new(caller.on(&self.channel))
    }

    pub fn leads(&self, caller: &Caller) -> LeadServiceClient<Wired> {
        LeadServiceClient::new(caller.on(&self.channel))
    }

    pub fn custom_fields(&self, caller: &Caller) -> CustomFieldServiceClient<Wired> {
        CustomFieldServiceClient::new(caller.on(&self.channel))
    }

    pub fn events(&self, caller: &Caller) -> EventServiceClient<Wired> {
        EventServiceClient::new(caller.on(&self.channel))
    }

    pub async fn create(&self, caller: &Caller, account: Account) -> Result<Account, Status> {
        let request = CreateAccountRequest { account: Some(account) };
        self.accounts(caller).create_account(request).await.map(tonic::Response::into_inner)
    }

    pub async fn get(&self, caller: &Caller, id: &str) -> Result<Account, Status> {
        let request = GetAccountRequest { id: id.to_owned() };
        self.accounts(caller).get_account(request).await.map(tonic::Response::into_inner)
    }

    pub async fn update(&self, caller: &Caller, account: Account, mask: &[&str]) -> Result<Account, Status> {
        let request = UpdateAccountRequest { account: Some(account), update_mask: field_mask(mask) };
        self.accounts(caller).update_account(request).await.map(tonic::Response::into_inner)
    }

    pub async fn list(
        &self,
        caller: &Caller,
        request: ListAccountsRequest,
    ) -> Result<ListAccountsResponse, Status> {
        self.accounts(caller).list_accounts(request).await.map(tonic::Response::into_inner)
    }

    pub async fn create_contact(&self, caller: &Caller, contact: Contact) -> Result<Contact, Status> {
        let request = CreateContactRequest { contact: Some(contact) };
        self.contacts(caller).create_contact(request).await.map(tonic::Response::into_inner)
    }

    pub async fn get_contact(&self, caller: &Caller, id: &str) -> Result<Contact, Status> {
        let request = GetContactRequest { id: id.to_owned() };
        self.contacts(caller).get_contact(request).await.map(tonic::Response::into_inner)
    }

    pub async fn update_contact(
        &self,
        caller: &Caller,
        contact: Contact,
        mask: &[&str],
    ) -> Result<Contact, Status> {
        let request = UpdateContactRequest { contact: Some(contact), update_mask: field_mask(mask) };
        self.contacts(caller).update_contact(request).await.map(tonic::Response::into_inner)
    }

    pub async fn list_contacts(
        &self,
        caller: &Caller,
        request: ListContactsRequest,
    ) -> Result<ListContactsResponse, Status> {
        self.contacts(caller).list_contacts(request).await.map(tonic::Response::into_inner)
    }

    pub async fn create_lead(&self, caller: &Caller, lead: Lead) -> Result<Lead, Status> {
        let request = CreateLeadRequest { lead: Some(lead) };
        self.leads(caller).create_lead(request).await.map(tonic::Response::into_inner)
    }

    pub async fn get_lead(&self, caller: &Caller, id: &str) -> Result<Lead, Status> {
        let request = GetLeadRequest { id: id.to_owned() };
        self.leads(caller).get_lead(request).await.map(tonic::Response::into_inner)
    }

    /// Display names of the accounts a list returns.
    pub async fn names(&self, caller: &Caller, request: ListAccountsRequest) -> Vec<String> {
        let page = self.list(caller, request).await.unwrap();
        page.accounts.into_iter().map(|account| account.display_name).collect()
    }
}

/// A process of the service over a database.
pub async fn serve(db: Db, callers: &Callers, clock: &Clock) -> (Channel, CancellationToken) {
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let server = app::build(app::Parts {
        db,
        authenticator: Arc::new(callers.clone()),
        peers: crm_testkit::peers_alone(app::NAME, clock),
        followers: Followers::default(),
        clock: clock.clone(),
        cursor_secret: b"test".to_vec(),
        limits: Limits::default(),
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
    })
    .await
    .unwrap();
    let channel = client::join(server, &tasks, shutdown.clone());
    (channel, shutdown)
}

/// The mask of an update; none for the fields that are set.
pub fn field_mask(paths: &[&str]) -> Option<FieldMask> {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    (!paths.is_empty()).then_some(FieldMask { paths })
}

/// An account with a name.
pub fn named(name: &str) -> Account {
    Account { display_name: name.to_owned(), ..Account::default() }
}

/// A request for the accounts that satisfy a filter.
pub fn filter(filter: &str) -> ListAccountsRequest {
    ListAccountsRequest { filter: filter.to_owned(), ..ListAccountsRequest::default() }
}

/// A request for the accounts found by a search.
pub fn search(q: &str) -> ListAccountsRequest {
    ListAccountsRequest { q: q.to_owned(), ..ListAccountsRequest::default() }
}
