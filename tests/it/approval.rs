//! Approvals of quotes: sales submits to the platform in the user's name and follows what is decided there.

use std::time::Duration;

use crm_proto::crm::{
    platform::v1::{
        ApprovalFlow, ApprovalNode, ApprovalRequest, ApprovalVariable, ApproveTaskRequest, Approver,
        CreateApprovalFlowRequest, CreateUserRequest, ListApprovalRequestsRequest, ListRolesRequest,
        RejectTaskRequest, User, approval_flow_service_client::ApprovalFlowServiceClient,
        approval_request::State as Decided, approval_service_client::ApprovalServiceClient,
        approval_variable::Type, approver::Approver as Named, role_service_client::RoleServiceClient,
        user_service_client::UserServiceClient,
    },
    sales::v1::{
        CreateQuoteRequest, DocumentLine, GetQuoteRequest, Quote, SubmitQuoteRequest, UpdateQuoteRequest,
        WithdrawQuoteRequest,
        quote::{ApprovalState, State},
        quote_service_client::QuoteServiceClient,
    },
};
use crm_testkit::callers::Bearer;
use tonic::{service::interceptor::InterceptedService, transport::Channel};

use crate::suite::{SignedIn, Suite};

pub type Wired = InterceptedService<Channel, Bearer>;

/// A company in which Mona approves what lies past a limit.
pub struct Company {
    pub suite: Suite,
    pub seller: SignedIn,
    pub mona: SignedIn,
    quotes: QuoteServiceClient<Wired>,
}

impl Company {
    /// Mona approves what is more than 20 percent off.
    async fn new() -> Self {
        Self::of(("sales.quotes", "discount_percent", 20)).await
    }

    /// Mona approves objects of a type of which a value is above a limit.
    pub async fn of((object_type, path, limit): (&str, &str, i32)) -> Self {
        let suite = Suite::new().await;
        let seller = suite.tenant("acme").await;
        let on = |token: &str| Bearer::new(token).on(&suite.platform);
        let roles = RoleServiceClient::new(on(&seller.token)).list_roles(ListRolesRequest::default()).await;
        let roles = roles.unwrap().into_inner().roles;
        let manager = roles.into_iter().find(|role| role.built_in == "manager").unwrap();
        let mona = User {
            username: "mona".into(),
            display_name: "Mona".into(),
            role_ids: vec![manager.id],
            ..User::default()
        };
        let request = CreateUserRequest { user: Some(mona) };
        let user = UserServiceClient::new(on(&seller.token)).create_user(request).await.unwrap().into_inner();
        let mona = suite.person("acme", "mona", &user.first_password).await;
        let approver = Approver { approver: Some(Named::UserId(user.id)) };
        let node = ApprovalNode {
            display_name: "Mona".into(),
            approvers: vec![approver],
            ..ApprovalNode::default()
        };
        let flow = ApprovalFlow {
            display_name: "Discounts".into(),
            object_type: object_type.into(),
            condition: format!("{path} > {limit}"),
            variables: vec![ApprovalVariable { path: path.into(), r#type: Type::Number.into() }],
            nodes: vec![node],
            ..ApprovalFlow::default()
        };
        let request = CreateApprovalFlowRequest { approval_flow: Some(flow) };
        ApprovalFlowServiceClient::new(on(&seller.token)).create_approval_flow(request).await.unwrap();
        let quotes = QuoteServiceClient::new(Bearer::new(&seller.token).on(&suite.sales));
        Self { suite, seller, mona, quotes }
    }

    pub fn approvals(&self, who: &SignedIn) -> ApprovalServiceClient<Wired> {
        ApprovalServiceClient::new(Bearer::new(&who.token).on(&self.suite.platform))
    }

    /// A quote with a discount, submitted.
    async fn submitted(&mut self, discount: &str) -> Quote {
        let line = DocumentLine {
            product_name: "sheet".into(),
            unit_price: "100".into(),
            discount_percent: discount.into(),
            ..DocumentLine::default()
        };
        let quote = Quote {
            display_name: "offer".into(),
            currency_code: "CNY".into(),
            lines: vec![line],
            ..Quote::default()
        };
        let made = self.quotes.create_quote(CreateQuoteRequest { quote: Some(quote) }).await.unwrap();
        self.submit(&made.into_inner().id).await
    }

    async fn submit(&mut self, id: &str) -> Quote {
        let request = SubmitQuoteRequest {
            id: id.to_owned(),
            comment: "please".into(),
            ..SubmitQuoteRequest::default()
        };
        self.quotes.submit_quote(request).await.unwrap().into_inner()
    }

    /// The quote once it is as wanted; what is decided at the platform is followed meanwhile.
    async fn when(&mut self, id: &str, wanted: impl Fn(&Quote) -> bool) -> Quote {
        for _ in 0..200 {
            self.suite.followers.drain().await.unwrap();
            let quote =
                self.quotes.get_quote(GetQuoteRequest { id: id.to_owned() }).await.unwrap().into_inner();
            if wanted(&quote) {
                return quote;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the quote did not come that far");
    }

    /// Has every decision come again, to jobs that are done again.
    pub async fn decide_again(&self) {
        let mut conn = self.suite.sales_database.look().await;
        for sql in [
            "DELETE FROM inbox",
            "INSERT INTO job (tenant_id, id, kind, run_after) SELECT tenant_id, id, 'approval', now() FROM approval_submission",
        ] {
            sqlx::query(sql).execute(&mut conn).await.unwrap();
        }
        let jobs = "SELECT count(*) FROM job WHERE kind = 'approval'";
        while sqlx::query_scalar::<_, i64>(jobs).fetch_one(&mut conn).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn requests(&self) -> Vec<ApprovalRequest> {
        let request = ListApprovalRequestsRequest::default();
        let listed = self.approvals(&self.seller).list_approval_requests(request).await.unwrap();
        listed.into_inner().approval_requests
    }
}

#[tokio::test]
async fn a_decision_moves_the_quote_once() {
    let mut company = Box::pin(Company::new()).await;
    let quote = company.submitted("30").await;
    assert_eq!(quote.state(), State::InApproval);
    let asked = company.when(&quote.id, |quote| !quote.approval_request_id.is_empty()).await;
    assert_eq!(asked.state(), State::InApproval);
    let request = company.requests().await.remove(0);
    assert_eq!((&request.id, &request.object_id), (&asked.approval_request_id, &quote.id));
    assert_eq!((request.service.as_str(), request.comment.as_str()), ("sales", "please"));
    assert_eq!(request.submitter_id, quote.owner_id);

    let approve = ApproveTaskRequest { id: request.tasks[0].id.clone(), comment: "fine".into() };
    company.approvals(&company.mona).approve_task(approve).await.unwrap();
    let approved = company.when(&quote.id, |quote| quote.state() != State::InApproval).await;
    assert_eq!((approved.state(), approved.approval_state()), (State::Approved, ApprovalState::Approved));
    assert_eq!(approved.approval_comment, "fine");
    // A decision that comes again changes nothing more.
    company.decide_again().await;
    assert_eq!(company.when(&quote.id, |_| true).await, approved);
}

#[tokio::test]
async fn what_approvers_refuse_is_changed_and_submitted_again() {
    let mut company = Box::pin(Company::new()).await;
    let quote = company.submitted("30").await;
    company.when(&quote.id, |quote| !quote.approval_request_id.is_empty()).await;
    let task = company.requests().await[0].tasks[0].id.clone();
    let reject = RejectTaskRequest { id: task, comment: "too much".into() };
    company.approvals(&company.mona).reject_task(reject).await.unwrap();
    let mut draft = company.when(&quote.id, |quote| quote.state() == State::Draft).await;
    assert_eq!(
        (draft.approval_state(), draft.approval_comment.as_str()),
        (ApprovalState::Rejected, "too much")
    );
    // Past the limit of the tenant, but of no flow: nobody has to agree.
    draft.lines[0].discount_percent = "15".into();
    let update = UpdateQuoteRequest { quote: Some(draft), update_mask: None };
    company.quotes.update_quote(update).await.unwrap();
    assert_eq!(company.submit(&quote.id).await.state(), State::InApproval);
    let approved = company.when(&quote.id, |quote| quote.state() == State::Approved).await;
    assert_eq!(approved.approval_state(), ApprovalState::Approved);
}

#[tokio::test]
async fn what_is_taken_back_is_withdrawn_at_the_platform() {
    let mut company = Box::pin(Company::new()).await;
    let quote = company.submitted("30").await;
    company.when(&quote.id, |quote| !quote.approval_request_id.is_empty()).await;
    let request = WithdrawQuoteRequest { id: quote.id.clone(), ..WithdrawQuoteRequest::default() };
    let draft = company.quotes.withdraw_quote(request).await.unwrap().into_inner();
    assert_eq!((draft.state(), draft.approval_state()), (State::Draft, ApprovalState::Withdrawn));
    for _ in 0..200 {
        if company.requests().await[0].state() == Decided::Withdrawn {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(company.requests().await[0].state(), Decided::Withdrawn);
    // The platform's word about it changes nothing, and the quote can be submitted again.
    assert_eq!(company.when(&quote.id, |_| true).await.state(), State::Draft);
    assert_eq!(company.submit(&quote.id).await.state(), State::InApproval);
    company.when(&quote.id, |quote| !quote.approval_request_id.is_empty()).await;
    assert_eq!(company.requests().await.len(), 2);
}

#[tokio::test]
async fn a_process_that_died_before_it_noted_the_answer_asks_again_and_doubles_nothing() {
    let mut company = Box::pin(Company::new()).await;
    let quote = company.submitted("30").await;
    let asked = company.when(&quote.id, |quote| !quote.approval_request_id.is_empty()).await;
    let mut conn = company.suite.sales_database.look().await;
    for sql in [
        "UPDATE approval_submission SET state = 1, request_id = NULL",
        "INSERT INTO job (tenant_id, id, kind, run_after) SELECT tenant_id, id, 'approval', now() FROM approval_submission",
    ] {
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
    let noted = "SELECT count(*) FROM approval_submission WHERE state = 2 AND request_id IS NOT NULL";
    while sqlx::query_scalar::<_, i64>(noted).fetch_one(&mut conn).await.unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(company.requests().await.len(), 1);
    assert_eq!(company.when(&quote.id, |_| true).await, asked);
}
