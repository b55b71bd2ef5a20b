//! Which call a request means: the table of REST routes and the table of gRPC methods, both built from the descriptors at start.
//!
//! [`template`] reads one path template, [`rule`] turns a method's `google.api.http` option into [`Route`]s, [`table`] matches paths.

pub mod rule;
pub mod table;
pub mod template;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use http::uri::PathAndQuery;

use crate::json::{Field, ShapeId, text::Path};

/// One RPC, with all that forwarding needs to know.
#[derive(Debug)]
pub struct Method {
    /// `/crm.customer.v1.AccountService/GetAccount`.
    pub path: PathAndQuery,
    pub input: ShapeId,
    pub output: ShapeId,
    pub client_streaming: bool,
    pub server_streaming: bool,
    pub target: Target,
    /// The output is `google.api.HttpBody`: its bytes are the body.
    pub raw_output: bool,
    /// The output's field `cursor`, when it is text.
    pub cursor: Option<u32>,
    pub resume: Option<Resume>,
}

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Backend(usize),
    /// The package is mounted by every service; the call says which.
    Named,
}

/// How a broken-off stream goes on: fields set from `Last-Event-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resume {
    pub start_from: u32,
    pub after: u64,
    pub cursor: u32,
}

/// One HTTP binding of an RPC.
#[derive(Debug)]
pub struct Route {
    pub method: Arc<Method>,
    pub verb: http::Method,
    /// The template as the contract writes it; labels logs and metrics.
    pub template: Arc<str>,
    /// Path variables: the field, and the first and last but one segment it captures.
    pub captures: Vec<Capture>,
    pub body: Body,
    /// The path variable that names the backend of a [`Target::Named`] method.
    pub service: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct Capture {
    pub path: Path,
    pub start: usize,
    /// `None` reaches to the end of the path.
    pub end: Option<usize>,
}

/// What the request body is.
#[derive(Debug, Clone)]
pub enum Body {
    None,
    /// JSON of the whole request message.
    Whole,
    /// JSON of one field.
    Field(Field),
    /// The bytes themselves, in a field of type `google.api.HttpBody`.
    Raw(Field),
}

/// Everything that can be called.
#[derive(Debug, Default)]
pub struct Routes {
    pub table: table::Table,
    /// gRPC methods by `package.Service`, then by name.
    pub services: HashMap<String, HashMap<String, Arc<Method>>>,
}
