//! Models of ratings through the command line: what they need beside items, and what they say of a log.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::harness::{arg, foldin, json, succeed};
use super::tables::{integers, numbers, regular, write};

/// A log in which `rating` says what a user gives an item.
fn rated(path: &Path, rating: impl Fn(i64, i64) -> f64) {
    let pairs = regular(0..60, 30, 9);
    let (users, items): (Vec<i64>, Vec<i64>) = pairs.iter().copied().unzip();
    let ratings = pairs.iter().map(|&(user, item)| Some(rating(user, item)));
    write(path, vec![("user_id", integers(users)), ("item_id", integers(items)), ("rating", numbers(ratings))]);
}

fn train<'a>(log: &'a Path, model: &'a Path) -> Vec<&'a str> {
    let flags = ["--weight-column", "rating", "--model", "auto-rec", "--set", "model.hidden=8", "--epochs", "3"];
    [&["train", arg(log), "--out", arg(model)][..], &flags].concat()
}

/// A model of a log in which even users love even items.
fn model() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let (log, model) = (directory.path().join("log.parquet"), directory.path().join("model"));
    rated(&log, |user, item| if (user + item) % 2 == 0 { 5.0 } else { 1.0 });
    let said = succeed(&train(&log, &model));
    assert!(said.contains("--history ITEM,ITEM --weights RATING,RATING"), "{said}");
    (directory, model)
}

#[test]
fn a_history_of_ratings_is_given_with_its_ratings() {
    let (directory, model) = model();
    let model = arg(&model);
    for command in ["recommend", "embed"] {
        let ask = |more: &[&str]| foldin(&[&[command, model, "--history", "3,8"], more].concat());
        ask(&[]).refused(2, &["[0].weight is missing", "auto-rec learns from ratings", "--weights"]);
        ask(&["--weights", "5"]).refused(2, &["--weights has 1 numbers for 2 items of --history"]);
        ask(&["--weights", "5,-1"]).refused(2, &["[1].weight is -1"]);
        ask(&["--weights", "5,x"]).refused(2, &["--weights", "x"]);
    }
    let vector = |weights: &str| {
        json(&["embed", model, "--history", "3,8", "--weights", weights, "--json"])["embedding"].clone()
    };
    assert_ne!(vector("5,1"), vector("1,5"), "what was rated how makes a difference");
    let listed = json(&["recommend", model, "--history", "3,8", "--weights", "5,1", "-n", "4", "--json"]);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(4), "{listed}");

    // Another log is taken as far as its ratings go.
    let beyond = directory.path().join("beyond.parquet");
    rated(&beyond, |user, _| if user == 7 { 9.0 } else { 3.0 });
    let out = directory.path().join("vectors.parquet");
    let run = foldin(&["embed", model, "--logs", arg(&beyond), "--out", arg(&out)]);
    assert!(run.stderr.contains("9 of 540 ratings are outside 1 to 5 and count as the nearest"), "{}", run.stderr);
}

#[test]
fn users_who_rate_everything_alike_do_no_harm_and_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (log, out) = (directory.path().join("log.parquet"), directory.path().join("model"));
    rated(&log, |user, item| if user < 20 { 4.0 } else { ((user + item) % 5 + 1) as f64 });
    let run = foldin(&train(&log, &out));
    let counted = run.stderr.lines().find(|line| line.contains("the same rating")).unwrap_or_default();
    let number: usize = counted.split(' ').next().unwrap_or_default().parse().unwrap_or_default();
    assert!((10..=20).contains(&number), "those of twenty that are not held out: {}", run.stderr);
    let listed = json(&["recommend", arg(&out), "--user-id", "3", "-n", "5", "--json"]);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(5), "{listed}");

    for (what, rating, parts) in [
        ("alike.parquet", 4.0, ["all ratings are 4", "--weight-column"]),
        ("beyond.parquet", 7.0, ["ratings are outside the scale from model.minimum = 1", "correct the log"]),
    ] {
        let log = directory.path().join(what);
        rated(&log, |_, _| rating);
        foldin(&train(&log, &directory.path().join("never"))).refused(3, &parts);
    }
}
