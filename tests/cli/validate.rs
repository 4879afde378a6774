//! `foldin validate`: exit codes, the table, and JSON. What each check finds is tested in tests/audit.rs.

use serde_json::Value;

use super::harness::{arg, fixture, foldin, json};
use super::tables::{integers, texts, write, write_log};

/// All columns that a generated log has.
const COLUMNS: [&str; 12] = [
    "--time-column",
    "timestamp",
    "--weight-column",
    "weight",
    "--event-column",
    "event_type",
    "--event-weight",
    "view=1",
    "--event-weight",
    "cart=3",
    "--event-weight",
    "purchase=5",
];

/// Id and status of every line.
fn statuses(report: &Value) -> Vec<(&str, &str)> {
    let lines = report["lines"].as_array().unwrap();
    lines.iter().map(|line| (line["id"].as_str().unwrap(), line["status"].as_str().unwrap())).collect()
}

fn leaks(report: &Value) -> Vec<(&str, &str)> {
    statuses(report).into_iter().filter(|(id, _)| id.starts_with("leakage")).collect()
}

#[test]
fn a_generated_log_passes_every_check() {
    let (log, items) = (arg(&fixture().log), arg(&fixture().items));
    let run = foldin(&[&["validate", log, "--items", items], &COLUMNS[..]].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    for part in ["PASS  times.gaps", "PASS  items.metadata", "PASS  bots.rate", "--test FILE", " 0 WARN, 0 FAIL"] {
        assert!(run.stdout.contains(part), "`{part}` is not in:\n{}", run.stdout);
    }
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 110), "{}", run.stdout);
    let report = json(&[&["validate", log, "--json"], &COLUMNS[..]].concat());
    assert_eq!((&report["status"], &report["log"]), (&"PASS".into(), &log.into()));
    assert!(statuses(&report).iter().all(|(_, status)| *status == "PASS"));
    let count = report["lines"].as_array().unwrap().iter().find(|line| line["id"] == "rows.count").unwrap();
    assert_eq!((count["values"]["rows"].as_u64(), count["values"]["users"].as_u64()), (Some(8000), Some(300)));
}

#[test]
fn the_exit_code_is_that_of_the_worst_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    // Most users have one item: worth a look. A null user: training refuses it.
    let (odd, bad) = (path("odd.parquet"), path("bad.parquet"));
    write_log(&odd, &(0..50).map(|user| (user, user % 3)).collect::<Vec<_>>());
    let users = arrow_array::StringArray::from(vec![Some("a"), None, Some("b")]);
    write(&bad, vec![("user_id", std::sync::Arc::new(users)), ("item_id", texts(["x", "y", "z"]))]);

    let run = foldin(&["validate", arg(&odd)]);
    run.refused(4, &["warning: worth a look: users.cold, users.history"]);
    assert!(run.stdout.contains("WARN  users.history") && run.stdout.contains("→ most users"), "{}", run.stdout);
    let run = foldin(&["validate", arg(&odd), "--json"]);
    assert_eq!(run.code, Some(4));
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["status"], "WARN");
    let cold = report["lines"].as_array().unwrap().iter().find(|line| line["id"] == "users.cold").unwrap();
    assert!(cold["remedies"][0].as_str().unwrap().contains("--min-user-items 5"), "{cold}");
    assert_eq!(foldin(&["validate", arg(&odd), "--cold-below", "1"]).code, Some(4), "histories are still short");

    let run = foldin(&["validate", arg(&bad)]);
    run.refused(3, &["error: failed: ids.null, training.accepts"]);
    assert!(run.stdout.contains("FAIL  ids.null") && run.stdout.contains("bad.parquet, row 2"), "{}", run.stdout);
    let refusal = foldin(&["train", arg(&bad), "--out", arg(&path("model"))]);
    let reason = refusal.stderr.trim_start_matches("error: ").trim();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&run.stdout).contains(&words(reason)), "`{reason}` is not in:\n{}", run.stdout);
}

#[test]
fn a_test_that_was_trained_on_fails() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("split");
    let log = arg(&fixture().log);
    assert_eq!(foldin(&["split", log, "--out", arg(&out), "--rule", "weak"]).code, Some(0));
    let (train, test) = (out.join("train.parquet"), out.join("test.parquet"));
    let report = json(&["validate", arg(&train), "--test", arg(&test), "--json"]);
    assert_eq!(leaks(&report), [("leakage.unknown", "PASS"), ("leakage.pairs", "PASS")]);
    let run = foldin(&["validate", log, "--test", arg(&test), "--json"]);
    assert_eq!(run.code, Some(3));
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(leaks(&report), [("leakage.unknown", "PASS"), ("leakage.pairs", "FAIL")]);
}

#[test]
fn files_that_cannot_be_read_and_flags_that_make_no_sense() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    foldin(&["validate"]).refused(2, &["no log to check"]);
    foldin(&["validate", arg(&fixture().log), "--cold-below", "0"]).refused(2, &["--cold-below"]);
    foldin(&["validate", arg(&fixture().log), "--min-weight", "2"]).refused(2, &["--weight-column"]);
    let run = foldin(&["validate", arg(&path("none.parquet")), "--json"]);
    run.refused(3, &["schema.readable"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(statuses(&report), [("schema.readable", "FAIL"), ("training.accepts", "FAIL")]);
    let log = path("log.parquet");
    write(&log, vec![("userId", integers([1, 2])), ("item_id", integers([1, 2]))]);
    let run = foldin(&["validate", arg(&log)]);
    assert_eq!(run.code, Some(3));
    assert!(run.stdout.contains("did you mean `userId`?") && run.stdout.contains("--user-column"), "{}", run.stdout);
}
