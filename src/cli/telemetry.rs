//! Where log lines and spans of a server go.

use std::io::IsTerminal;

use anyhow::Result;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::args::{LogFormat, Serve};

/// Sends what is left when dropped.
pub struct Telemetry {
    #[cfg(feature = "otel")]
    spans: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

/// Log lines go to standard error; `RUST_LOG` chooses which, `info` by default. Spans go to the collector, if one
/// is named; the runtime must be entered, because it sends them.
///
/// # Errors
/// The collector's address is malformed.
pub fn start(args: &Serve) -> Result<Telemetry> {
    // Spans are not for lines; where nobody wants them they are not even made.
    let filter = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| "info".into());
    let filter = EnvFilter::new(format!("{filter},foldin::trace=off"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match args.log_format {
        LogFormat::Text => Box::new(lines.with_ansi(std::io::stderr().is_terminal()).with_filter(filter)),
        LogFormat::Json => Box::new(lines.json().with_filter(filter)),
    };
    let registry = tracing_subscriber::registry().with(lines);
    #[cfg(feature = "otel")]
    {
        let spans = args.otlp.as_deref().map(exporter).transpose()?;
        let layer = spans.as_ref().map(|provider| {
            use opentelemetry::trace::TracerProvider;
            // Nothing but the spans of requests.
            let ours = tracing_subscriber::filter::Targets::new().with_target("foldin::trace", tracing::Level::INFO);
            tracing_opentelemetry::layer().with_tracer(provider.tracer("foldin")).with_filter(ours)
        });
        registry.with(layer).init();
        Ok(Telemetry { spans })
    }
    #[cfg(not(feature = "otel"))]
    {
        registry.init();
        Ok(Telemetry {})
    }
}

#[cfg(feature = "otel")]
fn exporter(address: &str) -> Result<opentelemetry_sdk::trace::SdkTracerProvider> {
    use opentelemetry_otlp::WithExportConfig;

    use super::exit::Configuration;

    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(address)
        .build()
        .map_err(|error| Configuration(format!("--otlp {address}: {error}")))?;
    let resource = opentelemetry_sdk::Resource::builder()
        .with_service_name("foldin")
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

#[cfg(feature = "otel")]
impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(spans) = &self.spans
            && let Err(error) = spans.shutdown()
        {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}
