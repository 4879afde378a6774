//! Every failure of a request as a gRPC status: the one table.

use tonic::{Code, Status};

use crate::engine::RequestError;
use crate::registry::RegistryError;

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

/// No model of that name is served.
pub(super) fn unknown_model(name: &str, known: &[&str]) -> Status {
    Status::not_found(format!("model: there is no `{name}` here; served: {}", known.join(", ")))
}

/// The requests of a batch name different models.
pub(super) fn several_models(position: usize) -> Status {
    Status::invalid_argument(format!("requests[{position}].model: all requests of a batch ask the same model"))
}

/// The server has a model directory and nothing to promote from.
pub(super) fn no_registry() -> Status {
    Status::failed_precondition(
        "this server was started with a model directory; start it with --registry to promote versions",
    )
}

/// Another version is just being prepared.
pub(super) fn changing() -> Status {
    Status::aborted("another promotion of this model is under way; retry when it is done")
}

/// The version cannot answer; the one before goes on.
pub(super) fn unusable(error: &dyn std::error::Error) -> Status {
    tracing::error!(%error, "a version cannot be promoted");
    Status::failed_precondition(format!("the version was not promoted: {error}"))
}

/// The registry refused.
pub(super) fn registry(error: &RegistryError) -> Status {
    let code = match error {
        RegistryError::UnknownName { .. } | RegistryError::UnknownVersion { .. } => Code::NotFound,
        RegistryError::Name { .. } => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    };
    Status::new(code, error.to_string())
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
