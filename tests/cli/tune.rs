//! `foldin tune`: ranges in, the best configuration out, through any number of interruptions.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{arg, command, fixture, foldin, json, names, succeed};
use super::tables::{integers, numbers, regular, write, write_log};

/// Searching λ of EASE on the log of all tests.
const EASE: [&str; 5] = ["--model", "ease", "--range", "model.lambda=log:1..10000", "--json"];

fn tune<'a>(out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["tune", arg(&fixture().log), "--out", arg(out)][..], more].concat()
}

/// The trials without what the clock says.
fn timeless(answer: &Value) -> Vec<Value> {
    let mut trials = answer["trials"].as_array().unwrap().clone();
    trials.iter_mut().for_each(|trial| _ = trial.as_object_mut().unwrap().remove("seconds"));
    trials
}

#[test]
fn the_best_trial_becomes_a_configuration_that_trains() {
    let directory = tempfile::tempdir().unwrap();
    let (best, model) = (directory.path().join("best.toml"), directory.path().join("model"));
    let answer = json(&tune(&best, &[&EASE[..], &["--trials", "14"]].concat()));
    let trials = answer["trials"].as_array().unwrap();
    assert_eq!((trials.len(), &answer["metric"]), (14, &"ndcg@100".into()));
    let values: Vec<f64> = trials.iter().map(|trial| trial["value"].as_f64().unwrap()).collect();
    assert_eq!(answer["best"]["value"], values.iter().copied().fold(0.0, f64::max));
    let lambda = answer["best"]["point"][0].as_str().unwrap();
    let text = fs::read_to_string(&best).unwrap();
    assert!(text.starts_with("# Written by foldin tune, the best of 14 trials: ndcg@100 0."), "{text}");
    let lambda = if lambda.contains('.') { lambda.into() } else { format!("{lambda}.0") };
    assert!(text.contains(&format!("lambda = {lambda}\n")) && !text.contains("[tune"), "{text}");
    succeed(&["train", "--config", arg(&best), "--out", arg(&model)]);
    assert!(succeed(&["inspect", arg(&model)]).contains("ease"));
    assert_eq!(names(directory.path()), ["best.toml", "best.trials.json", "model"]);
}

#[test]
fn trials_go_on_where_they_were_stopped_and_end_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (whole, parts) = (path("whole.toml"), path("parts.toml"));
    let all = json(&tune(&whole, &[&EASE[..], &["--trials", "13"]].concat()));
    succeed(&tune(&parts, &[&EASE[..], &["--trials", "4"]].concat()));
    let run = foldin(&tune(&parts, &[&EASE[..], &["--trials", "13"]].concat()));
    assert!(run.stderr.contains("going on after 4 trials") && !run.stderr.contains("trial 4 of"), "{}", run.stderr);
    let rest: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(timeless(&rest), timeless(&all));
    let again = foldin(&tune(&parts, &[&EASE[..], &["--trials", "13"]].concat()));
    assert!(!again.stderr.contains("trial 1"), "nothing is left to do: {}", again.stderr);
    assert_eq!(fs::read(&whole).unwrap(), fs::read(&parts).unwrap());

    let other = ["--model", "ease", "--range", "model.lambda=log:1..100", "--seed", "2"];
    let differences =
        ["another search", "range model.lambda was log:1..10000, is log:1..100", "training.seed was 1, is 2"];
    foldin(&tune(&parts, &other)).refused(2, &differences);
    let forgotten = json(&tune(&parts, &[&other[..], &["--force", "--trials", "2", "--json"]].concat()));
    assert_eq!(forgotten["trials"].as_array().unwrap().len(), 2);
}

#[test]
fn a_killed_search_loses_the_trial_under_way_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (best, journal) = (directory.path().join("best.toml"), directory.path().join("best.trials.json"));
    let ranges = ["--range", "model.hidden=8..40", "--range", "model.dropout=0.1..0.7", "--set", "model.latent=8"];
    let flags = [&ranges[..], &["--epochs", "3", "--trials", "6", "--json"]].concat();
    let mut child = command(&tune(&best, &flags)).stdout(std::process::Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let done = || fs::read(&journal).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    while done().is_none_or(|content| content["trials"].as_array().unwrap().len() < 2) {
        assert!(started.elapsed() < Duration::from_secs(60), "no trial has ended");
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = timeless(&done().unwrap());
    let resumed = json(&tune(&best, &flags));
    assert_eq!(timeless(&resumed)[..kept.len()], kept);
    let straight = json(&tune(&directory.path().join("straight.toml"), &flags));
    assert_eq!(timeless(&resumed), timeless(&straight));
}

#[test]
fn losers_are_given_up_and_said_to_be() {
    let directory = tempfile::tempdir().unwrap();
    let flags = ["--range", "training.learning_rate=log:0.00001..0.05", "--set", "model.hidden=24", "--epochs", "6"];
    let flags = [&flags[..], &["--set", "model.latent=8", "--search", "random", "--trials", "14"]].concat();
    let search = |name: &str, more: &[&str]| {
        json(&tune(&directory.path().join(name), &[&flags[..], more, &["--json"]].concat()))
    };
    let stopped = search("stopped.toml", &[]);
    let given_up = |trial: &&Value| trial["ended"] == "given_up";
    let trials = stopped["trials"].as_array().unwrap();
    assert!(trials.iter().filter(given_up).count() > 1, "{stopped}");
    assert!(trials.iter().filter(given_up).all(|trial| trial["course"].as_array().unwrap().len() < 6));
    let patient = search("patient.toml", &["--no-early-stopping"]);
    assert_eq!(patient["trials"].as_array().unwrap().iter().filter(given_up).count(), 0);
    assert_eq!(patient["best"]["point"], stopped["best"]["point"]);
    let table = succeed(&tune(&directory.path().join("stopped.toml"), &flags));
    for part in ["training.learning_rate", "given up", "ndcg@100", "of 6", "next:", "foldin train --config"] {
        assert!(table.contains(part), "`{part}` is not in:\n{table}");
    }
}

#[test]
fn the_weak_protocol_and_several_jobs_find_a_best_one_too() {
    let directory = tempfile::tempdir().unwrap();
    let best = directory.path().join("best.toml");
    let more = ["--protocol", "weak", "--jobs", "2", "--trials", "6", "--metric", "recall@20"];
    let answer = json(&tune(&best, &[&EASE[..], &more].concat()));
    let mut numbers: Vec<u64> =
        answer["trials"].as_array().unwrap().iter().map(|trial| trial["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
    assert_eq!(answer["metric"], "recall@20");
}

#[test]
fn models_of_ratings_are_searched_by_their_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let log = path("ratings.parquet");
    let pairs = regular(0..60, 30, 9);
    let (users, items): (Vec<i64>, Vec<i64>) = pairs.iter().copied().unzip();
    let ratings = pairs.iter().map(|(user, item)| Some(((user + 2 * item) % 5 + 1) as f64));
    write(&log, vec![("user_id", integers(users)), ("item_id", integers(items)), ("rating", numbers(ratings))]);
    let search = |out: &str, flags: &[&str]| {
        let out = path(out);
        json(&[&["tune", arg(&log), "--weight-column", "rating", "--out", arg(&out), "--json"], flags].concat())
    };
    let network = ["--model", "auto-rec", "--range", "model.hidden=2|20", "--epochs", "4", "--no-early-stopping"];
    let answer = search("network.toml", &network);
    assert_eq!(answer["metric"], "rmse");
    let values: Vec<f64> = answer["trials"].as_array().unwrap().iter().map(|t| t["value"].as_f64().unwrap()).collect();
    assert_eq!((values.len(), values.iter().all(|&value| value > 0.0)), (2, true), "{values:?}");
    assert_eq!(answer["best"]["value"], values.iter().copied().fold(f64::INFINITY, f64::min));
    let course = answer["best"]["course"].as_array().unwrap();
    assert!(course.iter().any(|epoch| epoch[1] == answer["best"]["value"]), "{answer}");
    let text = fs::read_to_string(path("network.toml")).unwrap();
    assert!(text.contains(&format!("rmse {:.4} on", answer["best"]["value"].as_f64().unwrap())), "{text}");
    // Shrunk to nothing, biases expect the mean of everybody.
    let closed = search("closed.toml", &["--model", "biases", "--range", "model.item_lambda=1|100000"]);
    assert_eq!((&closed["metric"], closed["best"]["point"][0].as_str()), (&"rmse".into(), Some("1")));
    let lists = search("lists.toml", &[&network[..], &["--metric", "ndcg@10"]].concat());
    assert_eq!(lists["metric"], "ndcg@10");
}

#[test]
fn ranges_come_from_a_file_as_well_and_a_small_space_ends_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (log, config, best) = (path("log.parquet"), path("search.toml"), path("best.toml"));
    write_log(&log, &regular(0..60, 30, 9));
    let ranges = "\"model.lambda\" = \"1|10|100\"\nmodel.weights = \"binary|use\"\n";
    let text =
        format!("[model]\nkind = \"ease\"\n\n[tune]\ntrials = 50\nsearch = \"random\"\n\n[tune.ranges]\n{ranges}");
    fs::write(&config, text).unwrap();
    let arguments = ["tune", arg(&log), "--config", arg(&config), "--out", arg(&best), "--json"];
    let run = foldin(&arguments);
    assert!(run.stderr.contains("every point of the ranges has been tried"), "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["trials"].as_array().unwrap().len(), 6);
    // A configuration with a search in it trains as it did before.
    succeed(&["train", arg(&log), "--config", arg(&config), "--out", arg(&path("model"))]);
}

#[test]
fn a_search_that_cannot_be_meant_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let best = directory.path().join("best.toml");
    let refused = |flags: &[&str], parts: &[&str]| foldin(&tune(&best, flags)).refused(2, parts);
    refused(&[], &["nothing to search", "--range KEY=RANGE"]);
    refused(&["--range", "model.hidden"], &["--range model.hidden: expected key=value"]);
    refused(&["--range", "model.hidden=9..1"], &["range model.hidden=9..1", "must be below the upper end"]);
    refused(&["--range", "model.hiden=1..9"], &["range model.hiden=1..9", "did you mean `model.hidden`?"]);
    refused(&["--range", "model.dropout=log:0..0.5"], &["log: needs a lower end above 0"]);
    refused(&["--range", "model.dropout=0.1..1"], &["model.dropout is 1, must be at least 0 and below 1"]);
    refused(&["--range", "log.min_weight=1..5"], &["only keys of the sections [model] and [training]"]);
    refused(&["--range", "model.latent=1..5", "--range", "model.latent=2..9"], &["there is a range for it already"]);
    let range = ["--range", "model.latent=1..5"];
    let with = |more: &[&'static str]| [&range[..], more].concat();
    refused(&with(&["--trials", "0"]), &["tune.trials is 0, must be at least 1"]);
    refused(&with(&["--seconds", "0"]), &["tune.seconds is 0, must be greater than 0"]);
    refused(&with(&["--search", "grid"]), &["tune.search", "grid", "random"]);
    refused(&with(&["--metric", "coverage@10"]), &["coverage@10", "says nothing of targets"]);
    refused(&with(&["--metric", "rmse"]), &["tune.metric is rmse", "mult-vae expects no ratings", "auto-rec"]);
    refused(&with(&["--metric", "mse"]), &["tune.metric", "mse"]);
    refused(&with(&["--protocol", "temporal"]), &["tune.protocol", "temporal", "strong"]);
    refused(&with(&["--set", "validation.fraction=0"]), &["nobody to validate on", "validation.fraction"]);
    refused(&with(&["--test", "test.parquet"]), &["unexpected argument '--test'"]);
    fs::write(&best, "mine").unwrap();
    refused(&range, &["best.toml", "--force"]);
    assert_eq!(names(directory.path()), ["best.toml"]);
}
