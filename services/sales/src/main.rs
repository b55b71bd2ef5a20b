//! The sales service as a process of its own.

use crm_kit_api::Result;
use crm_kit_rpc::{config, telemetry};
use crm_sales::{app, config::Settings};

/// The system's allocator keeps freed memory in every thread, and is slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let settings: Settings = config::load(app::NAME)?;
    let metrics = telemetry::install(telemetry::LogFormat::Json)?;
    app::run(settings, metrics).await
}
