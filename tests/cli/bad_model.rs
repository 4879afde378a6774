//! Model directories that cannot be trusted are refused by every command that opens one.

use std::fs;
use std::path::Path;

use super::harness::{arg, fixture, foldin};
use super::tables::{regular, write_log};

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

const FILES: [&str; 6] =
    ["manifest.json", "manifest.b3", "weights.safetensors", "items.parquet", "users.parquet", "histories.safetensors"];

#[test]
fn a_flipped_byte_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    let (model, log) = (directory.path().join("model"), directory.path().join("test.parquet"));
    copy(&fixture().model, &model);
    write_log(&log, &regular(0..6, 5, 3));
    for file in FILES {
        let path = model.join(file);
        let content = fs::read(&path).unwrap();
        for position in [0, content.len() / 2, content.len() - 1] {
            let mut damaged = content.clone();
            damaged[position] ^= 0x10;
            fs::write(&path, damaged).unwrap();
            foldin(&["recommend", arg(&model), "--history", "i1"]).refused(3, &[file]);
            foldin(&["inspect", arg(&model)]).refused(3, &[file]);
            foldin(&["serve", arg(&model), "--port", "0"]).refused(3, &[file]);
            foldin(&["evaluate", arg(&model), "--test", arg(&log)]).refused(3, &[file]);
        }
        fs::write(&path, content).unwrap();
    }
    assert_eq!(foldin(&["inspect", arg(&model)]).code, Some(0), "restored, it is fine again");
}

#[test]
fn a_missing_file() {
    for file in FILES {
        let directory = tempfile::tempdir().unwrap();
        let model = directory.path().join("model");
        copy(&fixture().model, &model);
        fs::remove_file(model.join(file)).unwrap();
        foldin(&["serve", arg(&model), "--port", "0"]).refused(3, &[file, "missing"]);
        foldin(&["recommend", arg(&model), "--all", "--out", arg(&directory.path().join("r.parquet"))])
            .refused(3, &[file, "missing"]);
        assert!(!directory.path().join("r.parquet").exists());
    }
}

#[test]
fn all_damaged_files_are_listed_by_inspect() {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("model");
    copy(&fixture().model, &model);
    for file in ["items.parquet", "users.parquet"] {
        fs::write(model.join(file), "").unwrap();
    }
    let run = foldin(&["inspect", arg(&model)]);
    run.refused(3, &["2 files are damaged", "items.parquet"]);
    assert_eq!(run.stdout.matches("DAMAGED").count(), 2, "{}", run.stdout);
}

#[test]
fn a_future_format() {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("model");
    copy(&fixture().model, &model);
    let manifest = fs::read_to_string(model.join("manifest.json")).unwrap();
    let future = manifest.replacen("\"format_version\": 1", "\"format_version\": 99", 1);
    assert_ne!(future, manifest);
    fs::write(model.join("manifest.json"), &future).unwrap();
    let hash = blake3::hash(future.as_bytes()).to_hex();
    fs::write(model.join("manifest.b3"), format!("{hash}  manifest.json\n")).unwrap();
    foldin(&["inspect", arg(&model)]).refused(3, &["format version 99", "newer Foldin"]);
}

#[test]
fn something_that_is_no_model() {
    let directory = tempfile::tempdir().unwrap();
    foldin(&["inspect", arg(directory.path())]).refused(3, &["not a model directory", "foldin train"]);
    foldin(&["evaluate", "/nowhere", "--test", "x.parquet"]).refused(3, &["/nowhere", "not a model directory"]);
}
