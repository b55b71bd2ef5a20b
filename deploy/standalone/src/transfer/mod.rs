//! `crm import` and `crm export`: files to and from a server, through its gateway.

mod export;
mod import;
mod report;
mod users;

pub use export::export;
pub use import::import;

/// Most bytes in one message of an upload.
const PIECE: usize = 256 << 10;
