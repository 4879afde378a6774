//! Flags of training, and the configuration that other commands share with it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::CheckpointFlags;
use crate::cli::layers::{Layer, SettingsError};
use crate::models::ModelConfig;

/// What there is to choose from.
fn models() -> String {
    format!("Model: {} [default: mult-vae]", ModelConfig::PRESETS.join(", "))
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
    /// Train even where the plan says that memory or disk do not suffice (see `foldin plan`)
    #[arg(long, help_heading = "Configuration")]
    pub ignore_memory: bool,
    #[arg(long, value_name = "NAME", help_heading = "Model", help = models())]
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
    /// How the log is read.
    #[command(flatten)]
    log: LogFlags,
}

/// Flags of commands that read a log and train nothing: how the log is read.
#[derive(Debug, Args)]
pub struct LogConfiguration {
    /// Configuration file (TOML), of which the section [log] counts here; flags override it
    #[arg(long, value_name = "FILE", help_heading = "Log")]
    config: Option<PathBuf>,
    /// Any configuration key of the log, for example --set log.duplicates=sum; may be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Log")]
    set: Vec<String>,
    /// How the log is read.
    #[command(flatten)]
    log: LogFlags,
}

/// Flags that say how the rows of a log become interactions.
#[derive(Debug, Args)]
pub struct LogFlags {
    /// Column of the user ids [default: user_id]
    #[arg(long, value_name = "COLUMN", help_heading = "Log")]
    user_column: Option<String>,
    /// Column of the item ids [default: item_id]
    #[arg(long, value_name = "COLUMN", help_heading = "Log")]
    item_column: Option<String>,
    /// Column of weights or ratings [default: none, every row weighs 1]
    #[arg(long, value_name = "COLUMN", help_heading = "Log")]
    weight_column: Option<String>,
    /// Column of the times: timestamps, dates, or whole numbers with --time-unit [default: none]
    #[arg(long, value_name = "COLUMN", help_heading = "Log")]
    time_column: Option<String>,
    /// Unit of times that are whole numbers: seconds, milliseconds, microseconds or nanoseconds
    #[arg(long, value_name = "UNIT", help_heading = "Log")]
    time_unit: Option<String>,
    /// Column of the event types [default: none, all rows are alike]
    #[arg(long, value_name = "COLUMN", help_heading = "Log")]
    event_column: Option<String>,
    /// Weight of a type of event, for example purchase=5; may be repeated, other types are dropped
    #[arg(long, value_name = "TYPE=X", help_heading = "Log")]
    event_weight: Vec<String>,
    /// Drop rows before this time (2026-01-31 or 2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", help_heading = "Log")]
    since: Option<String>,
    /// Drop rows at this time or later
    #[arg(long, value_name = "TIME", help_heading = "Log")]
    until: Option<String>,
    /// Days in which a row loses half of its weight, counted back from --as-of
    #[arg(long, value_name = "DAYS", help_heading = "Log")]
    half_life_days: Option<String>,
    /// The moment from which ages count; later rows are dropped
    #[arg(long, value_name = "TIME", help_heading = "Log")]
    as_of: Option<String>,
    /// Rows of one user and item: keep the largest weight (max, default), add them up (sum), or keep the last
    #[arg(long, value_name = "RULE", help_heading = "Log")]
    duplicates: Option<String>,
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
    /// [`SettingsError`] for an unreadable file or a malformed `--set` or `--event-weight`.
    pub fn layers(&self, command: Layer) -> Result<Vec<Layer>, SettingsError> {
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
        ] {
            flags.flag(flag, key, value.as_deref());
        }
        self.log.add_to(&mut flags)?;
        above_environment(self.config.as_deref(), [flags, command])
    }
}

impl LogConfiguration {
    /// The layers of configuration, as of [`Configuration::layers`].
    ///
    /// # Errors
    /// [`SettingsError`] for an unreadable file or a malformed `--set` or `--event-weight`.
    pub fn layers(&self, command: Layer) -> Result<Vec<Layer>, SettingsError> {
        let mut flags = Layer::default();
        self.set.iter().try_for_each(|text| flags.set(text))?;
        self.log.add_to(&mut flags)?;
        above_environment(self.config.as_deref(), [flags, command])
    }
}

impl LogFlags {
    fn add_to(&self, flags: &mut Layer) -> Result<(), SettingsError> {
        self.event_weight.iter().try_for_each(|text| flags.event_weight(text))?;
        for (flag, key, value) in [
            ("--user-column", "log.columns.user", &self.user_column),
            ("--item-column", "log.columns.item", &self.item_column),
            ("--weight-column", "log.columns.weight", &self.weight_column),
            ("--time-column", "log.columns.time", &self.time_column),
            ("--time-unit", "log.time_unit", &self.time_unit),
            ("--event-column", "log.columns.event", &self.event_column),
            ("--since", "log.since", &self.since),
            ("--until", "log.until", &self.until),
            ("--half-life-days", "log.half_life_days", &self.half_life_days),
            ("--as-of", "log.as_of", &self.as_of),
            ("--duplicates", "log.duplicates", &self.duplicates),
            ("--min-weight", "log.min_weight", &self.min_weight),
            ("--min-user-items", "log.min_user_items", &self.min_user_items),
            ("--min-item-users", "log.min_item_users", &self.min_item_users),
        ] {
            flags.flag(flag, key, value.as_deref());
        }
        Ok(())
    }
}

/// File and environment with flags above them.
pub(super) fn above_environment(config: Option<&Path>, flags: [Layer; 2]) -> Result<Vec<Layer>, SettingsError> {
    let file = config.map(Layer::from_file).transpose()?;
    let environment = Layer::from_environment(
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    );
    Ok(file.into_iter().chain([environment]).chain(flags).collect())
}

/// `foldin train`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin train log.parquet --items items.parquet --out model
  foldin train log.parquet --out model --model ease --set model.lambda=500
  foldin train ratings.parquet --weight-column rating --min-weight 4 --min-user-items 5 --out model
  foldin train log.parquet --out model --checkpoint-every 500 --resume
  foldin train newer.parquet --from model --out newer-model
  foldin train --config foldin.toml --print-config")]
pub struct Train {
    /// The log: a Parquet file, a directory of them, or a quoted pattern like 'logs/2026-*/*.parquet'
    pub log: Option<String>,
    /// Model directory to write
    #[arg(long, value_name = "DIR")]
    pub out: Option<String>,
    /// Continue this model on a newer log: its weights, matched by item id, and its configuration
    ///
    /// Unless told otherwise, the sections [model], [training] and [log] are the model's own, but for --since, --until
    /// and --as-of, a third of its epochs and patience and a fifth of its learning rate; a model that continues another
    /// one itself keeps its own of these three. A model trained with --half-life-days needs a new --as-of. Sections [input]
    /// and [validation] (--items, --all-items, the share of users held out) are not recorded in a model: give them again.
    #[arg(long, value_name = "MODEL_DIR", help_heading = "Model")]
    pub from: Option<PathBuf>,
    /// What is known of the items: Parquet with item_id, and title and any attributes
    #[arg(long, value_name = "FILE", help_heading = "Items")]
    pub items: Option<String>,
    /// Column of the item ids in --items [default: item_id]
    #[arg(long, value_name = "COLUMN", help_heading = "Items")]
    pub item_id_column: Option<String>,
    /// Column of the titles in --items [default: title]
    #[arg(long, value_name = "COLUMN", help_heading = "Items")]
    pub title_column: Option<String>,
    /// Keep items of --items that nobody has yet
    #[arg(long, help_heading = "Items")]
    pub all_items: bool,
    /// Replace an existing model directory
    #[arg(long)]
    pub force: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Stopping and going on.
    #[command(flatten)]
    pub checkpoint: CheckpointFlags,
    /// Model, training and log.
    #[command(flatten)]
    pub configuration: Configuration,
}
