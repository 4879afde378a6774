//! `foldin models`: which models and versions there are.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use super::serve::runtime;
use crate::cli::args::{Models, Side};
use crate::cli::connecting::connect;
use crate::registry::Registry;
use crate::serve::pb;

/// A line of the list.
#[derive(Serialize)]
struct Row {
    name: String,
    version: String,
    created: String,
    answers: bool,
    events_through: u64,
}

/// Runs the command.
///
/// # Errors
/// The registry cannot be read, or no server answers.
pub fn run(args: &Models, out: &mut dyn Write) -> Result<()> {
    let rows = match args.at.side() {
        Side::Server(server, access) => runtime()?.block_on(async {
            let mut client = connect(server, access).await?;
            anyhow::Ok(client.list_models().await?.into_iter().flat_map(received).collect::<Vec<_>>())
        })?,
        Side::Registry(root) => published(&Registry::open(root)?)?,
    };
    if args.json {
        writeln!(out, "{:#}", json!(rows))?;
        return Ok(());
    }
    for row in &rows {
        let mark = if row.answers { "answers" } else { "" };
        writeln!(out, "{:20} {:14} {:26} {mark}", row.name, row.version, row.created)?;
    }
    if rows.is_empty() {
        writeln!(out, "no models; `foldin publish` adds one")?;
    }
    Ok(())
}

fn published(registry: &Registry) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for name in registry.names()? {
        for version in registry.versions(&name)? {
            rows.push(Row {
                name: name.to_string(),
                events_through: version.manifest.events_in_log(None),
                version: version.manifest.model_version,
                created: version.manifest.created,
                answers: version.promoted,
            });
        }
    }
    Ok(rows)
}

/// The versions of a name; a server without a registry has only the one that answers.
fn received(model: pb::NamedModel) -> Vec<Row> {
    let row = |version, created, answers, events_through| Row {
        name: model.name.clone(),
        version,
        created,
        answers,
        events_through,
    };
    match (model.versions.is_empty(), &model.serving) {
        (true, Some(serving)) => {
            vec![row(serving.version.clone(), serving.created.clone(), true, serving.events_through)]
        }
        _ => model
            .versions
            .iter()
            .map(|v| row(v.version.clone(), v.created.clone(), v.serving, v.events_through))
            .collect(),
    }
}
