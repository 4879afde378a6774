//! Flags of blending.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

/// `foldin blend`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("how").required(true).args(["weights", "fit"])), after_help = "\
The scores of each model are standardised user by user, so that a weight is a share of the spread
of the scores. Users, histories, items and their attributes are those of the first model.

--fit looks for the weights with the best NDCG@100 in steps of a fortieth: from equal weights, weight
is moved from one model to another where that gains the most, in ever smaller steps. It measures on
users that none of the models was trained on, or on --fold-in and --target; on no more than --users
of them, drawn by --seed.

Examples:
  foldin blend ease low-pass --weights 0.6,0.4 --out blend
  foldin blend ease mult-vae --fit --out blend
  foldin blend ease gf-cf --fit --fold-in in.parquet --target out.parquet --out blend --json")]
pub struct Blend {
    /// Model directories of one catalogue, at least two
    #[arg(required = true, value_name = "MODEL", num_args = 1..)]
    pub models: Vec<PathBuf>,
    /// The model directory to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// A weight for each model, in their order
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    pub weights: Vec<f32>,
    /// Find the weights on validation users
    #[arg(long)]
    pub fit: bool,
    /// Histories of users to find the weights on
    #[arg(long, value_name = "FILE", requires_all = ["target", "fit"])]
    pub fold_in: Option<PathBuf>,
    /// What the users of --fold-in went on to
    #[arg(long, value_name = "FILE", requires = "fold_in")]
    pub target: Option<PathBuf>,
    /// Most users that weights are found on
    #[arg(long, value_name = "N", default_value = "1000", requires = "fit")]
    pub users: std::num::NonZeroUsize,
    /// Which users, and which of their items are to be found
    #[arg(long, value_name = "N", default_value_t = 1, requires = "fit")]
    pub seed: u64,
    /// Blend models of the same items that were trained on different logs
    #[arg(long)]
    pub mixed_data: bool,
    /// Replace an existing model directory
    #[arg(long)]
    pub force: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}
