//! A line between two services that a test can cut: it carries bytes and knows nothing of them.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::TaskTracker;

/// What a line does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Carries them both ways.
    Open,
    /// Ends every connection, and every new one at once.
    Cut,
    /// Carries questions and loses the answers.
    Deaf,
}

/// A line. It begins open.
#[derive(Clone)]
pub struct Line {
    pub address: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
}

impl Line {
    /// A line to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line =
            Self { address: listener.local_addr().unwrap(), mode: Arc::new(watch::Sender::new(Mode::Open)) };
        let mode = Arc::clone(&line.mode);
        TaskTracker::new().spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let mode = mode.subscribe();
                TaskTracker::new().spawn(async move {
                    if *mode.borrow() != Mode::Cut
                        && let Ok(far) = TcpStream::connect(target).await
                    {
                        carry(near, far, mode).await;
                    }
                });
            }
        });
        line
    }

    /// From now on. Connections that lost bytes end.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

/// Carries bytes until either side ends, the line is cut, or it is open again after it lost some.
async fn carry(near: TcpStream, far: TcpStream, mut mode: watch::Receiver<Mode>) {
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let (mut asked, mut answered) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    let mut has_lost = false;
    loop {
        tokio::select! {
            _ = mode.changed() => {
                let now = *mode.borrow();
                if now == Mode::Cut || (now == Mode::Open && has_lost) {
                    return;
                }
            }
            read = near_in.read(&mut asked) => {
                let count = read.unwrap_or(0);
                if count == 0 || far_out.write_all(&asked[..count]).await.is_err() {
                    return;
                }
            }
            read = far_in.read(&mut answered) => {
                let count = read.unwrap_or(0);
                if count == 0 {
                    return;
                }
                if *mode.borrow() == Mode::Deaf {
                    has_lost = true;
                } else if near_out.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
