//! The flags that say how rows become interactions, from the command line to the report.

use std::fs;
use std::sync::Arc;

use arrow_array::TimestampMillisecondArray;

use super::harness::{arg, foldin, succeed};
use super::tables::{integers, regular, write};

/// Every user has five items; every third row is a purchase, all others are views; one row a day from 2026-01-01 on.
fn log(directory: &tempfile::TempDir) -> std::path::PathBuf {
    let pairs = regular(0..20, 10, 5);
    let rows = pairs.len() as i64;
    let days = (0..rows).map(|row| 1_767_225_600_000 + row * 86_400_000);
    let path = directory.path().join("logs/day=1/log.parquet");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write(
        &path,
        vec![
            ("user_id", integers(pairs.iter().map(|pair| pair.0))),
            ("item_id", integers(pairs.iter().map(|pair| pair.1))),
            ("at", Arc::new(TimestampMillisecondArray::from_iter_values(days))),
            ("what", integers((0..rows).map(|row| i64::from(row % 3 == 0)))),
        ],
    );
    path
}

#[test]
fn every_rule_has_a_flag_and_what_it_drops_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    log(&directory);
    let model = directory.path().join("model");
    let pattern = directory.path().join("logs/day=*/*.parquet");
    let run = foldin(&[
        "train",
        arg(&pattern),
        "--out",
        arg(&model),
        "--model",
        "popularity",
        "--time-column",
        "at",
        "--since",
        "2026-01-02",
        "--until",
        "2026-03-31T12:00:00Z",
        "--event-column",
        "what",
        "--event-weight",
        "0=1",
        "--half-life-days",
        "30",
        "--as-of",
        "2026-03-31",
        "--duplicates",
        "last",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in ["read 100 rows from 1 file", "dropped 11 rows outside of the time window", "of type `1`"] {
        assert!(run.stderr.contains(part), "{part:?} is not in\n{}", run.stderr);
    }
    let manifest = fs::read_to_string(model.join("manifest.json")).unwrap();
    for part in ["\"half_life_days\": 30", "\"as_of\": \"2026-03-31T00:00:00Z\"", "\"duplicates\": \"last\""] {
        assert!(manifest.contains(part), "{part:?} is not in\n{manifest}");
    }
}

#[test]
fn the_printed_configuration_holds_every_rule() {
    let printed = succeed(&[
        "train",
        "--time-column",
        "at",
        "--time-unit",
        "seconds",
        "--event-weight",
        "page.view=0.5",
        "--set",
        "log.event_weights.buy=5",
        "--since",
        "2026-01-02",
        "--print-config",
    ]);
    for part in [
        "time = \"at\"",
        "time_unit = \"seconds\"",
        "since = \"2026-01-02T00:00:00Z\"",
        "[log.event_weights]",
        "buy = 5.0",
        "\"page.view\" = 0.5",
        "duplicates = \"max\"",
    ] {
        assert!(printed.contains(part), "{part:?} is not in\n{printed}");
    }
}

#[test]
fn rules_that_make_no_sense_are_refused_as_usage() {
    let directory = tempfile::tempdir().unwrap();
    let (log, out) = (log(&directory), directory.path().join("model"));
    let refused = |flags: &[&str], code: i32, parts: &[&str]| {
        let train = ["train", arg(&log), "--out", arg(&out), "--model", "popularity"];
        foldin(&[&train, flags].concat()).refused(code, parts);
    };
    refused(&["--since", "2026-01-02"], 2, &["since is 2026-01-02", "--time-column"]);
    refused(&["--since", "last week", "--time-column", "at"], 2, &["--since", "`last week` is not a time"]);
    refused(&["--event-weight", "view"], 2, &["--event-weight view", "purchase=5"]);
    refused(&["--event-weight", "view=x"], 2, &["log.event_weights.view", "expected a number"]);
    refused(&["--duplicates", "first"], 2, &["--duplicates", "`max`", "`last`"]);
    refused(&["--time-column", "item_id"], 3, &["column `item_id`", "--time-unit"]);
    refused(&["--half-life-days", "7", "--time-column", "at"], 2, &["half_life_days is 7", "--as-of"]);
}
