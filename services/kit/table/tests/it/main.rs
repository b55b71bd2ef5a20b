//! Reading and writing tables against files as they are found in the world, and against files made to break it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod common;
mod csv;
mod figures;
mod hostile;
mod spreadsheets;
mod vcards;
