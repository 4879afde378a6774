//! `foldin sample`: a log of made-up users, and how it compares with the data.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::artifact::Artifact;
use crate::cli::args::{CodesFrom, Sample};
use crate::cli::console::{table, thousands};
use crate::cli::output::check_file;
use crate::cli::progress::Progress;
use crate::sample::{CodeSource, Comparison, SampleConfig, Summary, sample};
use crate::storage::AtomicFile;

/// What was drawn, from what, and how it compares.
#[derive(Serialize)]
struct Report<'a> {
    log: &'a Path,
    model_version: &'a str,
    seed: u64,
    length: Option<usize>,
    codes: CodeSource,
    #[serde(flatten)]
    comparison: Comparison,
}

impl From<CodesFrom> for CodeSource {
    fn from(codes: CodesFrom) -> Self {
        match codes {
            CodesFrom::Standard => Self::Standard,
            CodesFrom::Posterior => Self::Posterior,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// The model directory cannot be used or holds no variational model, or an output exists or cannot be written.
pub fn run(args: &Sample, out: &mut dyn Write) -> Result<()> {
    for path in [Some(&args.out), args.report.as_ref()].into_iter().flatten() {
        check_file(path, args.force)?;
    }
    let artifact = Artifact::open(&args.model_dir)?;
    let config = SampleConfig { seed: args.seed, length: args.length, codes: args.codes.into() };
    let progress = Progress::new("sampling");
    let drawn = sample(&artifact, &config, args.users, &args.out, &mut |done, planned| progress.at(done, planned));
    progress.finish();
    let report = Report {
        log: &args.out,
        model_version: &artifact.manifest.model_version,
        seed: args.seed,
        length: args.length.map(Into::into),
        codes: config.codes,
        comparison: drawn?,
    };
    let json = format!("{}\n", serde_json::to_string_pretty(&report)?);
    if let Some(path) = &args.report {
        let mut file = AtomicFile::create(path, args.force)?;
        file.write_all(json.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        file.commit()?;
    }
    if args.json { Ok(write!(out, "{json}")?) } else { print(&report, out) }
}

fn print(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let Report { comparison: of, codes, .. } = report;
    let (rows, users) = (thousands(of.sample.interactions), thousands(of.sample.users));
    let source = match codes {
        CodeSource::Standard => "codes from the standard normal distribution",
        CodeSource::Posterior => "codes from the posteriors of stored histories",
    };
    writeln!(out, "{}: {rows} rows of {users} made-up users, {source}; not private", report.log.display())?;
    let mut sides = table(["", "data", "sample"]);
    let mut row = |name: &str, value: fn(&Summary) -> String| {
        sides.add_row([name.to_owned(), value(&of.data), value(&of.sample)]);
    };
    row("users", |of| thousands(of.users));
    row("interactions", |of| thousands(of.interactions));
    row("items that occur", |of| thousands(of.items));
    row("mean length", |of| format!("{:.1}", of.mean_length));
    row("median length", |of| of.median_length.to_string());
    row("gini of item popularity", |of| format!("{:.3}", of.gini));
    writeln!(out, "{sides}")?;
    let popular = of.popular_items;
    let mut agreement = table(["agreement", "", "of the data with itself"]);
    let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    for (name, found, best) in [
        ("distance of lengths (Kolmogorov-Smirnov)".to_owned(), Some(of.length_distance), "0"),
        ("correlation of item popularity".to_owned(), of.popularity_correlation, "1"),
        (format!("overlap of the {popular} most popular items"), Some(of.popular_overlap), "1"),
        (format!("correlation of pairs of the {popular} items"), of.pair_correlation, "1"),
        ("correlation of their lifts".to_owned(), of.lift_correlation, "1"),
    ] {
        agreement.add_row([name, value(found), best.to_owned()]);
    }
    Ok(writeln!(out, "{agreement}")?)
}
