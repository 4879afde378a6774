//! Flags of the commands that write for many users at once.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::interactions::Timestamp;

/// Which users, with which histories.
#[derive(Debug, Args)]
pub struct Whose {
    /// Only these users: a Parquet file (or directory of them) with their ids, in a column named as in the log
    #[arg(long, value_name = "FILE", help_heading = "Users")]
    pub users: Option<PathBuf>,
    /// Fold in the histories of this log (a Parquet file or a directory of them) instead of the stored ones; its
    /// rows become histories by the rules that the model was trained with
    #[arg(long, value_name = "LOG", help_heading = "Users")]
    pub logs: Option<PathBuf>,
    /// Column of the user ids, in LOG and FILE [default: as in the training log]
    #[arg(long, value_name = "COLUMN", help_heading = "Users")]
    pub user_column: Option<String>,
    /// Column of the item ids [default: as in the training log]
    #[arg(long, value_name = "COLUMN", requires = "logs", help_heading = "Users")]
    pub item_column: Option<String>,
    /// Column of weights or ratings [default: as in the training log]
    #[arg(long, value_name = "COLUMN", requires = "logs", help_heading = "Users")]
    pub weight_column: Option<String>,
    /// Column of times [default: as in the training log]
    #[arg(long, value_name = "COLUMN", requires = "logs", help_heading = "Users")]
    pub time_column: Option<String>,
    /// Unit of times that are whole numbers, none for a column of timestamps [default: as in the training log]
    #[arg(long, value_enum, value_name = "UNIT", requires = "logs", help_heading = "Users")]
    pub time_unit: Option<Unit>,
    /// Column of event types [default: as in the training log]
    #[arg(long, value_name = "COLUMN", requires = "logs", help_heading = "Users")]
    pub event_column: Option<String>,
    /// Drop rows of LOG before this moment [default: none]
    #[arg(long, value_name = "TIME", requires = "logs", help_heading = "Users")]
    pub since: Option<Timestamp>,
    /// Drop rows of LOG at this moment or later [default: none]
    #[arg(long, value_name = "TIME", requires = "logs", help_heading = "Users")]
    pub until: Option<Timestamp>,
    /// The moment from which ages count, where the model was trained with a half-life [default: as in training]
    #[arg(long, value_name = "TIME", requires = "logs", help_heading = "Users")]
    pub as_of: Option<Timestamp>,
}

/// Unit of times in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Unit {
    /// Timestamps and dates, which have their own
    None,
    /// Seconds since 1970
    Seconds,
    /// Milliseconds
    Milliseconds,
    /// Microseconds
    Microseconds,
    /// Nanoseconds
    Nanoseconds,
}

/// How a long output is divided and what may be replaced.
#[derive(Debug, Args)]
pub struct Shards {
    /// Users (or items) a file, when the output is a directory; where files begin depends on nothing else
    #[arg(long, value_name = "N", help_heading = "Output")]
    pub shard_users: Option<NonZeroUsize>,
    /// Replace an existing output; drop an unfinished one that was begun otherwise
    #[arg(long, help_heading = "Output")]
    pub force: bool,
}

impl Whose {
    /// True when any users are chosen.
    #[must_use]
    pub fn given(&self) -> bool {
        self.users.is_some() || self.logs.is_some() || self.user_column.is_some()
    }
}

impl Shards {
    /// True when anything is stated.
    #[must_use]
    pub fn given(&self) -> bool {
        self.force || self.shard_users.is_some()
    }
}

impl Encoding {
    /// True when anything is stated.
    #[must_use]
    pub fn given(&self) -> bool {
        self.format.is_some() || self.dtype.is_some()
    }
}

/// How vectors are written.
#[derive(Debug, Args)]
pub struct Encoding {
    /// File format [default: by the extension of --out, otherwise parquet]
    #[arg(long, value_enum, help_heading = "Output")]
    pub format: Option<Format>,
    /// Element type: f16 takes half the space and keeps about three digits [default: f32]
    #[arg(long, value_enum, help_heading = "Output")]
    pub dtype: Option<Dtype>,
}

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Parquet: id and embedding, a list of fixed size
    Parquet,
    /// Arrow IPC file (Feather), with the same columns
    Arrow,
    /// NumPy array, ids in a Parquet file beside it
    Npy,
    /// safetensors, ids in a Parquet file beside it
    Safetensors,
}

/// An element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dtype {
    /// Single precision
    F32,
    /// Half precision
    F16,
}

/// Files of embeddings: which, where and how.
#[derive(Debug, Args)]
pub struct EmbeddingFiles {
    /// How vectors are written.
    #[command(flatten)]
    pub encoding: Encoding,
    /// How the output is divided.
    #[command(flatten)]
    pub shards: Shards,
    /// Which users.
    #[command(flatten)]
    pub whose: Whose,
    /// Also say how uncertain the model is of each coordinate of a user, as a variance; in files a table of their own,
    /// `variances`. For variational models
    #[arg(long)]
    pub variances: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Which embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Of users
    Users,
    /// Of items
    Items,
    /// Of both; they may live in different spaces
    Both,
}

const EXPORT_EXAMPLES: &str = "\
Where it goes: a name that ends in .parquet or .arrow is one file, any other a directory of shards with a
manifest.json. An export into a directory that was interrupted goes on when the same command is given again.

Examples:
  foldin export model --out users.parquet
  foldin export model --what items --out items.arrow --dtype f16
  foldin export model --what both --format npy --out embeddings
  foldin export model --variances --out users-and-variances
  foldin export model --users ids.parquet --out some.parquet
  foldin export model --logs new-log.parquet --out new-users.parquet";

/// `foldin export`
#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub struct Export {
    /// The model directory
    pub model_dir: PathBuf,
    /// Whose embeddings
    #[arg(long, value_enum, default_value_t = What::Users)]
    pub what: What,
    /// File or directory to write
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// How it is written.
    #[command(flatten)]
    pub files: EmbeddingFiles,
}

const EMBED_EXAMPLES: &str = "\
Examples:
  foldin embed model --history i00012,i00345
  foldin embed model --history i00012,i00345 --variances --json
  foldin embed model --logs new-log.parquet --out new-users.parquet";

/// `foldin embed`
#[derive(Debug, Args)]
#[command(after_help = EMBED_EXAMPLES)]
pub struct Embed {
    /// The model directory
    pub model_dir: PathBuf,
    /// Item ids, separated by commas: one history, whose vector is printed
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with_all = ["logs", "users", "out"])]
    pub history: Vec<String>,
    /// Weights of the items of --history, or their ratings, which models of ratings need [default: 1 each]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', requires = "history")]
    pub weights: Vec<f32>,
    /// File or directory to write, for --logs; named as for `foldin export`
    #[arg(long, value_name = "PATH", requires = "logs")]
    pub out: Option<PathBuf>,
    /// How it is written.
    #[command(flatten)]
    pub files: EmbeddingFiles,
}
