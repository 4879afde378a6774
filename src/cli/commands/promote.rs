//! `foldin promote` and `foldin rollback`: which version answers.

use std::io::Write;

use anyhow::Result;

use super::serve::runtime;
use crate::cli::args::{At, Promote, Rollback, Side};
use crate::cli::connecting::connect;
use crate::registry::{ModelName, Registry, Version};

/// Runs `foldin promote`.
///
/// # Errors
/// The version cannot answer, or no server does.
pub fn run(args: &Promote, out: &mut dyn Write) -> Result<()> {
    let (version, previous) = match args.at.side() {
        Side::Server(server, access) => runtime()?.block_on(async {
            let mut client = connect(server, access).await?;
            anyhow::Ok(client.promote_model(&args.name, &args.version).await?)
        })?,
        Side::Registry(root) => {
            let registry = Registry::at(root);
            let name = ModelName::new(&args.name)?;
            let before = registry.promoted(&name).map(|version| version.manifest.model_version).unwrap_or_default();
            (registry.promote(&name, &args.version)?.manifest.model_version, before)
        }
    };
    tell(&args.name, &version, &previous, &args.at, out)
}

/// Runs `foldin rollback`.
///
/// # Errors
/// There is no earlier version, it cannot answer, or no server does.
pub fn roll_back(args: &Rollback, out: &mut dyn Write) -> Result<()> {
    let (version, previous) = match args.at.side() {
        Side::Server(server, access) => runtime()?.block_on(async {
            let mut client = connect(server, access).await?;
            anyhow::Ok(client.roll_back_model(&args.name).await?)
        })?,
        Side::Registry(root) => {
            let registry = Registry::at(root);
            let name = ModelName::new(&args.name)?;
            let of = |version: Version| version.manifest.model_version;
            let before = of(registry.promoted(&name)?);
            (of(registry.roll_back(&name)?), before)
        }
    };
    tell(&args.name, &version, &previous, &args.at, out)
}

fn tell(name: &str, version: &str, previous: &str, at: &At, out: &mut dyn Write) -> Result<()> {
    let when = if matches!(at.side(), Side::Server(..)) {
        "answers now"
    } else {
        "answers from the next start of a server on"
    };
    let before = if previous.is_empty() { "nothing" } else { previous };
    Ok(writeln!(out, "{name} {version} {when}; before: {before}")?)
}
