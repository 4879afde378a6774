//! The server: from a listening socket to the last drained request.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::call::Call;
use super::embedding::EmbeddingService;
use super::front::Front;
use super::lane::Lane;
use super::model::ModelService;
use super::models::{Addressed, Models, Served};
use super::pb::embedding_service_server::EmbeddingServiceServer;
use super::pb::model_service_server::ModelServiceServer;
use super::pb::recommendation_service_server::RecommendationServiceServer;
use super::recommendation::RecommendationService;
use super::workers::{Over, Workers};
use super::{ServeError, ServeOptions, pb, status};
use crate::engine::{Engine, Recommendation, RequestError};

/// How often an idle connection is asked whether its client is still there, and how long that may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// Requests in flight on one connection.
const MAX_STREAMS: u32 = 256;

/// What is left to answers that were cut off by the end of the server, to reach their clients.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the services have in common.
pub(super) struct Shared {
    pub models: Models,
    pub workers: Workers,
    pub lane: Lane,
    pub max_message_bytes: usize,
    /// Changes when requests in flight are to be given up.
    pub stop: watch::Receiver<bool>,
}

impl Shared {
    /// Computes an answer on the scoring threads, by the version of the model that answers now.
    pub(super) async fn compute<M: Addressed + Send + 'static, T: Send + 'static>(
        &self,
        request: Request<M>,
        work: impl FnOnce(&Engine, M, &Call) -> Result<T, Over> + Send + 'static,
    ) -> Result<(T, Arc<Served>), Status> {
        let (call, message) = taken_apart(request)?;
        let served = self.models.served(message.addressee())?;
        let answering = Arc::clone(&served);
        let answer = self.workers.run(&call, move |call| work(&answering.engine, message, call)).await?;
        Ok((answer, served))
    }

    /// Computes a list on the scoring threads, together with others that are waiting.
    pub(super) async fn recommend(
        &self,
        request: Request<pb::RecommendRequest>,
    ) -> Result<(Result<Recommendation, RequestError>, Arc<Served>), Status> {
        let (call, message) = taken_apart(request)?;
        let served = self.models.served(message.addressee())?;
        let answer = self.lane.recommend(&self.workers, Arc::clone(&served), call, message).await?;
        Ok((answer, served))
    }

    /// Wraps an answer, if it is not too large to be sent.
    pub(super) fn respond<M: Message>(&self, message: M) -> Result<Response<M>, Status> {
        let bytes = message.encoded_len();
        if bytes > self.max_message_bytes {
            return Err(status::answer_too_large(bytes, self.max_message_bytes));
        }
        Ok(Response::new(message))
    }
}

/// The call that the front has attached to a request, and its message.
pub(super) fn taken_apart<M>(request: Request<M>) -> Result<(Arc<Call>, M), Status> {
    let (_, extensions, message) = request.into_parts();
    let call = extensions.get::<Arc<Call>>().ok_or_else(status::crashed)?;
    Ok((Arc::clone(call), message))
}

fn refuse_public(address: SocketAddr) -> Result<(), ServeError> {
    if address.ip().is_loopback() { Ok(()) } else { Err(ServeError::NotLoopback { address }) }
}

/// Listens on a loopback address; port 0 chooses a free one.
///
/// # Errors
/// [`ServeError`] for an address that other machines can reach, or one that is in use.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    refuse_public(address)?;
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}

/// Serves until `shutdown` resolves, then reports NOT_SERVING, lets the requests in flight finish
/// for as long as the options allow, answers what is left with UNAVAILABLE, and returns.
///
/// # Errors
/// [`ServeError`] for options out of range, a socket that other machines can reach, or a transport
/// that gives up.
pub async fn run(
    listener: TcpListener,
    models: Models,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    options.check()?;
    refuse_public(listener.local_addr().map_err(ServeError::Listener)?)?;
    let limit = options.max_message_bytes;
    let (give_up, stop) = watch::channel(false);
    let shared = Arc::new(Shared {
        models,
        workers: Workers::start(&options)?,
        lane: Lane::default(),
        max_message_bytes: limit,
        stop: stop.clone(),
    });
    let health = HealthReporter::new();
    let mut routes = Routes::builder();
    routes
        .add_service(
            RecommendationServiceServer::new(RecommendationService(Arc::clone(&shared)))
                .max_decoding_message_size(limit)
                .max_encoding_message_size(limit),
        )
        .add_service(
            EmbeddingServiceServer::new(EmbeddingService(Arc::clone(&shared)))
                .max_decoding_message_size(limit)
                .max_encoding_message_size(limit),
        )
        .add_service(
            ModelServiceServer::new(ModelService(shared))
                .max_decoding_message_size(limit)
                .max_encoding_message_size(limit),
        )
        .add_service(tonic_health::pb::health_server::HealthServer::new(
            tonic_health::server::HealthService::from_health_reporter(health.clone()),
        ));
    if options.reflection {
        routes.add_service(
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .build_v1()?,
        );
    }
    set_health(&health, ServingStatus::Serving).await;

    let (stopping, mut stopped) = watch::channel(false);
    let signal = async {
        shutdown.await;
        tracing::info!(drain_seconds = options.drain.as_secs_f64(), "shutting down");
        end_health(health).await;
        // The receiver is below and lives longer than the server.
        let _ = stopping.send(true);
    };
    let serve = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .max_concurrent_streams(MAX_STREAMS)
        .serve_with_incoming_shutdown(
            Front::new(routes.routes().prepare(), stop, limit),
            // Without this an answer waits for the acknowledgement of the one before it.
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            signal,
        );
    let overtime = async {
        let _ = stopped.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(options.drain).await;
        tracing::warn!("giving up requests that did not finish in time");
        let _ = give_up.send(true);
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        served = serve => Ok(served?),
        () = overtime => Ok(()),
    }
}

/// The names under which health is reported; the empty one stands for the whole server.
const HEALTH_NAMES: [&str; 4] = [
    "",
    <RecommendationServiceServer<RecommendationService> as NamedService>::NAME,
    <EmbeddingServiceServer<EmbeddingService> as NamedService>::NAME,
    <ModelServiceServer<ModelService> as NamedService>::NAME,
];

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

/// Tells watchers that the service ends, and ends their streams, which would otherwise keep their
/// connections open.
async fn end_health(mut health: HealthReporter) {
    set_health(&health, ServingStatus::NotServing).await;
    for name in HEALTH_NAMES {
        health.clear_service_status(name).await;
    }
}
