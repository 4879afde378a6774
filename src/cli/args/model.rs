//! Flags of the commands that take a model directory as it is.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::EventFlags;

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
  foldin serve model --events events
  foldin serve model --port 0 --reflection --log-format json")]
pub struct Serve {
    /// The model directory
    pub model_dir: PathBuf,
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
    /// Live events.
    #[command(flatten)]
    pub events: EventFlags,
}

/// Format of the server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}
