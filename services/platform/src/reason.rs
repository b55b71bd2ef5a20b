//! The platform's own reasons for refusing a call, each as its contract documents it.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use crm_kit_api::Error;
use crm_kit_value::working_time::NoWorkingTime;
use tonic::Code;
use uuid::Uuid;

use crate::approval_request::Request;
use crate::exchange_rate::{lookup::Question, model::ExchangeRate};

/// Domain of these reasons.
pub const DOMAIN: &str = "crm.platform";

fn failed(reason: &'static str, message: impl Into<String>) -> Error {
    Error::new(Code::FailedPrecondition, DOMAIN, reason, message)
}

fn taken(reason: &'static str, message: impl Into<String>) -> Error {
    Error::new(Code::AlreadyExists, DOMAIN, reason, message)
}

/// `UNAUTHENTICATED / SIGN_IN_FAILED`: the one answer to every sign-in that does not succeed.
pub fn sign_in_failed() -> Error {
    let message = "tenant, user name or password is wrong, or the user may not sign in now";
    Error::new(Code::Unauthenticated, DOMAIN, "SIGN_IN_FAILED", message)
}

/// `FAILED_PRECONDITION / TENANT_SUSPENDED`.
pub fn tenant_suspended() -> Error {
    failed("TENANT_SUSPENDED", "the tenant is suspended")
}

/// `FAILED_PRECONDITION / PASSWORD_WRONG`.
pub fn password_wrong() -> Error {
    failed("PASSWORD_WRONG", "the old password is wrong")
}

/// `ALREADY_EXISTS / SLUG_TAKEN`.
pub fn slug_taken(slug: &str) -> Error {
    taken("SLUG_TAKEN", "another tenant has this short name").with("slug", slug)
}

/// `ALREADY_EXISTS / USERNAME_TAKEN`.
pub fn username_taken(username: &str) -> Error {
    taken("USERNAME_TAKEN", "another user has this user name").with("username", username)
}

/// `ALREADY_EXISTS / NAME_TAKEN`.
pub fn name_taken(collection: &str, display_name: &str) -> Error {
    taken("NAME_TAKEN", format!("another record in {collection} has this name"))
        .with("collection", collection)
        .with("display_name", display_name)
}

/// `FAILED_PRECONDITION / TREE_CIRCLE`.
pub fn tree_circle(collection: &str, id: Uuid) -> Error {
    failed("TREE_CIRCLE", "the record would lie below itself").with("collection", collection).with("id", id)
}

/// `FAILED_PRECONDITION / TREE_TOO_DEEP`.
pub fn tree_too_deep(collection: &str, limit: usize) -> Error {
    failed("TREE_TOO_DEEP", format!("the tree would be deeper than {limit}"))
        .with("collection", collection)
        .with("limit", limit)
}

/// `PERMISSION_DENIED / RIGHTS_EXCEEDED`; `kind` is the metadata key that names the right.
pub fn rights_exceeded(kind: &str, right: &str) -> Error {
    let message = format!("the change gives away a right you do not have: {right}");
    Error::new(Code::PermissionDenied, DOMAIN, "RIGHTS_EXCEEDED", message).with(kind, right)
}

/// `PERMISSION_DENIED / REACH_EXCEEDED`.
pub fn reach_exceeded(user_id: Uuid) -> Error {
    let message = "the change concerns records of a user whose records you do not see";
    Error::new(Code::PermissionDenied, DOMAIN, "REACH_EXCEEDED", message).with("user_id", user_id)
}

/// `PERMISSION_DENIED / OWN_POSITION`.
pub fn own_position(field: &str) -> Error {
    let message = format!("only somebody else, or an administrator, may set your own {field}");
    Error::new(Code::PermissionDenied, DOMAIN, "OWN_POSITION", message).with("field", field)
}

/// `FAILED_PRECONDITION / LAST_ADMINISTRATOR`.
pub fn last_administrator(id: Uuid) -> Error {
    failed("LAST_ADMINISTRATOR", "nobody else could administer the tenant").with("id", id)
}

/// `FAILED_PRECONDITION / BUILT_IN_ROLE`.
pub fn built_in_role(id: Uuid) -> Error {
    failed("BUILT_IN_ROLE", "the role comes with the suite and stays as it is").with("id", id)
}

/// `FAILED_PRECONDITION / ROLE_IN_USE`.
pub fn role_in_use(id: Uuid, users: i64) -> Error {
    failed("ROLE_IN_USE", "users hold the role").with("id", id).with("users", users)
}

/// `FAILED_PRECONDITION / DEPARTMENT_NOT_EMPTY`.
pub fn department_not_empty(id: Uuid, users: i64, departments: i64) -> Error {
    failed("DEPARTMENT_NOT_EMPTY", "users or departments belong to the department")
        .with("id", id)
        .with("users", users)
        .with("departments", departments)
}

/// `FAILED_PRECONDITION / SERVICE_ACCOUNT`.
pub fn service_account(id: Uuid) -> Error {
    failed("SERVICE_ACCOUNT", "a service account has no password").with("id", id)
}

/// `FAILED_PRECONDITION / NOT_SERVICE_ACCOUNT`.
pub fn not_service_account(id: Uuid) -> Error {
    failed("NOT_SERVICE_ACCOUNT", "API keys are for service accounts; people sign in").with("id", id)
}

/// `RESOURCE_EXHAUSTED / API_KEY_LIMIT`.
pub fn api_key_limit(limit: i64) -> Error {
    let message = format!("the service account has {limit} keys");
    Error::new(Code::ResourceExhausted, DOMAIN, "API_KEY_LIMIT", message).with("limit", limit)
}

/// `FAILED_PRECONDITION / NOT_DELETED`.
pub fn not_deleted(collection: &str, id: Uuid) -> Error {
    failed("NOT_DELETED", "the record is live").with("collection", collection).with("id", id)
}

/// `ALREADY_EXISTS / RATE_EXISTS`.
pub fn rate_exists(rate: &ExchangeRate) -> Error {
    taken("RATE_EXISTS", "the pair has a rate of the kind from that day on")
        .with("base_currency_code", &rate.base_currency_code)
        .with("quote_currency_code", &rate.quote_currency_code)
        .with("kind", rate.kind.name())
        .with("valid_from_date", rate.valid_from_date)
}

/// `FAILED_PRECONDITION / RATE_MISSING`.
pub fn rate_missing(question: &Question, through: &str) -> Error {
    let Question { from, to, day, kind } = question;
    let message =
        format!("no {} rate leads from {from} to {to} on {day}, directly or through {through}", kind.name());
    failed("RATE_MISSING", message)
        .with("from_currency_code", from)
        .with("to_currency_code", to)
        .with("date", day)
        .with("kind", kind.name())
        .with("through", through)
}

/// `ALREADY_EXISTS / APPROVAL_EXISTS`.
pub fn approval_exists(request: &Request) -> Error {
    with_object(taken("APPROVAL_EXISTS", "somebody else submitted the object"), request)
}

/// `ALREADY_EXISTS / APPROVAL_VALUES_DIFFER`.
pub fn approval_values_differ(request: &Request) -> Error {
    let message = "the revision was submitted with other values: submit a later revision";
    with_object(taken("APPROVAL_VALUES_DIFFER", message), request)
}

/// `FAILED_PRECONDITION / REVISION_OUTDATED`.
pub fn revision_outdated(request: &Request) -> Error {
    let message =
        format!("revision {} of the object was submitted, which is a later one", request.object_revision);
    with_object(failed("REVISION_OUTDATED", message), request)
}

fn with_object(error: Error, request: &Request) -> Error {
    error
        .with("object_type", &request.object_type)
        .with("object_id", request.object_id)
        .with("object_revision", request.object_revision)
        .with("state", request.state.name())
}

/// `PERMISSION_DENIED / SUBMITTER_NOT_CALLER`.
pub fn submitter_not_caller(submitter_id: Uuid) -> Error {
    let message = "only services of the suite submit in the name of somebody else";
    Error::new(Code::PermissionDenied, DOMAIN, "SUBMITTER_NOT_CALLER", message)
        .with("submitter_id", submitter_id)
}

/// `FAILED_PRECONDITION / TASK_DECIDED`; `by` is the id and the user name of who decided.
pub fn task_decided(id: Uuid, state: &str, by: Option<(Uuid, String)>, at: Option<DateTime<Utc>>) -> Error {
    let (decided_by_id, decided_by) = by.map(|(id, name)| (id.to_string(), name)).unwrap_or_default();
    let at = at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
    failed("TASK_DECIDED", format!("{decided_by} decided already: {}", state.to_lowercase()))
        .with("id", id)
        .with("state", state)
        .with("decided_by_id", decided_by_id)
        .with("decided_by", decided_by)
        .with("decide_time", at)
}

/// `FAILED_PRECONDITION / TASK_QUEUED`.
pub fn task_queued(id: Uuid) -> Error {
    failed("TASK_QUEUED", "other approvers decide first").with("id", id)
}

/// `FAILED_PRECONDITION / APPROVAL_ENDED`.
pub fn approval_ended(request: &Request) -> Error {
    let by = request.decided_by_id.map(|id| id.to_string()).unwrap_or_default();
    failed("APPROVAL_ENDED", format!("the request has ended: {}", request.state.name().to_lowercase()))
        .with("id", request.id)
        .with("state", request.state.name())
        .with("decided_by_id", by)
}

/// `FAILED_PRECONDITION / CALENDAR_PAST`; `date` is the first day that would change.
pub fn calendar_past(id: Uuid, date: NaiveDate, time_zone: &str) -> Error {
    failed(
        "CALENDAR_PAST",
        format!("the change alters {date}, which has begun; set change_past to allow that"),
    )
    .with("id", id)
    .with("date", date)
    .with("time_zone", time_zone)
}

/// `FAILED_PRECONDITION / NO_WORKING_TIME`.
pub fn no_working_time(id: Uuid, error: NoWorkingTime) -> Error {
    failed("NO_WORKING_TIME", error.to_string()).with("id", id)
}
