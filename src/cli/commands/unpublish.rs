//! `foldin unpublish`: a version leaves the registry.

use std::io::Write;

use anyhow::Result;
use serde_json::json;

use crate::cli::args::Unpublish;
use crate::cli::console::bytes;
use crate::registry::{ModelName, Registry};

/// Runs the command.
///
/// # Errors
/// There is no such version, it answers or a rollback would need it, or the disk refuses.
pub fn run(args: &Unpublish, out: &mut dyn Write) -> Result<()> {
    let name = ModelName::new(&args.name)?;
    let freed = Registry::open(&args.registry)?.unpublish(&name, &args.version, args.force)?;
    if args.json {
        let told = json!({ "name": name.as_str(), "version": args.version, "freed_bytes": freed });
        writeln!(out, "{told:#}")?;
        return Ok(());
    }
    Ok(writeln!(out, "{name} {} left {}: {} freed", args.version, args.registry.display(), bytes(freed))?)
}
