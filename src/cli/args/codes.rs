//! Flags of sparse codes.

use std::path::PathBuf;

use clap::Args;

use crate::codes::CoderConfig;

/// `foldin codes`
#[derive(Debug, Args)]
#[command(after_help = "\
A coder learns to say a vector by a few of many latents, as in CompresSAE: 3 bytes a value that is
kept, and 4 an item or user. What a code stands for is compared with the vector, and the items most
like an item (users most like a user) by codes with those by vectors. --coder codes the vectors of
a model with a coder that is there already. The item vectors of a compressed-elsa are codes already
and are written as they are.

Examples:
  foldin codes model --out codes
  foldin codes model --out codes --kept 65 --width 2400
  foldin codes model --users --out user-codes
  foldin codes newer-model --coder codes --out newer-codes --json")]
pub struct Codes {
    /// The model directory
    pub model_dir: PathBuf,
    /// Code the stored users, folded in, instead of the items
    #[arg(long)]
    pub users: bool,
    /// The directory to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Values of a code [default: 32]
    #[arg(long, value_name = "N")]
    pub kept: Option<usize>,
    /// Latents that a code chooses from [default: 2048]
    #[arg(long, value_name = "N")]
    pub width: Option<usize>,
    /// Passes over the vectors [default: 100]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Vectors a step [default: 512]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Step size of Adam at first; it falls to a tenth [default: 0.003]
    #[arg(long, value_name = "X")]
    pub learning_rate: Option<f32>,
    /// Seed of everything random [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Code by the coder of this directory of codes instead of a new one
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kept", "width", "epochs", "batch_size", "learning_rate", "seed"])]
    pub coder: Option<PathBuf>,
    /// Replace an existing directory of codes
    #[arg(long)]
    pub force: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

impl Codes {
    /// The coder that is to be trained.
    #[must_use]
    pub fn coder_config(&self) -> CoderConfig {
        let usual = CoderConfig::default();
        CoderConfig {
            width: self.width.unwrap_or(usual.width),
            kept: self.kept.unwrap_or(usual.kept),
            epochs: self.epochs.unwrap_or(usual.epochs),
            batch_size: self.batch_size.unwrap_or(usual.batch_size),
            learning_rate: self.learning_rate.unwrap_or(usual.learning_rate),
            seed: self.seed.unwrap_or(usual.seed),
        }
    }

    /// True when anything is said about a coder to be trained.
    #[must_use]
    pub fn describes_coder(&self) -> bool {
        let numbers = [self.width, self.kept, self.epochs, self.batch_size];
        numbers.iter().any(Option::is_some) || self.learning_rate.is_some() || self.seed.is_some()
    }
}
