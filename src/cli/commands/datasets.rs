//! `foldin datasets`: public datasets, listed, downloaded under their licence, converted to Parquet.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::json;

use crate::cli::args::{Datasets, DatasetsCommand, GetDataset, ListDatasets};
use crate::cli::console::{bytes, note, thousands};
use crate::cli::exit::Configuration;
use crate::cli::progress::{Progress, Steps};
use crate::datasets::{self, DownloadOptions, GetOptions, Got, Licence, Manifest, Origin};

/// Runs the command.
///
/// # Errors
/// There is no such dataset, its licence is not accepted, or it cannot be had.
pub fn run(args: &Datasets, out: &mut dyn Write) -> Result<()> {
    match &args.command {
        DatasetsCommand::List(args) => list(args, out),
        DatasetsCommand::Get(args) => get(args, out),
    }
}

fn list(args: &ListDatasets, out: &mut dyn Write) -> Result<()> {
    let manifests = datasets::all();
    if args.json {
        return Ok(writeln!(out, "{:#}", json!(manifests))?);
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["name", "users", "items", "interactions", "download", "licence", "protocol"]);
    for manifest in &manifests {
        let counts = [manifest.users, manifest.items, manifest.interactions].map(thousands);
        let download = manifest.download_bytes().map_or("by hand".into(), |size| format!("~{}", bytes(size)));
        let [users, items, interactions] = counts;
        let (licence, protocol) = (manifest.licence.name.clone(), manifest.protocol.name.clone());
        table.add_row([manifest.name.clone(), users, items, interactions, download, licence, protocol]);
    }
    table.column_iter_mut().skip(1).take(4).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    Ok(writeln!(out, "{table}")?)
}

fn get(args: &GetDataset, out: &mut dyn Write) -> Result<()> {
    let manifest = datasets::find(&args.name)?;
    let directory = args.out.clone().unwrap_or_else(|| PathBuf::from(&manifest.name));
    let origin = match (&args.from, &args.url) {
        (Some(path), _) => Origin::Local(path.clone()),
        (None, Some(url)) => Origin::Mirror(url.clone()),
        (None, None) => Origin::Published,
    };
    let options = GetOptions {
        origin,
        download: DownloadOptions {
            timeout: Duration::from_secs(args.timeout.get()),
            retries: args.retries,
            ..DownloadOptions::default()
        },
        replace: args.force,
    };
    // Nobody is asked to accept a licence for what cannot be done anyway.
    datasets::check(&manifest, &directory, &options)?;
    note(terms(&manifest));
    if args.from.is_none() && !args.accept_licence {
        ask(&manifest)?;
    }
    let got = with_progress(&manifest, |progress| datasets::get(&manifest, &directory, &options, progress))?;
    if args.json {
        let directory = got.directory.display().to_string();
        return Ok(writeln!(out, "{:#}", json!({ "directory": directory, "dataset": got.provenance }))?);
    }
    print(&got, out)
}

/// Title and licence of a dataset, for a person to read.
fn terms(manifest: &Manifest) -> String {
    let Licence { name, url, terms, citation } = &manifest.licence;
    let mut text = format!("{} ({})\nLicence: {name}; the terms stand at {url}", manifest.title, manifest.homepage);
    terms.iter().for_each(|term| text.push_str(&format!("\n  - {term}")));
    text.push_str(&format!("\nCite: {citation}"));
    text
}

/// Asks for consent on the terminal.
fn ask(manifest: &Manifest) -> Result<()> {
    let (input, errors) = (std::io::stdin(), std::io::stderr());
    if !(input.is_terminal() && errors.is_terminal()) {
        let name = &manifest.name;
        bail!(Configuration(format!(
            "the licence of {name} has to be accepted before it is downloaded: read the terms, then run again with --accept-licence"
        )));
    }
    let size = manifest.download_bytes().map_or_else(String::new, |size| format!(" about {}", bytes(size)));
    write!(errors.lock(), "Accept these terms and download{size}? [y/N] ")?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    if is_yes(&answer) {
        return Ok(());
    }
    bail!(Configuration(format!(
        "the licence was not accepted and nothing was downloaded; a copy of your own is converted with --from (foldin datasets get {} --from PATH)",
        manifest.name
    )))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Runs `work` with a bar on a terminal, and a line for every tenth elsewhere.
fn with_progress<T>(manifest: &Manifest, work: impl FnOnce(&mut dyn FnMut(datasets::Progress<'_>)) -> T) -> T {
    let mut shown: Option<(String, Progress, Steps)> = None;
    let outcome = work(&mut |progress| {
        let (label, done, planned, in_bytes) = match progress {
            datasets::Progress::Again { error, pause } => {
                let line = format!("{error}\ntrying again in {:.0} s", pause.as_secs_f64());
                return shown.as_ref().map_or_else(|| note(&line), |(_, bar, _)| bar.line(&line));
            }
            datasets::Progress::Downloading { file, bytes, planned } => (file.to_owned(), bytes, planned, true),
            datasets::Progress::Converting { table, rows, planned } => {
                (format!("writing {}/{table}", manifest.name), rows, planned.max(rows), false)
            }
        };
        if shown.as_ref().is_none_or(|(current, ..)| *current != label) {
            if let Some((_, bar, _)) = shown.take() {
                bar.finish();
            }
            let bar = if in_bytes { Progress::of_bytes(&label) } else { Progress::new(&label) };
            shown = Some((label, bar, Steps::default()));
        }
        let Some((label, bar, steps)) = &mut shown else { return };
        bar.at(done, planned);
        if !bar.is_watched() && in_bytes && steps.reached(done, planned) {
            note(format_args!("{label}: {} of {}", bytes(done), bytes(planned)));
        }
    });
    if let Some((_, bar, _)) = shown {
        bar.finish();
    }
    outcome
}

fn print(got: &Got, out: &mut dyn Write) -> Result<()> {
    let provenance = &got.provenance;
    for file in &provenance.files {
        writeln!(out, "{}: {} bytes, BLAKE3 {}", file.name, thousands(file.bytes), file.blake3)?;
    }
    for table in &provenance.tables {
        writeln!(out, "{}: {} rows", got.directory.join(&table.name).display(), thousands(table.rows))?;
    }
    if provenance.interactions != provenance.published_interactions {
        let [found, stated] = [provenance.interactions, provenance.published_interactions].map(thousands);
        note(format_args!("{found} interactions are not the {stated} that were published: another edition, or a part"));
    }
    writeln!(out, "\nprotocol: {}", provenance.protocol.name)?;
    writeln!(out, "  {}", command_in(&provenance.protocol.command, got))?;
    Ok(())
}

/// A command of the manifest, for the directory that was written.
fn command_in(command: &str, got: &Got) -> String {
    let (name, directory) = (&got.provenance.name, got.directory.display());
    command.replace(&format!(" {name}/"), &format!(" {directory}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_is_given_by_a_clear_yes_alone() {
        assert!(["y\n", "Y", " yes \r\n", "YES"].into_iter().all(is_yes));
        assert!(!["", "\n", "n", "no", "yep", "accept"].into_iter().any(is_yes));
    }

    #[test]
    fn the_terms_name_what_is_forbidden_and_where_it_stands() {
        let manifest = datasets::find("ml-1m").unwrap();
        let text = terms(&manifest);
        for part in ["MovieLens 1M", "Do not redistribute", manifest.licence.url.as_str(), "Cite: F. Maxwell Harper"] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
    }
}
