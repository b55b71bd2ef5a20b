//! Contracts that go on unless notice is given, and what a renewal takes along.

use chrono::{TimeDelta, TimeZone as _, Utc};
use crm_proto::crm::{
    record::v1::{CustomValue, custom_field::Type, custom_value::Value},
    sales::v1::{
        Contract, ContractUpdated, DeleteContractRequest,
        contract::{RenewalRule, State},
    },
};
use crm_sales::contract::Contracts;
use crm_testkit::{Caller, status::assert_error};
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::{
    contract::{Desk, contract},
    opportunity_lines::{line as of_product, shop},
    rig::{Rig, custom_field, day, yuan},
};

/// The use cases as a process of the service has them.
fn process(rig: &Rig) -> Contracts {
    Contracts { slice: rig.records().slice() }
}

/// Renews what is due; returns how many contracts.
async fn walk(rig: &Rig) -> usize {
    process(rig).renew_due(rig.clock.now(), &CancellationToken::new()).await.unwrap()
}

fn at(rig: &Rig, month: u32, day: u32) {
    let then = Utc.with_ymd_and_hms(2026, month, day, 12, 0, 1).unwrap();
    rig.clock.advance(then - rig.clock.now());
}

fn automatic(name: &str) -> Contract {
    Contract { renewal_rule: RenewalRule::Automatic.into(), ..contract(name) }
}

async fn signed(rig: &Rig, me: &Caller, contract: Contract) -> Contract {
    let mut desk = Desk::new(rig, me);
    let made = desk.create(contract).await.unwrap();
    desk.all(&made.id, &["submit", "sign"]).await
}

#[tokio::test]
async fn a_contract_goes_on_when_the_day_of_notice_is_over() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let frame = signed(&rig, &me, automatic("frame")).await;
    assert_eq!(frame.notice_date, Some(day(2026, 12, 1)));
    let by_hand = signed(&rig, &me, contract("by hand")).await;
    let draft = desk.create(automatic("draft")).await.unwrap();
    let voided = signed(&rig, &me, automatic("voided")).await;
    desk.void(&voided.id, "x").await.unwrap();
    let completed = signed(&rig, &me, automatic("completed")).await;
    desk.all(&completed.id, &["perform", "complete"]).await;
    // Over is over when it is so west of the date line too.
    at(&rig, 12, 1);
    assert_eq!(walk(&rig).await, 0);
    at(&rig, 12, 2);
    assert_eq!(walk(&rig).await, 1);
    assert_eq!(walk(&rig).await, 0);

    let old = desk.get(&frame.id).await.unwrap();
    assert_eq!(old.state(), State::Signed);
    let next = desk.get(&old.renewal_id).await.unwrap();
    assert_eq!(
        (next.state(), &next.renewal_of_id, &next.owner_id),
        (State::Draft, &frame.id, &frame.owner_id)
    );
    assert_eq!((next.start_date, next.end_date), (Some(day(2027, 1, 1)), Some(day(2027, 12, 31))));
    assert_eq!((next.renewal_rule(), next.notice_date), (RenewalRule::Automatic, Some(day(2027, 12, 1))));
    assert_eq!((next.number.as_str(), &next.amount), ("CT000201", &frame.amount));
    for id in [&by_hand.id, &draft.id, &voided.id, &completed.id] {
        assert_eq!(desk.get(id).await.unwrap().renewal_id, "");
    }
    // A person finds it made, and its owner was told of both.
    let refused = desk.act("renew", &frame.id).await;
    assert_error(refused, Code::AlreadyExists, "CONTRACT_RENEWED");
    let told = rig.told(&me, 18).await;
    let of = |id: &str| told.iter().filter(|event| event.record_id == id).collect::<Vec<_>>();
    assert_eq!(of(&next.id).len(), 1);
    let last = of(&frame.id).pop().unwrap();
    let payload = last.payload.as_ref().unwrap();
    let updated = ContractUpdated::decode(payload.value.as_slice()).unwrap();
    assert_eq!(updated.contract.unwrap().renewal_id, next.id);
    assert_eq!(last.actor_id, uuid::Uuid::nil().to_string());
}

#[tokio::test]
async fn two_processes_and_a_person_make_one_renewal() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut contracts = Vec::new();
    for index in 0..5 {
        contracts.push(signed(&rig, &me, automatic(&format!("frame {index}"))).await);
    }
    at(&rig, 12, 2);
    let person = async { Desk::new(&rig, &me).act("renew", &contracts[0].id).await };
    let (one, other, person) = tokio::join!(walk(&rig), walk(&rig), person);
    // What one of them found held by another comes with the next walk.
    let late = walk(&rig).await;
    assert_eq!(one + other + late + usize::from(person.is_ok()), 5);
    let mut desk = Desk::new(&rig, &me);
    for contract in &contracts {
        let filter = format!("renewal_of_id == '{}'", contract.id);
        assert_eq!(desk.names(&filter).await.len(), 1);
    }
}

#[tokio::test]
async fn notice_is_given_by_deleting_the_draft_and_amendments_are_waited_for() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let ended = signed(&rig, &me, automatic("ended")).await;
    let amended = signed(&rig, &me, automatic("amended")).await;
    desk.amend(&amended.id, "more").await.unwrap();
    let old = Contract {
        start_date: Some(day(2025, 1, 1)),
        state: State::Signed.into(),
        ..automatic("ended long ago")
    };
    let old = desk.create(old).await.unwrap();
    at(&rig, 12, 2);
    assert_eq!(walk(&rig).await, 1);
    let renewal = desk.get(&ended.id).await.unwrap().renewal_id;
    let delete = DeleteContractRequest { id: renewal.clone(), etag: String::new() };
    desk.client.delete_contract(delete).await.unwrap();
    assert_eq!(walk(&rig).await, 0);
    desk.act("revert", &amended.id).await.unwrap();
    assert_eq!(walk(&rig).await, 1);
    assert_eq!(desk.get(&ended.id).await.unwrap().renewal_id, renewal);
    assert_eq!(desk.get(&old.id).await.unwrap().renewal_id, "");

    // Notice stays given when the draft is gone for good.
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 1);
    assert_eq!(walk(&rig).await, 0);
    let ended = desk.get(&ended.id).await.unwrap();
    assert_eq!((ended.renewal_id.as_str(), ended.renewal_rule()), ("", RenewalRule::None));
}

#[tokio::test]
async fn managers_find_what_ends_soon() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let ends = |name: &str, month, day_of_month| Contract {
        end_date: Some(day(2026, month, day_of_month)),
        term_months: 0,
        ..contract(name)
    };
    for contract in [ends("over", 2, 27), ends("soon", 3, 20), ends("later", 4, 30)] {
        signed(&rig, &me, contract).await;
    }
    let renewed = signed(&rig, &me, ends("renewed", 3, 21)).await;
    desk.act("renew", &renewed.id).await.unwrap();
    desk.create(ends("draft", 3, 22)).await.unwrap();
    let filter = "end_date >= today && end_date <= today + duration('720h') && \
                  state in ['STATE_SIGNED', 'STATE_IN_PERFORMANCE'] && renewal_id == null";
    assert_eq!(desk.names(filter).await, ["soon"]);
    assert_eq!(
        desk.names("notice_date < today && end_date >= today && state == 'STATE_SIGNED'").await.len(),
        2
    );
}

#[tokio::test]
async fn a_renewal_takes_lines_and_custom_fields_along_but_for_unique_ones() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let (mut shop, _, sheet) = shop(&rig, &me).await;
    custom_field(&rig, &me, ("contracts", "region", Type::Text), |field| field.required = true).await;
    custom_field(&rig, &me, ("contracts", "serial", Type::Text), |field| field.unique = true).await;
    custom_field(&rig, &me, ("contracts", "running", Type::AutoNumber), |field| {
        field.number_pattern = "R{000}".into();
    })
    .await;
    let text = |text: &str| CustomValue { value: Some(Value::Text(text.into())), ..CustomValue::default() };
    let custom = [("region".to_owned(), text("east")), ("serial".to_owned(), text("S1"))];
    let frame = Contract {
        custom: custom.into(),
        amount: None,
        lines: vec![of_product(&sheet, "3")],
        ..automatic("frame")
    };
    let frame = signed(&rig, &me, frame).await;
    // The product is no longer sold, which ends no contract.
    shop.retire(&sheet.id).await;
    at(&rig, 12, 2);
    assert_eq!(walk(&rig).await, 1);
    let renewal_id = desk.get(&frame.id).await.unwrap().renewal_id;
    let next = desk.get(&renewal_id).await.unwrap();
    let values: Vec<(&str, Option<&Value>)> =
        next.custom.iter().map(|(key, value)| (key.as_str(), value.value.as_ref())).collect();
    assert_eq!(
        values,
        [("region", Some(&Value::Text("east".into()))), ("running", Some(&Value::Text("R201".into()))),]
    );
    assert_eq!(
        (&next.lines, &next.amount, next.amount == Some(yuan(0))),
        (&frame.lines, &frame.amount, false)
    );
}
