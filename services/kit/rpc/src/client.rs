//! Channels to other services.

use std::time::Duration;

use crm_kit_api::{Error, Result};
use hyper_util::rt::TokioIo;
use tokio::{io::DuplexStream, sync::mpsc};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::{Channel, Endpoint};

use crate::server::Server;

/// Bytes in flight in each direction of a connection in memory.
const BUFFER: usize = 256 << 10;

/// A channel to `address`, for example `http://host:7002`. It connects when it is first used and again whenever it must.
pub fn connect(address: &str) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(Error::internal)?;
    Ok(tune(endpoint)
        .connect_timeout(Duration::from_secs(3))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .connect_lazy())
}

/// A channel to a server of the same process, which it serves in memory until `shutdown`.
pub fn join(server: Server, tasks: &TaskTracker, shutdown: CancellationToken) -> Channel {
    let (channel, door) = door();
    door.open(server, tasks, shutdown);
    channel
}

/// Where connections in memory wait for a server that is still to be built. Two services that call each other need a door for one of them.
#[derive(Debug)]
pub struct Door(mpsc::UnboundedReceiver<std::io::Result<DuplexStream>>);

impl Door {
    /// Serves who came and who comes, until `shutdown`.
    pub fn open(self, server: Server, tasks: &TaskTracker, shutdown: CancellationToken) {
        tasks.spawn(async move {
            if let Err(error) = server.serve_streams(UnboundedReceiverStream::new(self.0), shutdown).await {
                tracing::error!(%error, "a server in memory ended");
            }
        });
    }
}

/// A channel, and the door behind which its server will be.
pub fn door() -> (Channel, Door) {
    let (sender, connections) = mpsc::unbounded_channel::<std::io::Result<DuplexStream>>();
    let connector = tower::service_fn(move |_| {
        let (near, far) = tokio::io::duplex(BUFFER);
        let sent =
            sender.send(Ok(far)).map_err(|_| std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        std::future::ready(sent.map(|()| TokioIo::new(near)))
    });
    (
        tune(Endpoint::from_static("http://in.memory")).connect_with_connector_lazy(connector),
        Door(connections),
    )
}

fn tune(endpoint: Endpoint) -> Endpoint {
    endpoint.initial_stream_window_size(1 << 20).initial_connection_window_size(4 << 20)
}
