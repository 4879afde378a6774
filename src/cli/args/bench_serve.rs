//! Flags of the load generator.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::AccessFlags;

/// `foldin bench-serve`
#[derive(Debug, Args)]
#[command(after_help = "\
Requests arrive as those of many people do: at random moments (a Poisson process) that do not
depend on when earlier answers came. A latency counts from the moment at which its request was due,
not from the one at which it was sent, so a server that stalls is charged with everyone who would
have waited meanwhile (latencies are corrected for coordinated omission). The service time, from the
send, stands beside it.

For whom: --histories sends histories of a log, --users asks for users whose history the server has.
Without either, histories of --history-length items are made up, from the items of --items or else
from the most popular ones that the server lists. The time of an answer depends on the length of its
history: the most telling load is a log of your own.

What is measured is server and generator together. Run the generator on another machine, or on other
cores (taskset), and trust no result that says that the generator was late.

Examples:
  foldin bench-serve
  foldin bench-serve 127.0.0.1:50051 --rate 200 --duration 60 --histories log.parquet -n 100
  foldin bench-serve --users log.parquet --rates 100,200,400,800 --objective 50 --plot latency.svg
  foldin bench-serve --rate 500 --deadline 100 --json")]
pub struct BenchServe {
    /// The server; https:// in front of it encrypts
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:50051")]
    pub server: String,
    /// How to get in.
    #[command(flatten)]
    pub access: AccessFlags,

    /// Requests a second, on average
    #[arg(long, value_name = "R", default_value_t = 100.0, help_heading = "Load")]
    pub rate: f64,
    /// Several rates, one after the other: says up to which the server keeps up
    #[arg(long, value_name = "R,…", value_delimiter = ',', conflicts_with = "rate", help_heading = "Load")]
    pub rates: Vec<f64>,
    /// Time measured, for each rate
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, help_heading = "Load")]
    pub duration: f64,
    /// Time before that in which nothing is counted
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, help_heading = "Load")]
    pub warm_up: f64,
    /// Connections, used in turn
    #[arg(long, value_name = "N", default_value_t = 8, help_heading = "Load")]
    pub connections: usize,
    /// Most requests in flight; what is due beyond that is not sent, and counted
    #[arg(long, value_name = "N", default_value_t = 1_000, help_heading = "Load")]
    pub in_flight: usize,
    /// After which a request is given up, from its send; 0: never
    #[arg(long, value_name = "MS", default_value_t = 5_000.0, help_heading = "Load")]
    pub deadline: f64,
    /// 99 of 100 requests must be answered, and 99 of 100 answers come within this time, for a rate to count as kept
    /// up with
    #[arg(long, value_name = "MS", default_value_t = 100.0, help_heading = "Load")]
    pub objective: f64,
    /// Decides when requests arrive and for whom
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Load")]
    pub seed: u64,

    /// Send histories of this log with the requests
    #[arg(long, value_name = "LOG", conflicts_with_all = ["users", "items", "history_length"], help_heading = "Requests")]
    pub histories: Option<PathBuf>,
    /// Ask for these users: a Parquet file or directory with a column of user ids (a log will do), or a text file
    /// with an id a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["items", "history_length"], help_heading = "Requests")]
    pub users: Option<PathBuf>,
    /// Make histories up of these items: a file as for --users
    #[arg(long, value_name = "FILE", help_heading = "Requests")]
    pub items: Option<PathBuf>,
    /// Items of a history that is made up
    #[arg(long, value_name = "N", default_value = "20", help_heading = "Requests")]
    pub history_length: NonZeroUsize,
    /// Column of the user ids
    #[arg(long, value_name = "NAME", default_value = "user_id", help_heading = "Requests")]
    pub user_column: String,
    /// Column of the item ids
    #[arg(long, value_name = "NAME", default_value = "item_id", help_heading = "Requests")]
    pub item_column: String,
    /// Items a list
    #[arg(short, long, value_name = "N", default_value = "10", help_heading = "Requests")]
    pub n: NonZeroUsize,
    /// The model to ask, by name [default: the server's default]
    #[arg(long, value_name = "NAME", help_heading = "Requests")]
    pub model: Option<String>,

    /// Draw latency by percentile and over time: FILE.svg
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub plot: Option<PathBuf>,
    /// Replace an existing plot
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// Print JSON instead of tables
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
