//! Flags of the commands that recommend.

use std::path::PathBuf;

use clap::Args;

use super::ServerFlags;
use super::export::{Shards, Whose};

/// Whom to recommend for: a stored user, an ad hoc history, or both (the history is added).
#[derive(Debug, Args)]
pub struct Subject {
    /// A user of the training log
    #[arg(long, value_name = "ID")]
    pub user_id: Option<String>,
    /// Item ids, separated by commas; a history never stored anywhere
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub history: Vec<String>,
}

const RECOMMEND_EXAMPLES: &str = "\
An output of --all into a directory that was interrupted goes on when the same command is given again.

Examples:
  foldin recommend model --user-id u000083
  foldin recommend model --history i00012,i00345 -n 5 --json
  foldin recommend model --all --out recommendations.parquet
  foldin recommend model --all --users ids.parquet --out some.parquet
  foldin recommend model --all --logs new-log.parquet --out recommendations";

/// `foldin recommend`
#[derive(Debug, Args)]
#[command(after_help = RECOMMEND_EXAMPLES)]
pub struct Recommend {
    /// The model directory
    pub model_dir: PathBuf,
    /// For whom.
    #[command(flatten)]
    pub subject: Subject,
    /// Every user; needs --out
    #[arg(long, conflicts_with_all = ["user_id", "history"], requires = "out")]
    pub all: bool,
    /// Where the lists of --all go, as Parquet with user_id, rank, item_id, score, title: one file when the name
    /// ends in .parquet, otherwise a directory of shards
    #[arg(long, value_name = "PATH", requires = "all")]
    pub out: Option<PathBuf>,
    /// Items a list
    #[arg(short, value_name = "N", default_value = "10")]
    pub n: std::num::NonZeroUsize,
    /// List items of the history too
    #[arg(long)]
    pub include_seen: bool,
    /// Print JSON instead of a table; with --all, the manifest
    #[arg(long)]
    pub json: bool,
    /// How the output of --all is divided.
    #[command(flatten)]
    pub shards: Shards,
    /// Which users --all means.
    #[command(flatten)]
    pub whose: Whose,
}

/// `foldin query`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin query --user-id u000083
  foldin query --server 127.0.0.1:50051 --history i00012,i00345 -n 5 --json
  foldin query --server recommend.example.com:50051 --tls-ca ca.pem --token-file token --user-id u000083")]
pub struct Query {
    /// Where to ask.
    #[command(flatten)]
    pub server: ServerFlags,
    /// For whom.
    #[command(flatten)]
    pub subject: Subject,
    /// Items a list
    #[arg(short, value_name = "N", default_value = "10")]
    pub n: std::num::NonZeroUsize,
    /// List items of the history too
    #[arg(long)]
    pub include_seen: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}
