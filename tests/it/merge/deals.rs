//! Deals follow merged accounts and contacts, and come back.

use crm_proto::crm::{
    customer::v1::merge::State,
    sales::v1::{Opportunity, UpdateOpportunityRequest},
};
use prost_types::FieldMask;

use super::Tenant;
use crate::suite::Suite;

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
        acme.undo(id).await;
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
    acme.undo(&merge).await;
    acme.followed(&suite, &merge).await;
    assert_eq!(acme.get(&last).await.account_id, b);
}
