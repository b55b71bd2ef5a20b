//! The shell around a service: what happens to every request before and after its handler, how services find and trust each other, and how a
//! process starts and ends.
//!
//! | module | owns |
//! |---|---|
//! | [`server`] | the server: health, reflection, limits, and the layers in one commented list |
//! | [`layer`] | the layers |
//! | [`auth`] | credentials, and the two ways to learn what they allow |
//! | [`client`] | channels to other services, over the network or in memory |
//! | [`peer`] | calls to other services: identity, tenant, user, deadline, request id, idempotency key |
//! | [`config`] | settings from file and environment |
//! | [`telemetry`] | log lines and metrics |
//! | [`lifecycle`] | a service as a process: listen, signals, graceful drain with a bound |
//! | [`rows`] | rows of bulk streams that break a bound |

pub mod auth;
pub mod client;
pub mod config;
mod connection;
pub mod layer;
pub mod lifecycle;
pub mod peer;
pub mod rows;
pub mod server;
pub mod telemetry;

use crm_kit_api::{Call, Error, Result};

/// The call a request belongs to; every request that reaches a handler of a method with a credential has one.
pub fn call<T>(request: &tonic::Request<T>) -> Result<Call> {
    request.extensions().get::<Call>().cloned().ok_or_else(|| Error::bug("no call on the request"))
}
