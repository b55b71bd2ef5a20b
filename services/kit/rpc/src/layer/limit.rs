//! A limit on requests in work: beyond it, requests are refused at once instead of waiting until nobody wants their answer.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use crm_kit_api::Error;
use tokio::sync::Semaphore;
use tower::Service;

use super::{Answer, Request, refuse};

/// Refuses requests beyond a number in work. Streams count until they are open, not while they are.
#[derive(Clone, Debug)]
pub struct Limit<S> {
    inner: S,
    places: Arc<Semaphore>,
}

impl<S> Limit<S> {
    /// At most as many requests at once as `places` has permits.
    pub fn new(inner: S, places: Arc<Semaphore>) -> Self {
        Self { inner, places }
    }
}

impl<S> Service<Request> for Limit<S>
where
    S: Service<Request, Response = super::Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = super::Response;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answer {
        // Whoever asks whether the server is well must learn it when it is busy.
        if request.uri().path() == "/grpc.health.v1.Health/Check" {
            return Box::pin(self.inner.call(request));
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            metrics::counter!("crm_rpc_shed_total").increment(1);
            let error =
                Error::exhausted("OVERLOADED", "the server is busy; try again", Duration::from_millis(500));
            return Box::pin(std::future::ready(Ok(refuse(error))));
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await;
            drop(place);
            response
        })
    }
}
