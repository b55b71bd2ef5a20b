//! Records that become one, and several again.

mod activity;
mod policy;
mod property;
mod race;
mod redirect;
mod undo;
mod walls;

use std::time::Duration;

use crm_proto::crm::{
    customer::v1::{
        Account, Contact, ContactAccount, ContactEmail, ContactPhone, GetMergeRequest, Lead,
        ListMergesRequest, Merge, MergeParticipant, MergeRecordsRequest, MergeRecordsResponse,
        PreviewMergeRequest, PreviewMergeResponse, UndoMergeRequest,
        merge_service_client::MergeServiceClient,
    },
    event::v1::{Event, StartFrom, StreamEventsRequest},
    record::v1::ExternalId,
};
use crm_testkit::Caller;
use tonic::Status;

use crate::rig::{Rig, Wired, named};

impl Rig {
    fn merges(&self, caller: &Caller) -> MergeServiceClient<Wired> {
        MergeServiceClient::new(caller.on(&self.channel))
    }

    async fn merge(
        &self,
        caller: &Caller,
        request: MergeRecordsRequest,
    ) -> Result<MergeRecordsResponse, Status> {
        self.merges(caller).merge_records(request).await.map(tonic::Response::into_inner)
    }

    async fn preview(
        &self,
        caller: &Caller,
        request: MergeRecordsRequest,
    ) -> Result<PreviewMergeResponse, Status> {
        let request = PreviewMergeRequest { merge: Some(request) };
        self.merges(caller).preview_merge(request).await.map(tonic::Response::into_inner)
    }

    async fn undo(&self, caller: &Caller, id: &str) -> Result<Merge, Status> {
        let request = UndoMergeRequest { id: id.to_owned() };
        self.merges(caller).undo_merge(request).await.map(tonic::Response::into_inner)
    }

    async fn get_merge(&self, caller: &Caller, id: &str) -> Result<Merge, Status> {
        let request = GetMergeRequest { id: id.to_owned() };
        self.merges(caller).get_merge(request).await.map(tonic::Response::into_inner)
    }

    async fn list_merges(&self, caller: &Caller, record_id: &str) -> Vec<String> {
        let request = ListMergesRequest { record_id: record_id.to_owned(), ..ListMergesRequest::default() };
        let page = self.merges(caller).list_merges(request).await.unwrap().into_inner();
        page.merges.into_iter().map(|merge| merge.id).collect()
    }

    /// The events of a caller so far: those before one that is made here.
    async fn heard(&self, caller: &Caller) -> Vec<Event> {
        let last = self.create(caller, named("The last one")).await.unwrap();
        let request =
            StreamEventsRequest { start_from: StartFrom::Earliest.into(), ..StreamEventsRequest::default() };
        let mut stream = self.events(caller).stream_events(request).await.unwrap().into_inner();
        let mut events = Vec::new();
        loop {
            let answer = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap();
            for event in answer.unwrap().unwrap().events {
                if event.record_id == last.id {
                    return events;
                }
                events.push(event);
            }
        }
    }
}

/// Names of the events about a record.
fn types_about(events: &[Event], id: &str) -> Vec<String> {
    let about = events.iter().filter(|event| event.record_id == id);
    about
        .map(|event| event.payload.as_ref().unwrap().type_url.rsplit('.').next().unwrap().to_owned())
        .collect()
}

/// A merge of records, the first of which survives.
fn into_first(collection: &str, ids: &[&str]) -> MergeRecordsRequest {
    let records = ids.iter().map(|id| MergeParticipant { id: (*id).to_owned(), etag: String::new() });
    MergeRecordsRequest {
        collection: collection.to_owned(),
        records: records.collect(),
        survivor_id: ids[0].to_owned(),
        ..MergeRecordsRequest::default()
    }
}

fn external(value: &str) -> ExternalId {
    ExternalId { system: "erp".into(), value: value.into() }
}

fn email(address: &str) -> ContactEmail {
    ContactEmail { address: address.into(), ..ContactEmail::default() }
}

fn phone(number: &str) -> ContactPhone {
    ContactPhone { number: number.into(), ..ContactPhone::default() }
}

fn tied(name: &str, account: &Account) -> Contact {
    let tie = ContactAccount { account_id: account.id.clone(), ..ContactAccount::default() };
    Contact { display_name: name.into(), accounts: vec![tie], ..Contact::default() }
}

fn lead(name: &str, email: &str) -> Lead {
    Lead { family_name: name.into(), email: email.into(), ..Lead::default() }
}

/// A record as it would be after any write that left its fields alone.
fn unstamped(mut account: Account) -> Account {
    (account.etag, account.update_time) = (String::new(), None);
    account
}

fn unstamped_contact(mut contact: Contact) -> Contact {
    (contact.etag, contact.update_time) = (String::new(), None);
    contact
}
