//! `foldin completions`: what a shell completes, from the definition of the command line.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::args::{Cli, Completions};

/// Runs the command.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &Completions, out: &mut dyn Write) -> Result<()> {
    // Collected first: the generator panics when its output fails, as it does under `| head`.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "foldin", &mut script);
    Ok(out.write_all(&script)?)
}
