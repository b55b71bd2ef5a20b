//! Approvals of contracts: what Mona decides at the platform moves them, once.

use std::time::Duration;

use crm_proto::{
    crm::{
        platform::v1::{
            ApproveTaskRequest, RejectTaskRequest, ReturnTaskRequest, approval_request::State as Decided,
        },
        sales::v1::{
            Contract, ContractSettings, CreateContractRequest, GetContractRequest, SubmitContractRequest,
            UpdateContractRequest, UpdateContractSettingsRequest, WithdrawContractRequest,
            contract::{ApprovalState, State},
            contract_service_client::ContractServiceClient,
        },
    },
    google::r#type::{Date, Money},
};
use crm_testkit::callers::Bearer;

use crate::approval::{Company, Wired};

/// A company whose contracts of more than 100 yuan need approval, and in which Mona is asked about those of more than 1000.
struct Desk {
    company: Company,
    contracts: ContractServiceClient<Wired>,
}

fn yuan(units: i64) -> Money {
    Money { currency_code: "CNY".into(), units, nanos: 0 }
}

fn stands(contract: &Contract) -> (State, ApprovalState, &str) {
    (contract.state(), contract.approval_state(), contract.approval_comment.as_str())
}

impl Desk {
    async fn new() -> Self {
        let company = Box::pin(Company::of(("sales.contracts", "amount", 1000))).await;
        let token = &company.seller.token;
        let mut contracts = ContractServiceClient::new(Bearer::new(token).on(&company.suite.sales));
        let settings = ContractSettings { max_amounts: vec![yuan(100)], ..ContractSettings::default() };
        let request = UpdateContractSettingsRequest { contract_settings: Some(settings), update_mask: None };
        contracts.update_contract_settings(request).await.unwrap();
        Self { company, contracts }
    }

    /// A contract that waits for Mona.
    async fn asked(&mut self, units: i64) -> Contract {
        let contract = Contract {
            display_name: "frame".into(),
            account_name: "Acme".into(),
            start_date: Some(Date { year: 2026, month: 1, day: 1 }),
            amount: Some(yuan(units)),
            ..Contract::default()
        };
        let request = CreateContractRequest { contract: Some(contract) };
        let made = self.contracts.create_contract(request).await.unwrap().into_inner();
        let waiting = self.submit(&made.id).await;
        assert_eq!(stands(&waiting), (State::InApproval, ApprovalState::Pending, ""));
        self.when(&made.id, |contract| !contract.approval_request_id.is_empty()).await
    }

    async fn submit(&mut self, id: &str) -> Contract {
        let request = SubmitContractRequest {
            id: id.to_owned(),
            comment: "please".into(),
            ..SubmitContractRequest::default()
        };
        self.contracts.submit_contract(request).await.unwrap().into_inner()
    }

    async fn when(&mut self, id: &str, wanted: impl Fn(&Contract) -> bool) -> Contract {
        for _ in 0..400 {
            self.company.suite.followers.drain().await.unwrap();
            let request = GetContractRequest { id: id.to_owned() };
            let contract = self.contracts.get_contract(request).await.unwrap().into_inner();
            if wanted(&contract) {
                return contract;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the contract did not come that far");
    }

    /// Mona's task about a contract.
    async fn task(&self, contract: &Contract) -> String {
        let requests = self.company.requests().await;
        let request =
            requests.into_iter().find(|request| request.id == contract.approval_request_id).unwrap();
        assert_eq!((request.object_type.as_str(), &request.object_id), ("sales.contracts", &contract.id));
        request.tasks[0].id.clone()
    }

    async fn decided(&mut self, id: &str) -> Contract {
        self.when(id, |contract| contract.state() != State::InApproval).await
    }
}

#[tokio::test]
async fn an_approved_contract_may_be_signed_and_is_approved_once() {
    let mut desk = Desk::new().await;
    let asked = desk.asked(5000).await;
    let approve = ApproveTaskRequest { id: desk.task(&asked).await, comment: "fine".into() };
    desk.company.approvals(&desk.company.mona).approve_task(approve).await.unwrap();
    let approved = desk.decided(&asked.id).await;
    assert_eq!(stands(&approved), (State::PendingSignature, ApprovalState::Approved, "fine"));
    // A decision that comes again changes nothing more.
    desk.company.decide_again().await;
    assert_eq!(desk.when(&asked.id, |_| true).await, approved);
}

#[tokio::test]
async fn what_is_refused_or_returned_is_a_draft_again_and_says_why() {
    let mut desk = Desk::new().await;
    let asked = desk.asked(5000).await;
    let reject = RejectTaskRequest { id: desk.task(&asked).await, comment: "too much".into() };
    desk.company.approvals(&desk.company.mona).reject_task(reject).await.unwrap();
    let draft = desk.decided(&asked.id).await;
    assert_eq!(stands(&draft), (State::Draft, ApprovalState::Rejected, "too much"));

    let asked = desk.asked(6000).await;
    let back = ReturnTaskRequest { id: desk.task(&asked).await, comment: "name the parties".into() };
    desk.company.approvals(&desk.company.mona).return_task(back).await.unwrap();
    let draft = desk.decided(&asked.id).await;
    assert_eq!(stands(&draft), (State::Draft, ApprovalState::Returned, "name the parties"));
    // Past the limit of the tenant, but of no flow: nobody has to agree.
    let smaller = Contract { amount: Some(yuan(900)), ..draft };
    let update = UpdateContractRequest { contract: Some(smaller), update_mask: None };
    desk.contracts.update_contract(update).await.unwrap();
    desk.submit(&asked.id).await;
    let approved = desk.decided(&asked.id).await;
    assert_eq!(
        (approved.state(), approved.approval_state()),
        (State::PendingSignature, ApprovalState::Approved)
    );
}

#[tokio::test]
async fn what_is_taken_back_is_withdrawn_at_the_platform_too() {
    let mut desk = Desk::new().await;
    let asked = desk.asked(5000).await;
    let request =
        WithdrawContractRequest { id: asked.id.clone(), comment: "wrong".into(), ..Default::default() };
    let draft = desk.contracts.withdraw_contract(request).await.unwrap().into_inner();
    assert_eq!(stands(&draft), (State::Draft, ApprovalState::Withdrawn, "wrong"));
    while desk.company.requests().await[0].state() != Decided::Withdrawn {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The platform's word about it changes nothing, and the contract can be submitted again.
    assert_eq!(desk.when(&asked.id, |_| true).await.state(), State::Draft);
    desk.submit(&asked.id).await;
    desk.when(&asked.id, |contract| !contract.approval_request_id.is_empty()).await;
    assert_eq!(desk.company.requests().await.len(), 2);
}
