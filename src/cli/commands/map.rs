//! `foldin map`: items or users as points in the plane, as a table and as a picture.

use std::fmt;
use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::json;

use crate::artifact::Artifact;
use crate::cli::args::{Map, Projection};
use crate::cli::exit::Configuration;
use crate::cli::mapping::{Colouring, Dot, Picture, Points, paint};
use crate::cli::output::check_file;
use crate::cli::report::SvgFile;
use crate::cli::report::plots::decimal;
use crate::export::{item_space, user_space};
use crate::io::{MapTable, write_map};
use crate::linalg::Columns;
use crate::models::{Metric, Space};
use crate::projection::{Pca, TSneConfig, most_perplexity, normalise, pca, t_sne};

/// Neighbours that count for t-SNE where there are enough.
const PERPLEXITY: f64 = 30.0;

/// Runs the command.
///
/// # Errors
/// The model has no such embeddings, a flag does not fit it, or the output cannot be written.
pub fn run(args: &Map, out: &mut dyn Write) -> Result<()> {
    if args.method == Projection::Pca && args.perplexity.is_some() {
        bail!(Configuration("--perplexity belongs to --method t-sne: leave it out".into()));
    }
    // Everything that can be refused is refused before the long work starts.
    let plot = args.plot.as_deref().map(|path| SvgFile::check(path, args.force)).transpose()?;
    if let Some(path) = &args.out {
        if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) {
            bail!(Configuration(format!("--out {}: a map is written as Parquet, give FILE.parquet", path.display())));
        }
        check_file(path, args.force)?;
    }
    let artifact = Artifact::open(&args.model_dir)?;
    let space = if args.users { user_space(&artifact) } else { item_space(&artifact) }?;
    let colouring = match &args.colour {
        Some(column) => Some(Colouring::of_column(&artifact.metadata, column, args.before.as_deref())?),
        None => None,
    };
    let most = args.points.get();
    let (points, mut vectors) = if args.users {
        Points::of_users(&artifact, most, args.seed, colouring.as_ref())?
    } else {
        Points::of_items(&artifact, most, args.seed, colouring.as_ref())?
    };
    if space.metric == Metric::Cosine {
        normalise(&mut vectors, space.dim);
    }
    let map = Placed::new(Columns::new(&vectors, (space.dim, points.rows.len())), args)?;
    if let Some(path) = &args.out {
        write_table(path, &artifact, &space, &points, &map)?;
    }
    if let Some(plot) = plot {
        plot.write(&picture(args, &artifact, &space, &points, &map).svg())?;
    }
    print(args, &artifact, &space, &points, &map, out)
}

/// The map itself.
struct Placed {
    places: Vec<[f32; 2]>,
    made: Made,
}

/// How a map came about.
enum Made {
    TSne {
        perplexity: f64,
    },
    /// With the shares of the variance that the axes explain.
    Pca {
        explained: [f64; 2],
    },
}

impl Placed {
    fn new(vectors: Columns<'_>, args: &Map) -> Result<Self> {
        Ok(match args.method {
            Projection::Pca => {
                let Pca { places, explained } = pca(vectors, args.seed)?;
                Self { places, made: Made::Pca { explained } }
            }
            Projection::TSne => {
                let perplexity = args.perplexity.unwrap_or(PERPLEXITY.min(most_perplexity(vectors.cols())));
                let places = t_sne(vectors, &TSneConfig { perplexity, seed: args.seed })?;
                Self { places, made: Made::TSne { perplexity } }
            }
        })
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TSne { perplexity } => write!(f, "t-SNE with perplexity {}", decimal(*perplexity)),
            Self::Pca { explained: [first, second] } => {
                write!(f, "PCA, {} + {} of the variance", percent(*first), percent(*second))
            }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn metric(space: &Space) -> &'static str {
    match space.metric {
        Metric::Cosine => "cosine",
        Metric::Dot => "inner product",
    }
}

/// The table, with a word in its footer on where it comes from.
fn write_table(path: &Path, artifact: &Artifact, space: &Space, points: &Points<'_>, map: &Placed) -> Result<()> {
    let table = MapTable {
        id_column: points.id_column(),
        ids: points.ids,
        rows: &points.rows,
        places: &map.places,
        titles: points.titles.clone(),
        interactions: &points.interactions,
        colours: points.colouring.as_ref().map(Colouring::table),
    };
    let mut notes = vec![
        ("foldin.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("foldin.model", artifact.manifest.model.name().to_owned()),
        ("foldin.model_version", artifact.manifest.model_version.clone()),
        ("foldin.space", space.id.clone()),
        ("foldin.map", map.made.to_string()),
    ];
    notes.extend(points.colouring.as_ref().map(|colouring| ("foldin.colour", colouring.column.clone())));
    write_map(path, &table, notes.into_iter().map(|(name, note)| (name.to_owned(), note)).collect())?;
    Ok(())
}

/// The picture, with all that a reader has to know to read it.
fn picture<'a>(args: &Map, artifact: &Artifact, space: &Space, points: &'a Points<'_>, map: &Placed) -> Picture<'a> {
    let (colours, key) = paint(points.colouring.as_ref(), points.rows.len());
    let manifest = &artifact.manifest;
    let (reading, axes) = match map.made {
        Made::TSne { .. } => {
            let reading = "Near points are alike. Distances between groups, their sizes, and directions say little.";
            (reading, None)
        }
        Made::Pca { explained } => {
            let axis =
                |name: &str, share: f64| format!("{name} principal component ({} of the variance)", percent(share));
            let axes = [axis("first", explained[0]), axis("second", explained[1])];
            ("The two directions in which the vectors vary most; what varies in others is not seen.", Some(axes))
        }
    };
    let of_histories = args.users && key.is_some();
    let colours_of = if of_histories { " Colours are the most frequent of a history, or its mean." } else { "" };
    let dots = colours.into_iter().enumerate().map(|(point, colour)| Dot {
        place: map.places[point],
        colour,
        interactions: points.interactions[point],
        title: points.name(point),
    });
    Picture {
        title: format!("{} {}: {}", manifest.model.name(), manifest.model_version, points.described(args.seed)),
        captions: vec![
            format!(
                "{}; space {}, {} dimensions, compared by {}. The larger a point, the more interactions.",
                map.made,
                space.id,
                space.dim,
                metric(space)
            ),
            format!("{reading}{colours_of}"),
        ],
        axes,
        dots: dots.collect(),
        key,
        // Nobody knows users by their ids.
        titles: if args.users { 0 } else { args.titles },
    }
}

fn print(
    args: &Map,
    artifact: &Artifact,
    space: &Space,
    points: &Points<'_>,
    map: &Placed,
    out: &mut dyn Write,
) -> Result<()> {
    if args.json {
        let (method, perplexity, explained) = match map.made {
            Made::TSne { perplexity } => ("t-sne", Some(perplexity), None),
            Made::Pca { explained } => ("pca", None, Some(explained)),
        };
        let report = json!({
            "model_version": artifact.manifest.model_version, "space": space, "of": points.kind,
            "points": points.rows.len(), "drawn_from": points.of, "method": method, "perplexity": perplexity,
            "explained_variance": explained, "seed": args.seed, "colour": args.colour, "out": args.out, "plot": args.plot,
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    writeln!(out, "{}: {}", points.described(args.seed), map.made)?;
    for path in args.out.iter().chain(&args.plot) {
        writeln!(out, "written: {}", path.display())?;
    }
    Ok(())
}
