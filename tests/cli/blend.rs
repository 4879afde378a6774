//! `foldin blend`: trained models weighed against each other, as one model directory.

use std::path::{Path, PathBuf};

use foldin::artifact::Artifact;
use tempfile::TempDir;

use super::harness::{arg, fixture, foldin, json, succeed};
use super::tables::{regular, write_log};

/// EASE and a low-pass on the log of the fixture, whose own model is a Mult-VAE that held users out.
fn parts() -> (TempDir, PathBuf, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let [ease, low_pass] = ["ease", "low-pass"].map(|name| directory.path().join(name));
    let (log, items) = (arg(&fixture().log), arg(&fixture().items));
    succeed(&["train", log, "--items", items, "--model", "ease", "--out", arg(&ease)]);
    let rank = ["--model", "low-pass", "--set", "model.rank=12"];
    succeed(&[&["train", log, "--items", items, "--out", arg(&low_pass)][..], &rank].concat());
    (directory, ease, low_pass)
}

fn blend(models: &[&Path], out: &Path, extra: &[&str]) -> Vec<String> {
    let models = models.iter().map(|model| arg(model));
    ["blend"]
        .into_iter()
        .chain(models)
        .chain(["--out", arg(out)])
        .chain(extra.iter().copied())
        .map(Into::into)
        .collect()
}

fn arguments(of: &[String]) -> Vec<&str> {
    of.iter().map(String::as_str).collect()
}

#[test]
fn a_blend_is_a_model_like_any_other() {
    let (directory, ease, low_pass) = parts();
    let out = directory.path().join("blend");
    let made = blend(&[&ease, &low_pass], &out, &["--weights", "3,1", "--json"]);
    let manifest = json(&arguments(&made))["manifest"].clone();
    let weights = |manifest: &serde_json::Value| -> Vec<f64> {
        let parts = manifest["model"]["parts"].as_array().unwrap();
        parts.iter().map(|part| part["weight"].as_f64().unwrap()).collect()
    };
    assert_eq!((manifest["model"]["kind"].as_str(), weights(&manifest)), (Some("blend"), vec![0.75, 0.25]));
    let inspected = succeed(&["inspect", arg(&out)]);
    assert!(inspected.contains("0.items") && inspected.contains("1.spectrum.items") && !inspected.contains("DAMAGED"));
    // Everything but the model is the first one's.
    let [first, blended] = [&ease, &out].map(|dir| Artifact::open(dir).unwrap());
    assert_eq!(first.catalogue, blended.catalogue);
    assert_eq!(first.manifest.data_fingerprint, blended.manifest.data_fingerprint);
    for file in ["items.parquet", "histories.safetensors"] {
        assert_eq!(first.manifest.files[file], blended.manifest.files[file]);
    }
    let user = first.users.external(3).into_owned();
    let listed = json(&["recommend", arg(&out), "--user-id", &user, "-n", "5", "--json"]);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(5), "{listed}");
    // It has the vectors of the first part that has some.
    let vectors = directory.path().join("vectors.parquet");
    succeed(&["export", arg(&out), "--what", "items", "--out", arg(&vectors)]);
    assert!(vectors.is_file());
    // All weight on one part: its list.
    let alone = directory.path().join("alone");
    succeed(&arguments(&blend(&[&ease, &low_pass], &alone, &["--weights", "0,1"])));
    let ids = |model: &Path| -> Vec<serde_json::Value> {
        let listed = json(&["recommend", arg(model), "--user-id", &user, "-n", "20", "--json"]);
        listed["items"].as_array().unwrap().iter().map(|item| item["item_id"].clone()).collect()
    };
    assert_eq!(ids(&alone), ids(&low_pass));
    assert_ne!(ids(&alone), ids(&ease));
}

#[test]
fn a_blend_is_not_continued_and_says_what_is_instead() {
    let (directory, ease, low_pass) = parts();
    let (out, child) = (directory.path().join("blend"), directory.path().join("child"));
    succeed(&arguments(&blend(&[&ease, &low_pass], &out, &["--weights", "3,1"])));
    let run = foldin(&["train", arg(&fixture().log), "--from", arg(&out), "--out", arg(&child)]);
    run.refused(2, &["a blend is made of trained models (ease, low-pass)", "continue its parts", "`foldin blend`"]);
    assert!(!run.stderr.contains("closed form") && !child.exists(), "{}", run.stderr);
}

#[test]
fn weights_are_found_on_users_that_no_part_has_seen() {
    let (directory, ease, low_pass) = parts();
    let out = directory.path().join("blend");
    // Closed forms are trained on everyone.
    let run = foldin(&arguments(&blend(&[&ease, &low_pass], &out, &["--fit"])));
    run.refused(2, &["no user that none of these models was trained on", "--fold-in"]);
    let split = directory.path().join("split");
    succeed(&["split", arg(&fixture().log), "--rule", "strong", "--out", arg(&split)]);
    let [fold_in, target] = ["test_fold_in.parquet", "test_target.parquet"].map(|name| split.join(name));
    let given = ["--fit", "--fold-in", arg(&fold_in), "--target", arg(&target), "--json"];
    let answer = json(&arguments(&blend(&[&ease, &low_pass], &out, &given)));
    let found = answer["manifest"]["metrics"]["validation ndcg@100"].as_f64().unwrap();
    let again = directory.path().join("again");
    let other = json(&arguments(&blend(&[&ease, &low_pass], &again, &given)));
    assert_eq!(answer["manifest"]["model_version"], other["manifest"]["model_version"], "the same weights again");
    // What the search began with is not better on those users, and what it found is what an evaluation finds.
    let equal = directory.path().join("equal");
    succeed(&arguments(&blend(&[&ease, &low_pass], &equal, &["--weights", "1,1"])));
    let measured = |model: &Path| {
        let (shown, wanted) = (arg(&fold_in), arg(&target));
        let flags = ["--fold-in", shown, "--target", wanted, "--baselines", "popularity", "--json"];
        let rows = json(&[&["evaluate", arg(model)][..], &flags].concat())["models"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["model"] == "blend").unwrap();
        row["metrics"]["ndcg@100"].as_f64().unwrap()
    };
    assert!((measured(&out) - found).abs() < 1e-9 && measured(&equal) <= found + 1e-9);
}

#[test]
fn what_cannot_be_blended_is_refused() {
    let (directory, ease, low_pass) = parts();
    let out = directory.path().join("blend");
    let refused = |models: &[&Path], extra: &[&str], code: i32, parts: &[&str]| {
        foldin(&arguments(&blend(models, &out, extra))).refused(code, parts);
        assert!(!out.exists());
    };
    let rule = "weights are finite, 0 or greater, and one at least is greater than 0";
    refused(&[&ease, &low_pass], &["--weights", "0.5,-0.5"], 2, &["weight 2 is -0.5", rule]);
    refused(&[&ease, &low_pass], &["--weights", "0,0"], 2, &["weight 1 is 0", rule]);
    refused(&[&ease, &low_pass], &["--weights", "1"], 2, &["1 weights for 2 models"]);
    refused(&[&ease], &["--weights", "1"], 2, &["at least two models, not 1"]);
    refused(&[&ease, &low_pass], &[], 2, &["--weights", "--fit"]);
    let other = |name: &str, users: i64, items: i64| {
        let (log, model) = (directory.path().join(format!("{name}.parquet")), directory.path().join(name));
        write_log(&log, &regular(0..users, items, 5));
        succeed(&["train", arg(&log), "--model", "ease", "--out", arg(&model)]);
        model
    };
    let (twelve, thirteen, more) = (other("twelve", 40, 12), other("thirteen", 40, 13), other("more", 50, 12));
    refused(&[&ease, &twelve], &["--weights", "1,1"], 2, &["item ids are of different types"]);
    refused(&[&twelve, &thirteen], &["--weights", "1,1"], 2, &["0 only in the first and 1 (12) only in the second"]);
    refused(&[&twelve, &more], &["--weights", "1,1"], 2, &["different logs of the same items", "--mixed-data"]);
    succeed(&arguments(&blend(&[&twelve, &more], &out, &["--weights", "1,1", "--mixed-data"])));
}

#[test]
fn a_blend_is_compared_with_its_parts_and_with_what_is_trained_beside() {
    let (directory, ease, low_pass) = parts();
    let path = |name: &str| directory.path().join(name);
    let (out, split, filter) = (path("blend"), path("split"), path("filter.toml"));
    succeed(&arguments(&blend(&[&ease, &low_pass], &out, &["--weights", "1,1"])));
    succeed(&["split", arg(&fixture().log), "--rule", "strong", "--out", arg(&split)]);
    std::fs::write(&filter, "[model]\nkind = \"gf-cf\"\nrank = 12\n").unwrap();
    let [fold_in, target] = ["test_fold_in.parquet", "test_target.parquet"].map(|name| split.join(name));
    let models = ["compare", arg(&out), arg(&ease), arg(&low_pass), "--with", arg(&filter)];
    let users = ["--fold-in", arg(&fold_in), "--target", arg(&target), "--gate", "ndcg@100 >= popularity", "--json"];
    let report = json(&[&models[..], &users].concat());
    let rows = report["models"].as_array().unwrap();
    let called: Vec<&str> = rows.iter().map(|row| row["model"].as_str().unwrap()).collect();
    assert_eq!(called, ["popularity", "ease", "low-pass", "filter", "blend"]);
    let bytes: Vec<u64> = rows.iter().map(|row| row["bytes"].as_u64().unwrap()).collect();
    assert_eq!(bytes[4], bytes[1] + bytes[2]);
    // Beside its low-pass it stores a value and a user for every interaction, and how many each item has.
    let shapes = Artifact::open(&ease).unwrap().manifest.shapes;
    assert_eq!(bytes[3], bytes[2] + 4 * (2 * shapes.interactions + shapes.items) as u64);
    assert!(rows[4]["fit_seconds"].is_null() && rows[1]["fit_seconds"].is_number(), "its parts were trained");
}
