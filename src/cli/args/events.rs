//! Flags of live events: where a server keeps them, and the commands for their store.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where a server records live events.
#[derive(Debug, Args)]
pub struct EventFlags {
    /// Record events, durably, in a store in this directory, and fold them in with the next answer; made where there is
    /// none
    #[arg(long, value_name = "DIR", help_heading = "Live events")]
    pub(super) events: Option<String>,
    /// Bytes that the events may take; more are refused [default: 4294967296]
    #[arg(long, value_name = "BYTES", help_heading = "Live events")]
    pub(super) events_max_bytes: Option<String>,
    /// Live events kept of one user; more are refused [default: 10000]
    #[arg(long, value_name = "N", help_heading = "Live events")]
    pub(super) events_per_user: Option<String>,
}

/// `foldin events`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin events stats --events events
  foldin events export --events events --model model --out log/live-1.parquet

Export, stats and backup also work while a server uses the store; for the others it has to be stopped.")]
pub struct Events {
    /// What to do.
    #[command(subcommand)]
    pub command: EventsCommand,
}

/// The commands for a store of events.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Write the live events that a model has not seen as Parquet, for the log of the next training
    Export(ExportEvents),
    /// Show what is in the store
    Stats(StoreOfEvents),
    /// Copy the store; the copy is a store that a server can be started with
    Backup(BackupEvents),
    /// Delete events that are part of every model that may ever be served again
    Trim(TrimEvents),
    /// Give free pages of the file back to the file system
    Compact(CompactEvents),
    /// Make a damaged store usable again, and say what was lost
    Repair(RepairEvents),
}

/// `foldin events stats`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin events stats --events events
  foldin events stats --events events --json")]
pub struct StoreOfEvents {
    /// Directory of the store
    #[arg(long, value_name = "DIR")]
    pub events: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `foldin events compact`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin events compact --events events")]
pub struct CompactEvents {
    /// The store.
    #[command(flatten)]
    pub store: StoreOfEvents,
}

/// `foldin events repair`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin events repair --events events")]
pub struct RepairEvents {
    /// The store.
    #[command(flatten)]
    pub store: StoreOfEvents,
}

/// `foldin events backup`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin events backup --events events --out backup/events
  foldin serve model --events backup/events")]
pub struct BackupEvents {
    /// The store.
    #[command(flatten)]
    pub store: StoreOfEvents,
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace an earlier backup
    #[arg(long)]
    pub force: bool,
}

/// `foldin events trim`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin events trim --events events --through 250000

`foldin inspect MODEL` and `foldin train` say up to which number events are part of a model. Trim up to the
smallest of the models that may be served again: going back to an older one would lose the events between.")]
pub struct TrimEvents {
    /// The store.
    #[command(flatten)]
    pub store: StoreOfEvents,
    /// Number of the last event to delete
    #[arg(long, value_name = "N")]
    pub through: u64,
}

/// `foldin events export`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin events export --events events --model model --out log/live-1.parquet
  foldin train log --out next-model

The file has the columns, types and units that the model's log rules name, so put it beside the files of the log.
It also says, in its metadata, which events it holds and who was forgotten: `foldin train` drops the rows of those
users from all files, and the new model knows which events need not be folded in any more. Keep it as it is.")]
pub struct ExportEvents {
    /// The store.
    #[command(flatten)]
    pub store: StoreOfEvents,
    /// The model that is served: it says how the log looks, and which events it has seen
    #[arg(long, value_name = "MODEL_DIR")]
    pub model: PathBuf,
    /// Parquet file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Write the events after this number [default: those that the model has not seen]
    #[arg(long, value_name = "N")]
    pub after: Option<u64>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}
