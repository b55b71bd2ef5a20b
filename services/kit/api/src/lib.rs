//! API semantics as pure code: what every service of the suite means by an error, an id, a page, a filter, an order, a mask, an
//! etag, an amount and a call. No I/O happens here and nothing here knows a record of the CRM.
//!
//! | module | owns |
//! |---|---|
//! | [`error`] | the one `Error`, its reasons and violations, the only conversion to a gRPC status |
//! | [`id`] | time-ordered ids |
//! | [`call`] | who asks: tenant, user, rights, record scope, masks, deadline, request and idempotency key |
//! | `day` (methods of [`Call`]) | days in the tenant's zone |
//! | [`clock`] | the only source of time |
//! | [`filter`] | typed CEL: to SQL for sets, in memory for single records |
//! | [`order`] | `order_by` |
//! | [`page`] | page sizes and tokens bound to their request |
//! | [`mask`] | field masks of updates |
//! | [`update`] | an update merged into its record, masked values left as they are |
//! | [`sensitivity`] | masking of personal data in messages |
//! | [`etag`] | compare and set |
//! | [`money`] | exact amounts |
//! | [`time`] | instants and dates on the wire |

pub mod call;
pub mod clock;
mod day;
pub mod error;
pub mod etag;
pub mod filter;
pub mod id;
pub mod mask;
pub mod money;
pub mod order;
pub mod page;
pub mod sensitivity;
pub mod time;
pub mod update;

pub use call::Call;
pub use error::{Error, Result};
