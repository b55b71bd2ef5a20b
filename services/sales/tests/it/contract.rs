//! Contracts: their life, versions and renewal.

use crm_proto::{
    crm::sales::v1::{
        AmendContractRequest, ArchiveContractRequest, CompleteContractRequest, Contract,
        CreateContractRequest, DeleteContractRequest, GetContractRequest, ListContractVersionsRequest,
        ListContractsRequest, PerformContractRequest, RedraftContractRequest, RenewContractRequest,
        RevertContractRequest, SignContractRequest, SubmitContractRequest, UpdateContractRequest,
        VoidContractRequest, WithdrawContractRequest,
        contract::{RenewalRule, State},
        contract_service_client::ContractServiceClient,
    },
    google::r#type::Date,
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Response, Status};

use crate::{
    order_rig::line,
    price::money,
    rig::{Rig, Wired, day, field_mask, yuan},
};

/// The contracts as one caller sees them.
pub struct Desk {
    pub client: ContractServiceClient<Wired>,
}

pub type Outcome = Result<Contract, Status>;

impl Desk {
    pub fn new(rig: &Rig, caller: &Caller) -> Self {
        Self { client: ContractServiceClient::new(caller.on(&rig.channel)) }
    }

    pub async fn create(&mut self, contract: Contract) -> Outcome {
        let request = CreateContractRequest { contract: Some(contract) };
        self.client.create_contract(request).await.map(Response::into_inner)
    }

    pub async fn get(&mut self, id: &str) -> Outcome {
        self.client.get_contract(GetContractRequest { id: id.into() }).await.map(Response::into_inner)
    }

    pub async fn update(&mut self, contract: Contract, mask: &[&str]) -> Outcome {
        let request = UpdateContractRequest { contract: Some(contract), update_mask: field_mask(mask) };
        self.client.update_contract(request).await.map(Response::into_inner)
    }

    /// Does a verb that says nothing more than its name.
    pub async fn act(&mut self, verb: &str, id: &str) -> Outcome {
        let (client, id, etag) = (&mut self.client, id.to_owned(), String::new());
        match verb {
            "submit" => {
                client.submit_contract(SubmitContractRequest { id, etag, comment: "please".into() }).await
            }
            "withdraw" => {
                client.withdraw_contract(WithdrawContractRequest { id, etag, comment: "wrong".into() }).await
            }
            "redraft" => client.redraft_contract(RedraftContractRequest { id, etag }).await,
            "sign" => client.sign_contract(SignContractRequest { id, etag, sign_time: None }).await,
            "perform" => client.perform_contract(PerformContractRequest { id, etag }).await,
            "complete" => client.complete_contract(CompleteContractRequest { id, etag }).await,
            "archive" => client.archive_contract(ArchiveContractRequest { id, etag }).await,
            "revert" => client.revert_contract(RevertContractRequest { id, etag }).await,
            "renew" => client.renew_contract(RenewContractRequest { id, ..Default::default() }).await,
            _ => panic!("{verb}"),
        }
        .map(Response::into_inner)
    }

    pub async fn all(&mut self, id: &str, verbs: &[&str]) -> Contract {
        let mut last = None;
        for verb in verbs {
            last = Some(self.act(verb, id).await.unwrap());
        }
        last.unwrap()
    }

    pub async fn amend(&mut self, id: &str, reason: &str) -> Outcome {
        let request = AmendContractRequest { id: id.into(), etag: String::new(), reason: reason.into() };
        self.client.amend_contract(request).await.map(Response::into_inner)
    }

    pub async fn void(&mut self, id: &str, reason: &str) -> Outcome {
        let request = VoidContractRequest { id: id.into(), etag: String::new(), reason: reason.into() };
        self.client.void_contract(request).await.map(Response::into_inner)
    }

    pub async fn versions(&mut self, id: &str) -> Result<Vec<(i32, Contract)>, Status> {
        let request =
            ListContractVersionsRequest { contract_id: id.into(), ..ListContractVersionsRequest::default() };
        let found = self.client.list_contract_versions(request).await?.into_inner().versions;
        Ok(found.into_iter().map(|version| (version.version, version.contract.unwrap())).collect())
    }

    pub async fn names(&mut self, filter: &str) -> Vec<String> {
        let request = ListContractsRequest { filter: filter.into(), ..ListContractsRequest::default() };
        let page = self.client.list_contracts(request).await.unwrap().into_inner();
        page.contracts.into_iter().map(|contract| contract.display_name).collect()
    }
}

/// A contract of the year 2026, which people renew.
pub fn contract(name: &str) -> Contract {
    Contract {
        display_name: name.into(),
        account_name: "Acme".into(),
        start_date: Some(day(2026, 1, 1)),
        term_months: 12,
        amount: Some(yuan(120_000)),
        renewal_rule: RenewalRule::Manual.into(),
        notice_days: 30,
        ..Contract::default()
    }
}

#[tokio::test]
async fn a_contract_goes_from_draft_to_archive() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let made = desk.create(contract("frame")).await.unwrap();
    assert_eq!((made.number.as_str(), made.state(), made.version), ("CT000001", State::Draft, 1));
    assert_eq!((made.end_date, made.notice_date), (Some(day(2026, 12, 31)), Some(day(2026, 12, 1))));
    assert_eq!(made.currency_code, "CNY");
    for verb in ["sign", "perform", "complete", "archive", "redraft", "renew"] {
        let status = assert_error(desk.act(verb, &made.id).await, Code::FailedPrecondition, "CONTRACT_STATE");
        assert_eq!(metadata(&status, "state"), "STATE_DRAFT", "{verb}");
    }
    let status =
        assert_error(desk.act("revert", &made.id).await, Code::FailedPrecondition, "CONTRACT_FIRST_VERSION");
    assert_eq!(status.code(), Code::FailedPrecondition);
    desk.all(&made.id, &["submit", "redraft", "submit"]).await;
    let signed = desk.act("sign", &made.id).await.unwrap();
    assert_eq!((signed.state(), signed.sign_time.is_some()), (State::Signed, true));
    let done = desk.all(&made.id, &["perform", "complete", "archive"]).await;
    assert_eq!((done.state(), done.complete_time.is_some()), (State::Archived, true));
    assert_error(desk.void(&made.id, "x").await, Code::FailedPrecondition, "CONTRACT_STATE");
    assert_eq!(desk.names("notice_date <= date('2026-12-01') && state == 'STATE_ARCHIVED'").await, ["frame"]);
}

#[tokio::test]
async fn the_content_of_a_signed_contract_is_locked() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let bare = Contract { amount: None, start_date: None, term_months: 0, ..contract("bare") };
    let bare = desk.create(bare).await.unwrap();
    let status =
        assert_error(desk.act("submit", &bare.id).await, Code::FailedPrecondition, "CONTRACT_INCOMPLETE");
    assert_eq!(metadata(&status, "missing"), "amount,start_date");
    let made = desk.create(contract("frame")).await.unwrap();
    desk.all(&made.id, &["submit", "sign"]).await;
    for (field, change) in [
        ("amount", Contract { amount: Some(yuan(1)), ..made.clone() }),
        ("end_date", Contract { end_date: None, ..made.clone() }),
        ("payment_method", Contract { payment_method: "cash".into(), ..made.clone() }),
    ] {
        let change = Contract { etag: String::new(), term_months: 0, ..change };
        let mask: &[&str] = if field == "end_date" { &["end_date", "term_months"] } else { &[field] };
        let status =
            assert_error(desk.update(change, mask).await, Code::FailedPrecondition, "CONTRACT_LOCKED");
        assert_eq!(metadata(&status, "field"), field);
    }
    let free = Contract { id: made.id.clone(), tags: vec!["key".into()], ..Contract::default() };
    assert_eq!(desk.update(free, &["tags"]).await.unwrap().tags, ["key"]);
    let delete = DeleteContractRequest { id: made.id.clone(), etag: String::new() };
    assert_error(desk.client.delete_contract(delete).await, Code::FailedPrecondition, "CONTRACT_STATE");
    assert_error(desk.void(&made.id, " ").await, Code::InvalidArgument, "FIELD_INVALID");
    let voided = desk.void(&made.id, "signed twice").await.unwrap();
    assert_eq!((voided.state(), voided.void_reason.as_str()), (State::Voided, "signed twice"));
}

#[tokio::test]
async fn an_amendment_is_the_next_version_and_the_one_before_stays_readable() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let made = desk.create(contract("frame")).await.unwrap();
    let first = desk.all(&made.id, &["submit", "sign", "perform"]).await;
    let draft = desk.amend(&made.id, "more of it").await.unwrap();
    assert_eq!((draft.state(), draft.version, draft.sign_time), (State::Draft, 2, None));
    assert_eq!(desk.versions(&made.id).await.unwrap(), [(1, first.clone())]);
    let raised = Contract { id: made.id.clone(), amount: Some(yuan(150_000)), ..Contract::default() };
    desk.update(raised.clone(), &["amount"]).await.unwrap();
    let delete = DeleteContractRequest { id: made.id.clone(), etag: String::new() };
    assert_error(desk.client.delete_contract(delete).await, Code::FailedPrecondition, "CONTRACT_STATE");
    assert_error(desk.void(&made.id, "x").await, Code::FailedPrecondition, "CONTRACT_STATE");

    // The draft is dropped: the version in force is what it was.
    let back = desk.act("revert", &made.id).await.unwrap();
    assert_eq!(Contract { etag: first.etag.clone(), update_time: first.update_time, ..back }, first);
    assert!(desk.versions(&made.id).await.unwrap().is_empty());

    // Or it goes the way of the first, and the contract is where it stood.
    desk.amend(&made.id, "more of it").await.unwrap();
    desk.update(raised, &["amount"]).await.unwrap();
    let second = desk.all(&made.id, &["submit", "sign"]).await;
    assert_eq!((second.state(), second.version), (State::InPerformance, 2));
    assert_eq!(second.amount, Some(yuan(150_000)));
    let kept = desk.versions(&made.id).await.unwrap();
    assert_eq!((kept.len(), kept[0].1.amount.clone()), (1, Some(yuan(120_000))));
}

#[tokio::test]
async fn a_renewal_is_a_contract_of_its_own_and_happens_once() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let made = desk.create(contract("frame")).await.unwrap();
    desk.all(&made.id, &["submit", "sign"]).await;
    let calls = (0..4).map(|_| {
        let (rig, me, id) = (&rig, &me, &made.id);
        async move { Desk::new(rig, me).act("renew", id).await }
    });
    let outcomes = futures::future::join_all(calls).await;
    let renewals: Vec<&Contract> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(renewals.len(), 1);
    let renewal = renewals[0];
    assert_eq!((renewal.start_date, renewal.end_date), (Some(day(2027, 1, 1)), Some(day(2027, 12, 31))));
    assert_eq!(
        (renewal.state(), &renewal.renewal_of_id, &renewal.amount),
        (State::Draft, &made.id, &made.amount)
    );
    assert_eq!(desk.get(&made.id).await.unwrap().renewal_id, renewal.id);
    let status = assert_error(desk.act("renew", &made.id).await, Code::AlreadyExists, "CONTRACT_RENEWED");
    assert_eq!(metadata(&status, "id"), renewal.id);

    let once = Contract { renewal_rule: RenewalRule::None.into(), ..contract("once") };
    let once = desk.create(once).await.unwrap();
    desk.all(&once.id, &["submit", "sign"]).await;
    assert_error(desk.act("renew", &once.id).await, Code::FailedPrecondition, "CONTRACT_NOT_RENEWABLE");
    let early = desk.create(contract("early")).await.unwrap();
    desk.all(&early.id, &["submit", "sign"]).await;
    let request = RenewContractRequest {
        id: early.id,
        start_date: Some(day(2026, 6, 1)),
        end_date: Some(Date { year: 2026, month: 5, day: 1 }),
        ..RenewContractRequest::default()
    };
    let status =
        assert_error(desk.client.renew_contract(request).await, Code::InvalidArgument, "FIELD_INVALID");
    let order = || "DATE_ORDER".to_owned();
    assert_eq!(violations(&status), [("start_date".into(), order()), ("end_date".into(), order())]);
}

#[tokio::test]
async fn the_amount_of_a_contract_with_lines_is_their_total() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let lines = vec![line("service", "12", "99.995")];
    let made = desk.create(Contract { lines, ..contract("service") }).await.unwrap();
    assert_eq!(made.amount, Some(money("CNY", 1199, 940_000_000)));
    let dollars = Contract { amount: Some(money("USD", 5, 0)), ..contract("x") };
    assert_eq!(desk.create(dollars.clone()).await.unwrap().currency_code, "USD");
    let mixed = Contract {
        currency_code: "CNY".into(),
        term_months: 11,
        end_date: Some(day(2026, 12, 31)),
        ..dollars
    };
    let status = assert_error(desk.create(mixed).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        violations(&status),
        [
            ("contract.term_months".into(), "TERM_MISMATCH".into()),
            ("contract.amount.currency_code".into(), "CURRENCY_DIFFERS".into())
        ]
    );
}

#[tokio::test]
async fn contracts_are_behind_the_walls() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert, stranger) = (rig.callers.add(&rights), rig.callers.add(&rights), rig.administrator());
    let mine = Desk::new(&rig, &anna).create(contract("anna's")).await.unwrap();
    for caller in [&bert, &stranger] {
        let mut desk = Desk::new(&rig, caller);
        assert!(desk.names("").await.is_empty());
        for verb in ["submit", "withdraw", "sign", "revert", "renew"] {
            assert_error(desk.act(verb, &mine.id).await, Code::NotFound, "NOT_FOUND");
        }
        assert_error(desk.amend(&mine.id, "x").await, Code::NotFound, "NOT_FOUND");
        assert_error(desk.versions(&mine.id).await, Code::NotFound, "NOT_FOUND");
    }
    let clerk = rights.with_permissions(&["sales.contracts.create", "sales.contracts.update"]);
    let mut desk = Desk::new(&rig, &rig.callers.add(&clerk));
    let made = desk.create(contract("clerk's")).await.unwrap();
    desk.act("submit", &made.id).await.unwrap();
    assert_error(desk.act("sign", &made.id).await, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_error(desk.void(&made.id, "x").await, Code::PermissionDenied, "PERMISSION_MISSING");
    let signed = Contract { state: State::Signed.into(), ..contract("old") };
    assert_error(desk.create(signed.clone()).await, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_eq!(Desk::new(&rig, &boss).create(signed).await.unwrap().state(), State::Signed);
}
