//! What the requests of standard methods say, whatever the resource. The messages of the contract that have the standard shapes turn into these;
//! `build/standard.rs` writes those conversions.

use prost_types::FieldMask;

use crate::crm::record::v1::ExternalId;

/// Which records a get, or a batch of gets, asks for.
#[derive(Clone, Debug)]
pub struct Get {
    pub ids: Vec<String>,
}

/// What a list request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'r> {
    pub page_size: i32,
    pub page_token: &'r str,
    pub filter: &'r str,
    pub order_by: &'r str,
    pub q: &'r str,
    pub show_deleted: bool,
    pub include_total_size: bool,
}

/// A page of records.
#[derive(Clone, Debug)]
pub struct Listed<W> {
    pub wires: Vec<W>,
    pub next_page_token: String,
    pub total_size: i64,
    pub total_size_estimated: bool,
}

/// A change of a record.
#[derive(Clone, Debug)]
pub struct Update<W> {
    /// Id, etag and new values.
    pub wire: W,
    /// Fields to change.
    pub mask: Option<FieldMask>,
}

/// A deletion of a record, or the end of one.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The record.
    pub id: String,
    /// Etag it must still have.
    pub etag: String,
}

/// A row of a bulk upsert.
#[derive(Clone, Debug)]
pub struct Row<W> {
    /// Name in another system by which the record is found.
    pub key: Option<ExternalId>,
    /// The record.
    pub wire: W,
    /// Fields to write when it is there already.
    pub mask: Option<FieldMask>,
}

/// A batch of requests.
pub trait Batch {
    /// One of them.
    type Request;
    /// All of them, in their order.
    fn requests(self) -> Vec<Self::Request>;
}

/// The answer to a batch.
pub trait Records<W>: From<Vec<W>> {
    /// The records in it.
    fn records(&mut self) -> &mut [W];
}

include!(concat!(env!("OUT_DIR"), "/standard.rs"));
