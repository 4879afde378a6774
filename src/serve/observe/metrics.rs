//! All metrics, by name. The README lists them; a test compares.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use tonic::Code;

use super::process;
use crate::serve::status::code_name;

type Label = (&'static str, &'static str);
type Histograms<const N: usize> = Family<[Label; N], Histogram, fn() -> Histogram>;

/// The registry and what is counted where it happens.
pub(in crate::serve) struct Metrics {
    registry: Registry,
    requests: Family<[Label; 2], Counter>,
    latency: Histograms<2>,
    waiting: Histogram,
    computing: Histogram,
    batch: Histogram,
    lists: Family<Vec<(&'static str, String)>, Counter>,
    refused: Family<[Label; 1], Counter>,
    reloads_failed: Counter,
    /// Requests that are not answered in full yet.
    pub in_flight: Gauge,
    /// Open connections.
    pub connections: Gauge,
    queue: Gauge,
    queue_capacity: Gauge,
    received: Gauge,
    unsent: Gauge,
    models: Family<Vec<(&'static str, String)>, Gauge>,
    model_bytes: Family<Vec<(&'static str, String)>, Gauge>,
    catalogue: Family<Vec<(&'static str, String)>, Gauge>,
    served: Family<Vec<(&'static str, String)>, Gauge>,
    coverage: Family<Vec<(&'static str, String)>, Gauge<f64, AtomicU64>>,
    events: Gauge,
    event_bytes: Gauge,
    event_file_bytes: Gauge,
    events_waiting: Gauge,
    event_commit: Histogram,
    memory: Gauge,
    files: Gauge,
    cpu: Counter<f64, AtomicU64>,
}

/// What is known of a served model when somebody asks.
pub(in crate::serve) struct ModelFacts {
    pub name: String,
    pub version: String,
    pub kind: String,
    pub items: usize,
    pub served_items: usize,
    /// Memory, as estimated before it was loaded.
    pub bytes: u64,
}

/// 0.25 ms to 16 s, each twice the one before.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 17))
}

impl Metrics {
    pub(in crate::serve) fn new() -> Self {
        let mut registry = Registry::default();
        let r = &mut registry;
        let requests = add(r, "foldin_requests", "Requests by method and gRPC status", Family::default());
        let latency: Histograms<2> = Family::new_with_constructor(times);
        let latency = add(
            r,
            "foldin_request_seconds",
            "Time from a request's headers to the end of its answer, by method and tier",
            latency,
        );
        let waiting = add(r, "foldin_queue_seconds", "Time that a request waited for a scoring thread", times());
        let computing = add(r, "foldin_compute_seconds", "Time that a scoring thread spent on a request", times());
        let batch = Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
        let batch = add(r, "foldin_batch_size", "Requests computed together", batch);
        let lists = Family::default();
        let lists = add(r, "foldin_lists", "Lists by model, tier, and the reason for not being personal", lists);
        let refused = Family::default();
        let refused =
            add(r, "foldin_connections_refused", "Connections that were closed by the server, by reason", refused);
        let reloads_failed = Counter::default();
        let reloads_failed = add(
            r,
            "foldin_reloads_failed",
            "Certificates or token files that changed and could not be used",
            reloads_failed,
        );
        let in_flight = add(r, "foldin_requests_in_flight", "Requests that are not answered yet", Gauge::default());
        let connections = add(r, "foldin_connections", "Open connections", Gauge::default());
        let queue = add(r, "foldin_queue_length", "Requests being computed or waiting for it", Gauge::default());
        let queue_capacity = Gauge::default();
        let queue_capacity =
            add(r, "foldin_queue_capacity", "Requests that may be computed or wait for it", queue_capacity);
        let received = Gauge::default();
        let received = add(r, "foldin_received_bytes", "Bytes of requests that are held", received);
        let unsent = Gauge::default();
        let unsent = add(r, "foldin_unsent_bytes", "Bytes of answers that their clients have not taken", unsent);
        let models = add(r, "foldin_model_info", "1 for every version that answers", Family::default());
        let model_bytes = add(
            r,
            "foldin_model_memory_bytes",
            "Memory of every version that answers, as estimated before it was loaded",
            Family::default(),
        );
        let catalogue = add(r, "foldin_catalogue_items", "Items of the catalogue", Family::default());
        let served = Family::default();
        let served =
            add(r, "foldin_catalogue_items_served", "Distinct items listed since the model was loaded", served);
        let coverage = Family::default();
        let coverage = add(
            r,
            "foldin_catalogue_coverage_ratio",
            "Distinct items listed since the model was loaded, as a share of the catalogue",
            coverage,
        );
        let events = add(r, "foldin_events_stored", "Live events in the store", Gauge::default());
        let event_bytes = Gauge::default();
        let event_bytes = add(
            r,
            "foldin_events_stored_bytes",
            "What the live events count for against the limit of their store",
            event_bytes,
        );
        let event_file_bytes = Gauge::default();
        let event_file_bytes = add(r, "foldin_event_store_bytes", "Size of the file of live events", event_file_bytes);
        let events_waiting = Gauge::default();
        let events_waiting =
            add(r, "foldin_events_waiting_bytes", "Memory of the events that wait to be written", events_waiting);
        let event_commit = times();
        let event_commit = add(r, "foldin_event_commit_seconds", "Time to make recorded events durable", event_commit);
        let memory = add(r, "process_resident_memory_bytes", "Memory of the process", Gauge::default());
        let files = add(r, "process_open_fds", "Open files and connections of the process", Gauge::default());
        let cpu = add(r, "process_cpu_seconds", "Processor time of the process", Counter::default());
        let start =
            add(r, "process_start_time_seconds", "When the process started", Gauge::<f64, AtomicU64>::default());
        start.set(process::seconds_since_epoch());
        let build = Family::<[Label; 1], Gauge>::default();
        let build = add(r, "foldin_build_info", "1 for the version of Foldin that runs", build);
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        Self {
            registry,
            requests,
            latency,
            waiting,
            computing,
            batch,
            lists,
            refused,
            reloads_failed,
            in_flight,
            connections,
            queue,
            queue_capacity,
            received,
            unsent,
            models,
            model_bytes,
            catalogue,
            served,
            coverage,
            events,
            event_bytes,
            event_file_bytes,
            events_waiting,
            event_commit,
            memory,
            files,
            cpu,
        }
    }

    /// A request is over.
    pub(in crate::serve) fn request(
        &self,
        method: &'static str,
        tier: Option<&'static str>,
        code: Code,
        latency: Duration,
    ) {
        self.requests.get_or_create(&[("method", method), ("code", code_name(code))]).inc();
        let labels = [("method", method), ("tier", tier.unwrap_or("none"))];
        self.latency.get_or_create(&labels).observe(latency.as_secs_f64());
    }

    /// A request had its turn on a scoring thread.
    pub(in crate::serve) fn turn(&self, waited: Duration, computed: Duration) {
        self.waiting.observe(waited.as_secs_f64());
        self.computing.observe(computed.as_secs_f64());
    }

    /// Requests were computed together.
    pub(in crate::serve) fn together(&self, requests: usize) {
        self.batch.observe(requests as f64);
    }

    /// A list was made.
    pub(in crate::serve) fn list(&self, model: &str, tier: &'static str, fallback: Option<&'static str>) {
        let labels = [("name", model), ("tier", tier), ("fallback", fallback.unwrap_or("none"))];
        self.lists.get_or_create(&labels.map(|(label, value)| (label, value.to_owned())).to_vec()).inc();
    }

    /// A connection was not let in, or thrown out.
    pub(in crate::serve) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// A file changed and could not be used.
    pub(in crate::serve) fn reload_failed(&self) {
        self.reloads_failed.inc();
    }

    /// What the queue and the budgets hold.
    pub(in crate::serve) fn set_occupancy(
        &self,
        (queue, capacity): (usize, usize),
        (received, unsent): (usize, usize),
    ) {
        self.queue.set(queue as i64);
        self.queue_capacity.set(capacity as i64);
        self.received.set(received as i64);
        self.unsent.set(unsent as i64);
    }

    /// The models that answer, in place of those before.
    pub(in crate::serve) fn set_models(&self, models: &[ModelFacts]) {
        self.models.clear();
        self.model_bytes.clear();
        self.catalogue.clear();
        self.served.clear();
        self.coverage.clear();
        for ModelFacts { name, version, kind, items, served_items, bytes } in models {
            let of_name = vec![("name", name.clone())];
            let mut of_version = of_name.clone();
            of_version.push(("version", version.clone()));
            self.model_bytes.get_or_create(&of_version).set(*bytes as i64);
            of_version.push(("kind", kind.clone()));
            self.models.get_or_create(&of_version).set(1);
            self.catalogue.get_or_create(&of_name).set(*items as i64);
            self.served.get_or_create(&of_name).set(*served_items as i64);
            self.coverage.get_or_create(&of_name).set(*served_items as f64 / (*items).max(1) as f64);
        }
    }

    /// What the store of live events holds.
    pub(in crate::serve) fn set_events(&self, stored: u64, bytes: u64, file_bytes: u64) {
        self.events.set(stored as i64);
        self.event_bytes.set(bytes as i64);
        self.event_file_bytes.set(file_bytes as i64);
    }

    /// Memory of the events that wait to be written.
    pub(in crate::serve) fn set_events_waiting(&self, bytes: usize) {
        self.events_waiting.set(bytes as i64);
    }

    /// Events were made durable.
    pub(in crate::serve) fn event_commit(&self, took: Duration) {
        self.event_commit.observe(took.as_secs_f64());
    }

    /// All of it in the text format of OpenMetrics, which Prometheus reads.
    pub(super) fn text(&self) -> String {
        if let Some(usage) = process::usage() {
            self.memory.set(usage.resident_bytes as i64);
            self.files.set(usage.open_files as i64);
            self.cpu.inner().store(usage.cpu_seconds.to_bits(), std::sync::atomic::Ordering::Relaxed);
        }
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
