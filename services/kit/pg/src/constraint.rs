//! Violated constraints, told apart by the name the migration gave them.
//!
//! Not here: which reason a constraint stands for; its store says so, where the violation can happen.

use crm_kit_api::Error;

/// Turns a database error into a caller's error: `reason` gets the name of the violated constraint and may know it.
pub fn map(error: sqlx::Error, reason: impl FnOnce(&str) -> Option<Error>) -> Error {
    let known = error.as_database_error().and_then(|database| database.constraint()).and_then(reason);
    match known {
        Some(known) => known.caused_by(error),
        None => crate::db::database_error(error),
    }
}
