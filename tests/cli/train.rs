//! `foldin train` and `foldin inspect`.

use std::fs;

use super::harness::{SMALL, arg, command, command_on, finish, fixture, foldin, json, names, succeed};
use super::tables::{integers, regular, texts, write, write_log};

/// Arguments of a short training run.
fn short<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &SMALL].concat()
}

#[test]
fn a_log_becomes_a_model_directory_with_a_line_an_epoch_and_a_summary() {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("deep/model");
    let fixture = fixture();
    let arguments = short(&["train", arg(&fixture.log), "--out", arg(&model)]);
    let run = foldin(&arguments);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in ["300 users", "merged as duplicates", "epoch 1/2  loss ", "epoch 2/2", "validation ndcg@100", "users/s"]
    {
        assert!(run.stderr.contains(part), "`{part}` is not in:\n{}", run.stderr);
    }
    for part in ["mult-vae", "best epoch", "model directory: ", "foldin serve "] {
        assert!(run.stdout.contains(part), "`{part}` is not in:\n{}", run.stdout);
    }
    assert_eq!(names(&directory.path().join("deep")), ["model"], "nothing else is left behind");

    let inspected = json(&["inspect", arg(&model), "--json"]);
    assert_eq!(inspected["intact"], true);
    assert_eq!(inspected["manifest"]["model"]["latent"], 8);
    assert_eq!(inspected["manifest"]["shapes"]["users"], 300, "validation users have histories too");
    let text = succeed(&["inspect", arg(&model)]);
    for part in ["mult-vae", "300 users", "weights.safetensors", "verified", "latent = 8", "[log]"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_byte() {
    let directory = tempfile::tempdir().unwrap();
    let weights = ["1", "2"].map(|threads| {
        let model = directory.path().join(threads);
        let arguments = short(&["train", arg(&fixture().log), "--out", arg(&model)]);
        let run = finish(&mut command_on(threads, &arguments));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        ["weights.safetensors", "items.parquet", "users.parquet", "histories.safetensors"]
            .map(|file| fs::read(model.join(file)).unwrap())
    });
    assert!(weights[0] == weights[1], "files differ between one and two threads");
}

#[test]
fn an_existing_model_is_replaced_only_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let (log, model) = (directory.path().join("log.parquet"), directory.path().join("model"));
    write_log(&log, &regular(0..20, 12, 5));
    let train = |extra: &[&str]| {
        foldin(&[&["train", arg(&log), "--model", "popularity", "--out", arg(&model)], extra].concat())
    };
    assert_eq!(train(&[]).code, Some(0));
    let before = fs::read(model.join("manifest.json")).unwrap();
    train(&[]).refused(2, &[arg(&model), "exists already", "--force"]);
    assert_eq!(fs::read(model.join("manifest.json")).unwrap(), before);
    assert_eq!(train(&["--force"]).code, Some(0));

    // Never anything but a model, whatever is asked for.
    let precious = directory.path().join("precious");
    fs::create_dir(&precious).unwrap();
    let refused = || {
        foldin(&["train", arg(&log), "--model", "popularity", "--out", arg(&precious), "--force"])
            .refused(2, &[arg(&precious), "not a model directory"]);
    };
    // Other programs write manifests too.
    fs::write(precious.join("manifest.json"), "{}").unwrap();
    refused();
    fs::write(precious.join("thesis.tex"), "…").unwrap();
    refused();
    assert_eq!(names(&precious), ["manifest.json", "thesis.tex"]);

    // Nor a model that something was put beside.
    fs::write(model.join("thesis.tex"), "…").unwrap();
    train(&["--force"]).refused(2, &[arg(&model), "not a model directory"]);
    assert!(model.join("thesis.tex").is_file());
}

#[test]
fn a_directory_of_files_other_columns_and_a_minimum_rating() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    fs::create_dir(&log).unwrap();
    fs::write(log.join("_SUCCESS"), "").unwrap();
    for (file, first) in [("a.parquet", 0), ("b.parquet", 10)] {
        let pairs = regular(first..first + 10, 12, 5);
        let ids: Vec<String> = pairs.iter().map(|pair| format!("user {}", pair.0)).collect();
        write(
            &log.join(file),
            vec![
                ("who", texts(ids.iter().map(String::as_str))),
                ("what", integers(pairs.iter().map(|pair| pair.1))),
                ("stars", integers(pairs.iter().enumerate().map(|(row, _)| 1 + row as i64 % 5))),
            ],
        );
    }
    let model = directory.path().join("model");
    let run = foldin(&[
        "train",
        arg(&log),
        "--out",
        arg(&model),
        "--model",
        "ease",
        "--set",
        "model.lambda=5",
        "--user-column",
        "who",
        "--item-column",
        "what",
        "--weight-column",
        "stars",
        "--min-weight",
        "2",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("100 rows from 2 files"), "{}", run.stderr);
    assert!(run.stderr.contains("20 rows below the minimum weight"), "{}", run.stderr);
    let inspected = json(&["inspect", arg(&model), "--json"]);
    assert_eq!(inspected["manifest"]["rules"]["min_weight"], 2.0);
    assert_eq!(inspected["manifest"]["rules"]["columns"]["user"], "who");
    assert_eq!(inspected["manifest"]["model"]["kind"], "ease");
}

#[test]
fn few_users_are_validated_on_too_and_no_validation_is_said() {
    let directory = tempfile::tempdir().unwrap();
    for (users, part) in [(4, "validating on 1 "), (2, "without validation: the last epoch is kept")] {
        let [log, model] = ["log", "model"].map(|name| directory.path().join(format!("{name}{users}")));
        write_log(&log, &regular(0..users, 12, 5));
        let run = foldin(&short(&["train", arg(&log), "--out", arg(&model)]));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains(part), "`{part}` is not in:\n{}", run.stderr);
    }
}

#[test]
fn every_model_trains_and_answers() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log.parquet");
    write_log(&log, &regular(0..40, 15, 6));
    for kind in ["popularity", "ease", "mult-vae", "mult-dae"] {
        let model = directory.path().join(kind);
        succeed(&["train", arg(&log), "--out", arg(&model), "--model", kind, "--epochs", "2"]);
        let list = json(&["recommend", arg(&model), "--history", "1,2", "-n", "3", "--json"]);
        assert_eq!(list["items"].as_array().unwrap().len(), 3, "{kind}");
        assert_eq!(list["tier"], if kind == "popularity" { "popularity" } else { "personal" });
    }
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    use std::io::Read;
    use std::process::Stdio;
    let mut child =
        command(&["inspect", arg(&fixture().model)]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Closed before anything is written, as `| head -0` would.
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn items_that_nobody_has_are_kept_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let (log, items) = (directory.path().join("log.parquet"), directory.path().join("items.parquet"));
    write_log(&log, &regular(0..20, 12, 5));
    let names: Vec<String> = (0..14).map(|item| format!("item {item}")).collect();
    let titles = texts(names.iter().map(String::as_str));
    write(&items, vec![("item", integers(0..14)), ("name", titles), ("year", integers([1990; 14]))]);
    let model = directory.path().join("model");
    let train = ["train", arg(&log), "--model", "ease", "--items", arg(&items), "--out", arg(&model)];
    let columns = ["--item-id-column", "item", "--title-column", "name"];
    let known = json_of_training(&[&train[..], &columns].concat(), &model)["manifest"]["shapes"]["items"].clone();
    assert_eq!(known, 12);
    let inspected = json_of_training(&[&train[..], &columns, &["--all-items", "--force"]].concat(), &model);
    assert_eq!(inspected["manifest"]["shapes"]["items"], 14);
    let year = serde_json::json!({
        "name": "year", "type": "Int64", "holds": "numbers", "distinct": 1, "unknown": 0.0, "examples": ["1990", "1990"],
        "left_out": null
    });
    assert_eq!(inspected["attributes"], serde_json::json!([year]));
    // They can be listed, though nothing speaks for them or against them.
    let list = json(&["recommend", arg(&model), "--history", "1", "-n", "20", "--json"]);
    let mut unmoved: Vec<&str> = Vec::new();
    for item in list["items"].as_array().unwrap().iter().filter(|item| item["score"] == 0.0) {
        unmoved.extend(item["title"].as_str());
    }
    assert_eq!((list["items"].as_array().unwrap().len(), unmoved), (13, vec!["item 12", "item 13"]));

    let run = foldin(&["train", arg(&log), "--all-items", "--out", arg(&directory.path().join("other"))]);
    run.refused(2, &["input.all_items needs a file of items", "--items FILE"]);
}

/// Trains, which must succeed, and inspects the model.
fn json_of_training(arguments: &[&str], model: &std::path::Path) -> serde_json::Value {
    succeed(arguments);
    json(&["inspect", arg(model), "--json"])
}

#[test]
fn training_and_generating_answer_in_json_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let (data, model) = (directory.path().join("data"), directory.path().join("model"));
    let size = ["--users", "60", "--items", "40", "--interactions", "900", "--seed", "5", "--json"];
    let generated = json(&[&["generate", "--out", arg(&data)][..], &size].concat());
    assert_eq!((generated["rows"].as_u64(), generated["seed"].as_u64()), (Some(900), Some(5)));
    let log = generated["log"].as_str().unwrap();
    let trained = json(&["train", log, "--model", "ease", "--out", arg(&model), "--json"]);
    assert_eq!(trained["model_directory"], arg(&model));
    assert_eq!(trained["log"]["rows"], 900);
    assert_eq!(trained["manifest"], json(&["inspect", arg(&model), "--json"])["manifest"]);
}
