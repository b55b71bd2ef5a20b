//! A request body as a stream of request messages: NDJSON, one message a line, or a file in pieces.
//!
//! The stream is read as fast as the service takes messages. What goes wrong in it reaches the answer through [`Watch`].

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use bytes::{Buf as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _, stream};
use http::header;
use http_body_util::BodyExt as _;
use tokio_util::sync::CancellationToken;

use super::{Call, body, request};
use crate::{
    error::{Failure, Result},
    gateway::Shared,
    json::{Field, wire},
    route::{self, Route},
};

/// Largest piece of a file in one message.
const PIECE: usize = 512 << 10;

pub type Messages = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// What became of the incoming side.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    failure: Arc<Mutex<Option<Failure>>>,
    broken: CancellationToken,
}

impl Watch {
    /// Ends the call as soon as the incoming side breaks.
    pub async fn or<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            outcome = call => outcome,
            () = self.broken.cancelled() => Err(self.take().unwrap_or_else(body::broken)),
        }
    }

    /// Waits until the incoming side breaks in a way that must end the call.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Why the incoming side ended early, once.
    pub fn take(&self) -> Option<Failure> {
        self.failure.lock().ok()?.take()
    }

    fn note(&self, failure: Failure) {
        if let Ok(mut noted) = self.failure.lock() {
            noted.get_or_insert(failure);
        }
    }
}

/// Opens the stream; the first line is read before the call is made, so that its faults are an ordinary error.
pub async fn open(call: &Call, body: Body) -> Result<(Messages, Watch)> {
    let watch = Watch::default();
    if let route::Body::Raw(field) = &call.route.body {
        return Ok((file(call, field, body, watch.clone())?, watch));
    }
    body::check_type(&call.parts.headers, &body, body::Expected::Lines)?;
    let mut lines = Lines {
        shared: Arc::clone(&call.shared),
        route: Arc::clone(&call.route),
        captured: call.captured.clone(),
        query: call.parts.uri.query().unwrap_or_default().to_owned(),
        body,
        buffer: BytesMut::new(),
        scanned: 0,
        ended: false,
        watch: watch.clone(),
    };
    let Some(first) = lines.next().await? else {
        return Ok((stream::empty().boxed(), watch));
    };
    lines.query.clear();
    let rest = stream::unfold(lines, |mut lines| async move {
        let message = lines.next_or_end().await?;
        Some((message, lines))
    });
    Ok((stream::once(async { first }).chain(rest).boxed(), watch))
}

struct Lines {
    shared: Arc<Shared>,
    route: Arc<Route>,
    captured: Vec<String>,
    /// Sets fields of the first message only.
    query: String,
    body: Body,
    buffer: BytesMut,
    /// How much of the buffer holds no line end.
    scanned: usize,
    ended: bool,
    watch: Watch,
}

impl Lines {
    /// The next message. A line that does not fit ends the stream in good order when the answers of the lines before are worth having,
    /// that is when they stream out; otherwise half a request would look like a whole one, and the call must end.
    async fn next_or_end(&mut self) -> Option<Bytes> {
        match self.next().await {
            Ok(message) => message,
            Err(failure) => {
                let in_good_order =
                    self.route.method.server_streaming && failure.code() == tonic::Code::InvalidArgument;
                self.watch.note(failure);
                if !in_good_order {
                    self.watch.broken.cancel();
                    std::future::pending::<()>().await;
                }
                None
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(line) = self.line() {
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let message =
                    request::assemble(&self.shared.shapes, &self.route, &self.captured, &self.query, &line)?;
                return Ok(Some(Bytes::from(message)));
            }
            if self.ended {
                return Ok(None);
            }
            self.fill().await?;
        }
    }

    fn line(&mut self) -> Option<Bytes> {
        if let Some(end) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') {
            let line = self.buffer.split_to(self.scanned + end).freeze();
            self.buffer.advance(1);
            self.scanned = 0;
            return Some(line);
        }
        self.scanned = self.buffer.len();
        if self.ended && !self.buffer.is_empty() {
            self.scanned = 0;
            return Some(self.buffer.split().freeze());
        }
        None
    }

    async fn fill(&mut self) -> Result<()> {
        let settings = &self.shared.settings;
        if self.buffer.len() > settings.json_body_limit {
            return Err(Failure::too_large(settings.json_body_limit));
        }
        let frame = tokio::time::timeout(settings.stream_idle_timeout, self.body.frame())
            .await
            .map_err(|_| Failure::slow_body())?;
        match frame {
            None => self.ended = true,
            Some(Err(_)) => return Err(body::broken()),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.buffer.extend_from_slice(&data);
                }
            }
        }
        Ok(())
    }
}

/// The body itself, in pieces. The first message carries the fields of path and query and the content type.
fn file(call: &Call, field: &Field, body: Body, watch: Watch) -> Result<Messages> {
    let query = call.parts.uri.query().unwrap_or_default();
    let head = request::assemble(&call.shared.shapes, &call.route, &call.captured, query, &[])?;
    let declared = call.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let pieces = Pieces {
        body,
        rest: Bytes::new(),
        head: Some((head, declared.unwrap_or("application/octet-stream").to_owned())),
        field: field.number,
        patience: call.shared.settings.body_timeout,
        watch,
    };
    Ok(stream::unfold(pieces, |mut pieces| async move {
        let message = pieces.next().await?;
        Some((message, pieces))
    })
    .boxed())
}

struct Pieces {
    body: Body,
    rest: Bytes,
    head: Option<(Vec<u8>, String)>,
    field: u32,
    patience: std::time::Duration,
    watch: Watch,
}

impl Pieces {
    async fn next(&mut self) -> Option<Bytes> {
        while self.rest.is_empty() {
            match tokio::time::timeout(self.patience, self.body.frame()).await {
                Ok(Some(Ok(frame))) => self.rest = frame.into_data().unwrap_or_default(),
                // An empty file is still a file.
                Ok(None) => return self.head.is_some().then(|| self.message(&[])),
                Ok(Some(Err(_))) => return self.fail(body::broken()).await,
                Err(_) => return self.fail(Failure::slow_body()).await,
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        Some(self.message(&piece))
    }

    fn message(&mut self, piece: &[u8]) -> Bytes {
        let (mut out, content_type) = self.head.take().unwrap_or_default();
        out.reserve(piece.len() + 32);
        let mut inner = Vec::with_capacity(piece.len() + 16 + content_type.len());
        if !content_type.is_empty() {
            wire::put_bytes(&mut inner, 1, content_type.as_bytes());
        }
        wire::put_bytes(&mut inner, 2, piece);
        wire::put_bytes(&mut out, self.field, &inner);
        Bytes::from(out)
    }

    /// A file cut short must not look whole, so the stream never ends: the call is dropped instead.
    async fn fail(&mut self, failure: Failure) -> Option<Bytes> {
        self.watch.note(failure);
        self.watch.broken.cancel();
        std::future::pending().await
    }
}
