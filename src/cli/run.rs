//! From the command line to an exit code.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use super::args::{Cli, Command};
use super::console::Output;
use super::{commands, exit};

/// Runs the command that the process was started with.
///
/// This is where the one thread pool of the process is built; everything computes inside it.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

fn dispatch(cli: &Cli) -> Result<()> {
    let threads = cli.threads.map_or(0, std::num::NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("compute-{number}"))
        .build()
        .context("cannot start the computing threads; try a lower --threads")?;
    let mut out = Output::stdout();
    let threads = pool.current_num_threads();
    pool.install(|| match &cli.command {
        Command::Quickstart(args) => commands::quickstart::run(args, &mut out),
        Command::Generate(args) => commands::generate::run(args, &mut out),
        Command::Datasets(args) => commands::datasets::run(args, &mut out),
        Command::Validate(args) => commands::validate::run(args, &mut out),
        Command::Split(args) => commands::split::run(args, &mut out),
        Command::Plan(args) => commands::plan::run(args, &mut out),
        Command::Train(args) => commands::train::run(args, &mut out),
        Command::Blend(args) => commands::blend::run(args, &mut out),
        Command::Calibrate(args) => commands::calibrate::run(args, &mut out),
        Command::Anomalies(args) => commands::anomalies::run(args, &mut out),
        Command::Evaluate(args) => commands::evaluate::run(args, &mut out),
        Command::Compare(args) => commands::compare::run(args, &mut out),
        Command::Tune(args) => commands::tune::run(args, &mut out),
        Command::Recommend(args) => commands::recommend::run(args, &mut out),
        Command::Export(args) => commands::export::run(args, &mut out),
        Command::Codes(args) => commands::codes::run(args, &mut out),
        Command::Embed(args) => commands::embed::run(args, &mut out),
        Command::Map(args) => commands::map::run(args, &mut out),
        Command::Sample(args) => commands::sample::run(args, &mut out),
        Command::Inspect(args) => commands::inspect::run(args, &mut out),
        Command::Publish(args) => commands::publish::run(args, &mut out),
        Command::Models(args) => commands::models::run(args, &mut out),
        Command::Promote(args) => commands::promote::run(args, &mut out),
        Command::Rollback(args) => commands::promote::roll_back(args, &mut out),
        Command::Unpublish(args) => commands::unpublish::run(args, &mut out),
        Command::Serve(args) => commands::serve::run(args, threads, &mut out),
        Command::Query(args) => commands::query::run(args, &mut out),
        Command::Token(args) => commands::token::run(args, &mut out),
        Command::Events(args) => commands::events::run(args, &mut out),
        Command::BenchServe(args) => commands::bench_serve::run(args, &mut out),
        Command::Completions(args) => commands::completions::run(args, &mut out),
        Command::Man(args) => commands::man::run(args, &mut out),
    })?;
    Ok(out.flush()?)
}
