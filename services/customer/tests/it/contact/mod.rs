//! Contacts: names, ways to reach them, ties to accounts, and the walls around them.

mod life;
mod mask;
mod search;
mod tie;

use std::time::Duration;

use crm_proto::{
    crm::{
        customer::v1::{
            Contact, ContactAccount, ContactEmail, ContactPhone, ContactPointKind, ListContactsRequest,
        },
        event::v1::{Event, StartFrom, StreamEventsRequest},
    },
    google::r#type::{Date, PostalAddress},
};
use crm_testkit::{Caller, status::violations};
use tonic::Status;

use crate::rig::Rig;

pub fn named(name: &str) -> Contact {
    Contact { display_name: name.into(), ..Contact::default() }
}

pub fn of_parts(family: &str, middle: &str, given: &str) -> Contact {
    Contact {
        family_name: family.into(),
        middle_name: middle.into(),
        given_name: given.into(),
        ..Contact::default()
    }
}

pub fn email(address: &str) -> ContactEmail {
    ContactEmail { address: address.into(), ..ContactEmail::default() }
}

pub fn phone(number: &str) -> ContactPhone {
    ContactPhone { number: number.into(), ..ContactPhone::default() }
}

pub fn tie(account_id: &str) -> ContactAccount {
    ContactAccount { account_id: account_id.into(), ..ContactAccount::default() }
}

pub fn day(year: i32, month: i32, day: i32) -> Date {
    Date { year, month, day }
}

pub fn full() -> Contact {
    Contact {
        salutation: "女士".into(),
        job_title: "采购经理".into(),
        department: "采购部".into(),
        emails: vec![
            email("San.Zhang@EXAMPLE.com"),
            ContactEmail {
                kind: ContactPointKind::Work.into(),
                primary: true,
                ..email("zhang@采购.example.cn")
            },
        ],
        phones: vec![
            ContactPhone { kind: ContactPointKind::Mobile.into(), verified: true, ..phone("138 1234 1234") },
            ContactPhone { kind: ContactPointKind::Work.into(), ..phone("(010) 6552-9988") },
        ],
        mailing_address: Some(PostalAddress {
            region_code: "CN".into(),
            locality: "北京市".into(),
            address_lines: vec!["长安街1号".into()],
            ..PostalAddress::default()
        }),
        birth_date: Some(day(1990, 5, 17)),
        language_code: "zh-CN".into(),
        tags: vec!["vip".into(), "vip".into()],
        description: "第一行\n第二行".into(),
        ..of_parts("张", "", "安怡")
    }
}

pub async fn names(rig: &Rig, caller: &Caller, request: ListContactsRequest) -> Vec<String> {
    let page = rig.list_contacts(caller, request).await.unwrap();
    page.contacts.into_iter().map(|contact| contact.display_name).collect()
}

pub fn filter(filter: &str) -> ListContactsRequest {
    ListContactsRequest {
        filter: filter.into(),
        order_by: "display_name".into(),
        ..ListContactsRequest::default()
    }
}

pub fn search(q: &str) -> ListContactsRequest {
    ListContactsRequest { q: q.into(), ..ListContactsRequest::default() }
}

pub fn fields(status: &Status) -> Vec<String> {
    violations(status).into_iter().map(|(field, code)| format!("{field} {code}")).collect()
}

/// The first events of the caller's tenant.
pub async fn events(rig: &Rig, caller: &Caller, count: usize) -> Vec<Event> {
    let max_events = i32::try_from(count).unwrap();
    let start_from = StartFrom::Earliest.into();
    let request = StreamEventsRequest { start_from, max_events, ..StreamEventsRequest::default() };
    let mut stream = rig.events(caller).stream_events(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while events.len() < count {
        let answer = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap().unwrap();
        events.extend(answer.unwrap().events);
    }
    events
}

pub fn full_ascii() -> Contact {
    Contact { emails: vec![email("san.zhang@example.com"), email("zhang@example.cn")], ..full() }
}
