//! Rows of a bulk stream that break a bound of the contract: they fail alone, so the guard lets them pass and keeps what is wrong with them for the
//! handler to tell.

use std::{collections::VecDeque, sync::Arc};

use crm_kit_api::Error;
use parking_lot::Mutex;

/// What the guard found of the rows that it let pass and that were not asked for yet, in their order. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct RowChecks(Arc<Mutex<VecDeque<Option<Error>>>>);

impl RowChecks {
    /// Keeps what is wrong with the next row, if anything is.
    pub(crate) fn keep(&self, fault: Option<Error>) {
        self.0.lock().push_back(fault);
    }

    /// What is wrong with the next row. Ask once for each row, in their order.
    pub fn next_fault(&self) -> Option<Error> {
        self.0.lock().pop_front().flatten()
    }
}

/// The checks of the rows of a request.
pub fn row_checks<T>(request: &tonic::Request<T>) -> RowChecks {
    request.extensions().get::<RowChecks>().cloned().unwrap_or_default()
}
