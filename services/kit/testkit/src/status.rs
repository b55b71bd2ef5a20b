//! Assertions on errors.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The reason of an error.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// A metadata entry of an error.
pub fn metadata(status: &Status, key: &str) -> String {
    let info = status.get_details_error_info();
    info.and_then(|info| info.metadata.get(key).cloned()).unwrap_or_default()
}

/// The violations of an error: fields with the machine-readable rule each breaks.
pub fn violations(status: &Status) -> Vec<(String, String)> {
    let request = status.get_details_bad_request();
    let violations = request.map(|request| request.field_violations).unwrap_or_default();
    violations.into_iter().map(|violation| (violation.field, violation.reason)).collect()
}

/// Fails the test unless `outcome` is an error with this code and reason; returns it.
#[track_caller]
pub fn assert_error<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, expected: &str) -> Status {
    let status = outcome.expect_err("an error");
    assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{status:?}");
    status
}
