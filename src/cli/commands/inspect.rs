//! `foldin inspect`: what a model directory holds, and whether it is intact.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::json;

use crate::artifact::{Artifact, ArtifactError, Inspection, StartedFrom, inspect};
use crate::cli::args::Inspect;
use crate::cli::attributes::attributes;
use crate::cli::console::{count, thousands};
use crate::cli::latents::{NamedLatent, SHOWN, named};
use crate::codes::{Exactness, InvertedIndex, SparseCodes};
use crate::engine::Engine;
use crate::export::Embeddings;
use crate::interactions::{EventsThrough, LogRules};
use crate::io::{EmbeddingFormat, Precision};
use crate::linalg::Columns;
use crate::models::ModelConfig;

/// Runs the command.
///
/// # Errors
/// The directory has no trustworthy manifest, or a file is damaged (after the report is printed).
pub fn run(args: &Inspect, out: &mut dyn Write) -> Result<()> {
    let inspection = inspect(&args.model_dir)?;
    let sparse = if inspection.intact() { sparse(&args.model_dir, &inspection.manifest.model)? } else { None };
    if args.json {
        writeln!(out, "{:#}", as_json(&inspection, sparse.as_ref()))?;
    } else {
        print(&inspection, sparse.as_ref(), out)?;
    }
    out.flush()?;
    let damaged: Vec<ArtifactError> = inspection.files.into_iter().filter_map(|file| file.problem).collect();
    let number = damaged.len();
    match damaged.into_iter().next() {
        None => Ok(()),
        Some(first) if number == 1 => bail!(first),
        Some(first) => bail!(anyhow::Error::new(first).context(format!("{number} files are damaged"))),
    }
}

/// What there is to say of a model whose latents stand for something.
struct Sparse {
    latents: Vec<NamedLatent>,
    /// The index by which the server finds similar items, beside brute force, where the item vectors are sparse codes.
    index: Option<Exactness>,
}

/// Latents that count for an item where its vector has a value for all of them: those of its largest.
const STRONGEST: usize = 32;

/// That of a model whose item vectors are sparse codes, or that has a sparse code of users; nothing of others.
fn sparse(model_dir: &Path, model: &ModelConfig) -> Result<Option<Sparse>> {
    if !matches!(model, ModelConfig::CompressedElsa(_) | ModelConfig::SparseAe(_)) {
        return Ok(None);
    }
    let engine = Engine::open(model_dir)?;
    let catalogue = engine.catalogue();
    if let Some(index) = engine.index() {
        return Ok(Some(Sparse { latents: named(index, catalogue), index: engine.index_exactness() }));
    }
    let artifact = Artifact::open(model_dir)?;
    let vectors = Embeddings::of_items(&artifact, EmbeddingFormat::default(), Precision::F32)?;
    let (dim, values) = (vectors.space().dim, vectors.in_memory()?);
    let codes = SparseCodes::of(Columns::new(&values, (dim, catalogue.len())), STRONGEST.min(dim));
    Ok(Some(Sparse { latents: named(&InvertedIndex::of(&codes), catalogue), index: None }))
}

fn as_json(inspection: &Inspection, sparse: Option<&Sparse>) -> serde_json::Value {
    let files = inspection.files.iter().map(|file| {
        json!({ "name": file.name, "bytes": file.published.bytes, "blake3": file.published.blake3,
                "problem": file.problem.as_ref().map(ToString::to_string) })
    });
    let attributes = attributes(&inspection.metadata);
    let latents = sparse.map_or(&[][..], |sparse| &sparse.latents);
    json!({ "intact": inspection.intact(), "manifest": inspection.manifest, "attributes": attributes, "latents": latents, "index": sparse.and_then(|sparse| sparse.index), "files": files.collect::<Vec<_>>() })
}

fn print(inspection: &Inspection, sparse: Option<&Sparse>, out: &mut dyn Write) -> Result<()> {
    let manifest = &inspection.manifest;
    let shapes = &manifest.shapes;
    writeln!(out, "model        {} {}", manifest.model.name(), manifest.model_version)?;
    writeln!(out, "published    {} by foldin {}", manifest.created, manifest.library_version)?;
    writeln!(
        out,
        "histories    {} users, {} items, {} interactions (fingerprint {})",
        count(shapes.users),
        count(shapes.items),
        count(shapes.interactions),
        manifest.data_fingerprint,
    )?;
    if let Some(StartedFrom { model_version, items }) = &manifest.from {
        let [kept, new, vanished] = [items.kept, items.new, items.vanished].map(count);
        writeln!(out, "continues    {model_version}: {kept} items kept, {new} new, {vanished} vanished")?;
    }
    for (store, through) in &manifest.events {
        let EventsThrough { events, deletions } = through;
        writeln!(out, "live events  through {events}, deletions through {deletions} (store {store})")?;
    }
    if !manifest.summary.epochs.is_empty() {
        let (best, epochs) = (manifest.summary.best_epoch, manifest.summary.epochs.len());
        writeln!(out, "training     best epoch {best} of {epochs}, {:.1} s", manifest.summary.seconds)?;
    }
    for (name, value) in &manifest.metrics {
        writeln!(out, "metric       {name} {value:.4}")?;
    }
    for (name, shape) in &shapes.tensors {
        let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
        writeln!(out, "tensor       {name} {}", shape.join(" x "))?;
    }
    for attribute in attributes(&inspection.metadata) {
        writeln!(out, "attribute    {attribute}")?;
    }
    if let Some(Sparse { latents, .. }) = sparse {
        latents.iter().take(SHOWN).try_for_each(|latent| writeln!(out, "{latent}"))?;
        let more = latents.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(out, "latents      {} more, see --json", count(more))?;
        }
    }
    if let Some(Exactness { asked, products, differing }) = sparse.and_then(|sparse| sparse.index.as_ref()) {
        let (asked, products, differing) = (count(*asked), count(*products), count(*differing));
        writeln!(
            out,
            "index        inverted; of {products} products of {asked} items, {differing} differ from brute force"
        )?;
    }
    for file in &inspection.files {
        let state = if file.problem.is_some() { "DAMAGED" } else { "verified" };
        writeln!(out, "file         {} {} bytes, {state}", file.name, thousands(file.published.bytes))?;
    }
    write!(out, "\n[model]\n{}", toml::to_string(&manifest.model)?)?;
    if let Some(training) = &manifest.training {
        write!(out, "\n[training]\n{}", toml::to_string(training)?)?;
    }
    #[derive(serde::Serialize)]
    struct Log<'a> {
        log: &'a LogRules,
    }
    Ok(write!(out, "\n{}", toml::to_string(&Log { log: &manifest.rules })?)?)
}
