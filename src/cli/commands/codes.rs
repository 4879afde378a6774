//! `foldin codes`: the vectors of a model's items or users as sparse codes.

use std::io::Write;

use anyhow::{Result, bail};
use serde_json::json;

use crate::artifact::Artifact;
use crate::cli::args;
use crate::cli::console::{bytes, count, note};
use crate::cli::exit::Configuration;
use crate::cli::exporting;
use crate::cli::latents::{self, SHOWN};
use crate::codes::{CoderConfig, Exactness, InvertedIndex, SparseCoder, SparseCodes, directions};
use crate::export::{CodesManifest, Embeddings, Users, check_codes, read_coder, write_codes};
use crate::io::{EmbeddingFormat, Precision};
use crate::linalg::Columns;
use crate::models::Space;
use crate::plan::{Room, fits_beside};
use crate::ranking::overlap;

/// Entities by which the index is compared with brute force.
const ASKED: usize = 100;

/// Epochs between two lines of progress.
const EVERY: usize = 10;

/// Runs the command.
///
/// # Errors
/// A model without such vectors, parameters out of range, a coder that does not fit, or an output that exists.
pub fn run(args: &args::Codes, out: &mut dyn Write) -> Result<()> {
    let config = args.coder_config();
    config.check()?;
    check_codes(&args.out, args.force)?;
    let artifact = Artifact::open(&args.model_dir)?;
    let known = args.users.then(|| exporting::known(Users::stored(&artifact)));
    let (format, precision) = (EmbeddingFormat::default(), Precision::F32);
    let embeddings = match &known {
        Some(users) => Embeddings::of_users(&artifact, users, format, precision)?,
        None => Embeddings::of_items(&artifact, format, precision)?,
    };
    let (space, ids) = (embeddings.space().clone(), embeddings.ids());
    let (of, entities) = (if args.users { "users" } else { "items" }, ids.2.len());
    let own = if args.users { None } else { artifact.model.item_codes() };
    if own.is_some() && args.describes_coder() {
        bail!(Configuration(
            "the vectors of this model are codes already: leave --kept, --width and what else describes a coder out"
                .into()
        ));
    }
    let trained = own.is_none() && args.coder.is_none();
    check_memory(trained.then_some(&config), space.dim, (entities, of))?;
    let vectors = embeddings.in_memory()?;
    let vectors = Columns::new(&vectors, (space.dim, entities));
    let (coder, config, codes) = match (own, &args.coder) {
        (Some(_), Some(_)) => {
            bail!(Configuration("the vectors of this model are codes already: leave --coder out".into()))
        }
        (Some(codes), None) => (None, None, codes.clone()),
        (None, Some(path)) => {
            let (coder, manifest) = read_coder(path)?;
            check_space(&manifest.space, &space)?;
            let codes = coder.encode(vectors)?;
            (Some(coder), manifest.coder, codes)
        }
        (None, None) => {
            let mut progress = |epoch: usize, loss: f64| {
                if epoch.is_multiple_of(EVERY) || epoch == config.epochs {
                    note(format_args!("epoch {epoch}/{}  loss {loss:.4}", config.epochs));
                }
            };
            let coder = SparseCoder::fit(vectors, &config, &mut progress)?;
            let codes = coder.encode(vectors)?;
            (Some(coder), Some(config.clone()), codes)
        }
    };
    let index = InvertedIndex::of(&codes);
    let (cosine, overlap_at_100) = compared(vectors, coder.as_ref(), &codes, &index)?;
    let manifest = CodesManifest {
        library_version: env!("CARGO_PKG_VERSION").into(),
        model: artifact.manifest.model.name().into(),
        model_version: artifact.manifest.model_version.clone(),
        of: of.into(),
        entities,
        width: codes.width(),
        kept: codes.kept(),
        bytes_each: codes.bytes(),
        dense_bytes_each: size_of::<f32>() * space.dim,
        space,
        coder: config,
        cosine,
        overlap_at_100,
        index: index.exactness(&codes, ASKED),
        files: Default::default(),
    };
    let manifest = write_codes((&args.out, args.force), (ids, &codes), coder.as_ref(), manifest)?;
    // Nobody knows users by their ids.
    let named = if args.users { Vec::new() } else { latents::named(&index, &artifact.catalogue) };
    if args.json {
        return Ok(writeln!(out, "{:#}", json!({ "codes": args.out, "manifest": manifest, "latents": named }))?);
    }
    let CodesManifest { model, model_version, width, kept, bytes_each, dense_bytes_each, .. } = &manifest;
    let (entities, kept, width) = (count(entities), count(*kept), count(*width));
    writeln!(out, "codes of {entities} {of} of {model} {model_version}: {kept} of {width} latents each")?;
    let (dense, times) = (count(*dense_bytes_each), *dense_bytes_each as f64 / *bytes_each as f64);
    writeln!(out, "{} bytes each, {dense} as dense vectors ({times:.1} times as much)", count(*bytes_each))?;
    writeln!(out, "mean cosine of vectors and what their codes stand for {cosine:.4}")?;
    writeln!(out, "overlap@100 of the most similar {of}, by codes and by vectors {overlap_at_100:.4}")?;
    let Exactness { asked, products, differing } = manifest.index;
    let (asked, products, differing) = (count(asked), count(products), count(differing));
    writeln!(out, "inverted index: of {products} products of {asked} {of}, {differing} differ from brute force")?;
    named.iter().take(SHOWN).try_for_each(|latent| writeln!(out, "{latent}"))?;
    Ok(writeln!(out, "written to {}", args.out.display())?)
}

/// Refuses a coder of other vectors.
fn check_space(coder: &Space, model: &Space) -> Result<()> {
    if (&coder.id, coder.dim) == (&model.id, model.dim) {
        return Ok(());
    }
    bail!(Configuration(format!(
        "the coder is for {} of {} dimensions, these vectors are in {} of {}: train one for them, without --coder",
        coder.id, coder.dim, model.id, model.dim
    )))
}

/// Refuses vectors, and a coder that is to be trained, that do not fit beside what the process holds.
fn check_memory(config: Option<&CoderConfig>, dimensions: usize, (entities, of): (usize, &str)) -> Result<()> {
    let vectors = (size_of::<f32>() as u64).saturating_mul(dimensions as u64).saturating_mul(entities as u64);
    // Training, and then the directions of the vectors beside what the codes stand for.
    let training = config.map_or(0, |config| config.memory(dimensions, entities));
    let (needed, room) = (vectors.saturating_add(training.max(2 * vectors)), Room::now());
    if fits_beside(needed, room) {
        return Ok(());
    }
    let available = bytes(room.map_or(0, |room| room.available));
    let helps = training > 2 * vectors;
    let remedy = if helps { ": lower --width or --batch-size" } else { ", for the vectors alone" };
    bail!(Configuration(format!(
        "coding {} {of} of {dimensions} dimensions takes {}, and {available} is available{remedy}",
        count(entities),
        bytes(needed)
    )))
}

/// The mean cosine of vectors and what their codes stand for, and the overlap@100 of the rankings by both.
fn compared(
    vectors: Columns<'_>,
    coder: Option<&SparseCoder>,
    codes: &SparseCodes,
    index: &InvertedIndex,
) -> Result<(f64, f64)> {
    let directions = directions(vectors)?;
    let directions = Columns::new(&directions, (vectors.rows(), vectors.cols()));
    let decoded = coder.map_or_else(|| codes.dense(0..codes.len()), |coder| coder.decode(codes));
    let products = decoded.as_slice().iter().zip(directions.data()).map(|(a, b)| f64::from(*a) * f64::from(*b));
    let cosine = products.sum::<f64>() / vectors.cols() as f64;
    let overlap = overlap(directions, 100, |item, out| {
        let query = match coder {
            Some(coder) => coder.queries(directions.range(item..item + 1)),
            None => codes.dense(item..item + 1),
        };
        index.inner_products(query.as_slice(), out);
    });
    Ok((cosine, overlap))
}
