//! Flags of sparse codes.

use std::path::PathBuf;

use clap::Args;

/// `foldin codes`
#[derive(Debug, Args)]
#[command(after_help = "\
A coder learns to say a vector by a few of many latents, as in CompresSAE: 3 bytes a value that is kept, and
4 an item or user. What a code stands for is compared with the vector, and the items most like an item (users
most like a user) by codes with those by vectors. --coder codes the vectors of a model with a coder that is there already. The
item vectors of a compressed-elsa are codes already and are written as they are.

Examples:
  foldin codes model --out codes
  foldin codes model --out codes --kept 49 --width 2400
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
    /// Values of a code
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub kept: usize,
    /// Latents that a code chooses from
    #[arg(long, value_name = "N", default_value_t = 2048)]
    pub width: usize,
    /// Passes over the vectors
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub epochs: usize,
    /// Vectors a step
    #[arg(long, value_name = "N", default_value_t = 512)]
    pub batch_size: usize,
    /// Step size of Adam at first; it falls to a tenth
    #[arg(long, value_name = "X", default_value_t = 3e-3)]
    pub learning_rate: f32,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
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
