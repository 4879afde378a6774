//! Flags of the commands that write about the command line itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// `foldin completions`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin completions bash > ~/.local/share/bash-completion/completions/foldin
  foldin completions zsh > ~/.zfunc/_foldin
  foldin completions fish > ~/.config/fish/completions/foldin.fish")]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// `foldin man`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin man --out ~/.local/share/man/man1")]
pub struct Man {
    /// Directory to write the pages to, one a command
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace pages that are there
    #[arg(long)]
    pub force: bool,
}
