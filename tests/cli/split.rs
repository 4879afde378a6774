//! `foldin split`: files that measure like an own split.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::harness::{arg, fixture, foldin, json, names, succeed};
use super::tables::{integers, numbers, write, write_log};

/// Splits the log of the fixture; returns the directory and the manifest.
fn split(flags: &[&str]) -> (TempDir, PathBuf, Value) {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("split");
    let manifest = json(&[&["split", arg(&fixture().log), "--out", arg(&out), "--json"], flags].concat());
    (directory, out, manifest)
}

fn metrics(report: &Value, name: &str) -> Value {
    let rows = report["models"].as_array().unwrap();
    rows.iter().find(|row| row["model"] == name).unwrap()["metrics"].clone()
}

fn total(manifest: &Value, field: &str) -> u64 {
    let files = manifest["files"].as_object().unwrap();
    files.values().map(|file| file[field].as_u64().unwrap()).sum()
}

#[test]
fn a_written_split_measures_like_the_own_split_of_evaluate() {
    let (_directory, out, manifest) = split(&["--rule", "strong", "--test-users", "40", "--seed", "7"]);
    assert_eq!(names(&out), ["manifest.json", "test_fold_in.parquet", "test_target.parquet", "train.parquet"]);
    let file = |name: &str| arg(&out.join(name)).to_owned();
    let model = ["--model", "ease", "--json"];
    let (train, fold_in, target) = (file("train.parquet"), file("test_fold_in.parquet"), file("test_target.parquet"));
    let files = ["evaluate", "--train", &train, "--fold-in", &fold_in, "--target", &target];
    let written = json(&[&files, &model[..]].concat());
    let own = ["evaluate", "--train", arg(&fixture().log), "--held-out-users", "40", "--seed", "7"];
    let own = json(&[&own, &model[..]].concat());
    for name in ["popularity", "ease"] {
        assert_eq!(metrics(&written, name), metrics(&own, name), "{name}");
    }
    assert_eq!(manifest["rule"]["test_users"], 40);
    assert_eq!(manifest["files"]["test_fold_in.parquet"]["users"], 40);
}

#[test]
fn splits_by_time_measure_like_those_of_evaluate() {
    let times = ["--time-column", "timestamp"];
    let model = ["--model", "ease", "--json"];
    for (rule, own) in [
        (&["--rule", "temporal", "--cut-at", "2024-10-01"][..], &["--cut-at", "2024-10-01"][..]),
        (&["--rule", "leave-last-out"], &["--leave-last-out"]),
    ] {
        let (_directory, out, _) = split(&[rule, &times].concat());
        let (train, test) = (out.join("train.parquet"), out.join("test.parquet"));
        let written = json(&[&["evaluate", "--train", arg(&train), "--test", arg(&test)], &model[..]].concat());
        let own = json(&[&["evaluate", "--train", arg(&fixture().log)], own, &times, &model].concat());
        for name in ["popularity", "ease"] {
            assert_eq!(metrics(&written, name), metrics(&own, name), "{name} {rule:?}");
        }
    }
}

#[test]
fn the_manifest_accounts_for_every_interaction_and_every_byte() {
    let flags = ["--rule", "strong", "--test-users", "40", "--validation-users", "30"];
    let (_directory, out, manifest) = split(&flags);
    let left_out = &manifest["files"]["test_fold_in.parquet"]["left_out"]["item_not_in_training"];
    let left_out = left_out.as_u64().unwrap()
        + manifest["files"]["validation_fold_in.parquet"]["left_out"]["item_not_in_training"].as_u64().unwrap();
    assert_eq!(
        total(&manifest, "interactions") + left_out,
        manifest["log"]["report"]["interactions"].as_u64().unwrap()
    );
    for (name, file) in manifest["files"].as_object().unwrap() {
        let bytes = std::fs::read(out.join(name)).unwrap();
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["blake3"], blake3::hash(&bytes).to_hex().as_str(), "{name}");
    }
    let on_disk: Value = serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(on_disk, manifest);
    // The same again, but for another seed.
    assert_eq!(split(&flags).2["files"], manifest["files"]);
    assert_ne!(split(&[&flags[..], &["--seed", "2"]].concat()).2["files"], manifest["files"]);
}

#[test]
fn the_weak_split_is_what_evaluate_calls_weak_generalisation() {
    let (_directory, out, manifest) = split(&["--rule", "weak", "--validation", "--target-fraction", "0.1"]);
    assert_eq!(names(&out), ["manifest.json", "test.parquet", "train.parquet", "validation.parquet"]);
    assert_eq!(manifest["files"]["train.parquet"]["users"], 300);
    let share =
        manifest["files"]["test.parquet"]["interactions"].as_f64().unwrap() / total(&manifest, "interactions") as f64;
    assert!((0.08..0.14).contains(&share), "{share}");
    let (train, test) = (out.join("train.parquet"), out.join("test.parquet"));
    let report = json(&["evaluate", "--train", arg(&train), "--test", arg(&test), "--model", "ease", "--json"]);
    assert_eq!(report["protocol"], "weak");
    // And the validation file goes with the training file.
    let validation = out.join("validation.parquet");
    succeed(&[
        "train",
        arg(&train),
        "--out",
        arg(&out.join("model")),
        "--epochs",
        "1",
        "--set",
        "model.hidden=8",
        "--set",
        "model.latent=4",
        "--validation-fold-in",
        arg(&train),
        "--validation-target",
        arg(&validation),
    ]);
}

#[test]
fn weights_and_rules_of_the_log_go_into_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let (log, out) = (directory.path().join("log.parquet"), directory.path().join("split"));
    let pairs: Vec<(i64, i64)> = (0..20).flat_map(|user| (0..8).map(move |k| (user, (user + 3 * k) % 10))).collect();
    let stars = pairs.iter().map(|(user, item)| Some(1.0 + ((user * item) % 5) as f64));
    write(
        &log,
        vec![
            ("user_id", integers(pairs.iter().map(|pair| pair.0))),
            ("item_id", integers(pairs.iter().map(|pair| pair.1))),
            ("stars", numbers(stars)),
        ],
    );
    let flags = ["--weight-column", "stars", "--min-weight", "2", "--json"];
    let manifest = json(&[&["split", arg(&log), "--out", arg(&out), "--rule", "weak"], &flags[..]].concat());
    assert_eq!(manifest["read_with"]["columns"]["weight"], "weight");
    assert_eq!(manifest["log"]["rules"]["columns"]["weight"], "stars");
    assert!(manifest["log"]["report"]["dropped"]["below_min_weight"].as_u64().unwrap() > 0);
    let (train, model) = (out.join("train.parquet"), directory.path().join("model"));
    succeed(&["train", arg(&train), "--out", arg(&model), "--model", "ease", "--weight-column", "weight"]);
}

#[test]
fn flags_that_contradict_the_rule_or_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (log, out) = (path("log.parquet"), path("split"));
    write_log(&log, &[(1, 1), (1, 2), (2, 1), (2, 3), (3, 1), (3, 2)]);
    let run = |flags: &[&str]| foldin(&[&["split", arg(&log), "--out", arg(&out)], flags].concat());
    run(&["--rule", "weak", "--test-users", "3"]).refused(2, &["--test-users belongs to --rule strong"]);
    run(&["--rule", "strong", "--cut-at", "2024-01-01"]).refused(2, &["--cut-at belongs to --rule temporal"]);
    run(&["--rule", "leave-last-out", "--seed", "3"]).refused(2, &["--seed belongs to"]);
    run(&["--rule", "temporal"]).refused(2, &["--cut-at <TIME>"]);
    run(&["--rule", "temporal", "--cut-at", "tomorrow"]).refused(2, &["`tomorrow` is not a time"]);
    run(&["--rule", "leave-last-out"]).refused(2, &["needs times", "--time-column"]);
    run(&["--rule", "strong", "--test-users", "2"]).refused(2, &["cannot hold out 2 of 3 users"]);
    run(&["--rule", "weak", "--target-fraction", "1.5"]).refused(2, &["target fraction is 1.5"]);
    run(&["--rule", "sideways"]).refused(2, &["leave-last-out"]);
    foldin(&["split", "--out", arg(&out), "--rule", "weak"]).refused(2, &["no log"]);
    foldin(&["split", arg(&path("none.parquet")), "--out", arg(&out), "--rule", "weak"]).refused(3, &["none.parquet"]);
    assert_eq!(names(directory.path()), ["log.parquet"], "nothing is left of a split that failed");
}

#[test]
fn only_a_split_is_replaced_and_only_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("split");
    let run = |force: &[&str]| {
        foldin(&[&["split", arg(&fixture().log), "--out", arg(&out), "--rule", "weak"], force].concat())
    };
    assert_eq!(run(&[]).code, Some(0));
    run(&[]).refused(2, &["exists already", "--force"]);
    assert_eq!(run(&["--force"]).code, Some(0));
    std::fs::write(out.join("notes.txt"), "precious").unwrap();
    run(&["--force"]).refused(2, &["something else than a split"]);
    assert!(out.join("notes.txt").exists());
}

/// Ten users of eight items each; user `u` has item `k` on day `1 + k`, items in an order of the user's own.
fn write_timed(path: &std::path::Path) {
    let rows: Vec<(i64, i64, i64)> =
        (0..10).flat_map(|user| (0..8).map(move |day| (user, (user * 3 + day * 5) % 8, day))).collect();
    write(
        path,
        vec![
            ("user_id", integers(rows.iter().map(|row| row.0))),
            ("item_id", integers(rows.iter().map(|row| row.1))),
            // 2024-01-01 and the days after it.
            ("seen", integers(rows.iter().map(|row| 1_704_067_200 + 86_400 * row.2))),
        ],
    );
}

#[test]
fn splits_by_time_keep_their_times() {
    let directory = tempfile::tempdir().unwrap();
    let (log, out) = (directory.path().join("log.parquet"), directory.path().join("split"));
    write_timed(&log);
    let times = ["--time-column", "seen", "--time-unit", "seconds"];
    let split = |flags: &[&str]| {
        json(&[&["split", arg(&log), "--out", arg(&out), "--force", "--json"], &times[..], flags].concat())
    };
    let spans = |manifest: &Value| -> Vec<String> {
        let span = |name: &str| {
            let file = &manifest["files"][name];
            let text = |field: &str| file[field].as_str().unwrap()[..10].to_owned();
            format!("{} {}..{}", file["interactions"], text("first"), text("last"))
        };
        ["train.parquet", "validation.parquet", "test.parquet"].iter().map(|name| span(name)).collect()
    };
    let manifest =
        split(&["--rule", "temporal", "--cut-at", "2024-01-07", "--validation-cut-at", "2024-01-06T00:00:00Z"]);
    assert_eq!(
        spans(&manifest),
        ["50 2024-01-01..2024-01-05", "10 2024-01-06..2024-01-06", "20 2024-01-07..2024-01-08"]
    );
    assert_eq!(manifest["rule"]["cut_at"], "2024-01-07T00:00:00Z");
    assert_eq!(manifest["read_with"]["columns"]["time"], "timestamp");

    // Each reads back with its times, and no audit finds a leak.
    let (train, test) = (out.join("train.parquet"), out.join("test.parquet"));
    let report = foldin(&["validate", arg(&train), "--test", arg(&test), "--time-column", "timestamp", "--json"]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let order = report["lines"].as_array().unwrap().iter().find(|line| line["id"] == "leakage.time").unwrap();
    assert_eq!(order["status"], "PASS", "{order}");

    let manifest = split(&["--rule", "leave-last-out", "--validation"]);
    assert_eq!(
        spans(&manifest),
        ["60 2024-01-01..2024-01-06", "10 2024-01-07..2024-01-07", "10 2024-01-08..2024-01-08"]
    );
    let report = json(&["evaluate", "--train", arg(&train), "--test", arg(&test), "--model", "popularity", "--json"]);
    assert_eq!(report["models"][0]["users"], 10);

    let late = [&["split", arg(&log), "--out", arg(&out), "--force"], &times[..]].concat();
    foldin(&[&late[..], &["--rule", "temporal", "--cut-at", "2025-01-01"]].concat())
        .refused(2, &["nothing is left for `test`", "from 2024-01-01T00:00:00Z to 2024-01-08T00:00:00Z"]);
    foldin(
        &[&late[..], &["--rule", "temporal", "--cut-at", "2024-01-04", "--validation-cut-at", "2024-01-05"]].concat(),
    )
    .refused(2, &["validation has to begin before the test"]);
    assert!(test.exists(), "a split that fails leaves the earlier one alone");
}
