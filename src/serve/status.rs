//! Every failure of a request as a gRPC status: the one table.

use tonic::{Code, Status};

use crate::engine::RequestError;
use crate::events::{EventError, EventFault};

/// The code of a request that the engine refused.
pub(super) fn code(error: &RequestError) -> Code {
    match error {
        RequestError::NoSubject
        | RequestError::Empty { .. }
        | RequestError::TooLong { .. }
        | RequestError::N { .. }
        | RequestError::Weight { .. } => Code::InvalidArgument,
        RequestError::UnknownItem { .. } => Code::NotFound,
        RequestError::NoSpace { .. } | RequestError::NoSimilarity { .. } => Code::FailedPrecondition,
        RequestError::Internal(_) => Code::Internal,
    }
}

/// What the client is told of a refused request.
pub(super) fn message(error: &RequestError) -> String {
    match error {
        // Paths and checksums are for the operator.
        RequestError::Internal(error) => {
            tracing::error!(%error, "the model directory became unreadable");
            "the stored history cannot be read; the server's log has the details".into()
        }
        error => error.to_string(),
    }
}

/// A request that the engine refused.
pub(super) fn refused(error: &RequestError) -> Status {
    Status::new(code(error), message(error))
}

/// The store of events refused or failed.
pub(super) fn events(error: &EventError) -> Status {
    match error {
        EventError::Full { .. } | EventError::UserFull { .. } | EventError::Busy { .. } => {
            Status::resource_exhausted(error.to_string())
        }
        EventError::Unwritable { .. } | EventError::Closed => Status::unavailable(error.to_string()),
        // Paths and what the operating system says of them are for the operator.
        error => {
            tracing::error!(%error, "the store of events failed");
            Status::unavailable("the store of live events does not work; the server's log has the details")
        }
    }
}

/// A field of a request about events that will not do; `place` is what it stands in, for example `events[3].`.
pub(super) fn fault(place: &str, fault: &EventFault) -> Status {
    Status::invalid_argument(format!("{place}{fault}"))
}

/// The server has no store of events.
pub(super) fn no_events() -> Status {
    Status::unimplemented("this server records no events: start it with --events DIR, the directory of their store")
}

/// Too many requests are waiting.
pub(super) fn queue_full(capacity: usize) -> Status {
    Status::resource_exhausted(format!("{capacity} requests are being computed or waiting already; retry later"))
}

/// The answer would come too late.
pub(super) fn expired() -> Status {
    Status::deadline_exceeded("the deadline of the request passed before its answer was ready")
}

/// The server stops and could not finish the request in time.
pub(super) fn stopping() -> Status {
    Status::unavailable("the server is shutting down; retry with another one")
}

/// The request is larger than the server accepts.
pub(super) fn request_too_large(limit: usize) -> Status {
    Status::resource_exhausted(format!("the request is larger than {limit} bytes; split it"))
}

/// The answer is larger than the server sends.
pub(super) fn answer_too_large(bytes: usize, limit: usize) -> Status {
    Status::resource_exhausted(format!(
        "the answer would have {bytes} bytes, the limit is {limit}; ask for less at once"
    ))
}

/// The computation panicked: a defect, not the caller's fault.
pub(super) fn crashed() -> Status {
    Status::internal("the answer could not be computed; the server's log has the details")
}
