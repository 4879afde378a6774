//! `foldin man`: manual pages, from the definition of the command line.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};

use crate::cli::args::{Cli, Man};
use crate::storage::AtomicFile;

/// Runs the command.
///
/// # Errors
/// A page is there already and may not be replaced, or cannot be written.
pub fn run(args: &Man, out: &mut dyn Write) -> Result<()> {
    let mut command = Cli::command().disable_help_subcommand(true);
    // Gives every command its full name.
    command.build();
    let mut pages = Vec::new();
    render(&command, &mut pages)?;
    for (name, _) in &pages {
        // Asked of all pages before the first is written; dropped without a commit, it leaves nothing.
        AtomicFile::create(&args.out.join(name), args.force)?;
    }
    for (name, page) in &pages {
        write_page(&args.out.join(name), page, args.force)?;
    }
    let directory = args.out.display();
    Ok(writeln!(out, "{directory}: {} pages; read the first with man {directory}/foldin.1", pages.len())?)
}

/// The page of a command and those of the commands below it, with their file names.
fn render(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let source = concat!("foldin ", env!("CARGO_PKG_VERSION"));
    let (man, mut page) = (clap_mangen::Man::new(command.clone()).source(source), Vec::new());
    man.render(&mut page)?;
    pages.push((man.get_filename(), page));
    command.get_subcommands().filter(|below| !below.is_hide_set()).try_for_each(|below| render(below, pages))
}

fn write_page(path: &Path, page: &[u8], replace: bool) -> Result<()> {
    let mut file = AtomicFile::create(path, replace)?;
    file.write_all(page).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(file.commit()?)
}
