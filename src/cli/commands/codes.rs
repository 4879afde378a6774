//! `foldin codes`: the vectors of a model's items as sparse codes.

use std::io::Write;

use anyhow::{Result, bail};
use serde_json::json;

use crate::artifact::Artifact;
use crate::cli::args;
use crate::cli::console::{bytes, count, note};
use crate::cli::exit::Configuration;
use crate::cli::latents;
use crate::codes::{CoderConfig, InvertedIndex, SparseCoder, SparseCodes, directions};
use crate::export::{CodesManifest, check_codes, item_space, read_coder, write_codes};
use crate::linalg::Columns;
use crate::models::Space;
use crate::plan::{Room, fits_beside};
use crate::ranking::overlap;

/// Epochs between two lines of progress.
const EVERY: usize = 10;

/// Runs the command.
///
/// # Errors
/// A model without item vectors, parameters out of range, a coder that does not fit, or an output that exists.
pub fn run(args: &args::Codes, out: &mut dyn Write) -> Result<()> {
    let args::Codes { kept, width, epochs, batch_size, learning_rate, seed, .. } = *args;
    let config = CoderConfig { width, kept, epochs, batch_size, learning_rate, seed };
    config.check()?;
    check_codes(&args.out, args.force)?;
    let artifact = Artifact::open(&args.model_dir)?;
    let (space, items) = (item_space(&artifact)?, artifact.catalogue.len());
    let model = artifact.model.as_ref();
    let vectors =
        model.embed_items(0..items as u32).unwrap_or_else(|| unreachable!("a model with a space places items"));
    let (coder, config, codes) = match (model.item_codes(), &args.coder) {
        (Some(_), Some(_)) => {
            bail!(Configuration("the vectors of this model are codes already: leave --coder out".into()))
        }
        (Some(codes), None) => (None, None, codes.clone()),
        (None, Some(path)) => {
            let (coder, manifest) = read_coder(path)?;
            check_space(&manifest.space, &space)?;
            let codes = coder.encode((&vectors).into())?;
            (Some(coder), manifest.coder, codes)
        }
        (None, None) => {
            check_memory(&config, space.dim, items)?;
            let mut progress = |epoch: usize, loss: f64| {
                if epoch.is_multiple_of(EVERY) || epoch == config.epochs {
                    note(format_args!("epoch {epoch}/{}  loss {loss:.4}", config.epochs));
                }
            };
            let coder = SparseCoder::fit((&vectors).into(), &config, &mut progress)?;
            let codes = coder.encode((&vectors).into())?;
            (Some(coder), Some(config.clone()), codes)
        }
    };
    let index = InvertedIndex::of(&codes);
    let (cosine, overlap_at_100) = compared((&vectors).into(), coder.as_ref(), &codes, &index)?;
    let manifest = CodesManifest {
        library_version: env!("CARGO_PKG_VERSION").into(),
        model: artifact.manifest.model.name().into(),
        model_version: artifact.manifest.model_version.clone(),
        items,
        width: codes.width(),
        kept: codes.kept(),
        bytes_per_item: codes.bytes(),
        dense_bytes_per_item: size_of::<f32>() * space.dim,
        space,
        coder: config,
        cosine,
        overlap_at_100,
        files: Default::default(),
    };
    let manifest = write_codes((&args.out, args.force), (artifact.catalogue.ids(), &codes), coder.as_ref(), manifest)?;
    let named = latents::named(&index, &artifact.catalogue);
    if args.json {
        return Ok(writeln!(out, "{:#}", json!({ "codes": args.out, "manifest": manifest, "latents": named }))?);
    }
    let CodesManifest { model, model_version, width, kept, bytes_per_item, dense_bytes_per_item, .. } = &manifest;
    let (items, kept, width) = (count(items), count(*kept), count(*width));
    writeln!(out, "codes of {items} items of {model} {model_version}: {kept} of {width} latents each")?;
    let (dense, times) = (count(*dense_bytes_per_item), *dense_bytes_per_item as f64 / *bytes_per_item as f64);
    writeln!(out, "{} bytes an item, {dense} as dense vectors ({times:.1} times as much)", count(*bytes_per_item))?;
    writeln!(out, "mean cosine of vectors and what their codes stand for {cosine:.4}")?;
    writeln!(out, "overlap@100 of the most similar items, by codes and by vectors {overlap_at_100:.4}")?;
    named.iter().try_for_each(|latent| writeln!(out, "{latent}"))?;
    Ok(writeln!(out, "written to {}", args.out.display())?)
}

/// Refuses a coder of other vectors.
fn check_space(coder: &Space, model: &Space) -> Result<()> {
    if (&coder.id, coder.dim) == (&model.id, model.dim) {
        return Ok(());
    }
    bail!(Configuration(format!(
        "the coder is for {} of {} dimensions, the model's items are in {} of {}: train one for them, without --coder",
        coder.id, coder.dim, model.id, model.dim
    )))
}

/// Refuses a coder that does not fit beside what the process holds.
fn check_memory(config: &CoderConfig, dimensions: usize, items: usize) -> Result<()> {
    let (needed, room) = (config.memory(dimensions, items), Room::now());
    if fits_beside(needed, room) {
        return Ok(());
    }
    let available = bytes(room.map_or(0, |room| room.available));
    bail!(Configuration(format!(
        "a coder of width {} for {} items of {dimensions} dimensions takes {}, and {available} is available: lower --width or \
         --batch-size",
        count(config.width),
        count(items),
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
