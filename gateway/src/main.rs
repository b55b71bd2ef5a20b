//! The gateway as its own process.

use crm_gateway::{Backend, Config, Gateway, channel, contract, telemetry};
use tokio_util::sync::CancellationToken;

/// The system's allocator keeps freed memory in every thread, and is slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load()?;
    let metrics = telemetry::start(&config.log)?;
    let mut backends = Vec::new();
    for (name, address) in &config.backends {
        backends.push(Backend::new(name, channel(address)?));
    }
    let gateway =
        Gateway::new(contract()?, backends, config.settings)?.with_metrics(move || metrics.render());
    let listener = tokio::net::TcpListener::bind(config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let (stop, mut signals) = (CancellationToken::new(), telemetry::StopSignals::new()?);
    let asked_twice = async {
        signals.next().await;
        stop.cancel();
        signals.next().await;
    };
    tokio::select! {
        served = gateway.serve(listener, stop.clone()) => Ok(served?),
        () = asked_twice => Err("stopped at once; requests in work were cut short".into()),
    }
}
