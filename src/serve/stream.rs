//! Many requests over one connection, answered in their order.

use std::sync::Arc;

use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::call::Call;
use super::lane::Pending;
use super::models::{Addressed, Served};
use super::server::Shared;
use super::workers::outcome;
use super::{convert, pb, status};

/// Requests of one stream that are read before their answers are taken: enough to keep every thread busy with batches.
const WINDOW: usize = 32;

/// Answers on their way to the transport.
const OUTGOING: usize = 4;

pub(super) type Answers = ReceiverStream<Result<pb::StreamRecommendResponse, Status>>;

/// A request that was read: its answer is being computed, or waits for its turn among the answers.
struct Asked {
    tag: u64,
    call: Arc<Call>,
    /// Who answers, and what; or why nobody does.
    answer: Result<(Arc<Served>, Pending), Status>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        // Computed already, or nobody waits for it.
        self.call.abandon();
    }
}

/// Answers a stream of requests for as long as the client reads; the front ends it when its deadline passes or the
/// server stops.
pub(super) fn answers(
    shared: Arc<Shared>,
    call: Arc<Call>,
    requests: Streaming<pb::StreamRecommendRequest>,
) -> Answers {
    let (outgoing, answers) = mpsc::channel(OUTGOING);
    tokio::spawn(async move {
        let (ahead, asked) = mpsc::channel(WINDOW);
        let work = async {
            // Reading ends with the requests, writing with the last answer.
            tokio::join!(read(&shared, &call, requests, ahead), write(&shared, asked, &outgoing)).1
        };
        let ended = tokio::select! {
            ended = work => ended,
            () = outgoing.closed() => Ok(()),
        };
        if let Err(Some(status)) = ended {
            // The client may have gone meanwhile.
            let _ = outgoing.send(Err(status)).await;
        }
    });
    ReceiverStream::new(answers)
}

/// Reads requests no faster than they can be computed and their answers are taken.
async fn read(
    shared: &Shared,
    call: &Call,
    mut requests: Streaming<pb::StreamRecommendRequest>,
    ahead: mpsc::Sender<Result<Asked, Status>>,
) {
    loop {
        // Room among the answers first, then a place in the queue: no place is held for a client that does not read.
        let Ok(room) = ahead.reserve().await else { return };
        let asked = tokio::select! {
            asked = next(shared, call, &mut requests) => asked,
            () = ahead.closed() => return,
        };
        let Some(asked) = asked.transpose() else { return };
        let last = asked.is_err();
        room.send(asked);
        if last {
            return;
        }
    }
}

/// The next request, on its way to be computed; `None` when there is no other.
async fn next(
    shared: &Shared,
    call: &Call,
    requests: &mut Streaming<pb::StreamRecommendRequest>,
) -> Result<Option<Asked>, Status> {
    let Some(pb::StreamRecommendRequest { request, tag }) = requests.message().await? else { return Ok(None) };
    let place = shared.workers.stream_place().await?;
    call.charge(1);
    let (call, message) = (Arc::new(call.part()), request.unwrap_or_default());
    // The version that answers now, as for any other request.
    let answer = shared.models.served(message.addressee()).map(|served| {
        let pending = shared.lane.enqueue(&shared.workers, Arc::clone(&served), Arc::clone(&call), message, place);
        (served, pending)
    });
    Ok(Some(Asked { tag, call, answer }))
}

/// Sends the answers in the order of the requests.
async fn write(
    shared: &Shared,
    mut asked: mpsc::Receiver<Result<Asked, Status>>,
    outgoing: &mpsc::Sender<Result<pb::StreamRecommendResponse, Status>>,
) -> Result<(), Option<Status>> {
    while let Some(asked) = asked.recv().await {
        let mut asked = asked.map_err(Some)?;
        let result = match &mut asked.answer {
            Ok((served, pending)) => match outcome(pending.await).flatten() {
                Ok(answer) => {
                    shared.count_list(&answer, served);
                    convert::recommend_result(answer, served.version())
                }
                // One that could not be computed does not spoil the others; a deadline ends all of them.
                Err(status) if status.code() == tonic::Code::Internal => convert::failed(&status, ""),
                Err(status) => return Err(Some(status)),
            },
            Err(unknown) => convert::failed(unknown, "model"),
        };
        let mut response = pb::StreamRecommendResponse { result: Some(result), tag: asked.tag };
        let (bytes, limit) = (response.encoded_len(), shared.max_message_bytes);
        if bytes > limit {
            response.result = Some(convert::failed(&status::answer_too_large(bytes, limit), ""));
        }
        outgoing.send(Ok(response)).await.map_err(|_| None)?;
    }
    Ok(())
}
