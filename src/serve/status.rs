//! Every failure of a request as a gRPC status: the one table.

use tonic::{Code, Status};

use crate::engine::RequestError;

/// The code of a request that the engine refused.
pub(super) fn code(error: &RequestError) -> Code {
    match error {
        RequestError::NoSubject
        | RequestError::Empty { .. }
        | RequestError::TooLong { .. }
        | RequestError::Range { .. }
        | RequestError::NotFinite { .. }
        | RequestError::TooMuchWork { .. }
        | RequestError::Weight { .. }
        | RequestError::Filter(_)
        | RequestError::Attribute { .. } => Code::InvalidArgument,
        RequestError::UnknownItem { .. } | RequestError::UnknownUser { .. } => Code::NotFound,
        RequestError::NoSpace { .. }
        | RequestError::NoSimilarity { .. }
        | RequestError::Unsupported { .. }
        | RequestError::Unexplained { .. }
        | RequestError::TooMuchToExplain { .. } => Code::FailedPrecondition,
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
