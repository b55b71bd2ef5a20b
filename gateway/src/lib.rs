//! One address for the whole suite: REST/JSON, gRPC-Web and native gRPC on one port, driven by the contract's descriptors with no code
//! for any single RPC.
//!
//! ```text
//! gateway      the tables built at start, and the function every request passes
//! server       connections: limits, protocols, drain
//! route        which call a request means      (google.api.http -> trie)
//! json         JSON text <-> protobuf wire bytes, by tables compiled from the descriptors
//! rest         REST calls: unary, NDJSON and SSE streams, uploads and downloads
//! passthrough  native gRPC, byte for byte; gRPC-Web through tonic-web before it
//! call         backends and the codec that leaves messages as they are
//! metadata     what travels between headers and metadata
//! error        failures as HTTP answers and gRPC statuses
//! limit health observe drain    protections and what operators see
//! openapi docs the contract as a document and as a page
//! config telemetry    the binary's settings and logs
//! ```

mod call;
pub mod config;
mod docs;
mod drain;
mod error;
mod gateway;
mod health;
mod json;
mod limit;
mod metadata;
mod observe;
mod openapi;
mod passthrough;
mod rest;
mod route;
mod server;
pub mod telemetry;

pub use call::Backend;
pub use config::{Config, Settings};
pub use gateway::{BuildError, Gateway, Peer, RenderMetrics, channel};

/// The contract with its comments, which [`Gateway::new`] takes.
pub fn contract() -> Result<prost_reflect::DescriptorPool, prost_reflect::DescriptorError> {
    prost_reflect::DescriptorPool::decode(crm_proto::DOCUMENTED_DESCRIPTORS)
}
