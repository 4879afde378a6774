//! Flags of the commands for public datasets.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `foldin datasets`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin datasets list
  foldin datasets get ml-1m")]
pub struct Datasets {
    /// What to do.
    #[command(subcommand)]
    pub command: DatasetsCommand,
}

/// The commands for public datasets.
#[derive(Debug, Subcommand)]
pub enum DatasetsCommand {
    /// List the datasets: size, licence and published protocol
    List(ListDatasets),
    /// Download a dataset, after its licence is accepted, and convert it to Parquet
    Get(GetDataset),
}

/// `foldin datasets list`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin datasets list
  foldin datasets list --json")]
pub struct ListDatasets {
    /// Print the complete manifests as JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// `foldin datasets get`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin datasets get ml-1m
  foldin datasets get ml-20m --out data/ml-20m --accept-licence
  foldin datasets get ml-1m --from ~/Downloads/ml-1m.zip
  foldin datasets get gowalla --url https://mirror.example.org/gowalla/

The tables are interactions.parquet and items.parquet, or train.parquet and test.parquet where the
split is given. An interrupted download goes on where it stopped when the same command is run again.
A proxy is taken from HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, with exceptions in NO_PROXY.")]
pub struct GetDataset {
    /// The dataset; see `foldin datasets list`
    pub name: String,
    /// Directory to write [default: the name of the dataset]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Accept the licence without being asked
    #[arg(long, short = 'y', visible_aliases = ["accept-license", "yes"])]
    pub accept_licence: bool,
    /// Convert a local copy, a file or the directory that holds the files, and download nothing
    #[arg(long, value_name = "PATH", conflicts_with = "url")]
    pub from: Option<PathBuf>,
    /// Download from a mirror: the file, or a directory of the files when it ends with `/`
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Attempts after a failed one before giving up
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub retries: u32,
    /// Seconds to wait for a server that does not answer
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub timeout: std::num::NonZeroU64,
    /// Replace an earlier copy of a dataset
    #[arg(long)]
    pub force: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}
