//! Health and metrics over HTTP, on a port, a thread and a runtime of their own: they answer while the server
//! is as busy as can be.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tonic::codegen::http::header::{CONTENT_TYPE, HeaderValue};
use tonic::codegen::http::{Method, Request, Response, StatusCode};

use super::Metrics;
use crate::serve::ServeError;

/// Connections at once; others wait to be accepted.
const CONNECTIONS: usize = 32;

/// From the connection to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of a request's headers.
const HEADER_BYTES: usize = 8 << 10;

/// Whether requests should be sent to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::serve) enum State {
    Starting,
    Ready,
    Stopping,
}

/// Looks at what changes without anybody counting it, when the metrics are asked for.
type Refresh = Box<dyn Fn(&Metrics) + Send + Sync>;

/// What the answers are made of.
struct Board {
    metrics: Arc<Metrics>,
    state: AtomicU8,
    refresh: OnceLock<Refresh>,
}

/// The running HTTP server; it ends when dropped.
pub(in crate::serve) struct Ops {
    board: Arc<Board>,
    address: Option<SocketAddr>,
    _stop: oneshot::Sender<Infallible>,
}

impl Ops {
    /// Starts to answer at `address`, or nowhere.
    pub(in crate::serve) fn start(address: Option<SocketAddr>, metrics: Arc<Metrics>) -> Result<Self, ServeError> {
        let state = AtomicU8::new(State::Starting as u8);
        let board = Arc::new(Board { metrics, state, refresh: OnceLock::new() });
        let (stop, stopped) = oneshot::channel();
        let bound = match address {
            None => None,
            Some(address) => {
                let failed = |source| ServeError::OpsBind { address, source };
                let listener = std::net::TcpListener::bind(address).map_err(failed)?;
                let local = listener.local_addr().map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
                let board = Arc::clone(&board);
                let work = move || {
                    runtime.block_on(async {
                        match TcpListener::from_std(listener) {
                            Ok(listener) => tokio::select! {
                                () = answer(listener, board) => {}
                                _ = stopped => {}
                            },
                            Err(error) => tracing::error!(%error, "cannot offer health and metrics"),
                        }
                    });
                };
                thread::Builder::new().name("foldin-ops".into()).spawn(work).map_err(failed)?;
                Some(local)
            }
        };
        Ok(Self { board, address: bound, _stop: stop })
    }

    /// Where it answers.
    pub(in crate::serve) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Says from now on whether requests should be sent here.
    pub(in crate::serve) fn set(&self, state: State) {
        self.board.state.store(state as u8, Ordering::Relaxed);
    }

    /// What to look at before metrics are told; the first one given stays.
    pub(in crate::serve) fn refresh_with(&self, refresh: impl Fn(&Metrics) + Send + Sync + 'static) {
        let _ = self.board.refresh.set(Box::new(refresh));
    }
}

async fn answer(listener: TcpListener, board: Arc<Board>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed.
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let board = Arc::clone(&board);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = board.respond(&request);
                async { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .max_buf_size(HEADER_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            // Whoever does not get an answer notices that by himself.
            let _ = tokio::time::timeout(PATIENCE, connection).await;
            drop(seat);
        });
    }
}

impl Board {
    fn respond(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into());
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "ok\n".into()),
            "/readyz" => match self.state.load(Ordering::Relaxed) {
                state if state == State::Ready as u8 => text(StatusCode::OK, "ok\n".into()),
                state if state == State::Starting as u8 => unavailable("starting\n"),
                _ => unavailable("stopping\n"),
            },
            "/metrics" => {
                if let Some(refresh) = self.refresh.get() {
                    refresh(&self.metrics);
                }
                let mut response = text(StatusCode::OK, self.metrics.text());
                let format = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, format);
                response
            }
            _ => text(StatusCode::NOT_FOUND, "there are /livez, /readyz and /metrics\n".into()),
        }
    }
}

fn unavailable(state: &str) -> Response<Full<Bytes>> {
    text(StatusCode::SERVICE_UNAVAILABLE, state.into())
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
