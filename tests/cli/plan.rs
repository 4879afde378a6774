//! `foldin plan`, and the same check in commands that train.

use serde_json::Value;

use super::harness::{arg, fixture, foldin, json, succeed};
use super::tables::{regular, write_log};

/// Flags of a model that no machine of today has the memory for: 17 billion parameters.
const ENORMOUS: [&str; 4] = ["--set", "model.hidden=65536", "--set", "model.latent=65536"];

const SIZES: [&str; 6] = ["--users", "1000000", "--items", "200000", "--interactions", "50000000"];

#[test]
fn the_plan_of_a_log_is_text_and_json() {
    let log = arg(&fixture().log);
    let run = foldin(&["plan", log, "--epochs", "7"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in
        ["mult-vae on at most 300 users", "optimiser", "best weights", "together", "fits", "time    about", "steps"]
    {
        assert!(run.stdout.contains(part), "`{part}` is not in:\n{}", run.stdout);
    }
    assert!(run.stderr.contains("8,000 entries of 300 users"), "{}", run.stderr);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 130), "{}", run.stdout);

    let plan = json(&["plan", log, "--epochs", "7", "--json"]);
    assert_eq!(
        (&plan["fits"], &plan["data"]["users"], &plan["data"]["upper_bound"]),
        (&true.into(), &300.into(), &true.into())
    );
    let memory = &plan["memory"];
    let (parts, phases) = (memory["parts"].as_array().unwrap(), memory["phases"].as_array().unwrap());
    let sum = |phase: &Value| -> u64 {
        let alive = parts.iter().filter(|part| part["phases"].as_array().unwrap().contains(phase));
        alive.map(|part| part["bytes"].as_u64().unwrap()).sum()
    };
    assert!(phases.iter().all(|phase| phase["bytes"] == sum(&phase["phase"])));
    assert_eq!(memory["peak_bytes"], phases.iter().map(|phase| phase["bytes"].as_u64().unwrap()).max().unwrap());
    assert_eq!(plan["training"]["epochs"], 7);
    assert!(plan["time"]["seconds"].as_f64().unwrap() > 0.0);
    // 30 of 300 users are held out; batches of 100.
    assert_eq!(plan["validation"]["held_out"]["users"], 30);
    let steps = plan["time"]["stages"].as_array().unwrap().iter().find(|stage| stage["name"] == "steps").unwrap();
    assert_eq!(steps["times"], 7 * 3);
}

#[test]
fn a_plan_of_a_continued_model_has_its_settings_and_its_memory() {
    let (log, model) = (arg(&fixture().log), arg(&fixture().model));
    let plan = json(&["plan", log, "--from", model, "--json"]);
    let trained = json(&["inspect", model, "--json"])["manifest"].clone();
    assert_eq!(plan["model"], trained["model"]);
    let parts = plan["memory"]["parts"].as_array().unwrap();
    let earlier = parts.iter().find(|part| part["name"] == "earlier model").unwrap();
    assert_eq!(earlier["phases"], serde_json::json!(["read", "start"]));
    assert!(earlier["bytes"].as_u64() > trained["files"]["weights.safetensors"]["bytes"].as_u64());
    assert!(
        json(&["plan", log, "--json"])["memory"]["phases"].as_array().unwrap().iter().all(|at| at["phase"] != "start")
    );
    foldin(&["plan", log, "--from", model, "--model", "ease"]).refused(2, &["ease cannot continue from it"]);
}

#[test]
fn the_plan_counts_what_training_finds() {
    let directory = tempfile::tempdir().unwrap();
    let (log, model) = (directory.path().join("log.parquet"), directory.path().join("model"));
    write_log(&log, &regular(0..60, 30, 6));
    let plan = json(&["plan", arg(&log), "--model", "ease", "--json"]);
    let trained = json(&["train", arg(&log), "--model", "ease", "--out", arg(&model), "--json"]);
    let shapes = &trained["manifest"]["shapes"];
    for what in ["users", "items", "interactions"] {
        assert_eq!(plan["data"][what], shapes[what], "{what}");
    }
    let files = trained["manifest"]["files"].as_object().unwrap();
    let weights = files["weights.safetensors"]["bytes"].as_u64().unwrap();
    let needed = plan["disk"]["needed_bytes"].as_u64().unwrap();
    assert!((weights / 10 * 9..weights * 3).contains(&needed), "{needed} bytes for weights of {weights}");
    let phases: Vec<&str> =
        plan["memory"]["phases"].as_array().unwrap().iter().map(|p| p["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["read", "gram", "invert", "publish"]);
    // Every item has twelve users: a minimum above leaves none.
    let run = foldin(&["plan", arg(&log), "--min-item-users", "50"]);
    run.refused(3, &["users", "items"]);
}

#[test]
fn stated_sizes_take_the_place_of_a_log() {
    let plan = json(&[&["plan", "--memory", "100GiB", "--json"], &SIZES[..]].concat());
    assert_eq!((&plan["fits"], &plan["data"]["items"]), (&true.into(), &200_000.into()));
    assert_eq!(plan["memory"]["limit"], "given");
    let parts = plan["memory"]["parts"].as_array().unwrap();
    let weights = parts.iter().find(|part| part["name"] == "weights").unwrap();
    // Two tables of 600 × 200,000, and what lies between them.
    assert_eq!(weights["bytes"], 4u64 * (2 * 600 * 200_000 + 600 + 200_000 + 3 * 600 * 200 + 400 + 600));
    let most = (u32::MAX - 1).to_string();
    let absurd = ["plan", "--users", &most, "--items", &most, "--interactions", "18446744056529682436", "--json"];
    let run = foldin(&[&absurd[..], &["--batch-size", "1000000"]].concat());
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["fits"], false);
    assert!(plan["memory"]["peak_bytes"].as_u64().unwrap() > 1 << 60);
}

#[test]
fn what_does_not_fit_is_told_with_its_remedies() {
    let run = foldin(&[&["plan", "--memory", "4GiB", "--batch-size", "500"], &SIZES[..]].concat());
    run.refused(
        2,
        &[
            "mult-vae on 200000 items takes",
            "4.3 GB are available",
            "model.hidden =",
            "model.kind =",
            "--ignore-memory",
        ],
    );
    assert!(run.stdout.contains("DOES NOT FIT"), "{}", run.stdout);
    let run = foldin(&[&["plan", "--memory", "4GiB", "--batch-size", "500", "--json"], &SIZES[..]].concat());
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let remedies = plan["remedies"].as_array().unwrap();
    let hidden = remedies.iter().find(|remedy| remedy["setting"] == "model.hidden").unwrap();
    assert!(hidden["bytes"].as_u64().unwrap() <= (4u64 << 30) / 10 * 9);
    // The remedy works.
    let set = format!("model.hidden={}", hidden["value"].as_str().unwrap());
    succeed(&[&["plan", "--memory", "4GiB", "--batch-size", "500", "--set", &set], &SIZES[..]].concat());
    // A checkpoint holds the weights four times, and its successor is written beside it.
    let small = ["plan", "--set", "model.hidden=20", "--set", "checkpoint.every=500", "--json"];
    let plan = json(&[&small[..], &SIZES[..]].concat());
    let weights = plan["memory"]["parts"].as_array().unwrap().iter().find(|part| part["name"] == "weights").unwrap();
    assert_eq!(plan["disk"]["checkpoint_bytes"].as_u64(), weights["bytes"].as_u64().map(|bytes| 4 * bytes));
    // The verdict can be overruled.
    succeed(&[&["plan", "--memory", "4GiB", "--ignore-memory"], &SIZES[..]].concat());
}

#[test]
fn training_refuses_what_does_not_fit_before_it_begins() {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("model");
    let log = arg(&fixture().log);
    let run = foldin(&[&["train", log, "--out", arg(&model)], &ENORMOUS[..]].concat());
    run.refused(2, &["mult-vae on", "are available", "optimiser", "model.hidden =", "--ignore-memory trains anyway"]);
    assert!(!run.stderr.contains("training mult-vae on") && !model.exists());
    let run = foldin(&[&["evaluate", "--train", log], &ENORMOUS[..]].concat());
    run.refused(2, &["mult-vae on", "are available", "model.hidden ="]);
    // The flag is no hindrance where all is well.
    succeed(&["train", log, "--model", "popularity", "--out", arg(&model), "--ignore-memory"]);
}

#[test]
fn flags_and_files_that_make_no_sense() {
    let directory = tempfile::tempdir().unwrap();
    let log = arg(&fixture().log);
    foldin(&["plan"]).refused(2, &["nothing to plan for", "--users"]);
    foldin(&[&["plan", log][..], &SIZES].concat()).refused(2, &["cannot be used with"]);
    foldin(&["plan", "--users", "10"]).refused(2, &["--items", "--interactions"]);
    foldin(&["plan", "--users", "0", "--items", "10", "--interactions", "10"]).refused(2, &["--users"]);
    foldin(&["plan", "--users", "1", "--items", "10", "--interactions", "10"]).refused(2, &["--users is 1"]);
    foldin(&["plan", "--users", "10", "--items", "20", "--interactions", "15"])
        .refused(2, &["--items is 20", "at least one"]);
    foldin(&["plan", "--users", "10", "--items", "20", "--interactions", "201"])
        .refused(2, &["no more than 200 pairs"]);
    foldin(&[&["plan", "--memory", "lots"], &SIZES[..]].concat()).refused(2, &["16GiB"]);
    foldin(&[&["plan", "--batch-size", "0"], &SIZES[..]].concat()).refused(2, &["training.batch_size", "0"]);
    foldin(&[&["plan", "--set", "validation.fraction=1"], &SIZES[..]].concat())
        .refused(2, &["validation.fraction is 1"]);
    foldin(&[&["plan", "--validation-fold-in", "x"], &SIZES[..]].concat()).refused(2, &["go together"]);
    foldin(&["plan", arg(&directory.path().join("none.parquet"))]).refused(3, &["none.parquet"]);
    foldin(&["plan", log, "--min-weight", "2"]).refused(2, &["--weight-column"]);
}
