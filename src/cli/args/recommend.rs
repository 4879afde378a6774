//! Flags of the commands that recommend.

use std::path::PathBuf;

use clap::Args;

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

/// `foldin recommend`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin recommend model --user-id u000083
  foldin recommend model --history i00012,i00345 -n 5 --json
  foldin recommend model --all --out recommendations.parquet")]
pub struct Recommend {
    /// The model directory
    pub model_dir: PathBuf,
    /// For whom.
    #[command(flatten)]
    pub subject: Subject,
    /// Every user of the training log; needs --out
    #[arg(long, conflicts_with_all = ["user_id", "history"], requires = "out")]
    pub all: bool,
    /// Parquet file for --all: user_id, rank, item_id, score, title
    #[arg(long, value_name = "FILE", requires = "all")]
    pub out: Option<PathBuf>,
    /// Items a list
    #[arg(short, value_name = "N", default_value = "10")]
    pub n: std::num::NonZeroUsize,
    /// List items of the history too
    #[arg(long)]
    pub include_seen: bool,
    /// Print JSON instead of a table
    #[arg(long, conflicts_with = "all")]
    pub json: bool,
    /// Replace an existing output
    #[arg(long, requires = "all")]
    pub force: bool,
}

/// `foldin query`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin query --user-id u000083
  foldin query --server 127.0.0.1:50051 --history i00012,i00345 -n 5 --json")]
pub struct Query {
    /// The server
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50051")]
    pub server: String,
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
