//! The change log of a service as a stream: `crm.event.v1.EventService`, mounted by every service over its own outbox.
//!
//! Rows are ordered by (transaction, sequence). A transaction id is given at a transaction's first write and not at its commit, so a reader
//! that simply followed the order would skip the rows of a slower transaction. It therefore stays below the horizon: the
//! oldest transaction that still runs. The horizon is read in a statement of its own, so that the same SQL holds on a
//! distributed engine. One stuck transaction holds every stream back, which is why connections carry
//! `idle_in_transaction_session_timeout` and why the lag is a metric.
//!
//! A cursor is opaque: sealed with a key of the service, so that it can neither be computed nor used with another tenant.
//!
//! Services of the installation read the log of all tenants in one stream ([`crate::follow`]), through database functions that read past row-level
//! security and do nothing else.
//!
//! Not here: what events say (their service does) and masking (the response layer does).

mod cursor;
mod lag;
mod read;
mod stream;

pub use cursor::CursorKey;
pub(crate) use stream::call_of;
pub use stream::{EventStreams, Log, StreamSettings, Told};
