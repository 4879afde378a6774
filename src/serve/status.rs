//! Every failure of a request as a gRPC status: the one table.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::access::Scope;
use crate::engine::RequestError;
use crate::events::{EventError, EventFault};
use crate::registry::RegistryError;

/// The code of a request that the engine refused.
pub(super) fn code(error: &RequestError) -> Code {
    match error {
        RequestError::NoSubject
        | RequestError::Empty { .. }
        | RequestError::NoId { .. }
        | RequestError::TooLong { .. }
        | RequestError::Range { .. }
        | RequestError::NotFinite { .. }
        | RequestError::TooMuchWork { .. }
        | RequestError::Weight { .. }
        | RequestError::NoRating { .. }
        | RequestError::Filter(_)
        | RequestError::Attribute { .. } => Code::InvalidArgument,
        RequestError::UnknownItem { .. } | RequestError::UnknownUser { .. } => Code::NotFound,
        RequestError::NoSpace { .. }
        | RequestError::NoSimilarity { .. }
        | RequestError::NotCalibrated { .. }
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

/// There is no method at the path.
pub(super) fn unknown_method() -> Status {
    Status::unimplemented("there is no such method here; is the client made from the proto files of this version?")
}

/// A promotion that does not say of what.
pub(super) fn no_version() -> Status {
    Status::invalid_argument("version is empty: name the one that is to answer; ListModels tells which there are")
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

/// The deadline would pass before all those who wait already have had their turn.
pub(super) fn too_busy(wait: Duration) -> Status {
    let wait = wait.as_secs_f64();
    Status::resource_exhausted(format!(
        "an answer would take about {wait:.3} s, longer than the deadline allows; retry later"
    ))
}

/// The request came without a token.
pub(super) fn no_token() -> Status {
    Status::unauthenticated("this server asks for a token; send one in the header `authorization: Bearer TOKEN`")
}

/// The token is not one of the server's. What is wrong with it is not said, nor is any of it repeated.
pub(super) fn wrong_token() -> Status {
    Status::unauthenticated("the token is not known here")
}

/// The token is no longer valid.
pub(super) fn expired_token(name: &str, moment: &str) -> Status {
    Status::unauthenticated(format!("the token `{name}` expired at {moment}"))
}

/// The token does not allow the method.
pub(super) fn small_scope(name: &str, needed: Scope, scopes: &str) -> Status {
    Status::permission_denied(format!("this method needs the scope `{needed}`; the token `{name}` has {scopes}"))
}

/// The bearer of the token asks too often.
pub(super) fn too_fast(name: &str, wait: Duration) -> Status {
    let message = format!("the token `{name}` is over its rate; retry in {:.3} s", wait.as_secs_f64());
    retriable(message, wait)
}

/// Refused for now, with the time to wait as client libraries read it: for those that know RetryInfo, and for the
/// retry policies of the standard clients.
fn retriable(message: String, wait: Duration) -> Status {
    let details = ErrorDetails::with_retry_info(Some(wait));
    let mut status = Status::with_error_details(Code::ResourceExhausted, message, details);
    let pushback = wait.as_millis().min(u128::from(u32::MAX));
    status.metadata_mut().insert("grpc-retry-pushback-ms", (pushback as u32).into());
    status
}

/// More is being received already than the server has room for.
pub(super) fn receiving_full(limit: usize) -> Status {
    Status::resource_exhausted(format!("{limit} bytes of requests are being handled already; retry later"))
}

/// More answers than the server has room for wait for their clients.
pub(super) fn sending_full(limit: usize) -> Status {
    Status::resource_exhausted(format!("{limit} bytes of answers wait for their clients already; retry later"))
}

/// Too many clients send streams of requests.
pub(super) fn streams_full(limit: usize) -> Status {
    Status::resource_exhausted(format!("{limit} streams of requests are open already; retry later"))
}

/// The message has not come in time.
pub(super) fn slow_message(limit: Duration) -> Status {
    Status::deadline_exceeded(format!("the message did not arrive within {} s", limit.as_secs_f64()))
}

/// The message consists of more parts than any valid one.
pub(super) fn too_many_fields(limit: usize) -> Status {
    Status::invalid_argument(format!("the message has more than {limit} entries; split it"))
}

/// The client took the request back before it had sent all of it.
pub(super) fn taken_back() -> Status {
    Status::cancelled("the request was not sent in full")
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

/// The name of a status in the gRPC specification.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
