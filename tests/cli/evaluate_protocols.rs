//! `foldin evaluate` on splits along time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, TimestampMicrosecondArray};
use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Run, arg, fixture, foldin, json, succeed};
use super::tables::{integers, write};

/// In microseconds.
const DAY: i64 = 86_400_000_000;

/// Writes rows of (user, item, day).
fn write_timed(path: &Path, rows: &[(i64, i64, i64)]) {
    let days: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.2 * DAY)).collect::<TimestampMicrosecondArray>());
    let columns = vec![
        ("user_id", integers(rows.iter().map(|row| row.0))),
        ("item_id", integers(rows.iter().map(|row| row.1))),
        ("timestamp", days),
    ];
    write(path, columns);
}

/// A log in which item 0 is everybody's favourite but user 3's, who comes to it on day 10.
fn timed() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.parquet");
    let before = [(1, 0, 1), (1, 1, 2), (2, 0, 1), (2, 1, 3), (2, 2, 4), (3, 1, 1), (4, 0, 9)];
    // User 1 goes on to an item that nobody had before, user 5 was never there before.
    let after = [(3, 0, 10), (1, 77, 11), (5, 0, 12)];
    write_timed(&path, &[&before[..], &after].concat());
    (directory, path)
}

const POPULARITY: [&str; 6] = ["--model", "popularity", "--baselines", "popularity", "--time-column", "timestamp"];

fn evaluate(log: &Path, more: &[&str]) -> Run {
    foldin(&[&["evaluate", "--train", arg(log)], &POPULARITY[..], more].concat())
}

fn measured(log: &Path, more: &[&str]) -> Value {
    json(&[&["evaluate", "--train", arg(log), "--json", "--metrics", "recall@1"], &POPULARITY[..], more].concat())
}

#[test]
fn a_cut_trains_on_the_past_and_predicts_the_future() {
    let (_directory, log) = timed();
    let report = measured(&log, &["--cut-at", "1970-01-11"]);
    assert_eq!(report["protocol"], "temporal");
    assert!(report["split"].as_str().unwrap().contains("before 1970-01-11T00:00:00Z"), "{}", report["split"]);
    assert_eq!(report["train"]["interactions"], 7);
    assert_eq!((&report["items_unseen_in_training"], &report["users_without_history"]), (&1.into(), &1.into()));
    let row = &report["models"][0];
    assert_eq!((row["users"].as_u64(), row["metrics"]["recall@1"].as_f64()), (Some(1), Some(1.0)));
    let text = evaluate(&log, &["--cut-at", "1970-01-11"]).stdout;
    for part in ["temporal split", "1 users with targets but no history", "1 interactions with items that nobody has"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    // What happens at the cut is the future: a second later it is the past, and nobody known has anything to find.
    let later = evaluate(&log, &["--cut-at", "1970-01-11T00:00:01Z"]);
    later.refused(3, &["none of the 5 users has a target to be found"]);
}

#[test]
fn the_last_interaction_of_every_user_is_predicted() {
    let (_directory, log) = timed();
    let report = measured(&log, &["--leave-last-out"]);
    assert_eq!(report["protocol"], "leave_last_out");
    // Users 4 and 5 have one interaction, which stays; user 1's last item and user 2's (item 2) are nobody else's.
    let row = &report["models"][0];
    assert_eq!((row["users"].as_u64(), row["metrics"]["recall@1"].as_f64()), (Some(1), Some(1.0)));
    assert_eq!(report["items_unseen_in_training"], 2);
    assert_eq!(report["train"]["interactions"], 7);
}

#[test]
fn splits_along_time_that_cannot_be_made() {
    let (_directory, log) = timed();
    let without_times =
        |more: &[&str]| foldin(&[&["evaluate", "--train", arg(&log), "--model", "popularity"], more].concat());
    without_times(&["--cut-at", "1970-01-11"]).refused(2, &["--cut-at", "--time-column"]);
    without_times(&["--leave-last-out"]).refused(2, &["--leave-last-out", "--time-column"]);
    let range = ["1970-01-02T00:00:00Z to 1970-01-13T00:00:00Z"];
    evaluate(&log, &["--cut-at", "2030-01-01"]).refused(2, &[range[0], "nothing would be left to predict"]);
    evaluate(&log, &["--cut-at", "1970-01-02"]).refused(2, &[range[0], "nothing would be left to train on"]);
    evaluate(&log, &["--cut-at", "yesterday"]).refused(2, &["`yesterday` is not a time", "2026-01-31"]);
    evaluate(&log, &["--cut-at", "1970-01-11", "--leave-last-out"]).refused(2, &["cannot be used with"]);
    evaluate(&log, &["--cut-at", "1970-01-11", "--test", arg(&log)]).refused(2, &["cannot be used with"]);
    foldin(&["evaluate", arg(&fixture().model), "--leave-last-out"]).refused(2, &["cannot be used with"]);
}

#[test]
fn a_cut_after_which_nobody_known_does_anything_known() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log.parquet");
    write_timed(&log, &[(1, 0, 1), (1, 1, 1), (2, 0, 2), (3, 1, 2), (9, 0, 20), (1, 5, 21)]);
    evaluate(&log, &["--cut-at", "1970-01-10"]).refused(3, &["has a target to be found"]);
}

#[test]
fn a_model_of_a_window_of_time_is_measured_on_what_came_later() {
    let directory = tempfile::tempdir().unwrap();
    let [early, late, model] = ["early.parquet", "late.parquet", "model"].map(|name| directory.path().join(name));
    // Everybody has item 0 of the first days and comes to item 1 (which users 4 and 5 have had all along) on day 20.
    let before: Vec<_> = (1..6).flat_map(|user| [(user, 0, 2), (user, if user < 4 { 2 } else { 1 }, 3)]).collect();
    write_timed(&early, &before);
    write_timed(&late, &(1..4).map(|user| (user, 1, 20)).collect::<Vec<_>>());
    let train = ["train", arg(&early), "--model", "popularity", "--time-column", "timestamp", "--out", arg(&model)];
    for rules in [&["--until", "1970-01-10"][..], &["--half-life-days", "3", "--as-of", "1970-01-10"]] {
        succeed(&[&train[..], rules, &["--force"]].concat());
        let report = json(&["evaluate", arg(&model), "--test", arg(&late), "--metrics", "recall@1", "--json"]);
        let row = &report["models"][0];
        assert_eq!((row["users"].as_u64(), row["metrics"]["recall@1"].as_f64()), (Some(3), Some(1.0)), "{rules:?}");
    }
}
