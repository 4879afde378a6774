//! What every request passes first and last: request id, deadline, end of service, log line.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::sync::watch;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{HeaderValue, Request, Response};
use tonic::service::Routes;
use tonic::{Code, Status};

use super::call::Call;
use super::status;

/// Carries the id of a request both ways.
const REQUEST_ID: &str = "x-request-id";

/// Longest request id taken over from a client.
const MAX_REQUEST_ID: usize = 64;

/// Left by a handler in its response for the log line: which tier answered.
#[derive(Clone, Copy)]
pub(super) struct LoggedTier(pub &'static str);

/// The outermost service.
///
/// The transport has a timer of its own for `grpc-timeout`, but it answers CANCELLED. The deadline
/// here was taken from the clock earlier and is looked at first whenever either timer rings, so the
/// client always gets DEADLINE_EXCEEDED.
#[derive(Clone)]
pub(super) struct Front {
    routes: Routes,
    /// Changes when requests in flight are to be given up.
    stop: watch::Receiver<bool>,
    max_message_bytes: usize,
    ids: Arc<RequestIds>,
}

struct RequestIds {
    /// Differs between runs of the server.
    run: u32,
    next: AtomicU64,
}

impl Front {
    pub(super) fn new(routes: Routes, stop: watch::Receiver<bool>, max_message_bytes: usize) -> Self {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let run = (since_epoch.as_nanos() as u32) ^ std::process::id();
        Self { routes, stop, max_message_bytes, ids: Arc::new(RequestIds { run, next: AtomicU64::new(1) }) }
    }

    fn request_id(&self, request: &Request<Body>) -> String {
        let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
        match given {
            Some(id) if (1..=MAX_REQUEST_ID).contains(&id.len()) => id.to_owned(),
            _ => format!("{:08x}-{}", self.ids.run, self.ids.next.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

impl Service<Request<Body>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.routes, context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let call = Arc::new(Call::new(self.request_id(&request), request.headers()));
        request.extensions_mut().insert(Arc::clone(&call));
        let open = OpenCall { method: request.uri().path().to_owned(), call: Arc::clone(&call), finished: false };
        let answer = self.routes.call(request);
        let (stop, limit) = (self.stop.clone(), self.max_message_bytes);
        Box::pin(async move {
            let response = match finish(&call, stop, answer).await {
                Ok(Ok(response)) => translate(response, limit),
                Ok(Err(never)) => match never {},
                Err(status) => status.into_http(),
            };
            Ok(open.close(response))
        })
    }
}

/// Waits for an answer no longer than the deadline allows and the server lives.
async fn finish<F: Future>(call: &Call, mut stop: watch::Receiver<bool>, answer: F) -> Result<F::Output, Status> {
    let mut answer = pin!(answer);
    // An hour-long timer stands in where there is no deadline; only `expired` decides.
    let far = call.arrived + std::time::Duration::from_secs(3600);
    let mut timer = pin!(tokio::time::sleep_until(call.deadline.unwrap_or(far).into()));
    let mut stopped = pin!(stop.wait_for(|stop| *stop));
    poll_fn(|context| {
        if let Poll::Ready(answer) = answer.as_mut().poll(context) {
            return Poll::Ready(Ok(answer));
        }
        let _ = timer.as_mut().poll(context);
        if call.expired() {
            return Poll::Ready(Err(status::expired()));
        }
        stopped.as_mut().poll(context).map(|_| Err(status::stopping()))
    })
    .await
}

/// The transport calls a request that is too large OUT_OF_RANGE; nothing else in here does.
fn translate(response: Response<Body>, limit: usize) -> Response<Body> {
    if code(&response) == Code::OutOfRange { status::request_too_large(limit).into_http() } else { response }
}

/// The status of a response whose headers are known; a status after a message comes later and is OK
/// for every unary method here.
fn code(response: &Response<Body>) -> Code {
    response.headers().get("grpc-status").map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

/// A call that has not been answered; dropping it means that the client has gone.
struct OpenCall {
    method: String,
    call: Arc<Call>,
    finished: bool,
}

impl OpenCall {
    fn close(mut self, mut response: Response<Body>) -> Response<Body> {
        self.finished = true;
        let tier = response.extensions().get::<LoggedTier>().map(|tier| tier.0);
        self.log(code(&response), tier);
        if let Ok(id) = HeaderValue::from_str(&self.call.id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    /// One line a request. Neither users nor items are named: ids and histories are personal data.
    fn log(&self, status: Code, tier: Option<&'static str>) {
        let latency_ms = self.call.arrived.elapsed().as_secs_f64() * 1e3;
        tracing::info!(request_id = %self.call.id, method = %self.method, status = ?status, latency_ms, tier, "request");
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.call.abandon();
        if !self.finished {
            self.log(Code::Cancelled, None);
        }
    }
}
