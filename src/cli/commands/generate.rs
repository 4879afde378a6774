//! `foldin generate`: a synthetic log as Parquet.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::cli::args::Generate;
use crate::cli::console::thousands;
use crate::cli::output::check_replaceable;
use crate::cli::progress::Progress;
use crate::generate::{GenerateConfig, Generated, generate};
use crate::storage::AtomicDir;

/// The files of a generated log, which `--force` may replace.
const FILES: [&str; 2] = ["log.parquet", "items.parquet"];

/// Runs the command.
///
/// # Errors
/// Parameters that describe no possible log, or an output that exists or cannot be written.
pub fn run(args: &Generate, out: &mut dyn Write) -> Result<()> {
    let mut config = match &args.preset {
        None => GenerateConfig::default(),
        Some(name) => GenerateConfig::preset(name)?,
    };
    for (value, field) in [
        (args.users, &mut config.users),
        (args.items, &mut config.items),
        (args.interactions, &mut config.interactions),
        (args.seed, &mut config.seed),
    ] {
        *field = value.unwrap_or(*field);
    }
    // A catalogue can be smaller than the number of tastes in the preset.
    config.groups = config.groups.min(config.items);
    let generated = into_directory(&config, &args.out, args.force)?;
    if args.json {
        let paths = FILES.map(|name| args.out.join(name));
        let answer = json!({
            "log": paths[0], "items": paths[1], "rows": generated.rows, "users": generated.users,
            "logged_items": generated.logged_items, "catalogue_items": generated.catalogue_items, "seed": config.seed,
        });
        return Ok(writeln!(out, "{answer:#}")?);
    }
    let (rows, users) = (thousands(generated.rows), thousands(generated.users));
    let (items, logged) = (thousands(generated.catalogue_items), thousands(generated.logged_items));
    writeln!(out, "{}: {rows} rows of {users} users and {logged} items", args.out.join(FILES[0]).display())?;
    Ok(writeln!(out, "{}: titles and categories of {items} items", args.out.join(FILES[1]).display())?)
}

/// Generates a log into a directory that appears when it is complete.
///
/// # Errors
/// As of [`generate`]; the directory exists and may not be replaced.
pub fn into_directory(config: &GenerateConfig, directory: &Path, replace: bool) -> Result<Generated> {
    check_replaceable(directory, replace, &FILES, "a generated log")?;
    config.validate()?;
    let target = AtomicDir::create(directory, replace)?;
    let progress = Progress::new("generating");
    let generated = generate(config, target.path(), &mut |done, planned| progress.at(done, planned))?;
    progress.finish();
    target.commit()?;
    Ok(generated)
}
