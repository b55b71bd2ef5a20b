//! The end of the gateway: when streams are asked to stop.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// A stream in which nothing happens for this long does not hold up a shutdown.
const QUIET: Duration = Duration::from_secs(1);

/// Two moments of a shutdown.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    /// No new connections; quiet streams end.
    pub begun: CancellationToken,
    /// Every stream ends.
    pub last_call: CancellationToken,
}

impl Drain {
    /// Waits until a stream that waits for its next message should end. Ask anew after every message.
    pub async fn stream_over(&self) {
        let quiet = async {
            self.begun.cancelled().await;
            tokio::time::sleep(QUIET).await;
        };
        tokio::select! {
            () = quiet => {}
            () = self.last_call.cancelled() => {}
        }
    }
}
