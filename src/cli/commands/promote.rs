//! `foldin promote` and `foldin rollback`: which version answers.

use std::io::Write;

use anyhow::Result;

use super::serve::runtime;
use crate::cli::args::{At, Promote, Rollback};
use crate::registry::{ModelName, Registry, Version};
use crate::serve::Client;

/// Runs `foldin promote`.
///
/// # Errors
/// The version cannot answer, or no server does.
pub fn run(args: &Promote, out: &mut dyn Write) -> Result<()> {
    let (version, previous) = match place(&args.at) {
        Place::Server(server) => runtime()?.block_on(async {
            let mut client = Client::connect(&format!("http://{server}")).await?;
            client.promote_model(&args.name, &args.version).await
        })?,
        Place::Registry(registry) => {
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
    let (version, previous) = match place(&args.at) {
        Place::Server(server) => runtime()?.block_on(async {
            let mut client = Client::connect(&format!("http://{server}")).await?;
            client.roll_back_model(&args.name).await
        })?,
        Place::Registry(registry) => {
            let name = ModelName::new(&args.name)?;
            let of = |version: Version| version.manifest.model_version;
            let before = of(registry.promoted(&name)?);
            (of(registry.roll_back(&name)?), before)
        }
    };
    tell(&args.name, &version, &previous, &args.at, out)
}

enum Place<'a> {
    Server(&'a str),
    Registry(Registry),
}

fn place(at: &At) -> Place<'_> {
    match (&at.server, &at.registry) {
        (Some(server), _) => Place::Server(server),
        (None, registry) => Place::Registry(Registry::at(registry.as_deref().unwrap_or(std::path::Path::new(".")))),
    }
}

fn tell(name: &str, version: &str, previous: &str, at: &At, out: &mut dyn Write) -> Result<()> {
    let when = if at.server.is_some() { "answers now" } else { "answers from the next start of a server on" };
    let before = if previous.is_empty() { "nothing" } else { previous };
    Ok(writeln!(out, "{name} {version} {when}; before: {before}")?)
}
