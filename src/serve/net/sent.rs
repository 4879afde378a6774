//! An answer on its way out: in pieces, so that the transport holds little of it, and with an end that is noticed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;
use tonic::{Code, Status};

use super::Connection;

/// The transport asks for the next piece when the client has room for it.
const PIECE: usize = 16 << 10;

/// Room for an answer, given back when the last piece has been taken; left by a handler in its response.
pub(in crate::serve) type Unsent = Arc<OwnedSemaphorePermit>;

/// What ends a stream early.
pub(in crate::serve) type Ending = Pin<Box<dyn Future<Output = Status> + Send>>;

/// The body of an answer.
pub(in crate::serve) struct Sent<F: FnOnce(Code)> {
    body: Body,
    /// The part of the current piece of the body that did not fit into a frame.
    rest: Bytes,
    connection: Arc<Connection>,
    /// Told once with the status at the end, or when the client has gone.
    finish: Option<F>,
    /// Only where there is more than one message.
    ending: Option<Ending>,
    _room: Option<Unsent>,
    /// The client is waited for.
    pending: bool,
}

impl<F: FnOnce(Code) + Unpin> Sent<F> {
    pub(in crate::serve) fn new(
        body: Body,
        connection: Arc<Connection>,
        room: Option<Unsent>,
        ending: Option<Ending>,
        finish: F,
    ) -> Self {
        // The only message of an answer is waited for from the beginning; a stream may have nothing to say.
        let pending = ending.is_none();
        if pending {
            connection.sending();
        }
        Self { body, rest: Bytes::new(), connection, finish: Some(finish), ending, _room: room, pending }
    }

    fn end(&mut self, code: Code) {
        self.wait(false);
        if let Some(finish) = self.finish.take() {
            finish(code);
        }
    }

    fn wait(&mut self, pending: bool) {
        if pending && !self.pending {
            self.connection.sending();
        } else if !pending && self.pending {
            self.connection.taken();
        }
        self.pending = pending;
    }

    /// A frame's worth of `data`; what is left is for the next time.
    fn piece(&mut self, mut data: Bytes) -> Frame<Bytes> {
        self.connection.progress();
        let piece = data.split_to(PIECE.min(data.len()));
        self.rest = data;
        if self.ending.is_some() {
            let more = !self.rest.is_empty();
            self.wait(more);
        }
        Frame::data(piece)
    }
}

/// The status that a stream ends with.
fn code(trailers: &HeaderMap) -> Code {
    trailers.get("grpc-status").map_or(Code::Unknown, |value| Code::from_bytes(value.as_bytes()))
}

impl<F: FnOnce(Code) + Unpin> hyper::body::Body for Sent<F> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if !this.rest.is_empty() {
            let rest = std::mem::take(&mut this.rest);
            return Poll::Ready(Some(Ok(this.piece(rest))));
        }
        if this.finish.is_none() {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(match frame.into_data() {
                Ok(data) => this.piece(data),
                Err(frame) => {
                    if let Some(trailers) = frame.trailers_ref() {
                        this.end(code(trailers));
                    }
                    frame
                }
            }))),
            Poll::Ready(Some(Err(status))) => {
                this.end(status.code());
                Poll::Ready(Some(Err(status)))
            }
            Poll::Ready(None) => {
                this.end(Code::Unknown);
                Poll::Ready(None)
            }
            Poll::Pending => {
                let Some(ending) = &mut this.ending else { return Poll::Pending };
                let Poll::Ready(status) = ending.as_mut().poll(context) else { return Poll::Pending };
                this.end(status.code());
                let mut trailers = HeaderMap::new();
                // The messages that end streams are plain text.
                let _ = status.add_header(&mut trailers);
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && (self.finish.is_none() || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl<F: FnOnce(Code)> Drop for Sent<F> {
    fn drop(&mut self) {
        if self.pending {
            self.connection.taken();
        }
        if let Some(finish) = self.finish.take() {
            finish(Code::Cancelled);
        }
    }
}
