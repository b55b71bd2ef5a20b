//! Lists of approval requests, and of what a caller is asked.

use std::borrow::Cow;

use crm_kit_api::{
    Call, Error, Result,
    filter::{Field, Filter, Kind, Schema},
    order::{Column, KeyKind, Order},
    page::{self, Binding, Token},
};
use crm_kit_pg::{Db, Tx, list::List};
use crm_proto::crm::platform::v1::{
    ListApprovalRequestsRequest, ListApprovalRequestsResponse, ListMyApprovalTasksRequest,
    ListMyApprovalTasksResponse, MyApprovalTask, approval_task::State as WireState,
};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{events::COLLECTION, model::Request, store};
use crate::paging::Paging;

const STATES: &[(&str, i32)] = &[
    ("PENDING", 1),
    ("IN_PROGRESS", 2),
    ("APPROVED", 3),
    ("REJECTED", 4),
    ("RETURNED", 5),
    ("WITHDRAWN", 6),
    ("VOIDED", 7),
];

const COLUMNS: &str = "id, create_time, update_time, revision, display_name, service, object_type, object_id, object_revision, submitted_values, \
    comment, owner_id, state, automatic_reason, flow_id, flow_version, node, decided_by_id, decide_time, decision_comment, \
    COALESCE((SELECT jsonb_agg(to_jsonb(t) ORDER BY t.node, t.position) FROM approval_task t \
              WHERE t.tenant_id = approval_request.tenant_id AND t.request_id = approval_request.id), '[]') AS tasks";

const FIELDS: &[Field] = &[
    Field::new("service", Kind::Text, "service"),
    Field::new("object_type", Kind::Text, "object_type"),
    Field::new("object_id", Kind::Uuid, "object_id"),
    Field::new("object_revision", Kind::Int, "object_revision"),
    Field::new("submitter_id", Kind::Uuid, "owner_id"),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("flow_id", Kind::Uuid, "flow_id").nullable(),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("decide_time", Kind::Timestamp, "decide_time").nullable(),
    Field::new("decided_by_id", Kind::Uuid, "decided_by_id").nullable(),
];

/// One request that the caller may see.
pub async fn get(db: &Db, call: &Call, id: Uuid) -> Result<Request> {
    let tenant_id = call.tenant_id();
    let found = db.read(call, |tx| store::find(tx.conn(), tenant_id, id).boxed()).await?;
    found.filter(|request| is_visible(call, request)).ok_or_else(|| Error::not_found(COLLECTION, id))
}

fn is_visible(call: &Call, request: &Request) -> bool {
    let caller = call.caller_id();
    request.owner_id == caller || call.access.scope.covers(Some(request.owner_id)) || request.asks(caller)
}

/// One page of requests within the caller's record scope.
pub async fn list(
    db: &Db,
    call: &Call,
    request: &ListApprovalRequestsRequest,
) -> Result<ListApprovalRequestsResponse> {
    let filter = Filter::parse(&request.filter, &Schema::new(FIELDS))?;
    let columns = ["create_time", "update_time"].map(|path| Column {
        path: Cow::Borrowed(path),
        sql: Cow::Borrowed(path),
        kind: KeyKind::Timestamp,
        masked: false,
    });
    let order = Order::parse(&request.order_by, "create_time desc", &columns)?;
    let parts = [call.method.as_ref(), &request.filter, &request.order_by];
    let binding = Binding::new(call.tenant_id(), &parts);
    let list = List {
        table: "approval_request",
        columns: COLUMNS,
        owners: call.access.scope.owners(),
        show_deleted: true,
        filter: &filter,
        moment: call.moment(),
        search: Vec::new(),
        order: &order,
        after: Token::decode(&request.page_token, binding, order.keys.len())?,
        limit: page::size(request.page_size),
    };
    let tenant_id = call.tenant_id();
    let list = &list;
    let page = db
        .list(call, |tx: &mut Tx<'_>| {
            async move { list.fetch::<Request>(tx.conn(), tenant_id).await }.boxed()
        })
        .await?;
    Ok(ListApprovalRequestsResponse {
        approval_requests: page.rows.iter().map(Request::to_wire).collect(),
        next_page_token: page.next.map(|token| token.encode(binding)).unwrap_or_default(),
    })
}

/// One page of the caller's tasks in a state.
pub async fn tasks(
    db: &Db,
    call: &Call,
    request: &ListMyApprovalTasksRequest,
) -> Result<ListMyApprovalTasksResponse> {
    let state = match request.state() {
        WireState::Unspecified => WireState::Waiting,
        state => state,
    };
    let number = i16::try_from(i32::from(state)).unwrap_or(0);
    let caller = call.caller_id().to_string();
    let paging = Paging::read(call, request.page_size, &request.page_token, &[state.as_str_name(), &caller])?;
    let paging = &paging;
    let found = db.read(call, |tx| tasks_in(tx, call.caller_id(), number, paging).boxed()).await?;
    let (found, next_page_token) = paging.cut(found, |(task_id, _)| *task_id);
    let tasks = found.into_iter().map(|(task_id, request)| MyApprovalTask {
        task_id: task_id.to_string(),
        approval_request: Some(request.to_wire()),
    });
    Ok(ListMyApprovalTasksResponse { tasks: tasks.collect(), next_page_token })
}

async fn tasks_in(
    tx: &mut Tx<'_>,
    caller_id: Uuid,
    state: i16,
    paging: &Paging,
) -> Result<Vec<(Uuid, Request)>> {
    let tenant_id = tx.tenant_id();
    let tasks = store::tasks(tx.conn(), tenant_id, caller_id, (state, paging.after, paging.rows())).await?;
    let ids: Vec<Uuid> = tasks.iter().map(|(_, request_id)| *request_id).collect();
    let requests = store::find_all(tx.conn(), tenant_id, &ids).await?;
    let of = |(task_id, request_id): &(Uuid, Uuid)| {
        requests.iter().find(|request| request.id == *request_id).map(|request| (*task_id, request.clone()))
    };
    Ok(tasks.iter().filter_map(of).collect())
}
