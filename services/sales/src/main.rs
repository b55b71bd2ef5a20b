//! The sales service as a process of its own.

use crm_kit_api::Result;
use crm_kit_rpc::{config, telemetry};
use crm_sales::{app, config::Settings};

#[tokio::main]
async fn main() -> Result<()> {
    let settings: Settings = config::load(app::NAME)?;
    let metrics = telemetry::install(telemetry::LogFormat::Json)?;
    app::run(settings, metrics).await
}
