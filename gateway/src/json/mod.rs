//! The JSON face of protobuf messages: between JSON text and wire bytes directly, guided by tables compiled from the descriptors.
//!
//! No message is built in between. The proto3 JSON mapping holds with these choices: output uses the field names of the proto files and
//! carries default-valued fields, input takes both spellings, refuses unknown and repeated fields, and nests at most [`MAX_DEPTH`] deep.
//! What does not belong here: HTTP, routes, errors' outer shape.

pub mod read;
mod scalar;
pub mod shape;
pub mod text;
pub mod wire;
mod write;

pub use shape::{Field, Kind, ShapeId, Shapes};

/// Most levels of objects and arrays that input may nest.
pub const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests;
