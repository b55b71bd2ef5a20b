//! Merges of accounts and contacts, which what sales keeps follows.

mod deals;
mod kinds;
mod order;

use crm_proto::crm::{
    customer::v1::{
        Account, Contact, CreateAccountRequest, CreateContactRequest, GetMergeRequest, Merge,
        MergeParticipant, MergeRecordsRequest, UndoMergeRequest,
        account_service_client::AccountServiceClient, contact_service_client::ContactServiceClient,
        merge_service_client::MergeServiceClient,
    },
    event::v1::{Event, StartFrom, StreamEventsRequest, event_service_client::EventServiceClient},
    sales::v1::{
        CreateOpportunityRequest, GetOpportunityRequest, Opportunity, OpportunityContact,
        opportunity_service_client::OpportunityServiceClient,
    },
};
use crm_proto::google::r#type::{Date, Money};
use crm_testkit::callers::Bearer;
use tonic::{service::interceptor::InterceptedService, transport::Channel};

use crate::{process::running::until, suite::Suite};

type Wired = InterceptedService<Channel, Bearer>;

/// The services as one user of a tenant reaches them.
struct Tenant {
    token: String,
    accounts: AccountServiceClient<Wired>,
    contacts: ContactServiceClient<Wired>,
    merges: MergeServiceClient<Wired>,
    deals: OpportunityServiceClient<Wired>,
    /// The sales service.
    sales: Wired,
}

impl Tenant {
    async fn new(suite: &Suite, slug: &str) -> Self {
        let token = suite.tenant(slug).await.token;
        Self {
            accounts: AccountServiceClient::new(Bearer::new(&token).on(&suite.customer)),
            contacts: ContactServiceClient::new(Bearer::new(&token).on(&suite.customer)),
            merges: MergeServiceClient::new(Bearer::new(&token).on(&suite.customer)),
            deals: OpportunityServiceClient::new(Bearer::new(&token).on(&suite.sales)),
            sales: Bearer::new(&token).on(&suite.sales),
            token,
        }
    }

    async fn account(&mut self, name: &str) -> String {
        let account = Account { display_name: name.into(), ..Account::default() };
        self.accounts
            .create_account(CreateAccountRequest { account: Some(account) })
            .await
            .unwrap()
            .into_inner()
            .id
    }

    async fn contact(&mut self, name: &str) -> String {
        let contact = Contact { display_name: name.into(), ..Contact::default() };
        self.contacts
            .create_contact(CreateContactRequest { contact: Some(contact) })
            .await
            .unwrap()
            .into_inner()
            .id
    }

    async fn deal(&mut self, name: &str, account_id: &str, contacts: &[&str]) -> Opportunity {
        let contacts = contacts.iter().map(|id| OpportunityContact {
            contact_id: (*id).to_owned(),
            display_name: "as it was".into(),
            ..OpportunityContact::default()
        });
        let deal = Opportunity {
            display_name: name.into(),
            account_id: account_id.into(),
            account_name: "as it was".into(),
            contacts: contacts.collect(),
            amount: Some(Money { currency_code: "CNY".into(), units: 100, nanos: 0 }),
            close_date: Some(Date { year: 2030, month: 1, day: 1 }),
            ..Opportunity::default()
        };
        self.deals
            .create_opportunity(CreateOpportunityRequest { opportunity: Some(deal) })
            .await
            .unwrap()
            .into_inner()
    }

    async fn get(&mut self, id: &str) -> Opportunity {
        self.deals.get_opportunity(GetOpportunityRequest { id: id.into() }).await.unwrap().into_inner()
    }

    async fn merge(&mut self, collection: &str, ids: [&str; 2]) -> String {
        let records = ids.map(|id| MergeParticipant { id: id.into(), etag: String::new() });
        let request = MergeRecordsRequest {
            collection: collection.into(),
            records: records.into(),
            survivor_id: ids[0].into(),
            ..MergeRecordsRequest::default()
        };
        self.merges.merge_records(request).await.unwrap().into_inner().merge.unwrap().id
    }

    async fn undo(&mut self, id: &str) {
        self.merges.undo_merge(UndoMergeRequest { id: id.into() }).await.unwrap();
    }

    async fn get_merge(&self, id: &str) -> Merge {
        let request = GetMergeRequest { id: id.to_owned() };
        self.merges.clone().get_merge(request).await.unwrap().into_inner()
    }

    /// The merge when sales has followed it.
    async fn followed(&self, suite: &Suite, id: &str) -> Merge {
        suite.followers.drain().await.unwrap();
        until("sales follows the merge", || async { self.get_merge(id).await.awaited_services.is_empty() })
            .await;
        self.get_merge(id).await
    }

    /// What sales told of its deals so far.
    async fn told(&mut self, suite: &Suite) -> Vec<Event> {
        let last = self.deal("The last one", "", &[]).await;
        let mut events = EventServiceClient::new(Bearer::new(&self.token).on(&suite.sales));
        let request =
            StreamEventsRequest { start_from: StartFrom::Earliest.into(), ..StreamEventsRequest::default() };
        let mut stream = events.stream_events(request).await.unwrap().into_inner();
        let mut found = Vec::new();
        loop {
            for event in stream.message().await.unwrap().unwrap().events {
                if event.record_id == last.id {
                    return found;
                }
                found.push(event);
            }
        }
    }
}
