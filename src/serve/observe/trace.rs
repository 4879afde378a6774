//! One span a request, for whoever collects them; see the feature `otel`.

use std::time::Duration;

use tonic::Code;
use tonic::codegen::http::HeaderMap;
use tracing::Span;
use tracing::field::Empty;

/// The span of a request. Attributes are named as the semantic conventions of OpenTelemetry have it.
pub(in crate::serve) struct Trace(Span);

impl Trace {
    /// Begins a span; `label` is service and method.
    pub(in crate::serve) fn begin(label: &'static str, request_id: &str, headers: &HeaderMap) -> Self {
        let (service, method) = label.split_once('/').unwrap_or((label, ""));
        let span = tracing::info_span!(
            target: "foldin::trace",
            "request",
            otel.name = label,
            otel.kind = "server",
            otel.status_code = Empty,
            rpc.system = "grpc",
            rpc.service = service,
            rpc.method = method,
            rpc.grpc.status_code = Empty,
            foldin.request_id = request_id,
            foldin.tier = Empty,
            foldin.queue_ms = Empty,
            foldin.compute_ms = Empty,
        );
        continue_from(&span, headers);
        Self(span)
    }

    /// Ends the span.
    pub(in crate::serve) fn end(self, code: Code, tier: Option<&'static str>, turn: Option<(Duration, Duration)>) {
        let Self(span) = self;
        span.record("rpc.grpc.status_code", code as i32);
        // What the client did wrong is no error of the server.
        if matches!(code, Code::Unknown | Code::DeadlineExceeded | Code::Internal | Code::Unavailable | Code::DataLoss)
        {
            span.record("otel.status_code", "ERROR");
        }
        if let Some(tier) = tier {
            span.record("foldin.tier", tier);
        }
        if let Some((waited, computed)) = turn {
            span.record("foldin.queue_ms", waited.as_secs_f64() * 1e3);
            span.record("foldin.compute_ms", computed.as_secs_f64() * 1e3);
        }
    }
}

/// Makes the span part of the client's trace, if the request names one (W3C Trace Context).
#[cfg(feature = "otel")]
fn continue_from(span: &Span, headers: &HeaderMap) {
    use opentelemetry::propagation::{Extractor, TextMapPropagator};
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    struct Headers<'a>(&'a HeaderMap);

    impl Extractor for Headers<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key)?.to_str().ok()
        }

        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(|key| key.as_str()).collect()
        }
    }

    if headers.contains_key("traceparent") {
        // A span that nobody collects has no parent either.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(headers)));
    }
}

/// Nobody collects spans.
#[cfg(not(feature = "otel"))]
fn continue_from(_: &Span, _: &HeaderMap) {}
