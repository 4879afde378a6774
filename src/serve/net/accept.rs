//! From a listening socket to connections, and to the end of the last of them.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::connection::{Connection, Verdict};
use super::seats::{Full, Seat, Seats};
use crate::serve::Limits;
use crate::serve::front::Front;
use crate::serve::observe::Metrics;
use crate::serve::reload::Reloaded;

/// How often a quiet connection is asked whether its client is still there, and how long that may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// Data that a client may send before anybody asked for it: of one request, and of a connection.
const WINDOWS: (u32, u32) = (256 << 10, 1 << 20);

/// Data of one answer that waits for the client in the transport.
const SEND_BUFFER: usize = 64 << 10;

/// Requests that a client may take back before the server has noticed them.
const UNNOTICED_RESETS: usize = 32;

/// Requests of one connection that the server itself may end in error before the connection is closed.
const LOCAL_RESETS: usize = 256;

/// What is left to a retired connection whose client does not close it, beyond the requests in flight.
const RETIREMENT: Duration = Duration::from_secs(10);

/// Pause after the operating system refused a connection, for example because there are too many open files.
const BREATHER: Duration = Duration::from_millis(50);

/// Where the server is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::serve) enum Phase {
    /// Everybody is served.
    Serving,
    /// Nobody new is; what is in flight is finished.
    Draining,
    /// What is still in flight is given up.
    GivingUp,
}

/// Takes connections and looks after them.
pub(in crate::serve) struct Acceptor {
    pub listener: TcpListener,
    pub tls: Option<Arc<Reloaded<Arc<ServerConfig>>>>,
    pub limits: Limits,
    pub metrics: Arc<Metrics>,
}

impl Acceptor {
    /// Accepts until the phase changes, then waits until all connections have ended.
    pub(in crate::serve) async fn run(self, front: Front, mut phase: watch::Receiver<Phase>) {
        let Self { listener, tls, limits, metrics } = self;
        let seats = Seats::new(limits.connections, limits.connections_per_address);
        let builder = builder(&limits);
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => {
                    metrics.connections.set(seats.taken() as i64);
                    continue;
                }
                _ = phase.wait_for(|phase| *phase > Phase::Serving) => break,
            };
            let Some((stream, seat)) = seated(accepted, &seats, &metrics).await else { continue };
            metrics.connections.set(seats.taken() as i64);
            let caller = Caller {
                _seat: seat,
                connection: Arc::new(Connection::new(&limits)),
                tls: tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&*tls.get()))),
                handshake: limits.handshake_seconds,
                metrics: Arc::clone(&metrics),
            };
            connections.spawn(caller.attend(stream, builder.clone(), front.clone(), phase.clone()));
        }
        // Nobody new gets in from here.
        drop(listener);
        while connections.join_next().await.is_some() {
            metrics.connections.set(seats.taken() as i64);
        }
    }
}

/// A connection with a seat; `None` when there is none.
async fn seated(
    accepted: io::Result<(TcpStream, SocketAddr)>,
    seats: &Arc<Seats>,
    metrics: &Metrics,
) -> Option<(TcpStream, Seat)> {
    let refused = |reason: &'static str| metrics.refused(reason);
    match accepted {
        Ok((stream, address)) => match seats.take(address.ip()) {
            Ok(seat) => {
                // Without this an answer waits for the acknowledgement of the one before it. A socket that is gone
                // already will say so when it is read.
                let _ = stream.set_nodelay(true);
                Some((stream, seat))
            }
            // Closed by dropping it. One line each would let strangers fill the log.
            Err(Full::Everybody) => {
                refused("connections");
                None
            }
            Err(Full::Address) => {
                refused("connections_per_address");
                None
            }
        },
        Err(error) => {
            // The client's own affair: it left before it was let in.
            if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
                refused("accept");
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(BREATHER).await;
            }
            None
        }
    }
}

fn builder(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1)
        .max_concurrent_streams(limits.requests_per_connection as u32)
        .max_header_list_size(limits.header_bytes as u32)
        .max_pending_accept_reset_streams(UNNOTICED_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_send_buf_size(SEND_BUFFER);
    builder
}

/// One connection with what it takes to attend to it.
struct Caller {
    _seat: Seat,
    connection: Arc<Connection>,
    tls: Option<TlsAcceptor>,
    handshake: Duration,
    metrics: Arc<Metrics>,
}

impl Caller {
    async fn attend(
        self,
        stream: TcpStream,
        builder: http2::Builder<TokioExecutor>,
        front: Front,
        mut phase: watch::Receiver<Phase>,
    ) {
        let Some(tls) = &self.tls else { return self.talk(stream, builder, front, phase).await };
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(self.handshake, tls.accept(stream)) => shaken,
            _ = phase.wait_for(|phase| *phase > Phase::Serving) => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.talk(stream, builder, front, phase).await,
            Ok(Err(error)) => {
                self.metrics.refused("handshake");
                tracing::debug!(%error, "TLS handshake failed");
            }
            Err(_) => self.metrics.refused("handshake"),
        }
    }

    /// Serves the requests of a connection until either side ends it.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin + 'static>(
        &self,
        stream: S,
        builder: http2::Builder<TokioExecutor>,
        front: Front,
        mut phase: watch::Receiver<Phase>,
    ) {
        let connection = &self.connection;
        let service = service_fn(|request| front.clone().serve(request, Arc::clone(connection)));
        let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut watch = tokio::time::interval(connection.round());
        let mut retired: Option<Instant> = None;
        loop {
            tokio::select! {
                // What goes wrong here went wrong for the client as well, who has to tell about it.
                _ = serving.as_mut() => return,
                () = connection.flood() => return self.metrics.refused("resets"),
                _ = watch.tick() => match connection.judge(Instant::now()) {
                    Verdict::Keep => {}
                    Verdict::Close(reason) => {
                        tracing::debug!(reason, "closing a connection");
                        return self.metrics.refused(reason);
                    }
                    Verdict::Retire => match retired {
                        None => {
                            serving.as_mut().graceful_shutdown();
                            retired = Some(Instant::now());
                        }
                        Some(since) if since.elapsed() >= RETIREMENT && connection.is_idle() => return,
                        Some(_) => {}
                    },
                },
                _ = phase.wait_for(|phase| *phase > Phase::Serving), if retired.is_none() => {
                    serving.as_mut().graceful_shutdown();
                    retired = Some(Instant::now());
                }
            }
        }
    }
}
