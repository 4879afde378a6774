//! `foldin embed`: the vectors of histories that the model has never seen.

use std::io::Write;

use anyhow::{Result, bail};
use serde::Serialize;

use super::export::write_embeddings;
use crate::cli::args::{Embed, What};
use crate::cli::console::note;
use crate::cli::exit::Configuration;
use crate::cli::wishes::weights;
use crate::engine::{Engine, HistoryItem};
use crate::models::Space;

/// The vector of one history.
#[derive(Serialize)]
struct Embedded<'a> {
    model_version: &'a str,
    space: &'a Space,
    unknown_history_items: usize,
    embedding: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    variances: Option<&'a [f32]>,
}

/// Runs the command: a history given by flag is printed, a log is an [export](write_embeddings) of its users.
///
/// # Errors
/// The model directory, the history or the log cannot be used, or the output cannot be written.
pub fn run(args: &Embed, out: &mut dyn Write) -> Result<()> {
    let Embed { model_dir, history, out: path, files, .. } = args;
    match path {
        Some(path) => write_embeddings(model_dir, What::Users, path, files, out),
        None if files.whose.logs.is_some() => {
            bail!(Configuration("where to? Give --out FILE or --out DIRECTORY".into()))
        }
        None if history.is_empty() => bail!(Configuration("what? Give --history, or --logs with --out".into())),
        None if files.whose.given() || files.shards.given() || files.encoding.given() => {
            bail!(Configuration(
                "--history is printed; the flags of users and output belong to --logs with --out".into()
            ))
        }
        None => print(&Engine::open(model_dir)?, args, out),
    }
}

fn print(engine: &Engine, args: &Embed, out: &mut dyn Write) -> Result<()> {
    let history: Vec<HistoryItem> = args
        .history
        .iter()
        .zip(weights(&args.history, &args.weights)?)
        .map(|(id, weight)| HistoryItem { item_id: id.clone(), weight })
        .collect();
    let embeddings = engine.embed_histories(&[history], args.files.variances)?;
    let (space, model_version) = (&embeddings.space, &engine.info().manifest.model_version);
    let Some(entry) = embeddings.entries.first() else { bail!("the engine returned no answer to one history") };
    let Some(vector) = &entry.vector else {
        bail!(Configuration("no item of the history is in the catalogue: there is nothing to fold in".into()));
    };
    let unknown_history_items = entry.unknown_items;
    if unknown_history_items > 0 {
        note(format_args!("{unknown_history_items} items of the history are unknown and were ignored"));
    }
    let variances = entry.variances.as_deref();
    if args.files.json {
        let embedded = Embedded { model_version, space, unknown_history_items, embedding: vector, variances };
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&embedded)?)?);
    }
    writeln!(out, "{} dimensions, space {}, model {model_version}", space.dim, space.id)?;
    write_values(vector, out)?;
    if let Some(variances) = variances {
        writeln!(out, "variances")?;
        write_values(variances, out)?;
    }
    Ok(())
}

fn write_values(values: &[f32], out: &mut dyn Write) -> Result<()> {
    for line in values.chunks(8) {
        let values: Vec<String> = line.iter().map(|value| format!("{value:>9.5}")).collect();
        writeln!(out, "{}", values.join(" "))?;
    }
    Ok(())
}
