//! `crm`: see the library for the map.

use std::process::ExitCode;

/// The system's allocator keeps what a password hash used in every thread that made one: 400 MiB after some sign-ins.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    crm_standalone::run().await
}
