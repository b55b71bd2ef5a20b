//! Contracts past a limit of the tenant wait for approval; what is decided at the platform is in the tests of the suite.

use crm_proto::crm::sales::v1::{
    Contract, ContractSettings, DocumentLine, GetContractSettingsRequest, UpdateContractSettingsRequest,
    contract::{ApprovalState, State},
};
use crm_proto::google::r#type::Money;
use crm_testkit::{
    Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Response, Status};

use crate::{
    contract::{Desk, contract},
    order_rig::line,
    price::money,
    rig::{Rig, yuan},
};

async fn set(desk: &mut Desk, settings: ContractSettings) -> Result<ContractSettings, Status> {
    let request = UpdateContractSettingsRequest { contract_settings: Some(settings), update_mask: None };
    desk.client.update_contract_settings(request).await.map(Response::into_inner)
}

async fn limited(desk: &mut Desk, max_amounts: Vec<Money>) -> ContractSettings {
    set(desk, ContractSettings { max_amounts, ..ContractSettings::default() }).await.unwrap()
}

/// A contract of so many yuan that was submitted.
async fn submitted(desk: &mut Desk, units: i64) -> Contract {
    let made = desk.create(Contract { amount: Some(yuan(units)), ..contract("frame") }).await.unwrap();
    desk.act("submit", &made.id).await.unwrap()
}

fn stands(contract: &Contract) -> (State, ApprovalState) {
    (contract.state(), contract.approval_state())
}

#[tokio::test]
async fn within_the_limits_a_contract_goes_straight_to_its_signature() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let passed = (State::PendingSignature, ApprovalState::NotNeeded);
    let waits = (State::InApproval, ApprovalState::Pending);
    // Unless the tenant says otherwise, amounts need no approval, and discounts as those of quotes do.
    assert_eq!(stands(&submitted(&mut desk, 9_000_000_000).await), passed);
    for (discount, wanted) in [("10", passed), ("10.0001", waits)] {
        let lines = vec![DocumentLine { discount_percent: discount.into(), ..line("service", "1", "100") }];
        let made = desk.create(Contract { amount: None, lines, ..contract("x") }).await.unwrap();
        assert_eq!(stands(&desk.act("submit", &made.id).await.unwrap()), wanted, "{discount}");
    }
    limited(&mut desk, vec![yuan(100)]).await;
    assert_eq!(stands(&submitted(&mut desk, 100).await), passed);
    assert_eq!(stands(&submitted(&mut desk, 101).await), waits);
    // Amounts of two currencies are not compared.
    let dollar = Contract { amount: Some(money("USD", 1, 0)), ..contract("dollar") };
    let dollar = desk.create(dollar).await.unwrap();
    assert_eq!(stands(&desk.act("submit", &dollar.id).await.unwrap()), waits);
}

#[tokio::test]
async fn a_contract_in_approval_is_closed_and_can_be_taken_back() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    limited(&mut desk, vec![yuan(100)]).await;
    let waiting = submitted(&mut desk, 101).await;
    let change = Contract { id: waiting.id.clone(), amount: Some(yuan(1)), ..Contract::default() };
    let status = assert_error(
        desk.update(change.clone(), &["amount"]).await,
        Code::FailedPrecondition,
        "CONTRACT_LOCKED",
    );
    assert_eq!(
        (metadata(&status, "field"), metadata(&status, "state")),
        ("amount".into(), "STATE_IN_APPROVAL".into())
    );
    for verb in ["submit", "sign", "redraft", "revert", "renew", "perform"] {
        let refused = desk.act(verb, &waiting.id).await;
        let status = assert_error(refused, Code::FailedPrecondition, "CONTRACT_STATE");
        assert_eq!(metadata(&status, "state"), "STATE_IN_APPROVAL", "{verb}");
    }
    assert_error(desk.void(&waiting.id, "x").await, Code::FailedPrecondition, "CONTRACT_STATE");
    // What groups it is free, and it waits on.
    let tags = Contract { id: waiting.id.clone(), tags: vec!["key".into()], ..Contract::default() };
    assert_eq!(desk.update(tags, &["tags"]).await.unwrap().state(), State::InApproval);

    let back = desk.act("withdraw", &waiting.id).await.unwrap();
    assert_eq!(stands(&back), (State::Draft, ApprovalState::Withdrawn));
    assert_eq!(back.approval_comment, "wrong");
    let refused = desk.act("withdraw", &waiting.id).await;
    assert_error(refused, Code::FailedPrecondition, "CONTRACT_STATE");
    desk.update(change, &["amount"]).await.unwrap();
    let passed = desk.act("submit", &waiting.id).await.unwrap();
    assert_eq!(stands(&passed), (State::PendingSignature, ApprovalState::NotNeeded));
    assert_eq!(passed.approval_comment, "");

    // Each submission is an intent of its own; the job of the one that was taken back had nobody to tell.
    let mut conn = rig.database.look().await;
    let stored: Vec<(String, String)> =
        sqlx::query_as("SELECT object_type, submitted->'values'->>'amount' FROM approval_submission")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    assert_eq!(stored, [("sales.contracts".to_owned(), "101".to_owned())]);
}

#[tokio::test]
async fn the_next_version_of_a_contract_is_held_against_the_limits_too() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    limited(&mut desk, vec![yuan(100)]).await;
    let first = submitted(&mut desk, 100).await;
    desk.act("sign", &first.id).await.unwrap();
    let draft = desk.amend(&first.id, "more").await.unwrap();
    assert_eq!(stands(&draft), (State::Draft, ApprovalState::Unspecified));
    let raised = Contract { id: first.id.clone(), amount: Some(yuan(500)), ..Contract::default() };
    desk.update(raised, &["amount"]).await.unwrap();
    assert_eq!(
        stands(&desk.act("submit", &first.id).await.unwrap()),
        (State::InApproval, ApprovalState::Pending)
    );
    desk.act("withdraw", &first.id).await.unwrap();
    // The version in force again, and what was said of its own approval.
    let back = desk.act("revert", &first.id).await.unwrap();
    assert_eq!(stands(&back), (State::Signed, ApprovalState::NotNeeded));
    assert_eq!(back.approval_comment, "");
}

#[tokio::test]
async fn the_limits_are_the_tenants() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let get = GetContractSettingsRequest {};
    let defaults = desk.client.get_contract_settings(get).await.unwrap().into_inner();
    assert_eq!((defaults.max_discount_percent.as_str(), defaults.max_amounts.len()), ("10", 0));
    assert_eq!((defaults.create_time, defaults.id.clone()), (None, me.tenant_id.to_string()));
    let wanted = ContractSettings {
        max_discount_percent: "12.50".into(),
        max_amounts: vec![yuan(5), money("EUR", 7, 500_000_000)],
        etag: defaults.etag.clone(),
        ..ContractSettings::default()
    };
    let changed = set(&mut desk, wanted.clone()).await.unwrap();
    assert_eq!(changed.max_discount_percent, "12.5");
    assert_eq!(changed.max_amounts, [yuan(5), money("EUR", 7, 500_000_000)]);
    assert_error(set(&mut desk, wanted).await, Code::Aborted, "ETAG_MISMATCH");
    let wrong = ContractSettings {
        max_discount_percent: "100.1".into(),
        max_amounts: vec![yuan(1), yuan(2), money("EUR", -1, 0), money("xx", 1, 0)],
        ..ContractSettings::default()
    };
    let status = assert_error(set(&mut desk, wrong).await, Code::InvalidArgument, "FIELD_INVALID");
    let found = violations(&status);
    let codes: Vec<(&str, &str)> =
        found.iter().map(|(field, code)| (field.as_str(), code.as_str())).collect();
    assert_eq!(
        codes[..3],
        [
            ("contract_settings.max_discount_percent", "NUMBER_INVALID"),
            ("contract_settings.max_amounts[1]", "REPEATED"),
            ("contract_settings.max_amounts[2]", "NEGATIVE"),
        ]
    );
    assert!(codes[3].0.starts_with("contract_settings.max_amounts[3]"), "{codes:?}");

    // Another tenant has its own, and a clerk may not set them.
    let other = rig.administrator();
    let theirs = Desk::new(&rig, &other).client.get_contract_settings(get).await.unwrap().into_inner();
    assert_eq!(theirs.max_discount_percent, "10");
    let clerk =
        Rights::all(me.tenant_id).with_permissions(&["sales.contracts.read", "sales.contracts.update"]);
    let mut clerk = Desk::new(&rig, &rig.callers.add(&clerk));
    let refused = set(&mut clerk, ContractSettings::default()).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    let read = clerk.client.get_contract_settings(get).await.unwrap().into_inner();
    assert_eq!(read.etag, changed.etag);
    let told = rig.told(&me, 1).await;
    assert_eq!(told[0].collection, "contractSettings");
}
