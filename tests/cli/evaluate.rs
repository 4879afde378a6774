//! `foldin evaluate`: protocols, tables and JSON.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::harness::{arg, command_on, finish, fixture, foldin, json, succeed};
use super::tables::{regular, write_log};

/// Training users 0 to 59; users 100 to 119 outside, with a fold-in and a target part.
struct Split {
    _directory: TempDir,
    train: PathBuf,
    fold_in: PathBuf,
    target: PathBuf,
    model: PathBuf,
}

fn split() -> Split {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let split = Split {
        train: path("train.parquet"),
        fold_in: path("fold_in.parquet"),
        target: path("target.parquet"),
        model: path("model"),
        _directory: directory,
    };
    write_log(&split.train, &regular(0..60, 30, 9));
    let outside = regular(100..120, 30, 9);
    let (target, fold_in): (Vec<_>, Vec<_>) = outside.into_iter().enumerate().partition(|(row, _)| row % 5 == 0);
    write_log(&split.fold_in, &fold_in.into_iter().map(|(_, pair)| pair).collect::<Vec<_>>());
    write_log(&split.target, &target.into_iter().map(|(_, pair)| pair).collect::<Vec<_>>());
    split
}

fn model<'a>(report: &'a Value, name: &str) -> &'a Value {
    let models = report["models"].as_array().unwrap();
    models.iter().find(|row| row["model"] == name).unwrap_or_else(|| panic!("{name} is not in {report}"))
}

#[test]
fn a_published_model_measures_like_the_one_trained_on_the_spot() {
    let split = split();
    let (fold_in, target) = (arg(&split.fold_in), arg(&split.target));
    let ease = ["--model", "ease", "--set", "model.lambda=3"];
    let data = ["--fold-in", fold_in, "--target", target, "--metrics", "ndcg@10,recall@5,capped_recall@5", "--json"];
    let here = json(&[&["evaluate", "--train", arg(&split.train)], &ease[..], &data[..]].concat());
    succeed(&[&["train", arg(&split.train), "--out", arg(&split.model)], &ease[..]].concat());
    let published = json(&[&["evaluate", arg(&split.model)], &data[..]].concat());

    assert_eq!(here["protocol"], "strong");
    assert_eq!(model(&here, "ease")["users"], 20);
    assert_eq!(model(&here, "ease")["metrics"], model(&published, "ease")["metrics"]);
    assert_eq!(model(&here, "popularity")["metrics"], model(&published, "popularity")["metrics"]);
    assert!(model(&here, "ease")["fit_seconds"].is_number() && model(&published, "ease")["fit_seconds"].is_null());
    let metrics = model(&here, "ease")["metrics"].as_object().unwrap();
    assert_eq!(metrics.keys().collect::<Vec<_>>().len(), 3);
    assert!(metrics.values().all(|value| (0.0..=1.0).contains(&value.as_f64().unwrap())));
}

#[test]
fn weak_generalisation_ranks_the_training_users() {
    let directory = tempfile::tempdir().unwrap();
    let (train, test) = (directory.path().join("train.parquet"), directory.path().join("test.parquet"));
    // Item 0 is everybody's but user 3's; then 1, 2. User 3 goes on to 0, which popularity lists first.
    write_log(&train, &[(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 1), (4, 0)]);
    // User 9 and item 77 are unknown to training.
    write_log(&test, &[(3, 0), (9, 0), (3, 77)]);
    let arguments = ["evaluate", "--train", arg(&train), "--test", arg(&test), "--model", "popularity"];
    let report = json(&[&arguments[..], &["--metrics", "recall@1", "--baselines", "popularity", "--json"]].concat());
    assert_eq!(report["protocol"], "weak");
    let row = model(&report, "popularity");
    assert_eq!((row["metrics"]["recall@1"].as_f64(), row["users"].as_u64()), (Some(1.0), Some(1)));
    assert_eq!(row["users_without_target"], 3);
    assert_eq!(report["models"].as_array().unwrap().len(), 1, "popularity is not repeated beside itself");
    let twice = ["--metrics", "recall@1,ndcg@2,recall@1", "--baselines", "popularity", "--json"];
    let text = succeed(&[&arguments[..], &twice].concat());
    let metrics = text.split("\"metrics\": {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    assert_eq!(metrics.matches("\"recall@1\"").count(), 1, "a repeated metric is no repeated key: {text}");
    let run = foldin(&arguments);
    assert!(
        run.stderr.contains("1 row of unknown users") && run.stderr.contains("1 row of unknown items"),
        "{}",
        run.stderr
    );
}

#[test]
fn an_own_split_shows_the_model_beside_popularity_and_ease() {
    let table = succeed(&[
        "evaluate",
        "--train",
        arg(&fixture().log),
        "--model",
        "mult-dae",
        "--set",
        "model.hidden=16",
        "--epochs",
        "2",
        "--held-out-users",
        "40",
    ]);
    for part in [
        "strong generalisation",
        "260 users",
        "40 users held out by seed 1",
        "95 % intervals",
        "mult-dae − ease",
        "by history length",
        "head: ",
        "popularity",
        "ease",
        "mult-dae",
        "ndcg@100",
        "capped_recall@20",
        "40",
    ] {
        assert!(table.contains(part), "`{part}` is not in:\n{table}");
    }
}

#[test]
fn the_same_seed_gives_the_same_figures_on_any_number_of_threads() {
    let run = |threads: &str| {
        let arguments = ["evaluate", "--train", arg(&fixture().log), "--json", "--epochs", "2"];
        let small = ["--set", "model.hidden=16", "--set", "model.latent=8"];
        let run = finish(&mut command_on(threads, &[&arguments[..], &small[..]].concat()));
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let models = ["popularity", "ease", "mult-vae"].map(|name| {
            let parts = ["metrics", "intervals", "by_history_length", "by_item_popularity"];
            parts.map(|part| model(&report, name)[part].clone())
        });
        (models, report["differences"].clone())
    };
    assert_eq!(run("1"), run("2"));
}

#[test]
fn users_that_the_model_has_not_seen() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (train, mixed, model_dir) = (path("train.parquet"), path("mixed.parquet"), path("model"));
    write_log(&train, &regular(0..60, 30, 9));
    write_log(&mixed, &regular(50..80, 30, 9));
    succeed(&["train", arg(&train), "--out", arg(&model_dir), "--model", "ease", "--set", "model.lambda=3"]);
    let evaluate = |log: &std::path::Path| foldin(&["evaluate", arg(&model_dir), "--log", arg(log), "--json"]);
    let run = evaluate(&mixed);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("evaluating 20 users, leaving out 10"), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(model(&report, "ease")["users"], 20);
    evaluate(&train).refused(2, &["all 60 users", "in the model's training log"]);
}

#[test]
fn questions_without_an_answer() {
    let split = split();
    let train = arg(&split.train);
    foldin(&["evaluate"]).refused(2, &["--train LOG"]);
    foldin(&["evaluate", "--train", train, "--metrics", "ngcg@10"]).refused(2, &["unknown metric `ngcg`", "ndcg@k"]);
    foldin(&["evaluate", "--train", train, "--metrics", "coverage@ten"]).refused(2, &["cutoff of at least 1"]);
    foldin(&["evaluate", "--train", train, "--metrics", "ndcg@0"]).refused(2, &["cutoff of at least 1"]);
    foldin(&["evaluate", "--train", train, "--fold-in", train]).refused(2, &["--target"]);
    foldin(&["evaluate", "--train", train, "--held-out-users", "60"]).refused(2, &["cannot hold out 60 of 60"]);
    foldin(&["evaluate", arg(&fixture().model)]).refused(2, &["--fold-in and --target, --test, or --log"]);
    foldin(&["evaluate", arg(&fixture().model), "--test", "x.parquet", "--model", "ease"])
        .refused(2, &["evaluated as it is"]);
    // Nobody in the test file is known: nothing to measure.
    foldin(&["evaluate", "--train", train, "--test", arg(&split.target), "--model", "popularity"])
        .refused(3, &["target.parquet"]);
}
