//! The sales service as a process of its own.

use crm_kit_api::Result;
use crm_kit_record::service::{self, Settings};
use crm_kit_rpc::telemetry;
use crm_sales::app;

/// The system's allocator keeps freed memory in every thread, and is slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::load(&app::SERVICE)?;
    let metrics = telemetry::install(telemetry::LogFormat::Json)?;
    service::run(&app::SERVICE, settings, metrics, app::build).await
}
