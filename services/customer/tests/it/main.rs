//! The integration tests of the customer service.

mod table;
mod transfer;
