//! The `foldin` binary; see [`foldin::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    foldin::cli::run()
}
