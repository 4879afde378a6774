//! Measures what the figures need from inside the process, and prints one JSON object, with the peak memory of the process.
//!
//! `cargo bench --bench measure -- step --data DIR` (`--help` lists the measurements).

mod closed_form;
mod data;
mod events;
mod grpc;
mod kernels;
mod large_table;
mod limits;
mod long_history;
mod read;
mod serve;
mod step;
mod swaps;
mod times;

#[path = "../synthetic/interactions.rs"]
mod interactions;
#[path = "../synthetic/values.rs"]
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Measurements from inside the process; each prints one JSON object.
#[derive(Parser)]
#[command(name = "measure")]
struct Cli {
    /// Given by `cargo bench` to every bench; of no effect.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    measurement: Option<Measurement>,
}

/// Whose histories are used.
#[derive(Args)]
struct Source {
    /// Folder with a `train.parquet`; without it 20,000 made-up users of 10,000 items
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Source {
    fn load(&self) -> anyhow::Result<data::Data> {
        data::load(self.data.as_deref())
    }
}

#[derive(Subcommand)]
enum Measurement {
    /// What the machine can do at most: multiply-adds, memory reads and copies a second
    Limits {
        /// Threads of the second measurement; the first has one
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// A Parquet log to interactions
    Read {
        /// The log
        #[arg(long)]
        log: PathBuf,
        /// Column of the user ids
        #[arg(long, default_value = "user_id")]
        user: String,
        /// Column of the item ids
        #[arg(long, default_value = "item_id")]
        item: String,
        /// Size of the thread pool
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// The parts of a step of Mult-VAE 600-200-600, each alone, beside the limits of the machine
    Kernels {
        /// Items of the catalogue
        #[arg(long, default_value_t = 10_000)]
        items: usize,
        /// Users a step
        #[arg(long, default_value_t = 500)]
        batch: usize,
        /// Times each part runs
        #[arg(long, default_value_t = 15)]
        rounds: usize,
        /// Size of the thread pool
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// The Gram matrix of the items, and the inverse of the regularised matrix of some of them
    ClosedForm {
        #[command(flatten)]
        data: Source,
        /// Items whose matrix is inverted
        #[arg(long, default_value_t = 0)]
        inverse: usize,
        /// Size of the thread pool
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Training steps of Mult-VAE 600-200-600
    Step {
        #[command(flatten)]
        data: Source,
        /// Users a step
        #[arg(long, default_value_t = 500)]
        batch: usize,
        /// Steps timed, after a few to warm up
        #[arg(long, default_value_t = 12)]
        steps: usize,
        /// Size of the thread pool
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Fold-in and top-N of Mult-VAE 600-200-600 on one thread
    Serve {
        #[command(flatten)]
        data: Source,
        /// Items a list
        #[arg(long, default_value_t = 100)]
        n: usize,
        /// Users folded in together; several sizes may be given
        #[arg(long, num_args = 1.., default_values_t = [1, 64])]
        batch: Vec<usize>,
        /// Users in total for each size
        #[arg(long, default_value_t = 2000)]
        users: usize,
        /// How the item table is held
        #[arg(long, value_enum, default_value_t = serve::Table::Exact)]
        table: serve::Table,
    },
    /// Top-N by a large table of eight-bit integers, exhaustively, on one thread, beside reading the table
    LargeTable {
        /// Items
        #[arg(long, default_value_t = 1_000_000)]
        items: usize,
        /// Dimensions of their vectors
        #[arg(long, default_value_t = 64)]
        dimensions: usize,
        /// Items a list
        #[arg(long, default_value_t = 100)]
        n: usize,
        /// Lists
        #[arg(long, default_value_t = 60)]
        lists: usize,
    },
    /// Histories of as many items as a request may hold, sent to a running server at regular moments
    LongHistory {
        /// The server
        #[arg(long, value_name = "HOST:PORT")]
        server: String,
        /// Log with the ids of the items
        #[arg(long)]
        log: PathBuf,
        /// Items of a history, if there are as many
        #[arg(long, default_value_t = 10_000)]
        length: usize,
        /// Items a list
        #[arg(long, default_value_t = 100)]
        n: u32,
        /// Time between two of them, in seconds
        #[arg(long, default_value_t = 1.0)]
        every: f64,
        /// How long, in seconds
        #[arg(long, default_value_t = 60.0)]
        seconds: f64,
    },
    /// Promotions on a running server under load, every answer compared with the one that its version gives in process
    Swaps {
        /// The server
        #[arg(long, value_name = "HOST:PORT")]
        server: String,
        /// Its process, whose memory is read
        #[arg(long)]
        pid: u32,
        /// Its registry
        #[arg(long)]
        registry: PathBuf,
        /// The model
        #[arg(long)]
        name: String,
        /// Versions that cannot be used; all others of the registry can
        #[arg(long, num_args = 0..)]
        bad: Vec<String>,
        /// Promotions
        #[arg(long, default_value_t = 200)]
        swaps: usize,
        /// One of so many promotions is one of a bad version
        #[arg(long, default_value_t = 4)]
        bad_every: usize,
        /// Callers at the same time
        #[arg(long, default_value_t = 4)]
        callers: usize,
        /// Users asked for
        #[arg(long, default_value_t = 200)]
        users: usize,
    },
    /// gRPC `Recommend` on loopback and the same call in process
    Grpc {
        #[command(flatten)]
        data: Source,
        /// Items a list
        #[arg(long, default_value_t = 100)]
        n: usize,
        /// Callers at the same time; several numbers may be given
        #[arg(long, num_args = 1.., default_values_t = [1, 16])]
        clients: Vec<usize>,
        /// Calls a round, of all callers together
        #[arg(long, default_value_t = 400)]
        requests: usize,
        /// Threads that compute
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Durable events a second, beside the disk's rate of `fsync`
    Events {
        /// An empty directory on the disk that is measured
        #[arg(long)]
        dir: PathBuf,
        /// Writers at the same time, each recording one event after the other; several numbers may be given
        #[arg(long, num_args = 1.., default_values_t = [1, 16, 256])]
        writers: Vec<usize>,
        /// Seconds for each number of writers
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
    },
    /// A server killed while events are recorded: events lost, and events there twice
    KillEvents {
        /// The program
        #[arg(long)]
        binary: PathBuf,
        /// The model to serve
        #[arg(long)]
        model: PathBuf,
        /// Directory of the store
        #[arg(long)]
        dir: PathBuf,
        /// How often
        #[arg(long, default_value_t = 200)]
        kills: usize,
        /// Writers at the same time
        #[arg(long, default_value_t = 8)]
        writers: usize,
    },
}

fn main() -> anyhow::Result<()> {
    let Some(measurement) = Cli::parse().measurement else {
        // `cargo bench` without a name runs every bench: there is nothing to do then.
        println!("measure: no measurement named; see --help");
        return Ok(());
    };
    let mut answer = match measurement {
        Measurement::Limits { threads } => limits::measure(threads),
        Measurement::Kernels { items, batch, rounds, threads } => kernels::measure(items, batch, rounds, threads)?,
        Measurement::ClosedForm { data, inverse, threads } => {
            closed_form::measure(&data.load()?.interactions, inverse, threads)?
        }
        Measurement::Read { log, user, item, threads } => read::measure(&log, &user, &item, threads)?,
        Measurement::Step { data, batch, steps, threads } => {
            step::measure(&data.load()?.interactions, batch, steps, threads)?
        }
        Measurement::Serve { data, n, batch, users, table } => {
            serve::measure(&data.load()?.interactions, n, &batch, users, table)?
        }
        Measurement::LargeTable { items, dimensions, n, lists } => large_table::measure(items, dimensions, n, lists)?,
        Measurement::LongHistory { server, log, length, n, every, seconds } => {
            long_history::measure(&server, &data::read(&log)?.items, length, n, every, seconds)?
        }
        Measurement::Swaps { server, pid, registry, name, bad, swaps, bad_every, callers, users } => {
            let plan = swaps::Plan { swaps, bad_every, callers, users };
            swaps::measure(&server, pid, &registry, &name, &bad, &plan)?
        }
        Measurement::Grpc { data, n, clients, requests, threads } => {
            grpc::measure(&data.load()?, n, &clients, requests, threads)?
        }
        Measurement::Events { dir, writers, seconds } => events::speed(&dir, &writers, seconds)?,
        Measurement::KillEvents { binary, model, dir, kills, writers } => {
            events::kill(&binary, &model, &dir, kills, writers)?
        }
    };
    answer["peak_bytes"] = peak_memory().into();
    println!("{answer}");
    Ok(())
}

/// The most memory this process has held so far, in bytes (`VmHWM`), where the system tells (Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}
