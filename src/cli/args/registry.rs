//! Flags of the commands about versions of models.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::AccessFlags;

/// `foldin publish`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin publish model --registry models --name films
  foldin publish model --registry models --name films --promote --table exact")]
pub struct Publish {
    /// The model directory
    pub model_dir: PathBuf,
    /// Directory of published models; made if need be
    #[arg(long, value_name = "DIR")]
    pub registry: PathBuf,
    /// Name of the model; its versions stand side by side under it
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Let this version answer from now on; a server that is running is told by `foldin promote --server`
    #[arg(long)]
    pub promote: bool,
    /// How servers hold the item table in memory
    #[arg(long, value_enum, default_value_t = Table::Auto)]
    pub table: Table,
    /// Least share of the exact 100 best that a narrow table must list
    #[arg(long, value_name = "X", default_value_t = 0.99)]
    pub min_overlap: f64,
    /// Largest loss of NDCG@100 by a narrow table
    #[arg(long, value_name = "X", default_value_t = 0.001)]
    pub max_ndcg_loss: f64,
    /// Users compared, spread over those with a history
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub compare_users: usize,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// How an item table is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// The narrowest that stays within the tolerance
    Auto,
    /// Eight-bit integers; refused beyond the tolerance
    Int8,
    /// Half-precision floats; refused beyond the tolerance
    F16,
    /// As trained: every item is scored exactly
    Exact,
}

/// `foldin models`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin models --registry models
  foldin models --server 127.0.0.1:50051 --json
  foldin models --server https://recommend.example.com:50051 --token-file admin.token")]
pub struct Models {
    #[command(flatten)]
    pub at: At,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `foldin promote`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin promote films 3f2a9c417b60 --server 127.0.0.1:50051
  foldin promote films 3f2a9c417b60 --registry models")]
pub struct Promote {
    /// Name of the model
    pub name: String,
    /// The version that is to answer
    pub version: String,
    #[command(flatten)]
    pub at: At,
}

/// `foldin rollback`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin rollback films --server 127.0.0.1:50051
  foldin rollback films --registry models")]
pub struct Rollback {
    /// Name of the model
    pub name: String,
    #[command(flatten)]
    pub at: At,
}

/// `foldin unpublish`
#[derive(Debug, Args)]
#[command(after_help = "\
The version that answers stays; promote another one first. Live events that only this version did not
know yet are no longer kept for it.

Examples:
  foldin unpublish films 3f2a9c417b60 --registry models
  foldin unpublish films 3f2a9c417b60 --registry models --force")]
pub struct Unpublish {
    /// Name of the model
    pub name: String,
    /// The version that leaves
    pub version: String,
    /// The registry on disk
    #[arg(long, value_name = "DIR")]
    pub registry: PathBuf,
    /// Remove a version that answered before, so that no rollback comes to it any more
    #[arg(long)]
    pub force: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// A running server and how to get in, or the registry on disk.
#[derive(Debug, Args)]
pub struct At {
    /// Where.
    #[command(flatten)]
    pub place: Place,
    /// How to get in.
    #[command(flatten)]
    pub access: AccessFlags,
}

/// A running server, or the registry on disk.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Place {
    /// Ask a running server, which changes over without a failed request; https:// in front of it encrypts
    #[arg(long, value_name = "HOST:PORT")]
    pub server: Option<String>,
    /// Use the registry on disk; servers find the change when they start
    #[arg(long, value_name = "DIR")]
    pub registry: Option<PathBuf>,
}

impl At {
    /// The server and how to get in, or the registry.
    #[must_use]
    pub fn side(&self) -> Side<'_> {
        match (&self.place.server, &self.place.registry) {
            (Some(server), _) => Side::Server(server, &self.access),
            // One of the two is there.
            (None, registry) => Side::Registry(registry.as_deref().unwrap_or(Path::new("."))),
        }
    }
}

/// Which of the two.
#[derive(Clone, Copy, Debug)]
pub enum Side<'a> {
    /// A running server.
    Server(&'a str, &'a AccessFlags),
    /// The registry on disk.
    Registry(&'a Path),
}
