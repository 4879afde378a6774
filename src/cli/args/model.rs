//! Flags of the commands that take a model directory as it is.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
  foldin serve --registry models
  foldin serve --registry models --model films --model books --default films")]
pub struct Serve {
    /// The model directory, served under the name `default`
    #[arg(required_unless_present = "registry", conflicts_with = "registry")]
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
    /// Address to listen on; loopback only
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub address: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 50051)]
    pub port: u16,
    /// Answer gRPC reflection, for generic clients
    #[arg(long)]
    pub reflection: bool,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// Format of the server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}
