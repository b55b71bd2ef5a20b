//! Approvals that objects of this service need, decided at the platform. For any kind of object; what a decision means is the object's own.
//!
//! ```text
//! object's transaction: ask -> WANTED ----job: SubmitApproval----> CARRIED --event ApprovalDecided--> DECIDED --job: settle the object--> SETTLED
//!                                '--the platform does not take it--------------------------------------^
//! object's transaction: take_back (WANTED, CARRIED) -> TAKEN_BACK --job: WithdrawApproval--> SETTLED
//! ```
//!
//! What always holds:
//!
//! - Nothing is asked of the platform inside a transaction. The intent is stored with the object's own change, together with a job; the job asks, as often
//!   as it takes. Submitting a revision again returns the request there is, so a crash at any place repeats a step and doubles nothing.
//! - A decision counts when this service made the request and its values are those that were submitted. It is noted once, in the transaction of its
//!   event, and settles the object once: the object's change and SETTLED are one transaction ([`claim`]).
//! - Taking back wins over a decision that is not noted yet. A request that the platform does not let this service withdraw, because it is set up so, is asked for
//!   again until it is withdrawn or decided.

mod carry;
mod follow;
mod model;
mod record;
mod store;

pub use carry::{Approvals, Settle, Target};
pub use model::{Decision, Object, Outcome};
pub use record::{Approvable, target};
pub use store::{ask, claim, take_back};
