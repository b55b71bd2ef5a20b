//! Why a command ended early, in words for the person at the keyboard.

use std::{
    error::Error,
    fmt::{self, Write as _},
    path::Path,
};

use tonic_types::StatusExt as _;

/// Shorthand of this crate.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command ended early.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure in these words.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For `map_err`: names the action and the path an I/O error belongs to.
    pub fn io(doing: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self(format!("cannot {doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<crm_kit_pg::server::ServerError> for Failure {
    fn from(error: crm_kit_pg::server::ServerError) -> Self {
        Self(error.to_string())
    }
}

impl From<crm_kit_api::Error> for Failure {
    fn from(error: crm_kit_api::Error) -> Self {
        Self(with_causes(&error))
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self(format!("the database says: {error}"))
    }
}

impl From<tonic::Status> for Failure {
    /// The message, the reason, and the broken rule of each field.
    fn from(status: tonic::Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map_or("", |info| info.reason.as_str());
        let mut text = match (status.message(), reason) {
            ("", _) => status.code().description().to_owned(),
            (message, "") => format!("{message} ({:?})", status.code()),
            (message, reason) => format!("{message} ({reason})"),
        };
        for violation in details.bad_request().into_iter().flat_map(|bad| &bad.field_violations) {
            let _ = write!(text, "\n  {}: {}", violation.field, violation.description); // a String takes everything
        }
        Self(text)
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let _ = write!(text, ": {source}"); // a String takes everything
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_call_tells_the_reason_and_every_field() {
        let error = crm_kit_api::Error::invalid_field("account.phone", "PHONE_INVALID", "is not a number");
        let text = Failure::from(tonic::Status::from(error)).to_string();
        assert!(text.contains("FIELD_INVALID") && text.contains("account.phone: "), "{text}");
    }
}
