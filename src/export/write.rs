//! From tables to files.

use std::num::NonZeroUsize;
use std::path::Path;

use super::directory::{Directory, check_replaceable};
use super::{ExportError, Job, Manifest, Shard, ShardFile, Table, TableManifest};
use crate::storage::{AtomicDir, PartFile};

/// Where an export goes.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// The file or directory.
    pub path: &'a Path,
    /// Which of both.
    pub layout: Layout,
    /// Whether an earlier output there may be replaced.
    pub replace: bool,
}

/// How an export is divided into files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One file, which appears when it is complete.
    File,
    /// A directory of shards of this many entities each, with a manifest.
    Shards(NonZeroUsize),
}

/// Finds out whether [`write()`] could write a directory there, before the work that leads up to it.
///
/// # Errors
/// [`ExportError`] when the target exists, holds something other than an export, or its parent cannot be
/// written to.
pub fn check_directory(path: &Path, replace: bool) -> Result<(), ExportError> {
    if replace {
        check_replaceable(path)?;
    }
    // Dropped without a commit, it leaves nothing.
    Ok(AtomicDir::create(path, replace).map(drop)?)
}

/// Writes tables. A directory that an earlier run of the same job left unfinished is continued after its last
/// finished shard; `found` is told how many there are.
///
/// `progress` is called with the entities done and the entities there are.
///
/// # Errors
/// [`ExportError`] when there is nothing to write, an entity cannot be computed, or the disk refuses. A file is
/// not there then; of a directory the finished shards stay beside it for a later run.
pub fn write(
    mut job: Job,
    tables: &[&dyn Table],
    output: &Output<'_>,
    found: impl FnOnce(usize),
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Manifest, ExportError> {
    job.tables = tables.iter().map(|table| table.job()).collect();
    if let Some(empty) = job.tables.iter().find(|table| table.entities == 0) {
        return Err(ExportError::Nothing { reason: format!("no {} are left", empty.table) });
    }
    let total = tables.iter().map(|table| table.len() as u64).sum();
    let mut done = 0;
    let mut advance = |entities: usize| {
        done += entities as u64;
        progress(done, total);
    };
    match output.layout {
        Layout::File => file(job, tables, output, &mut advance),
        Layout::Shards(rows) => {
            job.shard_rows = Some(rows.get());
            let directory = Directory::open(output.path, &job, output.replace)?;
            found(directory.finished_shards());
            shards(job, tables, directory, rows.get(), &mut advance)
        }
    }
}

fn file(
    job: Job,
    tables: &[&dyn Table],
    output: &Output<'_>,
    advance: &mut (dyn FnMut(usize) + Send),
) -> Result<Manifest, ExportError> {
    let [table] = tables else { return Err(ExportError::NeedsDirectory) };
    let open = |extension: &str| -> Result<PartFile, ExportError> {
        // Ids beside an array, which would be a second file.
        if extension.contains('.') {
            return Err(ExportError::NeedsDirectory);
        }
        Ok(PartFile::create(output.path, output.replace)?)
    };
    let (rows, parts) = table.write(0..table.len(), &open, advance)?;
    let name = output.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = parts.into_iter().map(|(_, part)| Ok(ShardFile { name: name.clone(), digest: part.commit()? }));
    let shard = Shard { name: name.clone(), rows, files: files.collect::<Result<_, ExportError>>()? };
    let table = TableManifest { table: job.tables[0].table.clone(), rows, shards: vec![shard] };
    Ok(Manifest { job, tables: vec![table] })
}

fn shards(
    job: Job,
    tables: &[&dyn Table],
    mut directory: Directory,
    shard_rows: usize,
    advance: &mut (dyn FnMut(usize) + Send),
) -> Result<Manifest, ExportError> {
    let mut manifest = Manifest { job, tables: Vec::new() };
    for (position, table) in tables.iter().enumerate() {
        let table_name = manifest.job.tables[position].table.clone();
        let mut shards = Vec::new();
        for (number, start) in (0..table.len()).step_by(shard_rows).enumerate() {
            let entities = start..table.len().min(start.saturating_add(shard_rows));
            let name = format!("{table_name}-{number:05}");
            if let Some(finished) = directory.finished(&name) {
                advance(entities.len());
                shards.push(finished.clone());
                continue;
            }
            let open = |extension: &str| Ok(directory.part(&format!("{name}.{extension}"))?);
            let (rows, parts) = table.write(entities, &open, advance)?;
            let files = parts
                .into_iter()
                .map(|(extension, part)| Ok(ShardFile { name: format!("{name}.{extension}"), digest: part.commit()? }));
            let shard = Shard { files: files.collect::<Result<_, ExportError>>()?, name, rows };
            directory.record(&shard)?;
            shards.push(shard);
        }
        let rows = shards.iter().map(|shard| shard.rows).sum();
        manifest.tables.push(TableManifest { table: table_name, rows, shards });
    }
    directory.commit(&manifest)?;
    Ok(manifest)
}
