//! Lists of users: what can be filtered, ordered and searched.

use std::borrow::Cow;

use crm_kit_api::{
    Call, Result,
    filter::{Field, Filter, Kind, Schema},
    order::{Column, KeyKind, Order},
    page::{self, Binding, Token},
    sensitivity::{Mask, Sensitivity},
};
use crm_kit_pg::{
    Db, Tx,
    list::{List, Page, Total},
};
use crm_proto::crm::platform::v1::{ListUsersRequest, ListUsersResponse};
use futures::FutureExt as _;

use super::model::User;
use crate::text;

const STATES: &[(&str, i32)] = &[("ACTIVE", 1), ("DISABLED", 2)];

const COLUMNS: &str = "id, create_time, update_time, delete_time, revision, display_name, username, email, phone, job_title, \
    ARRAY(SELECT d.department_id FROM user_department d WHERE d.tenant_id = app_user.tenant_id AND d.user_id = app_user.id \
          ORDER BY d.position) AS department_ids, \
    primary_department_id, superior_id, \
    ARRAY(SELECT r.role_id FROM user_role r WHERE r.tenant_id = app_user.tenant_id AND r.user_id = app_user.id \
          ORDER BY r.position) AS role_ids, \
    state, service_account, password_change_required, last_sign_in_time, NULL::text AS password_hash";

const FIELDS: &[Field] = &[
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("username", Kind::Text, "username"),
    Field::new("email", Kind::Text, "email"),
    Field::new("phone", Kind::Text, "phone"),
    Field::new("job_title", Kind::Text, "job_title"),
    Field::new(
        "department_ids",
        Kind::TextList,
        "(ARRAY(SELECT d.department_id::text FROM user_department d \
          WHERE d.tenant_id = app_user.tenant_id AND d.user_id = app_user.id))",
    ),
    Field::new("primary_department_id", Kind::Uuid, "primary_department_id").nullable(),
    Field::new("superior_id", Kind::Uuid, "superior_id").nullable(),
    Field::new(
        "role_ids",
        Kind::TextList,
        "(ARRAY(SELECT r.role_id::text FROM user_role r WHERE r.tenant_id = app_user.tenant_id AND r.user_id = app_user.id))",
    ),
    Field::new("state", Kind::Enum(STATES), "state"),
    Field::new("service_account", Kind::Bool, "service_account"),
    Field::new("password_change_required", Kind::Bool, "password_change_required"),
    Field::new("last_sign_in_time", Kind::Timestamp, "last_sign_in_time").nullable(),
];

const ORDERS: [(&str, KeyKind); 5] = [
    ("create_time", KeyKind::Timestamp),
    ("update_time", KeyKind::Timestamp),
    ("display_name", KeyKind::Text),
    ("username", KeyKind::Text),
    ("job_title", KeyKind::Text),
];

/// Fields that roles may mask.
const SENSITIVE: [(&str, Sensitivity); 3] =
    [("display_name", Sensitivity::PersonName), ("email", Sensitivity::Email), ("phone", Sensitivity::Phone)];

/// Columns that are searched, and the field each shows.
const SEARCHED: [(&str, &str); 5] = [
    ("username", "lower(username)"),
    ("display_name", "lower(display_name)"),
    ("email", "lower(email)"),
    ("phone", "phone"),
    ("job_title", "lower(job_title)"),
];

/// One page of users.
pub async fn list(db: &Db, call: &Call, request: &ListUsersRequest) -> Result<ListUsersResponse> {
    let masked = masked(call);
    let filter = Filter::parse(&request.filter, &Schema::new(FIELDS).with_masked(masked.clone()))?;
    let order = Order::parse(&request.order_by, "create_time desc", &columns(&masked))?;
    let parts = [call.method.as_ref(), &request.filter, &request.order_by, &request.q, deleted(request)];
    let binding = Binding::new(call.tenant_id(), &parts);
    let list = List {
        table: "app_user",
        columns: COLUMNS,
        owners: None,
        show_deleted: request.show_deleted,
        filter: &filter,
        moment: call.moment(),
        search: search(&request.q, &masked),
        order: &order,
        after: Token::decode(&request.page_token, binding, order.keys.len())?,
        limit: page::size(request.page_size),
    };
    let counted = request.include_total_size;
    let (page, total) = db.list(call, |tx| fetch(tx, &list, counted).boxed()).await?;
    Ok(ListUsersResponse {
        users: page.rows.iter().map(User::to_wire).collect(),
        next_page_token: page.next.map(|token| token.encode(binding)).unwrap_or_default(),
        total_size: total.map_or(0, |total| total.rows),
        total_size_estimated: total.is_some_and(|total| total.estimated),
    })
}

async fn fetch(tx: &mut Tx<'_>, list: &List<'_>, counted: bool) -> Result<(Page<User>, Option<Total>)> {
    let tenant_id = tx.tenant_id();
    let page = list.fetch(tx.conn(), tenant_id).await?;
    let total = if counted { Some(list.count(tx.conn(), tenant_id).await?) } else { None };
    Ok((page, total))
}

fn deleted(request: &ListUsersRequest) -> &'static str {
    if request.show_deleted { "deleted" } else { "live" }
}

fn masked(call: &Call) -> Vec<&'static str> {
    let masks = call.access.masks;
    SENSITIVE.iter().filter(|(_, class)| masks.of(*class) != Mask::None).map(|(field, _)| *field).collect()
}

fn columns(masked: &[&'static str]) -> Vec<Column> {
    let column = |(path, kind): (&'static str, KeyKind)| Column {
        path: Cow::Borrowed(path),
        sql: Cow::Borrowed(path),
        kind,
        masked: masked.contains(&path),
    };
    ORDERS.map(column).to_vec()
}

/// The columns to search, with the pattern; what is masked for the caller is not searched.
fn search(q: &str, masked: &[&str]) -> Vec<(&'static str, String)> {
    let q = text::key(q);
    if q.is_empty() {
        return Vec::new();
    }
    let escaped = q.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let seen = SEARCHED.iter().filter(|(field, _)| !masked.contains(field));
    seen.map(|(_, column)| (*column, format!("%{escaped}%"))).collect()
}
