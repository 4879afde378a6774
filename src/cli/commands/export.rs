//! `foldin export`: the embeddings of users and items, with their ids.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};

use crate::artifact::Artifact;
use crate::cli::args::{Dtype, EmbeddingFiles, Export, What};
use crate::cli::exit::Configuration;
use crate::cli::exporting::{self, Source};
use crate::export::{Embeddings, Layout, Table, Users, item_space, user_space, variance_space};
use crate::io::Precision;

/// Runs the command.
///
/// # Errors
/// The model directory, the log or the list of users cannot be used, or the output cannot be written.
pub fn run(args: &Export, out: &mut dyn Write) -> Result<()> {
    let whose = &args.files.whose;
    if args.what == What::Items && whose.given() {
        bail!(Configuration(
            "--users and --logs choose users, and --what items has none: leave one of them out".into()
        ));
    }
    if args.what == What::Items && args.files.variances {
        bail!(Configuration("--variances are those of users, and --what items has none: leave one of them out".into()));
    }
    write_embeddings(&args.model_dir, args.what, &args.out, &args.files, out)
}

/// Writes embeddings and prints what was written.
///
/// # Errors
/// As [`run`].
pub fn write_embeddings(
    model_dir: &Path,
    what: What,
    path: &Path,
    files: &EmbeddingFiles,
    out: &mut dyn Write,
) -> Result<()> {
    let (of_users, of_items) = (what != What::Items, what != What::Users);
    let (format, output) = exporting::output(path, files.encoding.format.map(Into::into), &files.shards)?;
    let precision = match files.encoding.dtype {
        None | Some(Dtype::F32) => Precision::F32,
        Some(Dtype::F16) => Precision::F16,
    };
    if (of_users && of_items || files.variances) && output.layout == Layout::File {
        bail!(Configuration("two tables take two files: give --out the name of a directory, without extension".into()));
    }
    // Everything that can be refused is refused before the long work starts.
    exporting::check(&output)?;
    let artifact = Artifact::open(model_dir)?;
    if of_users {
        user_space(&artifact)?;
    }
    if files.variances {
        variance_space(&artifact)?;
    }
    if of_items {
        item_space(&artifact)?;
    }
    let source = Source::read(&artifact, &files.whose)?;
    let users: Option<Users<'_>> = of_users.then(|| source.known_users());
    let mut tables = Vec::new();
    if let Some(users) = &users {
        tables.push(Embeddings::of_users(&artifact, users, format, precision)?);
        if files.variances {
            tables.push(Embeddings::variances_of_users(&artifact, users, format, precision)?);
        }
    }
    if of_items {
        tables.push(Embeddings::of_items(&artifact, format, precision)?);
    }
    let tables: Vec<&dyn Table> = tables.iter().map(|table| table as &dyn Table).collect();
    let manifest = exporting::run(source.job.clone(), &tables, &output, "exporting")?;
    exporting::print(&manifest, &output, files.json, out)
}
