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
    /// Weights of the items of --history, or their ratings, which models of ratings need [default: 1 each]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', requires = "history")]
    pub weights: Vec<f32>,
}

/// What a list should be like.
#[derive(Debug, Default, PartialEq, Args)]
pub struct Wishes {
    /// List only items that meet a condition on their attributes, such as `category = "Yoga" and price < 20`;
    /// `foldin inspect` shows the attributes
    #[arg(long, value_name = "CONDITION")]
    pub filter: Option<String>,
    /// Item ids not to list, separated by commas
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Item ids that describe the moment: folded in, but not part of the history
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub context: Vec<String>,
    /// Item ids to stay away from
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub negative: Vec<String>,
    /// How much --negative counts, 0 to 10 [default: 0.5]
    #[arg(long, value_name = "X", requires = "negative")]
    pub negative_strength: Option<f32>,
    /// List no item with a lower score
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub min_score: Option<f32>,
    /// Trade relevance for variety, 0 to 1
    #[arg(long, value_name = "X")]
    pub diversity: Option<f32>,
    /// How far popularity counts against an item, 0 to 1
    #[arg(long, value_name = "X")]
    pub popularity_damping: Option<f32>,
    /// List a draw from the model's uncertainty (mult-vae, rec-vae), and how probable each item was; the same seed, the same list
    #[arg(long, value_name = "SEED")]
    pub explore: Option<u64>,
    /// Attributes to show, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub attributes: Vec<String>,
    /// Show the K items of the history that speak most for each item, 1 to 10
    #[arg(long, value_name = "K", default_value_t = 0, hide_default_value = true)]
    pub explain: u32,
    /// Fill a short list up with popular items
    #[arg(long)]
    pub fill: bool,
}

impl Wishes {
    /// True when there is any.
    #[must_use]
    pub fn given(&self) -> bool {
        *self != Self::default()
    }
}

const RECOMMEND_EXAMPLES: &str = "\
An output of --all into a directory that was interrupted goes on when the same command is given again.

Examples:
  foldin recommend model --user-id u000083
  foldin recommend model --history i00012,i00345 -n 5 --json
  foldin recommend model --user-id u000083 --filter 'price<20' --attributes category,price --explain 2
  foldin recommend model --user-id u000083 --diversity 0.3 --popularity-damping 0.2 --negative i00012
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
    /// What the list should be like.
    #[command(flatten)]
    pub wishes: Wishes,
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
  foldin query --user-id u000083 --filter 'price<20' --explore 7 --fill
  foldin query --server recommend.example.com:50051 --tls-ca ca.pem --token-file token --user-id u000083")]
pub struct Query {
    /// Where to ask.
    #[command(flatten)]
    pub server: ServerFlags,
    /// The model to ask, where the server has several [default: the server's default]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// For whom.
    #[command(flatten)]
    pub subject: Subject,
    /// Items a list
    #[arg(short, value_name = "N", default_value = "10")]
    pub n: std::num::NonZeroUsize,
    /// List items of the history too
    #[arg(long)]
    pub include_seen: bool,
    /// What the list should be like.
    #[command(flatten)]
    pub wishes: Wishes,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}
