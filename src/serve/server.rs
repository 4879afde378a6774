//! The server: from a listening socket to the last drained request.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::call::Call;
use super::convert::{fallback_label, tier_label};
use super::embedding::EmbeddingService;
use super::event::EventService;
use super::front::Front;
use super::lane::Lane;
use super::listen::Listener;
use super::live::Live;
use super::model::ModelService;
use super::models::{Addressed, Models, Served};
use super::net::{Acceptor, Budgets, Phase, Unsent};
use super::observe::{Metrics, ModelFacts, State};
use super::pb::embedding_service_server::EmbeddingServiceServer;
use super::pb::event_service_server::EventServiceServer;
use super::pb::model_service_server::ModelServiceServer;
use super::pb::recommendation_service_server::RecommendationServiceServer;
use super::recommendation::RecommendationService;
use super::workers::{Over, Workers};
use super::{ServeError, pb, status, upkeep};
use crate::engine::{Engine, Recommendation, RequestError};
use crate::events::{EventError, EventStore};

/// What is left to answers that were cut off by the end of the server, to reach their clients.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the services have in common.
pub(super) struct Shared {
    pub models: Models,
    /// What users did since; `None` for a server that was started without.
    pub events: Option<Arc<EventStore>>,
    pub metrics: Arc<Metrics>,
    pub budgets: Budgets,
    pub workers: Workers,
    pub lane: Lane,
    pub max_message_bytes: usize,
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
        self.count_list(&answer, &served);
        Ok((answer, served))
    }

    /// Computes an answer about users on the scoring threads, with what they did since.
    pub(super) async fn compute_live<M: Addressed + Send + 'static, T: Send + 'static>(
        &self,
        request: Request<M>,
        work: impl FnOnce(&Engine, &Live<'_>, M, &Call) -> Result<Result<T, Status>, Over> + Send + 'static,
    ) -> Result<(T, Arc<Served>), Status> {
        let events = self.events.clone();
        let (answer, served) = self
            .compute(request, move |engine, message, call| {
                work(engine, &Live::new(events.as_deref(), engine), message, call)
            })
            .await?;
        Ok((answer?, served))
    }

    /// Counts a list, if it is one, by where it comes from.
    pub(super) fn count_list(&self, answer: &Result<Recommendation, RequestError>, served: &Served) {
        if let Ok(list) = answer {
            let fallback = list.fallback.map(fallback_label);
            self.metrics.list(served.name.as_str(), tier_label(list.tier), fallback);
        }
    }

    /// The id of the store of events.
    pub(super) fn store(&self) -> Option<&str> {
        self.events.as_deref().map(EventStore::id)
    }

    /// A place in the queue of the scoring threads for a request whose answer is of use until `deadline`.
    pub(super) fn place(&self, deadline: Option<Instant>) -> Result<OwnedSemaphorePermit, Status> {
        self.workers.place(deadline)
    }

    /// Wraps an answer, if it is not too large to be sent and there is room for it until its client takes it.
    pub(super) fn respond<M: Message>(&self, message: M) -> Result<Response<M>, Status> {
        let bytes = message.encoded_len();
        if bytes > self.max_message_bytes {
            return Err(status::answer_too_large(bytes, self.max_message_bytes));
        }
        let room = self.budgets.answer(bytes)?;
        let mut response = Response::new(message);
        response.extensions_mut().insert::<Unsent>(Arc::new(room));
        Ok(response)
    }

    /// Tells the metrics what changes without anybody counting it.
    fn observe(&self, metrics: &Metrics) {
        metrics.set_occupancy(self.workers.occupancy(), self.budgets.in_use());
        metrics.set_events_waiting(self.events.as_deref().map_or(0, EventStore::waiting_bytes));
        let facts = |served: Arc<Served>| {
            let manifest = &served.engine.info().manifest;
            ModelFacts {
                name: served.name.to_string(),
                version: manifest.model_version.clone(),
                kind: manifest.model.name().into(),
                items: served.engine.catalogue().len(),
                served_items: served.engine.served_items(),
                bytes: manifest.resident_bytes(),
            }
        };
        metrics.set_models(&self.models.all().map(facts).collect::<Vec<_>>());
    }
}

/// The call that the front has attached to a request, and its message.
pub(super) fn taken_apart<M>(request: Request<M>) -> Result<(Arc<Call>, M), Status> {
    let (_, extensions, message) = request.into_parts();
    let call = extensions.get::<Arc<Call>>().ok_or_else(status::crashed)?;
    Ok((Arc::clone(call), message))
}

/// Serves until `shutdown` resolves, folding in what users did since where there is a store of events. Then reports
/// NOT_SERVING, goes on for as long as the options say so that nobody is sent here any more, closes the door, lets the
/// requests in flight finish for as long as the options allow, answers what is left with UNAVAILABLE, and returns.
///
/// # Errors
/// [`ServeError`] when there are no threads to be had, or the store of events cannot be used.
pub async fn run(
    listener: Listener,
    models: Models,
    events: Option<Arc<EventStore>>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let Listener { tcp, tls, tokens, ops, metrics, options, _keepers } = listener;
    let limit = options.max_message_bytes;
    let shared = Arc::new(Shared {
        models,
        metrics: Arc::clone(&metrics),
        budgets: Budgets::new(&options),
        workers: Workers::start(&options)?,
        lane: Lane::new(Arc::clone(&metrics), events.clone()),
        events,
        max_message_bytes: limit,
    });
    if let Some(store) = &shared.events {
        let (store, knowing) = (Arc::clone(store), Arc::clone(&shared));
        let begun = tokio::task::spawn_blocking(move || upkeep::begin(&store, &knowing.models, &knowing.metrics));
        begun.await.unwrap_or(Err(EventError::Closed))?;
    }
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
            EventServiceServer::new(EventService(Arc::clone(&shared)))
                .max_decoding_message_size(limit)
                .max_encoding_message_size(limit),
        )
        .add_service(
            ModelServiceServer::new(ModelService(Arc::clone(&shared)))
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
    let (phase, watched) = watch::channel(Phase::Serving);
    // The thread that answers there may live longer than what is observed.
    let observed = Arc::downgrade(&shared);
    ops.refresh_with(move |metrics| {
        if let Some(shared) = observed.upgrade() {
            shared.observe(metrics);
        }
    });
    let mut keeper = JoinSet::new();
    if let Some(store) = shared.events.clone() {
        keeper.spawn(upkeep::keep(Arc::clone(&shared), store));
    }
    let front = Front::new(routes.routes().prepare(), watched.clone(), limit, shared, tokens);
    let serve = Acceptor { listener: tcp, tls, limits: options.limits, metrics }.run(front, watched);

    set_health(&health, ServingStatus::Serving).await;
    ops.set(State::Ready);
    let end = async {
        shutdown.await;
        let (lame_duck, drain) = (options.lame_duck.as_secs_f64(), options.drain.as_secs_f64());
        tracing::info!(lame_duck_seconds = lame_duck, drain_seconds = drain, "shutting down");
        ops.set(State::Stopping);
        set_health(&health, ServingStatus::NotServing).await;
        tokio::time::sleep(options.lame_duck).await;
        end_health(health.clone()).await;
        phase.send_replace(Phase::Draining);
        tokio::time::sleep(options.drain).await;
        tracing::warn!("giving up requests that did not finish in time");
        phase.send_replace(Phase::GivingUp);
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        () = serve => {}
        () = end => {}
    }
    Ok(())
}

/// The names under which health is reported; the empty one stands for the whole server.
const HEALTH_NAMES: [&str; 5] = [
    "",
    <RecommendationServiceServer<RecommendationService> as NamedService>::NAME,
    <EmbeddingServiceServer<EmbeddingService> as NamedService>::NAME,
    <EventServiceServer<EventService> as NamedService>::NAME,
    <ModelServiceServer<ModelService> as NamedService>::NAME,
];

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

/// Ends the streams of those who watch, which would otherwise keep their connections open.
async fn end_health(mut health: HealthReporter) {
    for name in HEALTH_NAMES {
        health.clear_service_status(name).await;
    }
}
