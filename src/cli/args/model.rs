//! Flags of the commands that take a model directory as it is.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ServeFlags;

/// `foldin inspect`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin inspect model
  foldin inspect model --json")]
pub struct Inspect {
    /// The model directory
    pub model_dir: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `foldin serve`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin serve model
  foldin serve model --port 0 --reflection --log-format json
  foldin serve model --events events
  foldin serve model --address 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --tokens tokens.toml
  foldin serve --registry models --events events
  foldin serve --registry models --model films --model books --default films

SIGTERM or Ctrl-C: health says no, requests are accepted for --lame-duck, those in flight have --drain to finish.
Ctrl-C twice: ends at once.")]
pub struct Serve {
    /// The model directory, served under the name `default`
    #[arg(required_unless_present_any = ["registry", "print_config"], conflicts_with = "registry")]
    pub model_dir: Option<PathBuf>,
    /// Serve the promoted versions of a directory of published models
    #[arg(long, value_name = "DIR")]
    pub registry: Option<PathBuf>,
    /// A model of the registry to serve; repeat for several [default: all with a promoted version]
    #[arg(long, value_name = "NAME", requires = "registry")]
    pub model: Vec<String>,
    /// The model for requests that name none [default: the first to be served]
    #[arg(long, value_name = "NAME", requires = "registry")]
    pub default: Option<String>,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Send a span a request to this OpenTelemetry collector (OTLP over gRPC), for example http://127.0.0.1:4317
    #[cfg(feature = "otel")]
    #[arg(long, value_name = "URL")]
    pub otlp: Option<String>,
    /// Addresses, protection, live events, limits and times.
    #[command(flatten)]
    pub settings: ServeFlags,
}

/// Format of the server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}
