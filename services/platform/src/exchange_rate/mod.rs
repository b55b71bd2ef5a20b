//! Exchange rates: what one unit of a currency is worth in another, by kind and first day, and amounts converted with them.
//!
//! A rate has no life beyond creation, change by upsert, and deletion. How a rate between two currencies is found for a day is in [`lookup`];
//! the arithmetic is [`crm_kit_api::money::Rate`], the only conversion there is. Loads take turns by the tenant's row.

mod convert;
mod events;
mod list;
pub mod lookup;
pub mod model;
mod ops;
pub mod rpc;
mod store;
