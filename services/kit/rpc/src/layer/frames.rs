//! A body of length-prefixed gRPC messages, each passed through a function on its way: requests to be validated, responses to be masked.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::future::BoxFuture;
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Status, body::Body};

/// Bytes before each message: a flag and a length.
const PREFIX: usize = 5;

/// What becomes of a message.
pub type Map = Box<dyn FnMut(Bytes) -> Result<Bytes, Status> + Send>;

/// A body whose messages pass through a function. A message that the function refuses ends the body with that status. A watch, if there
/// is one, can end the body at any time.
pub struct Frames {
    inner: Body,
    buffer: BytesMut,
    limit: usize,
    map: Map,
    watch: Option<BoxFuture<'static, Status>>,
    /// Given back when the body is gone.
    place: Option<OwnedSemaphorePermit>,
    /// Responses end with a status in their trailers; requests end with an error.
    is_response: bool,
    ended: bool,
}

impl Frames {
    /// Messages of a request.
    pub fn request(inner: Body, limit: usize, map: Map) -> Self {
        Self {
            inner,
            buffer: BytesMut::new(),
            limit,
            map,
            watch: None,
            place: None,
            is_response: false,
            ended: false,
        }
    }

    /// Messages of a response. When `watch` is ready, the response ends with its status.
    pub fn response(inner: Body, map: Map, watch: Option<BoxFuture<'static, Status>>) -> Self {
        Self {
            inner,
            buffer: BytesMut::new(),
            limit: usize::MAX,
            map,
            watch,
            place: None,
            is_response: true,
            ended: false,
        }
    }

    /// With a place among the open streams, held for as long as the body lives.
    #[must_use]
    pub fn holding(mut self, place: Option<OwnedSemaphorePermit>) -> Self {
        self.place = place;
        self
    }

    fn next_message(&mut self) -> Result<Option<Bytes>, Status> {
        let Some((flag, length)) = prefix(&self.buffer) else { return Ok(None) };
        if length > self.limit {
            return Err(too_large(self.limit).into());
        }
        if flag != 0 {
            return Err(Status::unimplemented("compressed messages are not supported here"));
        }
        if self.buffer.len() < PREFIX + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    fn fail(&mut self, status: Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        if !self.is_response {
            return Poll::Ready(Some(Err(status)));
        }
        let mut trailers = http::HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(status) => Poll::Ready(Some(Err(status))),
        }
    }
}

/// Flag and length of the first message, when they are there.
fn prefix(buffer: &[u8]) -> Option<(u8, usize)> {
    let (prefix, _) = buffer.split_first_chunk::<PREFIX>()?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    Some((prefix[0], usize::try_from(length).unwrap_or(usize::MAX)))
}

/// A message with its prefix.
pub fn encode(message: &Bytes) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

/// The one message of a unary request.
pub fn decode_single(mut body: Bytes, limit: usize) -> Result<Bytes, Status> {
    let (flag, length) = prefix(&body).ok_or_else(|| Status::internal("the request has no message"))?;
    if length > limit {
        return Err(too_large(limit).into());
    }
    if flag != 0 {
        return Err(Status::unimplemented("compressed messages are not supported here"));
    }
    body.advance(PREFIX);
    if body.len() == length {
        Ok(body)
    } else {
        Err(Status::internal("the request is not exactly one message"))
    }
}

/// `INVALID_ARGUMENT / TOO_LARGE`.
pub fn too_large(limit: usize) -> crm_kit_api::Error {
    crm_kit_api::Error::new(
        tonic::Code::InvalidArgument,
        crm_kit_api::error::COMMON_DOMAIN,
        "TOO_LARGE",
        format!("the message is larger than {limit} bytes"),
    )
    .with("limit", limit)
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            match this.next_message() {
                Ok(Some(message)) => {
                    return match (this.map)(message) {
                        Ok(message) => Poll::Ready(Some(Ok(Frame::data(encode(&message))))),
                        Err(status) => this.fail(status),
                    };
                }
                Ok(None) => {}
                Err(status) => return this.fail(status),
            }
            if let Some(watch) = &mut this.watch
                && let Poll::Ready(status) = watch.as_mut().poll(context)
            {
                return this.fail(status);
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.buffer.put(data),
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None if this.buffer.is_empty() => return Poll::Ready(None),
                None => return this.fail(Status::internal("the stream ended within a message")),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.buffer.is_empty() && self.inner.is_end_stream())
    }
}
