//! Flags of maps.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How vectors become places in the plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Projection {
    /// t-distributed stochastic neighbour embedding: who is near to whom
    TSne,
    /// Principal components: the two directions of largest variance
    Pca,
}

/// `foldin map`
#[derive(Debug, Args)]
#[command(after_help = "\
The table has one row a point: item_id or user_id, x, y, interactions, title (of items) and colour. The plot is SVG, which
any browser shows, with the title of every point under the pointer.

Examples:
  foldin map model --plot map.svg --colour category
  foldin map model --plot map.svg --out map.parquet --colour genres --before='|'
  foldin map model --users --method pca --points 5000 --out users.parquet")]
pub struct Map {
    /// The model directory
    pub model_dir: PathBuf,
    /// Map the stored users, folded in, instead of the items
    #[arg(long)]
    pub users: bool,
    /// How vectors become places
    #[arg(long, value_enum, default_value_t = Projection::TSne)]
    pub method: Projection,
    /// How many neighbours of a point count for t-SNE [default: 30, or what the number of points allows]
    #[arg(long, value_name = "N")]
    pub perplexity: Option<f64>,
    /// Map so many points at most, drawn by --seed; t-SNE takes up to 50,000, with time as their square
    #[arg(long, value_name = "N", default_value = "10000")]
    pub points: NonZeroUsize,
    /// Draws points and start; the same seed gives the same map
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Colour by a column of the items file: numbers and times by a scale, all else by value, lists by their first one;
    /// users by what is most frequent in their histories, or by the mean. `foldin inspect` shows the columns
    #[arg(long, visible_alias = "color", value_name = "COLUMN")]
    pub colour: Option<String>,
    /// Of texts such as `Action|Drama`, take what stands before this
    #[arg(long, value_name = "TEXT", requires = "colour")]
    pub before: Option<String>,
    /// Write a table: FILE.parquet; --out, --plot or both must be given
    #[arg(long, value_name = "FILE", required_unless_present = "plot", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Draw a picture: FILE.svg
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub plot: Option<PathBuf>,
    /// Titles in the picture, those of the items with most interactions, as far as there is room for them
    #[arg(long, value_name = "N", default_value_t = 30, help_heading = "Output")]
    pub titles: usize,
    /// Replace existing files
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// Print JSON instead of text
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
