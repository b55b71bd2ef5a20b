//! The one error of the suite: what the caller is told, apart from what the operators are told.
//!
//! Not here: reasons of one service (they are enums in its contract) and the mapping of database constraints (kit/pg).

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc, time::Duration};

use tonic::Code;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};
use uuid::Uuid;

/// Shorthand used throughout the suite.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The domain of reasons that every service gives; a service's own reasons use `crm.<service>`.
pub const COMMON_DOMAIN: &str = "crm";

/// Why a call failed. `message` and `metadata` are for the caller, `source` is for us and never leaves the process.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    reason: Cow<'static, str>,
    domain: &'static str,
    message: String,
    metadata: BTreeMap<String, String>,
    violations: Vec<Violation>,
    /// The record of a batch that it is about; never told.
    subject: Option<Uuid>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// One broken rule of one request field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path from the request message, for example `account.emails[2].address`.
    pub field: String,
    /// Machine-readable rule in upper snake case, for example `TOO_LONG`.
    pub code: Cow<'static, str>,
    /// What is wrong, for people: lower case, in the caller's terms.
    pub message: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

/// Collects violations, so that a caller learns of all of them at once.
#[derive(Debug, Default)]
pub struct Violations {
    list: Vec<Violation>,
}

impl Violations {
    /// Remembers a violation.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        self.list.push(Violation::new(field, code, message));
    }

    /// Whether no rule is broken so far.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// `value` when no rule is broken, otherwise `INVALID_ARGUMENT` with every violation.
    pub fn into_result<T>(self, value: T) -> Result<T> {
        if self.list.is_empty() { Ok(value) } else { Err(Error::invalid(self.list)) }
    }
}

impl Error {
    /// An error of `code` with a reason of the given domain.
    pub fn new(
        code: Code,
        domain: &'static str,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            code,
            reason: reason.into(),
            domain,
            message: message.into(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            subject: None,
            retry_after: None,
            source: None,
        }))
    }

    fn common(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, COMMON_DOMAIN, reason, message)
    }

    /// `INVALID_ARGUMENT / FIELD_INVALID` with the broken rules.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            many => format!("{} fields are invalid", many.len()),
        };
        let mut error = Self::common(Code::InvalidArgument, "FIELD_INVALID", message);
        error.0.violations = violations;
        error
    }

    /// `INVALID_ARGUMENT / FIELD_INVALID` with one broken rule.
    pub fn invalid_field(
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::invalid(vec![Violation::new(field, code, message)])
    }

    /// `NOT_FOUND / NOT_FOUND`: missing, or out of the caller's scope; the caller cannot tell which.
    pub fn not_found(collection: &str, id: impl fmt::Display) -> Self {
        Self::common(Code::NotFound, "NOT_FOUND", format!("no such record in {collection}"))
            .with("collection", collection)
            .with("id", id)
    }

    /// `ABORTED / ETAG_MISMATCH` with the etag the record has now.
    pub fn etag_mismatch(current: impl fmt::Display) -> Self {
        Self::common(Code::Aborted, "ETAG_MISMATCH", "the record changed since the given etag")
            .with("etag", current)
    }

    /// `ABORTED / CONCURRENT_CHANGE`.
    pub fn concurrent_change() -> Self {
        Self::common(Code::Aborted, "CONCURRENT_CHANGE", "another call changed the same data; try again")
    }

    /// `UNAUTHENTICATED / CREDENTIAL_MISSING`.
    pub fn credential_missing() -> Self {
        Self::common(Code::Unauthenticated, "CREDENTIAL_MISSING", "a bearer token or an API key is needed")
    }

    /// `UNAUTHENTICATED / CREDENTIAL_INVALID`.
    pub fn credential_invalid() -> Self {
        Self::common(
            Code::Unauthenticated,
            "CREDENTIAL_INVALID",
            "the credential is unknown, expired or revoked",
        )
    }

    /// `PERMISSION_DENIED / PERMISSION_MISSING`.
    pub fn permission_missing(permission: &str) -> Self {
        Self::common(
            Code::PermissionDenied,
            "PERMISSION_MISSING",
            format!("the permission {permission} is needed"),
        )
        .with("permission", permission)
    }

    /// `PERMISSION_DENIED / FIELD_MASKED`.
    pub fn field_masked(field: &str) -> Self {
        Self::common(
            Code::PermissionDenied,
            "FIELD_MASKED",
            format!("{field} is masked for you and cannot be used here"),
        )
        .with("field", field)
    }

    /// `RESOURCE_EXHAUSTED` with the wait after which a retry may succeed.
    pub fn exhausted(reason: &'static str, message: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::common(Code::ResourceExhausted, reason, message);
        error.0.retry_after = Some(retry_after);
        error
    }

    /// `UNAVAILABLE / DEPENDENCY_UNAVAILABLE`; `what` names the dependency in general words, `source` says what happened.
    pub fn unavailable(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::common(
            Code::Unavailable,
            "DEPENDENCY_UNAVAILABLE",
            format!("{what} does not answer; try again"),
        )
        .caused_by(source)
    }

    /// `DEADLINE_EXCEEDED / DEADLINE_EXCEEDED`.
    pub fn deadline_exceeded() -> Self {
        Self::common(
            Code::DeadlineExceeded,
            "DEADLINE_EXCEEDED",
            "the deadline passed before the answer was ready",
        )
    }

    /// `INTERNAL / INTERNAL`: a bug on our side. The caller sees no more than that.
    pub fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::common(Code::Internal, "INTERNAL", "something went wrong on our side").caused_by(source)
    }

    /// As [`Error::internal`], for a state that cannot be.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::internal(Bug(what.into()))
    }

    /// Adds a metadata entry that the reason documents.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.0.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// Adds the place where a rule is broken, for reasons other than FIELD_INVALID.
    #[must_use]
    pub fn with_violation(mut self, violation: Violation) -> Self {
        self.0.violations.push(violation);
        self
    }

    /// Adds the cause, for the operators.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Remembers which of several records it is about, for whoever knows their places in the request.
    #[must_use]
    pub fn about(mut self, record_id: Uuid) -> Self {
        self.0.subject = Some(record_id);
        self
    }

    /// The record it is about, where several were written at once.
    pub fn subject(&self) -> Option<Uuid> {
        self.0.subject
    }

    /// Puts `prefix` before the path of every violation, for items of a batch.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        for violation in &mut self.0.violations {
            violation.field = format!("{prefix}.{}", violation.field);
        }
        if let [one] = self.0.violations.as_slice() {
            self.0.message = format!("{}: {}", one.field, one.message);
        } else if self.0.violations.is_empty() {
            self.0.metadata.entry("item".to_owned()).or_insert_with(|| prefix.to_owned());
        }
        self
    }

    /// gRPC code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Machine-readable reason.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Text for the caller.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Broken rules, when the reason is FIELD_INVALID.
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// Value of a metadata entry.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.0.metadata.get(key).map(String::as_str)
    }

    fn details(&self) -> ErrorDetails {
        let mut details = ErrorDetails::new();
        details.set_error_info(
            self.0.reason.as_ref(),
            self.0.domain,
            self.0
                .metadata
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect::<std::collections::HashMap<_, _>>(),
        );
        if !self.0.violations.is_empty() {
            let violations = self.0.violations.iter();
            details.set_bad_request(
                violations
                    .map(|violation| FieldViolation {
                        field: violation.field.clone(),
                        description: violation.message.clone(),
                        reason: violation.code.to_string(),
                        localized_message: None,
                    })
                    .collect::<Vec<_>>(),
            );
        }
        if let Some(wait) = self.0.retry_after {
            details.set_retry_info(Some(wait));
        }
        details
    }
}

/// The only conversion of an error to the wire.
impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        let details = error.details();
        let mut status = Self::with_error_details(error.0.code, error.0.message.clone(), details);
        if let Some(source) = error.0.source {
            status.set_source(source);
        }
        status
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Error")
            .field("code", &self.0.code)
            .field("reason", &self.0.reason)
            .field("message", &self.0.message)
            .field("metadata", &self.0.metadata)
            .field("violations", &self.0.violations)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}: {}", self.0.code, self.0.reason, self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

#[derive(Debug)]
struct Bug(String);

impl fmt::Display for Bug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Bug {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_reason_metadata_and_violations_but_no_cause() {
        let error = Error::invalid(vec![
            Violation::new("account.email", "EMAIL_INVALID", "is not an e-mail address"),
            Violation::new("account.phone", "PHONE_INVALID", "is not a telephone number"),
        ])
        .caused_by(std::io::Error::other("secret"));
        let status = tonic::Status::from(error);
        let details = status.get_error_details();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("FIELD_INVALID"));
        assert_eq!(details.bad_request().map(|request| request.field_violations.len()), Some(2));
        assert!(!status.message().contains("secret"));
        assert!(!String::from_utf8_lossy(status.details()).contains("secret"));
    }

    #[test]
    fn an_item_of_a_batch_is_named_in_its_violations() {
        let error = Error::invalid_field("account.email", "EMAIL_INVALID", "is wrong").within("requests[3]");
        assert_eq!(error.violations()[0].field, "requests[3].account.email");
        assert!(error.message().starts_with("requests[3].account.email"));
    }
}
