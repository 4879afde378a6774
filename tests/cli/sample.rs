//! `foldin sample`: made-up users as a log that everything else takes.

use std::fs;

use super::harness::{SMALL, arg, command_on, fixture, foldin, json, names, succeed};

#[test]
fn a_sample_is_a_log_that_a_model_can_be_trained_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (log, model) = (path("sample.parquet"), path("model"));
    let said = succeed(&["sample", arg(&fixture().model), "--users", "200", "--out", arg(&log)]);
    for part in ["200 made-up users", "codes from the posteriors of stored histories", "not private", "gini"] {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    assert_eq!(names(directory.path()), ["sample.parquet"], "nothing else is left");
    succeed(&[&["train", arg(&log), "--out", arg(&model)][..], &SMALL].concat());
    let inspected = json(&["inspect", arg(&model), "--json"]);
    assert_eq!(inspected["manifest"]["shapes"]["users"], 200);
    // The items are those of the model, so its histories fold in.
    let embedded = path("embedded.parquet");
    let said = succeed(&["embed", arg(&fixture().model), "--logs", arg(&log), "--out", arg(&embedded)]);
    assert!(said.contains("200 users"), "{said}");
}

#[test]
fn the_report_says_how_the_sample_compares() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (log, report) = (path("sample.parquet"), path("report.json"));
    let arguments = [
        "sample",
        arg(&fixture().model),
        "--users",
        "150",
        "--length",
        "7",
        "--seed",
        "5",
        "--codes",
        "standard",
        "--out",
        arg(&log),
        "--report",
        arg(&report),
        "--json",
    ];
    let printed = json(&arguments);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&fs::read(&report).unwrap()).unwrap(), printed);
    for (key, expected) in [("seed", 5), ("length", 7), ("popular_items", 100)] {
        assert_eq!(printed[key], expected, "{key}");
    }
    assert_eq!(printed["codes"], "standard");
    assert_eq!((&printed["data"]["users"], &printed["sample"]["users"]), (&300.into(), &150.into()));
    assert_eq!((&printed["sample"]["interactions"], &printed["sample"]["median_length"]), (&1050.into(), &7.into()));
    let measures =
        ["length_distance", "popularity_correlation", "popular_overlap", "pair_correlation", "lift_correlation"];
    assert!(measures.iter().all(|name| printed[*name].as_f64().unwrap().abs() <= 1.0), "{printed}");

    let again = path("again.parquet");
    let arguments =
        ["sample", arg(&fixture().model), "--users", "150", "--length", "7", "--seed", "5", "--codes", "standard"];
    assert!(command_on("1", &[&arguments[..], &["--out", arg(&again)]].concat()).output().unwrap().status.success());
    assert_eq!(fs::read(&again).unwrap(), fs::read(&log).unwrap(), "on any number of threads");
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (out, model) = (path("sample.parquet"), arg(&fixture().model));
    let refused = |model: &str, flags: &[&str], parts: &[&str]| {
        foldin(&[&["sample", model, "--out", arg(&out)], flags].concat()).refused(2, parts);
        assert!(!out.exists());
    };
    refused(model, &["--users", "0"], &["--users", "0"]);
    refused(model, &["--users", "5", "--length", "0"], &["--length", "0"]);
    refused(model, &["--users", "5", "--length", "401"], &["length is 401", "400 items"]);
    let popularity = path("popularity");
    succeed(&["train", arg(&fixture().log), "--model", "popularity", "--out", arg(&popularity)]);
    refused(arg(&popularity), &["--users", "5"], &["popularity knows no distribution", "mult-vae, rec-vae"]);
    let squared = path("squared");
    let flags = ["train", arg(&fixture().log), "--set", "model.loss=squared", "--out", arg(&squared)];
    succeed(&[&flags[..], &SMALL].concat());
    refused(arg(&squared), &["--users", "5"], &["loss squared", "multinomial"]);

    fs::write(&out, "mine").unwrap();
    foldin(&["sample", model, "--users", "5", "--out", arg(&out)]).refused(2, &["sample.parquet", "--force"]);
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    succeed(&["sample", model, "--users", "5", "--out", arg(&out), "--force"]);
    let missing = path("absent");
    foldin(&["sample", arg(&missing), "--users", "5", "--out", arg(&path("x.parquet"))]).refused(3, &["absent"]);
}

#[test]
fn variances_are_printed_beside_the_vector() {
    let model = arg(&fixture().model);
    let embed = |flags: &[&'static str]| [&["embed", model, "--history", "i00012,i00034"], flags].concat();
    let found = json(&embed(&["--variances", "--json"]));
    let variances = found["variances"].as_array().unwrap();
    assert_eq!(variances.len(), found["embedding"].as_array().unwrap().len());
    assert!(variances.iter().all(|variance| variance.as_f64().unwrap() > 0.0), "{found}");
    assert!(json(&embed(&["--json"])).get("variances").is_none());
    assert!(succeed(&embed(&["--variances"])).contains("\nvariances\n"));
    foldin(&["embed", model, "--variances"]).refused(2, &["--history"]);

    let directory = tempfile::tempdir().unwrap();
    let dae = directory.path().join("dae");
    let flags = ["train", arg(&fixture().log), "--model", "mult-dae", "--set", "model.hidden=8", "--epochs", "1"];
    succeed(&[&flags[..], &["--out", arg(&dae)]].concat());
    foldin(&["embed", arg(&dae), "--history", "i00012", "--variances"])
        .refused(2, &["with_variances", "mult-dae", "mult-vae, rec-vae"]);
}
