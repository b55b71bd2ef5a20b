//! Merges of accounts and contacts, which deals follow.

use crm_proto::crm::{
    customer::v1::{
        Account, Contact, CreateAccountRequest, CreateContactRequest, GetMergeRequest, Merge,
        MergeParticipant, MergeRecordsRequest, UndoMergeRequest,
        account_service_client::AccountServiceClient, contact_service_client::ContactServiceClient,
        merge::State, merge_service_client::MergeServiceClient,
    },
    event::v1::{Event, StartFrom, StreamEventsRequest, event_service_client::EventServiceClient},
    sales::v1::{
        CreateOpportunityRequest, GetOpportunityRequest, Opportunity, OpportunityContact,
        UpdateOpportunityRequest, opportunity_service_client::OpportunityServiceClient,
    },
};
use crm_proto::google::r#type::{Date, Money};
use crm_testkit::callers::Bearer;
use prost_types::FieldMask;
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
}

impl Tenant {
    async fn new(suite: &Suite, slug: &str) -> Self {
        let token = suite.tenant(slug).await.token;
        Self {
            accounts: AccountServiceClient::new(Bearer::new(&token).on(&suite.customer)),
            contacts: ContactServiceClient::new(Bearer::new(&token).on(&suite.customer)),
            merges: MergeServiceClient::new(Bearer::new(&token).on(&suite.customer)),
            deals: OpportunityServiceClient::new(Bearer::new(&token).on(&suite.sales)),
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

    /// The merge when sales has followed it.
    async fn followed(&self, suite: &Suite, id: &str) -> Merge {
        suite.followers.drain().await.unwrap();
        let get = || async {
            let request = GetMergeRequest { id: id.to_owned() };
            self.merges.clone().get_merge(request).await.unwrap().into_inner()
        };
        until("sales follows the merge", || async { get().await.awaited_services.is_empty() }).await;
        get().await
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

fn ids(deal: &Opportunity) -> Vec<&str> {
    deal.contacts.iter().map(|person| person.contact_id.as_str()).collect()
}

#[tokio::test]
async fn deals_follow_merged_accounts_and_contacts_once_and_back() {
    let suite = Suite::new().await;
    let (mut acme, mut other) = (Tenant::new(&suite, "acme").await, Tenant::new(&suite, "other").await);
    let (a, b) = (acme.account("Alpha").await, acme.account("Beta").await);
    let (x, y) = (acme.contact("Xu").await, acme.contact("Yu").await);
    let follows = acme.deal("follows", &b, &[&y]).await;
    let stays = acme.deal("stays", &a, &[&x, &y]).await;
    let edited = acme.deal("edited", &b, &[]).await;
    // Another tenant that happens to name the same account.
    let foreign = other.deal("foreign", &b, &[]).await;

    let merge = acme.merge("accounts", [&a, &b]).await;
    assert_eq!(acme.followed(&suite, &merge).await.state(), State::Complete);
    for deal in [&follows, &edited] {
        let now = acme.get(&deal.id).await;
        assert_eq!((now.account_id.as_str(), now.account_name.as_str()), (&*a, "Alpha"));
    }
    assert_eq!(acme.get(&stays.id).await, stays);
    assert_eq!(other.get(&foreign.id).await, foreign);
    let people = acme.merge("contacts", [&x, &y]).await;
    acme.followed(&suite, &people).await;
    assert_eq!(ids(&acme.get(&follows.id).await), [&*x]);
    assert_eq!(ids(&acme.get(&stays.id).await), [&*x], "one person takes part once");

    // Events that come again, and jobs that run again, change nothing.
    suite.followers.drain().await.unwrap();
    let events = acme.told(&suite).await;
    let of = |id: &str| events.iter().filter(|event| event.record_id == id).count();
    assert_eq!((of(&follows.id), of(&stays.id), of(&edited.id)), (3, 2, 2));

    let renamed =
        Opportunity { id: edited.id.clone(), account_name: "Renamed".into(), ..Opportunity::default() };
    let mask = Some(FieldMask { paths: vec!["account_name".into()] });
    let update = UpdateOpportunityRequest { opportunity: Some(renamed), update_mask: mask };
    acme.deals.update_opportunity(update).await.unwrap();
    for id in [&people, &merge] {
        acme.merges.undo_merge(UndoMergeRequest { id: id.clone() }).await.unwrap();
        assert_eq!(acme.followed(&suite, id).await.state(), State::Undone);
    }
    let unstamped = |mut deal: Opportunity| {
        (deal.etag, deal.update_time) = (String::new(), None);
        deal
    };
    for deal in [follows, stays] {
        assert_eq!(unstamped(acme.get(&deal.id).await), unstamped(deal));
    }
    let kept = acme.get(&edited.id).await;
    assert_eq!((kept.account_id.as_str(), kept.account_name.as_str()), (&*a, "Renamed"), "edited since");
}

#[tokio::test]
async fn more_deals_than_one_page_follow() {
    let suite = Suite::new().await;
    let mut acme = Tenant::new(&suite, "acme").await;
    let (a, b) = (acme.account("Alpha").await, acme.account("Beta").await);
    let mut last = String::new();
    for number in 0..201 {
        last = acme.deal(&format!("deal {number}"), &b, &[]).await.id;
    }
    let merge = acme.merge("accounts", [&a, &b]).await;
    acme.followed(&suite, &merge).await;
    assert_eq!(acme.get(&last).await.account_id, a);
    acme.merges.undo_merge(UndoMergeRequest { id: merge.clone() }).await.unwrap();
    acme.followed(&suite, &merge).await;
    assert_eq!(acme.get(&last).await.account_id, b);
}
