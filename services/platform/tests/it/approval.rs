//! Approvals: flows as data, and requests that run on them. The example is a discount on quotes.

use crm_kit_api::call::TenantSettings;
use crm_kit_rpc::peer::Errand;
use crm_proto::crm::{
    event::v1::{Event, StartFrom, StreamEventsRequest, event_service_client::EventServiceClient},
    platform::v1::{
        ApprovalDecided, ApprovalFlow, ApprovalNode, ApprovalRequest, ApprovalTask, ApprovalVariable,
        ApproveTaskRequest, Approver, CreateApprovalFlowRequest, DeleteApprovalFlowRequest,
        DisableUserRequest, GetApprovalFlowRequest, GetApprovalRequestRequest, ListApprovalFlowsRequest,
        ListApprovalRequestsRequest, ListMyApprovalTasksRequest, RejectTaskRequest, ReturnTaskRequest, Role,
        SubmitApprovalRequest, UpdateApprovalFlowRequest, User, WithdrawApprovalRequest,
        approval_flow_service_client::ApprovalFlowServiceClient,
        approval_node::{Mode, WhenNobody, WhenSubmitter},
        approval_request::{AutomaticReason, State},
        approval_service_client::ApprovalServiceClient,
        approval_task::State as TaskState,
        approval_variable::Type,
        approver::Approver as Named,
    },
};
use crm_testkit::{
    callers::Bearer,
    status::{assert_error, metadata, violations},
};
use prost::Message as _;
use prost_types::{FieldMask, Struct, Value, value::Kind};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::harness::{Person, Wire, World, named};

/// Rita sells; Mona is her superior; Nils and Olga are managers too; the administrator stands above Mona.
struct Company {
    world: World,
    rita: Person,
    mona: Person,
    nils: Person,
    olga: Person,
    manager: String,
}

impl Company {
    async fn new() -> Self {
        let world = World::new().await;
        let (sales, manager) = (world.built_in("sales").await, world.built_in("manager").await);
        let mona =
            world.person(User { superior_id: world.admin_id.clone(), ..named("mona", &[&manager]) }).await;
        let rita = world.person(User { superior_id: mona.user.id.clone(), ..named("rita", &[&sales]) }).await;
        let nils = world.person(named("nils", &[&manager])).await;
        let olga = world.person(named("olga", &[&manager])).await;
        Self { world, rita, mona, nils, olga, manager }
    }

    fn approvals(&self, token: &str) -> ApprovalServiceClient<Wire> {
        ApprovalServiceClient::new(Bearer::new(token).on(&self.world.channel))
    }

    fn flows(&self, token: &str) -> ApprovalFlowServiceClient<Wire> {
        ApprovalFlowServiceClient::new(Bearer::new(token).on(&self.world.channel))
    }

    async fn flow(&self, condition: &str, nodes: Vec<ApprovalNode>) -> Result<ApprovalFlow, Status> {
        let request = CreateApprovalFlowRequest { approval_flow: Some(flow(condition, nodes)) };
        Ok(self.flows(&self.world.admin).create_approval_flow(request).await?.into_inner())
    }

    async fn submit(&self, person: &Person, quote: &Quote) -> Result<ApprovalRequest, Status> {
        Ok(self.approvals(&person.token).submit_approval(quote.submission()).await?.into_inner())
    }

    async fn approve(&self, person: &Person, request: &ApprovalRequest) -> Result<ApprovalRequest, Status> {
        let approve = ApproveTaskRequest { id: task_of(person, request), comment: "fine".into() };
        Ok(self.approvals(&person.token).approve_task(approve).await?.into_inner())
    }

    async fn waiting(&self, person: &Person) -> Vec<String> {
        let mut client = self.approvals(&person.token);
        let listed = client.list_my_approval_tasks(ListMyApprovalTasksRequest::default()).await.unwrap();
        listed.into_inner().tasks.into_iter().map(|task| task.task_id).collect()
    }

    async fn told(&self, count: i32) -> Vec<Event> {
        let request = StreamEventsRequest {
            start_from: StartFrom::Earliest.into(),
            collections: vec!["approvalRequests".into()],
            max_events: count,
            ..StreamEventsRequest::default()
        };
        let mut client = EventServiceClient::new(Bearer::new(&self.world.admin).on(&self.world.channel));
        let mut stream = client.stream_events(request).await.unwrap().into_inner();
        let mut events = Vec::new();
        while events.len() < usize::try_from(count).unwrap() {
            let Some(response) = stream.message().await.unwrap() else { break };
            events.extend(response.events);
        }
        events
    }
}

/// A quote as the sales service would submit it.
#[derive(Clone)]
struct Quote {
    id: String,
    revision: i64,
    discount: &'static str,
}

impl Quote {
    fn new(discount: &'static str) -> Self {
        Self { id: Uuid::new_v4().to_string(), revision: 1, discount }
    }

    fn submission(&self) -> SubmitApprovalRequest {
        let values = [("discount_percent", self.discount), ("currency", "CNY")]
            .map(|(name, text)| (name.to_owned(), Value { kind: Some(Kind::StringValue(text.to_owned())) }));
        SubmitApprovalRequest {
            object_type: "sales.quotes".into(),
            object_id: self.id.clone(),
            object_revision: self.revision,
            display_name: "Q-1 Acme".into(),
            values: Some(Struct { fields: values.into() }),
            comment: "big customer".into(),
            submitter_id: String::new(),
        }
    }
}

fn flow(condition: &str, nodes: Vec<ApprovalNode>) -> ApprovalFlow {
    ApprovalFlow {
        display_name: "Discount".into(),
        object_type: "sales.quotes".into(),
        condition: condition.into(),
        variables: vec![ApprovalVariable { path: "discount_percent".into(), r#type: Type::Number.into() }],
        nodes,
        ..ApprovalFlow::default()
    }
}

fn node(mode: Mode, approvers: &[Named]) -> ApprovalNode {
    let approvers = approvers.iter().map(|approver| Approver { approver: Some(approver.clone()) });
    ApprovalNode {
        display_name: "Step".into(),
        approvers: approvers.collect(),
        mode: mode.into(),
        ..ApprovalNode::default()
    }
}

fn users(people: &[&Person]) -> Vec<Named> {
    people.iter().map(|person| Named::UserId(person.user.id.clone())).collect()
}

/// The latest task of a person in a request.
fn task_of(person: &Person, request: &ApprovalRequest) -> String {
    let of_person = request.tasks.iter().rev().find(|task| task.approver_id == person.user.id);
    of_person.map(|task| task.id.clone()).unwrap_or_default()
}

fn states(request: &ApprovalRequest) -> Vec<TaskState> {
    request.tasks.iter().map(ApprovalTask::state).collect()
}

/// Who is asked at a node.
fn asked(request: &ApprovalRequest, node: i32) -> Vec<&str> {
    let tasks = request.tasks.iter().filter(|task| task.node == node);
    tasks.map(|task| task.approver_id.as_str()).collect()
}

fn kind(event: &Event) -> &str {
    event.payload.as_ref().unwrap().type_url.rsplit('.').next().unwrap()
}

#[tokio::test]
async fn a_discount_goes_from_the_superior_to_the_heads_of_sales() {
    let company = Box::pin(Company::new()).await;
    let heads = users(&[&company.nils, &company.olga]);
    let nodes = vec![node(Mode::All, &[Named::SuperiorLevel(1)]), node(Mode::Any, &heads)];
    let flow = company.flow("discount_percent > 10", nodes).await.unwrap();
    // Within the limit nobody is asked.
    let small = company.submit(&company.rita, &Quote::new("10.00")).await.unwrap();
    assert_eq!((small.state(), small.automatic_reason()), (State::Approved, AutomaticReason::NoFlow));
    assert!(small.tasks.is_empty() && small.decide_time.is_some() && small.flow_id.is_empty());
    let quote = Quote::new("15.5");
    let request = company.submit(&company.rita, &quote).await.unwrap();
    assert_eq!((request.state(), request.node, request.flow_version), (State::Pending, 1, 1));
    assert_eq!((&request.flow_id, &request.submitter_id), (&flow.id, &company.rita.user.id));
    assert_eq!(request.values, quote.submission().values);
    assert_eq!(company.submit(&company.rita, &quote).await.unwrap(), request);
    assert_eq!(company.waiting(&company.mona).await, [task_of(&company.mona, &request)]);
    assert!(company.waiting(&company.nils).await.is_empty());
    let next = company.approve(&company.mona, &request).await.unwrap();
    assert_eq!((next.state(), next.node), (State::InProgress, 2));
    assert_eq!(states(&next), [TaskState::Approved, TaskState::Waiting, TaskState::Waiting]);
    // Agreeing again changes nothing.
    assert_eq!(company.approve(&company.mona, &request).await.unwrap(), next);
    let done = company.approve(&company.olga, &next).await.unwrap();
    assert_eq!((done.state(), &done.decided_by_id), (State::Approved, &company.olga.user.id));
    assert_eq!(states(&done), [TaskState::Approved, TaskState::Skipped, TaskState::Approved]);
    assert_eq!((done.decision_comment.as_str(), done.automatic_reason), ("fine", 0));
    // A follower learns everything from the events.
    let events = company.told(4).await;
    let kinds: Vec<&str> = events.iter().map(kind).collect();
    assert_eq!(kinds, ["ApprovalDecided", "ApprovalSubmitted", "ApprovalRequestUpdated", "ApprovalDecided"]);
    let decided = ApprovalDecided::decode(events[3].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(decided.approval_request.as_ref(), Some(&done));
    // An approved revision stays approved.
    assert_eq!(company.submit(&company.rita, &quote).await.unwrap(), done);
}

#[tokio::test]
async fn of_two_who_decide_at_once_one_wins_and_the_other_is_told_who() {
    let company = Box::pin(Company::new()).await;
    company.flow("", vec![node(Mode::Any, &users(&[&company.nils, &company.olga]))]).await.unwrap();
    for round in 0..5 {
        let request = company.submit(&company.rita, &Quote::new("1")).await.unwrap();
        let mut olga = company.approvals(&company.olga.token);
        let reject = RejectTaskRequest { id: task_of(&company.olga, &request), comment: "too much".into() };
        let (one, other) = tokio::join!(company.approve(&company.nils, &request), olga.reject_task(reject));
        assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "round {round}");
        let (winner, state) =
            if one.is_ok() { (&company.nils, "APPROVED") } else { (&company.olga, "REJECTED") };
        let refused = one.map(drop).and(other.map(drop));
        let status = assert_error(refused, Code::FailedPrecondition, "TASK_DECIDED");
        let told = ["decided_by_id", "decided_by", "state"].map(|key| metadata(&status, key));
        assert_eq!(told, [winner.user.id.as_str(), &winner.user.username, state]);
    }
}

#[tokio::test]
async fn all_have_to_agree_and_in_sequence_one_after_the_other() {
    let company = Box::pin(Company::new()).await;
    let people = users(&[&company.olga, &company.nils]);
    company.flow("", vec![node(Mode::InSequence, &people), node(Mode::All, &people)]).await.unwrap();
    let request = company.submit(&company.rita, &Quote::new("1")).await.unwrap();
    let early = company.approve(&company.nils, &request).await;
    assert_error(early, Code::FailedPrecondition, "TASK_QUEUED");
    let request = company.approve(&company.olga, &request).await.unwrap();
    let request = company.approve(&company.nils, &request).await.unwrap();
    assert_eq!((request.node, request.state()), (2, State::InProgress));
    let request = company.approve(&company.nils, &request).await.unwrap();
    assert_eq!(request.state(), State::InProgress);
    assert_eq!(company.approve(&company.olga, &request).await.unwrap().state(), State::Approved);
}

#[tokio::test]
async fn a_request_is_rejected_returned_withdrawn_and_submitted_anew() {
    let company = Box::pin(Company::new()).await;
    company.flow("", vec![node(Mode::All, &users(&[&company.nils, &company.olga]))]).await.unwrap();
    let quote = Quote::new("1");
    let first = company.submit(&company.rita, &quote).await.unwrap();
    let mut nils = company.approvals(&company.nils.token);
    let task = task_of(&company.nils, &first);
    let silent = nils.reject_task(RejectTaskRequest { id: task.clone(), comment: " ".into() }).await;
    assert_error(silent, Code::InvalidArgument, "FIELD_INVALID");
    let give_back = ReturnTaskRequest { id: task, comment: "add the term".into() };
    let returned = nils.return_task(give_back).await.unwrap().into_inner();
    assert_eq!((returned.state(), returned.decision_comment.as_str()), (State::Returned, "add the term"));
    assert_eq!(states(&returned), [TaskState::Returned, TaskState::Skipped]);
    let late = company.approve(&company.olga, &first).await;
    let status = assert_error(late, Code::FailedPrecondition, "TASK_DECIDED");
    assert_eq!(metadata(&status, "decided_by"), "nils");
    // The next submission is another request.
    let second = company.submit(&company.rita, &quote).await.unwrap();
    assert_ne!(second.id, first.id);
    let withdraw = |id: &str| WithdrawApprovalRequest { id: id.into(), comment: "not now".into() };
    let mut rita = company.approvals(&company.rita.token);
    let stranger = company.approvals(&company.olga.token).withdraw_approval(withdraw(&second.id)).await;
    assert_error(stranger, Code::NotFound, "NOT_FOUND");
    let withdrawn = rita.withdraw_approval(withdraw(&second.id)).await.unwrap().into_inner();
    assert_eq!(withdrawn.state(), State::Withdrawn);
    assert_eq!(rita.withdraw_approval(withdraw(&second.id)).await.unwrap().into_inner(), withdrawn);
    let ended = rita.withdraw_approval(withdraw(&first.id)).await;
    let status = assert_error(ended, Code::FailedPrecondition, "APPROVAL_ENDED");
    assert_eq!(metadata(&status, "state"), "RETURNED");
    let late = company.approve(&company.olga, &second).await;
    let status = assert_error(late, Code::FailedPrecondition, "TASK_DECIDED");
    assert_eq!(["state", "decided_by"].map(|key| metadata(&status, key)), ["WITHDRAWN", "rita"]);
    let third = company.submit(&company.rita, &quote).await.unwrap();
    let reject = RejectTaskRequest { id: task_of(&company.olga, &third), comment: "no".into() };
    let rejected = company.approvals(&company.olga.token).reject_task(reject).await.unwrap().into_inner();
    assert_eq!((rejected.state(), &rejected.decided_by_id), (State::Rejected, &company.olga.user.id));
}

#[tokio::test]
async fn a_later_revision_voids_the_running_one_and_an_earlier_one_is_refused() {
    let company = Box::pin(Company::new()).await;
    company.flow("", vec![node(Mode::Any, &users(&[&company.nils]))]).await.unwrap();
    let quote = Quote::new("1");
    let first = company.submit(&company.rita, &quote).await.unwrap();
    let second = company.submit(&company.rita, &Quote { revision: 2, ..quote.clone() }).await.unwrap();
    let get = GetApprovalRequestRequest { id: first.id };
    let voided = company.approvals(&company.rita.token).get_approval_request(get).await.unwrap().into_inner();
    assert_eq!(voided.state(), State::Voided);
    assert_eq!(company.waiting(&company.nils).await, [task_of(&company.nils, &second)]);
    let outdated = company.submit(&company.rita, &quote).await;
    let status = assert_error(outdated, Code::FailedPrecondition, "REVISION_OUTDATED");
    assert_eq!(metadata(&status, "object_revision"), "2");
    // Somebody who does not see rita's records can neither void nor read it by submitting.
    let sales = company.world.built_in("sales").await;
    let paul = company.world.person(named("paul", &[&sales])).await;
    for revision in [2, 3] {
        let foreign = company.submit(&paul, &Quote { revision, ..quote.clone() }).await;
        assert_error(foreign, Code::AlreadyExists, "APPROVAL_EXISTS");
    }
    // Her superior may submit for the team.
    assert!(company.submit(&company.mona, &Quote { revision: 3, ..quote }).await.is_ok());
}

#[tokio::test]
async fn submissions_at_once_make_one_request() {
    let company = Box::pin(Company::new()).await;
    company.flow("", vec![node(Mode::Any, &users(&[&company.nils]))]).await.unwrap();
    let quote = Quote::new("1");
    let submit = || company.submit(&company.rita, &quote);
    let (one, two, three) = tokio::join!(submit(), submit(), submit());
    let (one, two, three) = (one.unwrap(), two.unwrap(), three.unwrap());
    assert!(one.id == two.id && two.id == three.id);
    assert_eq!(company.waiting(&company.nils).await.len(), 1);
}

#[tokio::test]
async fn what_happens_without_approvers_is_for_the_flow_to_say() {
    let company = Box::pin(Company::new()).await;
    let empty = Role { display_name: "Empty".into(), ..Role::default() };
    let empty = [Named::RoleId(company.world.role(empty).await)];
    let olga = company.olga.user.id.clone();
    let when = |when_nobody: WhenNobody, substitute: &str, approvers: &[Named]| ApprovalNode {
        when_nobody: when_nobody.into(),
        substitute_id: substitute.into(),
        ..node(Mode::All, approvers)
    };
    let nodes = vec![
        when(WhenNobody::Pass, "", &empty),
        when(WhenNobody::User, &olga, &empty),
        when(WhenNobody::Administrator, "", &users(&[&company.olga])),
    ];
    company.flow("", nodes).await.unwrap();
    let request = company.submit(&company.rita, &Quote::new("1")).await.unwrap();
    assert_eq!((request.node, asked(&request, 2)), (2, vec![olga.as_str()]));
    let next = company.approve(&company.olga, &request).await.unwrap();
    assert_eq!((next.node, asked(&next, 3)), (3, vec![olga.as_str()]));
    // Whoever cannot work is not asked: the substitute's place falls to the administrator.
    let disable = DisableUserRequest { id: olga, ..Default::default() };
    company.world.users(&company.world.admin).disable_user(disable).await.unwrap();
    let request = company.submit(&company.rita, &Quote::new("1")).await.unwrap();
    assert_eq!((request.node, asked(&request, 2)), (2, vec![company.world.admin_id.as_str()]));
}

#[tokio::test]
async fn a_flow_that_asks_nobody_approves_at_once() {
    let company = Box::pin(Company::new()).await;
    let skip = WhenSubmitter::Skip.into();
    let nobody = ApprovalNode { when_submitter: skip, ..node(Mode::All, &users(&[&company.rita])) };
    company.flow("", vec![nobody]).await.unwrap();
    let request = company.submit(&company.rita, &Quote::new("1")).await.unwrap();
    let outcome = (request.state(), request.automatic_reason());
    assert_eq!(outcome, (State::Approved, AutomaticReason::NobodyToAsk));
    assert_eq!(states(&request), [TaskState::Skipped]);
}

#[tokio::test]
async fn a_submitter_who_approves_is_skipped_allowed_or_replaced() {
    let company = Box::pin(Company::new()).await;
    let team = [Named::RoleId(company.manager.clone())];
    let when = |when_submitter: WhenSubmitter, mode: Mode| ApprovalNode {
        when_submitter: when_submitter.into(),
        ..node(mode, &team)
    };
    let nodes = vec![
        when(WhenSubmitter::Allow, Mode::Any),
        when(WhenSubmitter::Superior, Mode::All),
        when(WhenSubmitter::Skip, Mode::All),
    ];
    company.flow("", nodes).await.unwrap();
    let request = company.submit(&company.mona, &Quote::new("1")).await.unwrap();
    let request = company.approve(&company.mona, &request).await.unwrap();
    let [nils, olga] = [&company.nils, &company.olga].map(|person| person.user.id.as_str());
    assert_eq!(asked(&request, 2), [company.world.admin_id.as_str(), nils, olga]);
    let request = company.approve(&company.nils, &request).await.unwrap();
    let request = company.approve(&company.olga, &request).await.unwrap();
    let id = request.tasks.iter().find(|task| task.node == 2).unwrap().id.clone();
    let approve = ApproveTaskRequest { id, comment: String::new() };
    let request = company.approvals(&company.world.admin).approve_task(approve).await.unwrap().into_inner();
    assert_eq!(asked(&request, 3), [company.mona.user.id.as_str(), nils, olga]);
    let third = states(&request).split_off(request.tasks.len() - 3);
    assert_eq!(third, [TaskState::Skipped, TaskState::Waiting, TaskState::Waiting]);
}

#[tokio::test]
async fn running_requests_finish_on_their_version() {
    let company = Box::pin(Company::new()).await;
    let of = |person: &Person| node(Mode::All, &users(&[person]));
    let flow =
        company.flow("discount_percent > 10", vec![of(&company.nils), of(&company.olga)]).await.unwrap();
    let running = company.submit(&company.rita, &Quote::new("11")).await.unwrap();
    let mut flows = company.flows(&company.world.admin);
    let update = |approval_flow: ApprovalFlow, path: &str| UpdateApprovalFlowRequest {
        approval_flow: Some(approval_flow),
        update_mask: Some(FieldMask { paths: vec![path.to_owned()] }),
    };
    let change = ApprovalFlow { nodes: vec![of(&company.mona)], ..flow.clone() };
    let changed = flows.update_approval_flow(update(change, "nodes")).await.unwrap().into_inner();
    assert_eq!((changed.version, changed.condition.as_str()), (2, "discount_percent > 10"));
    let renamed = ApprovalFlow { display_name: "Rebate".into(), ..changed.clone() };
    let renamed = flows.update_approval_flow(update(renamed, "display_name")).await.unwrap().into_inner();
    assert_eq!((renamed.version, renamed.display_name.as_str()), (2, "Rebate"));
    let fresh = company.submit(&company.rita, &Quote::new("11")).await.unwrap();
    assert_eq!((fresh.flow_version, asked(&fresh, 1)), (2, vec![company.mona.user.id.as_str()]));
    let delete = DeleteApprovalFlowRequest { id: flow.id.clone(), ..Default::default() };
    flows.delete_approval_flow(delete).await.unwrap();
    let gone = flows.get_approval_flow(GetApprovalFlowRequest { id: flow.id }).await;
    assert_error(gone, Code::NotFound, "NOT_FOUND");
    let running = company.approve(&company.nils, &running).await.unwrap();
    assert_eq!((running.flow_version, running.node), (1, 2));
    assert_eq!(company.approve(&company.olga, &running).await.unwrap().state(), State::Approved);
    let free = company.submit(&company.rita, &Quote::new("11")).await.unwrap();
    assert_eq!(free.automatic_reason(), AutomaticReason::NoFlow);
}

#[tokio::test]
async fn flows_are_checked_and_the_first_by_priority_counts() {
    let company = Box::pin(Company::new()).await;
    let nodes = vec![node(Mode::Any, &users(&[&company.nils]))];
    let unknown = company.flow("discount > 10", nodes.clone()).await;
    let status = assert_error(unknown, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "approval_flow.condition");
    assert_error(company.flow("", Vec::new()).await, Code::InvalidArgument, "FIELD_INVALID");
    let nobody = vec![node(Mode::Any, &[Named::RoleId(Uuid::new_v4().to_string())])];
    let status = assert_error(company.flow("", nobody).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(metadata(&status, "collection"), "roles");
    let late = company.flow("", nodes.clone()).await.unwrap();
    assert_error(company.flow("", nodes.clone()).await, Code::AlreadyExists, "NAME_TAKEN");
    let large = vec![node(Mode::Any, &users(&[&company.olga]))];
    let early =
        ApprovalFlow { display_name: "Large".into(), priority: -1, ..flow("discount_percent >= 50", large) };
    let mut flows = company.flows(&company.world.admin);
    let request = CreateApprovalFlowRequest { approval_flow: Some(early) };
    let early = flows.create_approval_flow(request).await.unwrap().into_inner();
    let listed = flows.list_approval_flows(ListApprovalFlowsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.approval_flows, [late.clone(), early.clone()]);
    assert_eq!(company.submit(&company.rita, &Quote::new("50")).await.unwrap().flow_id, early.id);
    assert_eq!(company.submit(&company.rita, &Quote::new("49")).await.unwrap().flow_id, late.id);
    let wrong = company.submit(&company.rita, &Quote::new("half")).await;
    let status = assert_error(wrong, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "values.discount_percent");
    let request = CreateApprovalFlowRequest { approval_flow: Some(flow("", nodes)) };
    let refused = company.flows(&company.rita.token).create_approval_flow(request).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
}

#[tokio::test]
async fn requests_are_seen_by_submitter_superiors_and_approvers_alone() {
    let company = Box::pin(Company::new()).await;
    company.flow("", vec![node(Mode::Any, &users(&[&company.nils]))]).await.unwrap();
    let request = company.submit(&company.rita, &Quote::new("1")).await.unwrap();
    let get = GetApprovalRequestRequest { id: request.id.clone() };
    for (person, sees, lists) in [
        (&company.rita, true, true),
        (&company.mona, true, true),
        (&company.nils, true, false),
        (&company.olga, false, false),
    ] {
        let mut client = company.approvals(&person.token);
        let name = &person.user.username;
        assert_eq!(client.get_approval_request(get.clone()).await.is_ok(), sees, "{name}");
        let filter = "state == 'PENDING' && object_type == 'sales.quotes'".to_owned();
        let list = ListApprovalRequestsRequest { filter, ..ListApprovalRequestsRequest::default() };
        let listed = client.list_approval_requests(list).await.unwrap().into_inner().approval_requests;
        assert_eq!(!listed.is_empty(), lists, "{name}");
    }
    // A task of somebody else does not exist, and the right to decide is needed beside it.
    let approve = ApproveTaskRequest { id: task_of(&company.nils, &request), comment: String::new() };
    let foreign = company.approvals(&company.olga.token).approve_task(approve.clone()).await;
    assert_error(foreign, Code::NotFound, "NOT_FOUND");
    let sales = company.approvals(&company.rita.token).approve_task(approve).await;
    assert_error(sales, Code::PermissionDenied, "PERMISSION_MISSING");
    // Nobody submits in another's name.
    let mut forged = Quote::new("1").submission();
    forged.submitter_id.clone_from(&company.mona.user.id);
    let refused = company.approvals(&company.rita.token).submit_approval(forged).await;
    assert_error(refused, Code::PermissionDenied, "SUBMITTER_NOT_CALLER");
    // Masks hold for what was submitted.
    let marketing = company.world.built_in("marketing").await;
    let mara = company.world.person(named("mara", &[&marketing])).await;
    let seen = company.approvals(&mara.token).get_approval_request(get).await.unwrap().into_inner();
    assert!(seen.values.is_none() && seen.display_name == "Q-1 Acme");
}

#[tokio::test]
async fn what_users_submit_never_meets_what_services_submit() {
    let company = Box::pin(Company::new()).await;
    let quote = Quote::new("1");
    // Approved at once, for no flow matches, and later than every revision there will be.
    let poison = Quote { revision: i64::MAX, ..quote.clone() };
    let own = company.submit(&company.rita, &poison).await.unwrap();
    assert_eq!((own.state(), own.service.as_str()), (State::Approved, ""));
    company.flow("", vec![node(Mode::Any, &users(&[&company.nils]))]).await.unwrap();
    let row = sqlx::query_scalar("SELECT tenant_id FROM tenant");
    let tenant: Uuid = row.fetch_one(&mut company.world.database.look().await).await.unwrap();
    let rita = Uuid::parse_str(&company.rita.user.id).unwrap();
    let peers =
        crm_testkit::peers("sales", &company.world.clock).with("platform", company.world.channel.clone());
    let errand = || Errand::in_tenant(tenant, TenantSettings::default(), "quote-0001");
    let service = |errand| ApprovalServiceClient::new(peers.on("platform", errand).unwrap());
    let submission = quote.submission();
    let told =
        service(errand().on_behalf_of(rita)).submit_approval(submission.clone()).await.unwrap().into_inner();
    assert_eq!((told.state(), told.service.as_str()), (State::Pending, "sales"));
    assert_eq!(told.submitter_id, company.rita.user.id);
    // The same again, in her name, is the same request; other values are refused.
    let named = SubmitApprovalRequest { submitter_id: company.rita.user.id.clone(), ..submission.clone() };
    let again = service(errand()).submit_approval(named.clone()).await.unwrap().into_inner();
    assert_eq!(again.id, told.id);
    let other = SubmitApprovalRequest { values: Quote::new("2").submission().values, ..named };
    let refused = service(errand()).submit_approval(other).await;
    assert_error(refused, Code::AlreadyExists, "APPROVAL_VALUES_DIFFER");
    // A service that works for nobody names who submits.
    assert_error(service(errand()).submit_approval(submission).await, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn submissions_at_once_without_a_flow_make_one_request() {
    let company = Box::pin(Company::new()).await;
    let quote = Quote::new("1");
    let submit = || company.submit(&company.rita, &quote);
    let (one, two, three) = tokio::join!(submit(), submit(), submit());
    let (one, two, three) = (one.unwrap(), two.unwrap(), three.unwrap());
    assert!(one.id == two.id && two.id == three.id && one.state() == State::Approved);
}

#[tokio::test]
async fn a_submitter_is_not_asked_in_the_place_of_nobody_while_others_are_left() {
    let company = Box::pin(Company::new()).await;
    let substitute = |person: &Person| ApprovalNode {
        when_nobody: WhenNobody::User.into(),
        substitute_id: person.user.id.clone(),
        ..node(Mode::All, &users(&[&company.olga]))
    };
    let disable = DisableUserRequest { id: company.olga.user.id.clone(), ..Default::default() };
    company.flow("", vec![substitute(&company.nils)]).await.unwrap();
    company.world.users(&company.world.admin).disable_user(disable).await.unwrap();
    let request = company.submit(&company.nils, &Quote::new("1")).await.unwrap();
    assert_eq!(asked(&request, 1), [company.world.admin_id.as_str()]);
    let request = company.submit(&company.rita, &Quote::new("1")).await.unwrap();
    assert_eq!(asked(&request, 1), [company.nils.user.id.as_str()]);
}

#[tokio::test]
async fn who_writes_flows_decides_for_approvers_who_have_left() {
    let company = Box::pin(Company::new()).await;
    company.flow("", vec![node(Mode::All, &users(&[&company.nils, &company.olga]))]).await.unwrap();
    let request = company.submit(&company.rita, &Quote::new("1")).await.unwrap();
    company.approve(&company.olga, &request).await.unwrap();
    let approve = ApproveTaskRequest { id: task_of(&company.nils, &request), comment: String::new() };
    let admin = || company.approvals(&company.world.admin);
    assert_error(admin().approve_task(approve.clone()).await, Code::NotFound, "NOT_FOUND");
    let disable = DisableUserRequest { id: company.nils.user.id.clone(), ..Default::default() };
    company.world.users(&company.world.admin).disable_user(disable).await.unwrap();
    let other = company.approvals(&company.mona.token).approve_task(approve.clone()).await;
    assert_error(other, Code::NotFound, "NOT_FOUND");
    let request = admin().approve_task(approve).await.unwrap().into_inner();
    assert_eq!((request.state(), request.decided_by_id), (State::Approved, company.world.admin_id.clone()));
}
