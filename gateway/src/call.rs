//! Calls to backends with messages as bytes, and what a failed one means.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use tokio::time::Instant;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    transport::Channel,
};

use tower::ServiceExt as _;

use crate::error::{Failure, Result};

/// Time a backend has to take a request: none of its replicas can be reached after this.
const PATIENCE: Duration = Duration::from_secs(5);

/// A service behind the gateway.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Short name, for example `customer`.
    pub name: String,
    /// Protobuf packages it serves, for example `crm.customer.v1`.
    pub packages: Vec<String>,
    pub channel: Channel,
}

impl Backend {
    /// The service `name` with its package `crm.<name>.v1`.
    pub fn new(name: impl Into<String>, channel: Channel) -> Self {
        let name = name.into();
        Self { packages: vec![format!("crm.{name}.v1")], name, channel }
    }

    /// A client that takes messages up to the limit.
    pub async fn client(&self, limit: usize) -> Result<Grpc<Channel>> {
        let mut client = Grpc::new(self.channel.clone()).max_decoding_message_size(limit);
        match tokio::time::timeout(PATIENCE, client.ready()).await {
            Ok(Ok(())) => Ok(client),
            _ => Err(Failure::backend_down(&self.name)),
        }
    }

    /// The channel, once it takes a request.
    pub async fn ready_channel(&self) -> Result<Channel> {
        let mut channel = self.channel.clone();
        match tokio::time::timeout(PATIENCE, channel.ready()).await {
            Ok(Ok(_)) => Ok(channel),
            _ => Err(Failure::backend_down(&self.name)),
        }
    }

    /// What a status from this backend means: its own word, or a connection that failed.
    pub fn failure(&self, status: Status, deadline: Option<Instant>) -> Failure {
        let transport = std::error::Error::source(&status).is_some();
        let late = deadline.is_some_and(|at| Instant::now() >= at);
        match status.code() {
            Code::Cancelled | Code::DeadlineExceeded if late && status.details().is_empty() => {
                Failure::deadline()
            }
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled if transport => {
                tracing::warn!(target: "crm_gateway", backend = self.name, error = %status, "backend connection failed");
                Failure::backend_down(&self.name)
            }
            _ => status.into(),
        }
    }
}

/// A request with metadata and, when there is one, the time left.
pub fn request<T>(message: T, metadata: MetadataMap, timeout: Option<Duration>) -> Request<T> {
    let mut request = Request::from_parts(metadata, http::Extensions::new(), message);
    if let Some(timeout) = timeout {
        request.set_timeout(timeout);
    }
    request
}

/// Passes messages through as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> std::result::Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> std::result::Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
