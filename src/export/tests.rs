//! What becomes of an interrupted export, on tables whose content is known.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::interactions::LogRules;
use crate::io::{EmbeddingFormat, Precision};
use crate::models::{Metric, Space};
use crate::storage::{StorageError, digest_file};

/// Rows of text. Fails at the entity `broken`, and counts the shards written.
struct Lines {
    entities: usize,
    broken: usize,
    written: AtomicUsize,
}

impl Lines {
    fn new(entities: usize) -> Self {
        Self { entities, broken: usize::MAX, written: AtomicUsize::new(0) }
    }
}

impl Table for Lines {
    fn job(&self) -> TableJob {
        let space = Space { id: "test/lines".into(), dim: 1, metric: Metric::Dot };
        let content = Content::Embeddings { space, format: EmbeddingFormat::Npy, precision: Precision::F32 };
        TableJob {
            table: "items".into(),
            id_column: "item_id".into(),
            id_type: "text".into(),
            entities: self.entities,
            selection: String::new(),
            content,
        }
    }

    fn len(&self) -> usize {
        self.entities
    }

    fn write(
        &self,
        entities: Range<usize>,
        open: &Open<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<(u64, Vec<Written>), ExportError> {
        let (mut first, mut second) = (open("npy")?, open("ids.parquet")?);
        for entity in entities.clone() {
            if entity == self.broken {
                return Err(ExportError::Nothing { reason: "a test".into() });
            }
            writeln!(first, "line {entity}").unwrap();
            writeln!(second, "id {entity}").unwrap();
        }
        self.written.fetch_add(1, Ordering::Relaxed);
        progress(entities.len());
        Ok((entities.len() as u64, vec![("npy".into(), first), ("ids.parquet".into(), second)]))
    }
}

fn job() -> Job {
    Job {
        library_version: "1".into(),
        model: "test".into(),
        model_version: "abc".into(),
        rules: LogRules::default(),
        histories: Histories::Stored,
        shard_rows: None,
        tables: Vec::new(),
    }
}

fn export(path: &Path, lines: &Lines, shard: usize, replace: bool) -> (Result<Manifest, ExportError>, usize) {
    let layout = Layout::Shards(NonZeroUsize::new(shard).unwrap());
    let found = Cell::new(0);
    let outcome = write(job(), &[lines], &Output { path, layout, replace }, |shards| found.set(shards), &mut |_, _| {});
    (outcome, found.get())
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Exports until the entity in the third of four shards.
fn interrupted(root: &Path) {
    let broken = Lines { broken: 7, ..Lines::new(10) };
    assert!(export(&root.join("out"), &broken, 3, false).0.is_err());
    assert_eq!(names(root), [".out.partial"], "nothing looks complete");
    let left = ["items-00000.ids.parquet", "items-00000.npy", "items-00001.ids.parquet", "items-00001.npy"];
    assert_eq!(names(&root.join(".out.partial")), [&left[..], &["progress.jsonl"]].concat());
}

fn assert_complete(root: &Path, manifest: &Manifest) {
    let out = root.join("out");
    assert_eq!(names(root), ["out"]);
    let files = manifest.tables[0].shards.iter().flat_map(|shard| &shard.files);
    let mut listed: Vec<String> = files
        .inspect(|file| assert_eq!(digest_file(&out.join(&file.name)).unwrap(), file.digest))
        .map(|file| file.name.clone())
        .collect();
    assert_eq!((listed.len(), manifest.tables[0].rows), (8, 10));
    listed.push("manifest.json".into());
    listed.sort();
    assert_eq!(names(&out), listed);
    let text: String = (0..4).map(|i| fs::read_to_string(out.join(format!("items-0000{i}.npy"))).unwrap()).collect();
    assert_eq!(text, (0..10).map(|entity| format!("line {entity}\n")).collect::<String>());
    let stored: Manifest = serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(stored, *manifest);
}

#[test]
fn a_later_run_goes_on_after_the_last_finished_shard() {
    let root = tempfile::tempdir().unwrap();
    interrupted(root.path());
    let lines = Lines::new(10);
    let (manifest, found) = export(&root.path().join("out"), &lines, 3, false);
    assert_eq!((found, lines.written.load(Ordering::Relaxed)), (2, 2));
    assert_complete(root.path(), &manifest.unwrap());
    let exists = export(&root.path().join("out"), &Lines::new(10), 3, false).0;
    assert!(matches!(exists, Err(ExportError::Storage(StorageError::Exists { .. }))));
}

/// A process can be stopped between any two bytes.
#[test]
fn what_was_cut_off_is_done_again() {
    let partial = |root: &Path, name: &str| root.join(".out.partial").join(name);
    let damages: [&dyn Fn(&Path); 5] = [
        // In the middle of a note.
        &|root| {
            let text = fs::read(partial(root, "progress.jsonl")).unwrap();
            fs::write(partial(root, "progress.jsonl"), &text[..text.len() - 9]).unwrap();
        },
        // A file has its name, its shard is not noted.
        &|root| fs::write(partial(root, "items-00002.npy"), "line 6\n").unwrap(),
        // In the middle of a file.
        &|root| fs::write(partial(root, ".items-00002.npy.partial"), "lin").unwrap(),
        // A finished file was changed or lost.
        &|root| fs::write(partial(root, "items-00000.npy"), "line 9\nline 9\nline 9\n").unwrap(),
        &|root| fs::remove_file(partial(root, "items-00001.ids.parquet")).unwrap(),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let root = tempfile::tempdir().unwrap();
        interrupted(root.path());
        damage(root.path());
        let lines = Lines::new(10);
        let (manifest, found) = export(&root.path().join("out"), &lines, 3, false);
        assert_complete(root.path(), &manifest.unwrap());
        assert_eq!(found, if (1..3).contains(&number) { 2 } else { 1 }, "damage {number}");
    }
}

#[test]
fn before_the_job_was_noted_there_is_nothing_to_go_on_with() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join(".out.partial")).unwrap();
    fs::write(root.path().join(".out.partial/progress.jsonl"), "{\"library_ver").unwrap();
    let (manifest, found) = export(&root.path().join("out"), &Lines::new(10), 3, false);
    assert_eq!(found, 0);
    assert_complete(root.path(), &manifest.unwrap());
}

#[test]
fn another_job_is_refused_by_what_differs_and_starts_anew_when_asked_to() {
    let root = tempfile::tempdir().unwrap();
    interrupted(root.path());
    let out = root.path().join("out");
    let error = export(&out, &Lines::new(11), 4, false).0.unwrap_err().to_string();
    for part in [".out.partial", "shard_rows was 3, is 4", "tables.0.entities was 10, is 11", "--force"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let (manifest, found) = export(&out, &Lines::new(10), 5, true);
    assert_eq!((found, manifest.unwrap().tables[0].shards.len()), (0, 2));
    assert_eq!(names(root.path()), ["out"]);
}

#[test]
fn a_replaced_export_is_there_until_the_new_one_is() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    export(&out, &Lines::new(4), 3, false).0.unwrap();
    let before = names(&out);
    assert!(export(&out, &Lines { broken: 7, ..Lines::new(10) }, 3, true).0.is_err());
    assert_eq!((names(&out), names(root.path())), (before, vec![".out.partial".to_owned(), "out".to_owned()]));
    let lines = Lines::new(10);
    let (manifest, found) = export(&out, &lines, 3, true);
    assert_eq!(found, 2, "the same job goes on, even when it is to replace something");
    assert_complete(root.path(), &manifest.unwrap());
}

#[test]
fn what_no_export_wrote_is_not_replaced() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    for (name, directory) in [("out/notes.txt", true), ("out/items-1.npy", true), ("out", false)] {
        if directory {
            fs::create_dir(&out).unwrap();
        }
        fs::write(root.path().join(name), "mine").unwrap();
        let refused = export(&out, &Lines::new(4), 3, true).0;
        assert!(matches!(refused, Err(ExportError::ReplacesOther { .. })), "{name}");
        assert_eq!(fs::read_to_string(root.path().join(name)).unwrap(), "mine");
        if directory { fs::remove_dir_all(&out).unwrap() } else { fs::remove_file(&out).unwrap() }
    }
    interrupted(root.path());
    fs::write(root.path().join(".out.partial/notes.txt"), "mine").unwrap();
    let refused = export(&out, &Lines::new(10), 3, false).0.unwrap_err().to_string();
    assert!(refused.contains("notes.txt"), "{refused}");
}

#[test]
fn one_run_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    interrupted(root.path());
    let progress = fs::File::open(root.path().join(".out.partial/progress.jsonl")).unwrap();
    progress.lock().unwrap();
    let refused = export(&out, &Lines::new(10), 3, false).0;
    assert!(matches!(refused, Err(ExportError::Storage(StorageError::InUse { .. }))));
    progress.unlock().unwrap();
    assert_complete(root.path(), &export(&out, &Lines::new(10), 3, false).0.unwrap());
}

#[test]
fn several_files_are_not_one() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("out.npy");
    let output = Output { path: &path, layout: Layout::File, replace: false };
    let refused = write(job(), &[&Lines::new(4)], &output, |_| {}, &mut |_, _| {});
    assert!(matches!(refused, Err(ExportError::NeedsDirectory)));
    let nothing = write(job(), &[&Lines::new(0)], &output, |_| {}, &mut |_, _| {});
    assert!(matches!(nothing, Err(ExportError::Nothing { .. })));
    assert_eq!(names(root.path()), [""; 0]);
}
