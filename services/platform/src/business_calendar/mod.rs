//! Business calendars: when people work, as data of the tenant, and sums of working time.
//!
//! The arithmetic is [`crm_kit_value::working_time`]; here are the record, its versions and the guard of days that have begun.

mod convert;
mod count;
mod events;
mod model;
mod ops;
pub mod rpc;
mod store;
