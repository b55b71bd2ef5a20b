//! Compare and set: an etag names one revision of one record.
//!
//! Not here: HTTP's ETag header; the gateway passes the field.

use crate::error::{Error, Result};

/// The etag of a revision.
pub fn of(revision: i64) -> String {
    format!("W/{revision:x}")
}

/// Fails with `ABORTED / ETAG_MISMATCH` unless `given` is empty or names `revision`.
pub fn check(given: &str, revision: i64) -> Result<()> {
    if given.is_empty() || given == of(revision) { Ok(()) } else { Err(Error::etag_mismatch(of(revision))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_etag_is_answered_with_the_current_one() {
        let error = check(&of(3), 4).unwrap_err();
        assert_eq!(error.code(), tonic::Code::Aborted);
        assert_eq!(error.metadata("etag"), Some(of(4).as_str()));
        assert!(check("", 4).is_ok() && check(&of(4), 4).is_ok());
    }
}
