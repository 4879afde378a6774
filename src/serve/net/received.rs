//! A message on its way in: how large, how slow, how many at once.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Frame, Incoming};
use prost::bytes::BytesMut;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tonic::Status;
use tonic::body::Body;

use crate::serve::access::{Intake, Method};
use crate::serve::{Limits, ServeOptions, status};

/// In front of every message: whether it is compressed, and its length.
const FRAME_HEADER: usize = 5;

/// What all clients together may take up.
pub(in crate::serve) struct Budgets {
    max_message: usize,
    limits: Limits,
    received: Arc<Semaphore>,
    unsent: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// A request that has been read as far as it has to be, with what it holds until it is over.
pub(in crate::serve) struct Received {
    pub body: Body,
    pub held: OwnedSemaphorePermit,
}

impl Budgets {
    pub(in crate::serve) fn new(options: &ServeOptions) -> Self {
        let limits = options.limits.clone();
        Self {
            max_message: options.max_message_bytes,
            received: Arc::new(Semaphore::new(limits.received_bytes)),
            unsent: Arc::new(Semaphore::new(limits.unsent_bytes)),
            streams: Arc::new(Semaphore::new(limits.request_streams)),
            limits,
        }
    }

    /// Reads the message of a request, if it has one only, without decoding it.
    pub(in crate::serve) async fn receive(&self, method: &'static Method, body: Incoming) -> Result<Received, Status> {
        if method.intake == Intake::Streamed {
            let held = Arc::clone(&self.streams).try_acquire_owned();
            let held = held.map_err(|_| status::streams_full(self.limits.request_streams))?;
            let messages = Messages::new(body, method, self.max_message, self.limits.idle_seconds);
            return Ok(Received { body: Body::new(messages), held });
        }
        let limit = self.limits.message_seconds;
        let (message, held) =
            tokio::time::timeout(limit, self.whole(body)).await.map_err(|_| status::slow_message(limit))??;
        check_fields(message.get(FRAME_HEADER..).unwrap_or_default(), method)?;
        Ok(Received { body: Body::new(http_body_util::Full::new(message)), held })
    }

    /// All bytes of a body, counted while they come.
    async fn whole(&self, mut body: Incoming) -> Result<(Bytes, OwnedSemaphorePermit), Status> {
        let mut pieces = VecDeque::new();
        let mut held = self.hold(0)?;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let frame = frame.map_err(|_| status::taken_back())?;
            let Ok(piece) = frame.into_data() else { continue };
            held.merge(self.hold(piece.len())?);
            pieces.push_back(piece);
            if held.num_permits() > self.max_message + FRAME_HEADER {
                return Err(status::request_too_large(self.max_message));
            }
        }
        let first = pieces.pop_front().unwrap_or_default();
        if pieces.is_empty() {
            return Ok((first, held));
        }
        let mut all = Vec::with_capacity(held.num_permits());
        all.extend_from_slice(&first);
        pieces.iter().for_each(|piece| all.extend_from_slice(piece));
        Ok((all.into(), held))
    }

    fn hold(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Status> {
        permits(&self.received, bytes).ok_or_else(|| status::receiving_full(self.limits.received_bytes))
    }

    /// Room for an answer until its client has taken it.
    pub(in crate::serve) fn answer(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Status> {
        permits(&self.unsent, bytes).ok_or_else(|| status::sending_full(self.limits.unsent_bytes))
    }

    /// Bytes of requests and of answers that are held now.
    pub(in crate::serve) fn in_use(&self) -> (usize, usize) {
        (
            self.limits.received_bytes - self.received.available_permits(),
            self.limits.unsent_bytes - self.unsent.available_permits(),
        )
    }
}

fn permits(budget: &Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    Arc::clone(budget).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
}

fn check_fields(message: &[u8], method: &Method) -> Result<(), Status> {
    let (own, inside) = fields(message, method.nested);
    let bounds = [(own, method.most_fields), (inside, method.most_nested)];
    bounds.into_iter().try_for_each(|(n, most)| if n > most { Err(status::too_many_fields(most)) } else { Ok(()) })
}

/// Number of fields of a message, and of those inside of the fields that are named for each level, as far as it is
/// well-formed; what is not is for the decoder to refuse.
fn fields(mut message: &[u8], nested: &[&[u32]]) -> (usize, usize) {
    let (mut own, mut inside) = (0, 0);
    while !message.is_empty() {
        let Ok((tag, wire_type)) = decode_key(&mut message) else { break };
        let mut value = message;
        if skip_field(wire_type, tag, &mut message, DecodeContext::default()).is_err() {
            break;
        }
        value = &value[..value.len() - message.len()];
        own += 1;
        if let Some((named, deeper)) = nested.split_first()
            && named.contains(&tag)
            && wire_type == WireType::LengthDelimited
            && decode_varint(&mut value).is_ok()
        {
            let (n, deep) = fields(value, deeper);
            inside += n + deep;
        }
    }
    (own, inside)
}

/// A stream of messages, each let through when all of it has come and it is within the bounds of a message. Its client
/// may not be silent for ever.
struct Messages {
    body: Incoming,
    method: &'static Method,
    max_message: usize,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    /// What has come of the messages that are not let through yet.
    begun: BytesMut,
}

impl Messages {
    fn new(body: Incoming, method: &'static Method, max_message: usize, patience: Duration) -> Self {
        let timer = Box::pin(sleep(patience));
        Self { body, method, max_message, patience, timer, begun: BytesMut::new() }
    }

    /// The first message with what stands in front of it, once it is there.
    fn whole(&mut self) -> Result<Option<Bytes>, Status> {
        let Some((header, rest)) = self.begun.split_first_chunk::<FRAME_HEADER>() else { return Ok(None) };
        let [_compressed, length @ ..] = header;
        let length = u32::from_be_bytes(*length) as usize;
        if length > self.max_message {
            return Err(status::request_too_large(self.max_message));
        }
        let Some(message) = rest.get(..length) else { return Ok(None) };
        check_fields(message, self.method)?;
        Ok(Some(self.begun.split_to(FRAME_HEADER + length).freeze()))
    }
}

impl hyper::body::Body for Messages {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        loop {
            if let Some(message) = this.whole().transpose() {
                return Poll::Ready(Some(message.map(Frame::data)));
            }
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
                let silent = this.timer.as_mut().poll(context);
                return silent.map(|()| Some(Err(status::slow_message(this.patience))));
            };
            this.timer.as_mut().reset(tokio::time::Instant::now() + this.patience);
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(piece))) => this.begun.extend_from_slice(&piece),
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(_)) => return Poll::Ready(Some(Err(status::taken_back()))),
                // What was not sent in full is for the decoder to refuse.
                None if !this.begun.is_empty() => {
                    return Poll::Ready(Some(Ok(Frame::data(this.begun.split().freeze()))));
                }
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.begun.is_empty() && self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::serve::pb;

    #[test]
    fn fields_are_counted_without_decoding() {
        assert_eq!(fields(&[], &[]), (0, 0));
        let request = pb::RecommendRequest { n: 3, history: pb::history(["a", "b"]), ..Default::default() };
        assert_eq!(fields(&request.encode_to_vec(), &[]), (3, 0));
        let batch = pb::BatchRecommendRequest { requests: vec![request; 300] };
        assert_eq!(fields(&batch.encode_to_vec(), &[]), (300, 0));
        let empty = pb::BatchRecommendRequest { requests: vec![pb::RecommendRequest::default(); 2000] };
        let bytes = empty.encode_to_vec();
        assert_eq!((bytes.len(), fields(&bytes, &[])), (4000, (2000, 0)), "two bytes each");
    }

    #[test]
    fn lists_in_a_request_count_wherever_it_stands() {
        let set = |length| Some(pb::ItemSet { item_ids: vec![String::new(); length] });
        let detail = Some(pb::Detail { attributes: vec![String::new(); 5], ..Default::default() });
        let request = pb::RecommendRequest { n: 3, exclude: set(50), allow: set(7), detail, ..Default::default() };
        let of = |path: &str| Method::at(&format!("/foldin.v1.RecommendationService/{path}")).unwrap().nested;
        assert_eq!(fields(&request.encode_to_vec(), of("Recommend")), (4, 50 + 7 + 5));
        let wrapped = pb::StreamRecommendRequest { request: Some(request.clone()), tag: 9 };
        assert_eq!(fields(&wrapped.encode_to_vec(), of("StreamRecommend")), (2, 4 + 50 + 7 + 5));
        let batch = pb::BatchRecommendRequest { requests: vec![request; 20] };
        assert_eq!(fields(&batch.encode_to_vec(), of("BatchRecommend")), (20, 20 * (4 + 50 + 7 + 5)));
    }

    #[test]
    fn what_is_malformed_is_counted_up_to_there() {
        for bytes in [&[0xff; 11][..], &[0x0a], &[0x0a, 0x7f], &[0x0b, 0x0a], &[0x07]] {
            assert_eq!(fields(bytes, &[]), (0, 0), "{bytes:?}");
        }
        assert_eq!(fields(&[0x08, 0x01, 0x0a, 0x7f], &[]), (1, 0));
        assert_eq!(fields(&[0x0a, 0x02, 0x0a, 0x7f], &[&[1]]), (1, 0), "nor what is inside");
    }
}
