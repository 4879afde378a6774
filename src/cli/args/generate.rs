//! Flags of the commands that make data up.

use std::path::PathBuf;

use clap::Args;

/// `foldin quickstart`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin quickstart
  foldin quickstart --serve")]
pub struct Quickstart {
    /// Where the log and the model are written; an earlier quickstart there is replaced
    #[arg(long, value_name = "DIR", default_value = "foldin-quickstart")]
    pub out: PathBuf,
    /// Size of the log: small, default or large
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub preset: String,
    /// Keep the server up and print a call to paste
    #[arg(long)]
    pub serve: bool,
}

/// `foldin generate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin generate --out data
  foldin generate --out big --preset large
  foldin generate --out tiny --users 100 --items 50 --interactions 2000 --seed 7")]
pub struct Generate {
    /// Directory to write: the log's Parquet files and items.parquet
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Named sizes that the other flags override: small, default or large [default: default]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Number of users
    #[arg(long, value_name = "N")]
    pub users: Option<u64>,
    /// Number of items
    #[arg(long, value_name = "N")]
    pub items: Option<u64>,
    /// Rows of the log
    #[arg(long, value_name = "N")]
    pub interactions: Option<u64>,
    /// The same seed gives the same log
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Replace an existing output
    #[arg(long)]
    pub force: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}
