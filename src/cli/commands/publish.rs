//! `foldin publish`: from a model directory to a version that servers can change over to.

use std::io::Write;

use anyhow::{Result, bail};
use serde_json::json;

use crate::artifact::Artifact;
use crate::cli::args::{Publish, Table};
use crate::cli::console::note;
use crate::cli::exit::Configuration;
use crate::cli::narrowing::Comparison;
use crate::ranking::Width;
use crate::registry::{ModelName, Registry, TableChoice};

/// Runs the command.
///
/// # Errors
/// The model cannot be used, a table that was asked for loses too much, or the disk refuses.
pub fn run(args: &Publish, out: &mut dyn Write) -> Result<()> {
    for (flag, value, least) in [("--min-overlap", args.min_overlap, 0.0), ("--max-ndcg-loss", args.max_ndcg_loss, 0.0)]
    {
        if !(least..=1.0).contains(&value) {
            bail!(Configuration(format!("{flag} is {value}, must be between 0 and 1")));
        }
    }
    let name = ModelName::new(&args.name)?;
    let artifact = Artifact::open(&args.model_dir)?;
    let table = choose(args, &artifact)?;
    drop(artifact);
    let registry = Registry::at(&args.registry);
    let mut version = registry.publish(&name, &args.model_dir, &table)?;
    if args.promote {
        version = registry.promote(&name, &version.manifest.model_version)?;
    }
    let manifest = &version.manifest;
    if args.json {
        let told = json!({ "name": name.as_str(), "version": manifest.model_version, "path": version.path,
                           "promoted": version.promoted, "table": table });
        writeln!(out, "{told:#}")?;
        return Ok(());
    }
    writeln!(
        out,
        "published    {name} {} ({}) in {}",
        manifest.model_version,
        manifest.model.name(),
        version.path.display()
    )?;
    writeln!(out, "item table   {}", told(&table))?;
    if version.promoted {
        writeln!(out, "promoted     servers that start now answer with it")?;
    } else {
        writeln!(out, "next         foldin promote {name} {} --server HOST:PORT", manifest.model_version)?;
    }
    Ok(())
}

/// The narrowest table within the tolerance, or the one that was asked for.
fn choose(args: &Publish, artifact: &Artifact) -> Result<TableChoice> {
    let widths: &[Width] = match args.table {
        Table::Exact => return Ok(TableChoice::exact()),
        Table::Auto => &[Width::Int8, Width::F16],
        Table::Int8 => &[Width::Int8],
        Table::F16 => &[Width::F16],
    };
    let comparison = Comparison::new(artifact, args.compare_users)?;
    for &width in widths {
        let Some(found) = comparison.with(width) else {
            if args.table != Table::Auto {
                let model = artifact.manifest.model.name();
                bail!(Configuration(format!("{model} has no item table that could be narrower; use --table exact")));
            }
            return Ok(TableChoice::exact());
        };
        note(&format!("  {}", told(&found)));
        if found.overlap_at_100 >= args.min_overlap && found.ndcg_at_100_change >= -args.max_ndcg_loss {
            return Ok(found);
        }
    }
    if args.table != Table::Auto {
        bail!(Configuration(format!(
            "that table lists less than {} of the exact 100 best, or loses more than {} of NDCG@100; use --table auto, or \
             change --min-overlap and --max-ndcg-loss",
            args.min_overlap, args.max_ndcg_loss
        )));
    }
    Ok(TableChoice::exact())
}

fn told(table: &TableChoice) -> String {
    let measured = || {
        format!(
            "overlap@100 with the exact lists {:.4}, NDCG@100 {:+.5}, {} users",
            table.overlap_at_100, table.ndcg_at_100_change, table.users
        )
    };
    match table.width {
        None => "exact".into(),
        Some(Width::Int8) => format!("int8: {}", measured()),
        Some(Width::F16) => format!("f16: {}", measured()),
    }
}
