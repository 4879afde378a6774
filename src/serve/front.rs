//! What every request passes first and last: request id, token, limits, deadline, end of service, log line.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use hyper::body::Incoming;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{HeaderValue, Request, Response};
use tonic::service::Routes;
use tonic::{Code, Status};

use super::access::{Intake, Method, Tokens};
use super::call::Call;
use super::net::{Connection, Phase, Received, Sent, Unsent};
use super::observe::{Metrics, Trace};
use super::reload::Reloaded;
use super::server::Shared;
use super::status;

/// Carries the id of a request both ways.
const REQUEST_ID: &str = "x-request-id";

/// Longest request id taken over from a client.
const MAX_REQUEST_ID: usize = 64;

/// Left by a handler in its response for the log line: which tier answered.
#[derive(Clone, Copy)]
pub(super) struct LoggedTier(pub &'static str);

/// The outermost service; clones are the same one.
#[derive(Clone)]
pub(super) struct Front {
    routes: Routes,
    /// Changes when requests in flight are to be given up.
    phase: watch::Receiver<Phase>,
    max_message_bytes: usize,
    shared: Arc<Shared>,
    tokens: Option<Arc<Reloaded<Tokens>>>,
    ids: Arc<RequestIds>,
}

struct RequestIds {
    /// Differs between runs of the server.
    run: u32,
    next: AtomicU64,
}

impl Front {
    pub(super) fn new(
        routes: Routes,
        phase: watch::Receiver<Phase>,
        max_message_bytes: usize,
        shared: Arc<Shared>,
        tokens: Option<Arc<Reloaded<Tokens>>>,
    ) -> Self {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let run = (since_epoch.as_nanos() as u32) ^ std::process::id();
        let ids = Arc::new(RequestIds { run, next: AtomicU64::new(1) });
        Self { routes, phase, max_message_bytes, shared, tokens, ids }
    }

    fn request_id(&self, request: &Request<Incoming>) -> String {
        let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
        match given {
            Some(id) if (1..=MAX_REQUEST_ID).contains(&id.len()) => id.to_owned(),
            _ => format!("{:08x}-{}", self.ids.run, self.ids.next.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Answers a request; the answer goes on while its body is taken.
    pub(super) async fn serve(
        self,
        request: Request<Incoming>,
        connection: Arc<Connection>,
    ) -> Result<Response<Body>, Infallible> {
        let method = Method::at(request.uri().path());
        let call = Arc::new(Call::new(self.request_id(&request), request.headers()));
        let mut open = OpenCall::new(method, &call, &self.shared.metrics, Arc::clone(&connection), &request);
        let (phase, limit) = (self.phase.clone(), self.max_message_bytes);
        let outcome = finish(&call, phase.clone(), self.answer(request, method, &call, &mut open.received)).await;
        let mut response = match outcome {
            Ok(response) => {
                if !open.streams {
                    call.release();
                }
                translate(response, limit)
            }
            Err(status) => status.into_http(),
        };
        if let Ok(mut id) = HeaderValue::from_str(&call.id) {
            // No two are the same: the transport would compare each with all that its table of headers remembers.
            id.set_sensitive(true);
            response.headers_mut().insert(REQUEST_ID, id);
        }
        open.tier = response.extensions().get::<LoggedTier>().map(|tier| tier.0);
        // Without a message the status is known already.
        if let Some(value) = response.headers().get("grpc-status") {
            let code = Code::from_bytes(value.as_bytes());
            open.close(code);
            return Ok(response);
        }
        let room = response.extensions().get::<Unsent>().cloned();
        let ending = open.streams.then(|| -> Pin<Box<dyn Future<Output = Status> + Send>> {
            let call = Arc::clone(&call);
            Box::pin(async move { ended(&call, phase).await })
        });
        Ok(response.map(|body| Body::new(Sent::new(body, connection, room, ending, move |code| open.close(code)))))
    }

    async fn answer(
        mut self,
        request: Request<Incoming>,
        method: Option<&'static Method>,
        call: &Arc<Call>,
        received: &mut bool,
    ) -> Result<Response<Body>, Status> {
        if let Some(tokens) = &self.tokens {
            call.identify(tokens.get().admit(request.headers(), method)?);
        }
        let method = method.ok_or_else(status::unknown_method)?;
        let (mut parts, body) = request.into_parts();
        let Received { body, held } = self.shared.budgets.receive(method, body).await?;
        call.hold(held);
        if method.intake == Intake::Queued {
            call.keep_place(self.shared.place(call.deadline)?);
        }
        *received = true;
        parts.extensions.insert(Arc::clone(call));
        let ready = poll_fn(|context| Service::<Request<Body>>::poll_ready(&mut self.routes, context)).await;
        match ready {
            Ok(()) => {}
            Err(never) => match never {},
        }
        match self.routes.call(Request::from_parts(parts, body)).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }
}

/// Waits for an answer no longer than the deadline allows and the server lives.
async fn finish<T>(
    call: &Call,
    phase: watch::Receiver<Phase>,
    answer: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let (mut answer, mut end) = (pin!(answer), pin!(ended(call, phase)));
    poll_fn(|context| {
        if let Poll::Ready(answer) = answer.as_mut().poll(context) {
            return Poll::Ready(answer);
        }
        end.as_mut().poll(context).map(Err)
    })
    .await
}

/// Resolves when there is no time left: the deadline has passed, or the server gives up.
async fn ended(call: &Call, mut phase: watch::Receiver<Phase>) -> Status {
    // Where there is no deadline, or none within a day, nobody waits for it.
    let far = call.arrived + Duration::from_secs(86_400);
    let deadline = async {
        match call.deadline.filter(|deadline| *deadline < far) {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    };
    let given_up = async {
        let _ = phase.wait_for(|phase| *phase == Phase::GivingUp).await;
    };
    tokio::select! {
        biased;
        () = deadline => status::expired(),
        () = given_up => status::stopping(),
    }
}

/// The transport calls a request that is too large OUT_OF_RANGE; nothing else in here does.
fn translate(response: Response<Body>, limit: usize) -> Response<Body> {
    let code = response.headers().get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()));
    if code == Some(Code::OutOfRange) { status::request_too_large(limit).into_http() } else { response }
}

/// A call that has not been answered in full; dropping it means that the client has gone.
struct OpenCall {
    method: String,
    label: &'static str,
    /// It may have more than one message as an answer.
    streams: bool,
    call: Arc<Call>,
    tier: Option<&'static str>,
    /// All of the message has come.
    received: bool,
    metrics: Arc<Metrics>,
    connection: Arc<Connection>,
    trace: Option<Trace>,
    finished: bool,
}

impl OpenCall {
    fn new(
        method: Option<&'static Method>,
        call: &Arc<Call>,
        metrics: &Arc<Metrics>,
        connection: Arc<Connection>,
        request: &Request<Incoming>,
    ) -> Self {
        connection.begin();
        metrics.in_flight.inc();
        let label = method.map_or("unknown", Method::label);
        Self {
            // A path that is none of ours is as long as the client likes.
            method: request.uri().path().chars().take(128).collect(),
            label,
            streams: method.is_some_and(Method::streams),
            call: Arc::clone(call),
            tier: None,
            received: false,
            metrics: Arc::clone(metrics),
            connection,
            trace: Some(Trace::begin(label, &call.id, request.headers())),
            finished: false,
        }
    }

    fn close(mut self, code: Code) {
        self.finish(code);
    }

    /// One line a request. Neither users nor items are named: ids and histories are personal data.
    fn finish(&mut self, status: Code) {
        self.finished = true;
        let (call, tier) = (&self.call, self.tier);
        let latency = call.arrived.elapsed();
        let latency_ms = latency.as_secs_f64() * 1e3;
        let (method, token) = (&self.method, call.token_name());
        tracing::info!(request_id = %call.id, %method, ?status, latency_ms, tier, token, "request");
        self.metrics.request(self.label, tier, status, latency);
        if let Some((waited, computed)) = call.turn() {
            self.metrics.turn(waited, computed);
        }
        if let Some(trace) = self.trace.take() {
            trace.end(status, tier, call.turn());
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.call.abandon();
        if !self.finished {
            if !self.received {
                self.connection.reset();
            }
            self.finish(Code::Cancelled);
        }
        self.connection.end();
        self.metrics.in_flight.dec();
    }
}
