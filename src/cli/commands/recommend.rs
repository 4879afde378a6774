//! `foldin recommend`: lists for one user or history, or for everyone.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::json;

use crate::artifact::Artifact;
use crate::cli::args::Recommend;
use crate::cli::console::note;
use crate::cli::exit::Configuration;
use crate::cli::exporting::{self, Source};
use crate::cli::lists::List;
use crate::cli::wishes;
use crate::engine::Engine;
use crate::export::Lists;
use crate::io::EmbeddingFormat;

/// Runs the command.
///
/// # Errors
/// The model directory or the request cannot be used, or the output cannot be written.
pub fn run(args: &Recommend, out: &mut dyn Write) -> Result<()> {
    if args.all && args.wishes.given() {
        bail!(Configuration(
            "--filter and the other wishes are for the list of one user; leave them out with --all".into()
        ));
    }
    if let (true, Some(path)) = (args.all, &args.out) {
        return everyone(args, path, out);
    }
    if args.whose.given() || args.shards.given() {
        bail!(Configuration(
            "--users, --logs, --shard-users and --force belong to --all: add it, or leave them out".into()
        ));
    }
    if args.subject.user_id.is_none() && args.subject.history.is_empty() {
        bail!(Configuration("for whom? Give --user-id, --history or both, or --all with --out".into()));
    }
    let engine = Engine::open(&args.model_dir)?;
    let request = wishes::request(&args.subject, &args.wishes, args.n.get(), args.include_seen)?;
    let list = match engine.recommend(&[request.into()]).pop() {
        Some(answer) => List::computed(answer?, &engine.info().manifest.model_version),
        None => bail!("the engine returned no answer to one request"),
    };
    list.remarks().iter().for_each(note);
    if args.json {
        writeln!(out, "{:#}", json!(list))?
    } else {
        write!(out, "{list}")?
    }
    Ok(())
}

/// Streams the lists of all users: memory grows neither with their number nor with their length.
fn everyone(args: &Recommend, path: &Path, out: &mut dyn Write) -> Result<()> {
    let (_, output) = exporting::output(path, Some(EmbeddingFormat::Parquet), &args.shards)?;
    exporting::check(&output)?;
    let artifact = Artifact::open(&args.model_dir)?;
    let source = Source::read(&artifact, &args.whose)?;
    let users = source.users();
    let lists = Lists::new(&artifact, &users, args.n.get(), args.include_seen);
    let manifest = exporting::run(source.job.clone(), &[&lists], &output, "recommending")?;
    exporting::print(&manifest, &output, args.json, out)
}
