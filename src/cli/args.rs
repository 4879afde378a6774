//! The flags as typed; nothing is resolved here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::layers::{Layer, SettingsError};
use crate::evaluation::Metric;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the run failed: disk, network, training diverged
  2  flags or configuration are wrong, or an output exists (see --force)
  3  data cannot be used: a log, titles file or model directory is missing, damaged or empty";

/// Recommendations from collaborative autoencoders: train on a Parquet log, fold any history in,
/// serve top-N lists over gRPC.
#[derive(Debug, Parser)]
#[command(name = "foldin", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Cli {
    /// Threads for computation [default: all cores]; results do not depend on it
    #[arg(long, global = true, value_name = "N", env = "FOLDIN_THREADS")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See everything work: synthetic log, training, evaluation, a gRPC server and its answers
    Quickstart(Quickstart),
    /// Write a synthetic log with titles as Parquet
    Generate(Generate),
    /// Train a model on a log and publish it as a directory
    Train(Train),
    /// Measure a model on held-out interactions, beside popularity and EASE
    Evaluate(Evaluate),
    /// Recommend items for a user, an ad hoc history, or all users into a Parquet file
    Recommend(Recommend),
    /// Show what a model directory holds and verify its checksums
    Inspect(Inspect),
    /// Serve a model directory over gRPC on the loopback interface
    Serve(Serve),
    /// Ask a running server for recommendations
    Query(Query),
}

/// `foldin quickstart`
#[derive(Debug, Args)]
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
}

/// Flags that choose and parametrise a model, shared by `train` and `evaluate`.
#[derive(Debug, Args)]
pub struct Configuration {
    /// Configuration file (TOML); environment FOLDIN_SECTION__KEY and flags override it
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Any configuration key, for example --set model.latent=64; may be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Configuration")]
    set: Vec<String>,
    /// Print the complete resolved configuration and stop
    #[arg(long, help_heading = "Configuration")]
    pub print_config: bool,
    /// Model: popularity, ease, mult-vae (default) or mult-dae
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    model: Option<String>,
    /// Seed of everything random
    #[arg(long, value_name = "N", help_heading = "Model")]
    seed: Option<String>,
    /// Passes over the training users, at most
    #[arg(long, value_name = "N", help_heading = "Model")]
    epochs: Option<String>,
    /// Users per optimiser step
    #[arg(long, value_name = "N", help_heading = "Model")]
    batch_size: Option<String>,
    /// Step size of the optimiser
    #[arg(long, value_name = "X", help_heading = "Model")]
    learning_rate: Option<String>,
    /// Validate on these histories instead of held-out users of the log
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    validation_fold_in: Option<String>,
    /// What the users of --validation-fold-in went on to
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    validation_target: Option<String>,
    /// Column of the user ids [default: user_id]
    #[arg(long, value_name = "COLUMN", help_heading = "Log")]
    user_column: Option<String>,
    /// Column of the item ids [default: item_id]
    #[arg(long, value_name = "COLUMN", help_heading = "Log")]
    item_column: Option<String>,
    /// Column of weights or ratings [default: none, every row weighs 1]
    #[arg(long, value_name = "COLUMN", help_heading = "Log")]
    weight_column: Option<String>,
    /// Drop rows below this weight (a minimum rating)
    #[arg(long, value_name = "X", help_heading = "Log")]
    min_weight: Option<String>,
    /// Drop users with fewer items
    #[arg(long, value_name = "N", help_heading = "Log")]
    min_user_items: Option<String>,
    /// Drop items with fewer users
    #[arg(long, value_name = "N", help_heading = "Log")]
    min_item_users: Option<String>,
}

impl Configuration {
    /// The layers of configuration, weakest first: file, environment, flags, and `flags` of the command itself.
    ///
    /// # Errors
    /// [`SettingsError`] for an unreadable file or a malformed `--set`.
    pub fn layers(&self, command: Layer) -> Result<Vec<Layer>, SettingsError> {
        let file = self.config.as_deref().map(Layer::from_file).transpose()?;
        let environment = Layer::from_environment(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        let mut flags = Layer::default();
        self.set.iter().try_for_each(|text| flags.set(text))?;
        for (flag, key, value) in [
            ("--model", "model.kind", &self.model),
            ("--seed", "training.seed", &self.seed),
            ("--epochs", "training.epochs", &self.epochs),
            ("--batch-size", "training.batch_size", &self.batch_size),
            ("--learning-rate", "training.learning_rate", &self.learning_rate),
            ("--validation-fold-in", "validation.fold_in", &self.validation_fold_in),
            ("--validation-target", "validation.target", &self.validation_target),
            ("--user-column", "log.columns.user", &self.user_column),
            ("--item-column", "log.columns.item", &self.item_column),
            ("--weight-column", "log.columns.weight", &self.weight_column),
            ("--min-weight", "log.min_weight", &self.min_weight),
            ("--min-user-items", "log.min_user_items", &self.min_user_items),
            ("--min-item-users", "log.min_item_users", &self.min_item_users),
        ] {
            flags.flag(flag, key, value.as_deref());
        }
        Ok(file.into_iter().chain([environment, flags, command]).collect())
    }
}

/// `foldin train`
#[derive(Debug, Args)]
pub struct Train {
    /// The log: a Parquet file or a directory of them
    pub log: Option<String>,
    /// Model directory to write
    #[arg(long, value_name = "DIR")]
    pub out: Option<String>,
    /// Parquet file with columns item_id and title
    #[arg(long, value_name = "FILE")]
    pub items: Option<String>,
    /// Replace an existing model directory
    #[arg(long)]
    pub force: bool,
    /// Model, training and log.
    #[command(flatten)]
    pub configuration: Configuration,
}

/// `foldin evaluate`
#[derive(Debug, Args)]
#[command(after_help = "\
Protocols:
  strong generalisation, own split    --train LOG
  strong generalisation, given files  --train LOG --fold-in FILE --target FILE
  weak generalisation, given files    --train LOG --test FILE
A published model takes the place of --train: MODEL --fold-in … --target …, MODEL --test …, or
MODEL --log LOG to split the histories of those users in LOG that the model was not trained on.")]
pub struct Evaluate {
    /// A model directory; without it a model is trained on --train
    #[arg(conflicts_with = "train")]
    pub model_dir: Option<PathBuf>,
    /// Log to train on
    #[arg(long, value_name = "LOG", help_heading = "Data")]
    pub train: Option<String>,
    /// Log of users the model directory was not trained on
    #[arg(long, value_name = "LOG", help_heading = "Data", requires = "model_dir", conflicts_with_all = ["fold_in", "test"])]
    pub log: Option<PathBuf>,
    /// Strong generalisation: histories of users outside the training log
    #[arg(long, value_name = "FILE", help_heading = "Data", requires = "target")]
    pub fold_in: Option<PathBuf>,
    /// Strong generalisation: what the users of --fold-in went on to
    #[arg(long, value_name = "FILE", help_heading = "Data", requires = "fold_in")]
    pub target: Option<PathBuf>,
    /// Weak generalisation: what the users of the training log went on to
    #[arg(long, value_name = "FILE", help_heading = "Data", conflicts_with = "fold_in")]
    pub test: Option<PathBuf>,
    /// Own split: users held out of training [default: a tenth, at most 1,000]
    #[arg(long, value_name = "N", help_heading = "Data", conflicts_with_all = ["fold_in", "test", "model_dir"])]
    pub held_out_users: Option<std::num::NonZeroUsize>,
    /// Metrics with cutoffs: recall@k, capped_recall@k, ndcg@k
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "ndcg@100,capped_recall@20,capped_recall@50"
    )]
    pub metrics: Vec<Metric>,
    /// Models to show beside
    #[arg(long, value_enum, default_value_t = Baselines::Ease)]
    pub baselines: Baselines,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Model, training and log.
    #[command(flatten)]
    pub configuration: Configuration,
}

/// What stands beside the evaluated model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Baselines {
    /// Popularity only
    Popularity,
    /// Popularity, and EASE where its memory fits
    Ease,
}

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

/// `foldin inspect`
#[derive(Debug, Args)]
pub struct Inspect {
    /// The model directory
    pub model_dir: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `foldin serve`
#[derive(Debug, Args)]
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
}

/// Format of the server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// `foldin query`
#[derive(Debug, Args)]
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_commands_of_the_readme_exist() {
        let lines = include_str!("../../README.md").lines();
        let commands: Vec<&str> = lines.filter(|line| line.starts_with("foldin ")).collect();
        assert!(commands.len() > 5, "only {} commands found", commands.len());
        for command in commands {
            if let Err(error) = Cli::try_parse_from(command.split_whitespace()) {
                panic!("{command}\n{error}");
            }
        }
    }
}
