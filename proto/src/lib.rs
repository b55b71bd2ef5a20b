//! The contract of the CRM suite and nothing else: messages and stubs generated from `proto/crm`, and the descriptors that carry
//! everything the contract says beyond shapes (HTTP rules, permissions, bounds, labels, sensitivity).
//!
//! `crm_proto::crm::customer::v1::Account` is the message `crm.customer.v1.Account`; `crm_proto::google::r#type::Money` is
//! `google.type.Money`.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

pub mod standard;

mod generated {
    #![expect(clippy::all, clippy::pedantic, reason = "generated code")]
    include!(concat!(env!("OUT_DIR"), "/contract.rs"));
}
pub use generated::{crm, google};

/// Encoded `FileDescriptorSet` of the contract and all it imports, without comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

/// As [`DESCRIPTORS`], with comments. Only the documentation reads it.
pub const DOCUMENTED_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/documented.binpb"));

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTORS).unwrap_or_else(|error| unreachable!("embedded descriptors: {error}"))
});

/// The descriptors, decoded once per process.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The descriptor of a message of the contract.
///
/// # Panics
///
/// When the contract has no such message, which is a typing error in our own code that the first test finds.
pub fn message(full_name: &str) -> prost_reflect::MessageDescriptor {
    pool()
        .get_message_by_name(full_name)
        .unwrap_or_else(|| unreachable!("no message {full_name} in the contract"))
}
