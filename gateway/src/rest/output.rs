//! A stream of response messages as a body: NDJSON, server-sent events, or a file.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use tonic::Streaming;

use super::{Call, HttpBody, file_headers, intake::Watch};
use crate::{
    error::{Failure, Result},
    json::wire::{self, Raw},
    metadata,
};

/// How a stream ended: the gRPC code, known when the body ends.
#[derive(Debug, Clone, Default)]
pub struct Ending(pub Arc<AtomicI32>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Lines,
    Events,
    File,
}

struct Outgoing {
    call: Call,
    stream: Streaming<Bytes>,
    watch: Option<Watch>,
    format: Format,
    /// The first piece of a file, read ahead for its content type.
    first: Option<Bytes>,
    done: bool,
    ending: Ending,
}

enum Step {
    Message(Bytes),
    End,
    KeepAlive,
    Failed(Failure),
}

/// Answers with the stream.
pub async fn respond(
    call: Call,
    answer: tonic::Response<Streaming<Bytes>>,
    watch: Option<Watch>,
) -> Result<Response> {
    let (metadata, mut stream, _) = answer.into_parts();
    let format = format(&call);
    let ending = Ending::default();
    let mut response = Response::new(Body::empty());
    let mut first = None;
    if format == Format::File {
        first = stream.message().await.map_err(|status| call.failure(status))?;
        let message = first.clone().unwrap_or_default();
        file_headers(&mut response, HttpBody::read(&message).content_type);
    } else {
        let content_type = if format == Format::Lines { "application/x-ndjson" } else { "text/event-stream" };
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    metadata::to_rest(&metadata, response.headers_mut());
    response.extensions_mut().insert(ending.clone());
    let outgoing = Outgoing { call, stream, watch, format, first, done: false, ending };
    *response.body_mut() = if format == Format::File {
        // A file cut short must not look whole: the body ends in an error, which resets the response.
        Body::from_stream(stream::unfold(outgoing, |mut outgoing| async move {
            let piece = outgoing.piece().await?;
            Some((piece, outgoing))
        }))
    } else {
        Body::from_stream(stream::unfold(outgoing, |mut outgoing| async move {
            let chunk = outgoing.chunk().await?;
            Some((Ok::<_, Infallible>(chunk), outgoing))
        }))
    };
    Ok(response)
}

fn format(call: &Call) -> Format {
    let accept = call.parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if call.route.method.raw_output {
        Format::File
    } else if accept.is_some_and(|accept| accept.contains("text/event-stream")) {
        Format::Events
    } else {
        Format::Lines
    }
}

impl Outgoing {
    async fn piece(&mut self) -> Option<std::result::Result<Bytes, std::io::Error>> {
        if self.done {
            return None;
        }
        let message = match self.first.take() {
            Some(message) => message,
            None => match self.step().await {
                Step::Message(message) => message,
                Step::End | Step::KeepAlive => return None,
                Step::Failed(failure) => {
                    self.ended(failure.code());
                    return Some(Err(std::io::Error::other("the file broke off")));
                }
            },
        };
        let data = message.slice_ref(HttpBody::read(&message).data);
        Some(Ok(data))
    }

    async fn chunk(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        match self.step().await {
            Step::Message(message) => Some(self.render(&message)),
            Step::KeepAlive => Some(Bytes::from_static(b": keep-alive\n\n")),
            Step::Failed(failure) => Some(self.last(&failure)),
            Step::End => {
                self.done = true;
                match self.watch.as_ref().and_then(Watch::take) {
                    Some(failure) => Some(self.last(&failure)),
                    // Without this a browser would take the end for a broken connection and begin again.
                    None if self.format == Format::Events => {
                        Some(Bytes::from_static(b"event: end\ndata: {}\n\n"))
                    }
                    None => None,
                }
            }
        }
    }

    async fn step(&mut self) -> Step {
        let Self { call, stream, watch, format, .. } = self;
        let settings = &call.shared.settings;
        let deadline = async {
            match call.deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let broken = async {
            match watch {
                Some(watch) => watch.broken().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            message = stream.message() => match message {
                Ok(Some(message)) => Step::Message(message),
                Ok(None) => Step::End,
                Err(status) => Step::Failed(call.failure(status)),
            },
            () = deadline => Step::Failed(Failure::deadline()),
            () = broken => Step::Failed(watch.as_ref().and_then(Watch::take).unwrap_or_else(super::body::broken)),
            () = call.shared.drain.stream_over() => Step::Failed(Failure::draining()),
            () = tokio::time::sleep(settings.sse_keep_alive), if *format == Format::Events => Step::KeepAlive,
        }
    }

    fn render(&mut self, message: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(message.len() * 2 + 64);
        if self.format == Format::Events {
            if let Some(cursor) = self.call.route.method.cursor
                && let Some(Raw::Bytes(cursor)) = wire::find(message, &[cursor])
                && !cursor.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0))
            {
                out.extend_from_slice(b"id: ");
                out.extend_from_slice(cursor);
                out.push(b'\n');
            }
            out.extend_from_slice(b"data: ");
        }
        if let Err(failure) = self.call.write(message, &mut out) {
            return self.last(&failure);
        }
        out.extend_from_slice(if self.format == Format::Events { b"\n\n" } else { b"\n" });
        Bytes::from(out)
    }

    /// The error that ends the stream, as its last line or event.
    fn last(&mut self, failure: &Failure) -> Bytes {
        self.ended(failure.code());
        let json = failure.json(&self.call.shared.shapes);
        let (before, after): (&[u8], &[u8]) =
            if self.format == Format::Events { (b"event: error\ndata: ", b"\n\n") } else { (b"", b"\n") };
        Bytes::from([before, &json, after].concat())
    }

    fn ended(&mut self, code: tonic::Code) {
        self.done = true;
        self.ending.0.store(code as i32, Ordering::Relaxed);
    }
}
