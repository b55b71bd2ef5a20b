//! A collection of records, whatever its kind.

use crm_kit_api::{Call, Result};
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::{Kind, Record, Slice, custom_field::refresh};

/// A collection, whatever its kind of record.
pub trait Collection: Send + Sync {
    /// The constants of its kind.
    fn kind(&self) -> &'static Kind;
    /// Brings the computed values of records up to date.
    fn refresh<'a>(&'a self, call: &'a Call, ids: &'a [Uuid]) -> BoxFuture<'a, Result<()>>;
    /// Brings the computed values of every live record up to date.
    fn refresh_all<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<()>>;
}

impl<R: Record> Collection for Slice<R> {
    fn kind(&self) -> &'static Kind {
        R::KIND
    }

    fn refresh<'a>(&'a self, call: &'a Call, ids: &'a [Uuid]) -> BoxFuture<'a, Result<()>> {
        Box::pin(refresh::refresh(self, call, ids))
    }

    fn refresh_all<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<()>> {
        Box::pin(refresh::refresh_all(self, call))
    }
}
