//! What happens to every request before and after its handler. The order is listed once, in [`crate::server`].

pub mod frames;
pub mod guard;
pub mod limit;
pub mod methods;
pub mod observe;

use std::{future::Future, pin::Pin};

use tonic::{Status, body::Body};

/// A response on its way through the layers.
pub type Response = http::Response<Body>;
/// A request on its way through the layers.
pub type Request = http::Request<Body>;
/// What layers return.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, std::convert::Infallible>> + Send>>;

/// The response for a refused request.
pub fn refuse(status: impl Into<Status>) -> Response {
    status.into().into_http()
}
