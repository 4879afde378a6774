//! Figures of the literature on public datasets, found through `FOLDIN_DATA`; skipped without it.

use std::path::PathBuf;

use super::harness::{arg, json};

/// The directory of a dataset, `None` when no datasets are at hand at all.
fn dataset(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("FOLDIN_DATA") else {
        eprintln!("skipped: FOLDIN_DATA is not set, {name} is not checked");
        return None;
    };
    let directory = PathBuf::from(root).join(name);
    assert!(directory.is_dir(), "FOLDIN_DATA has no dataset {name}");
    Some(directory)
}

fn assert_means(arguments: &[&str], model: &str, expected: &[(&str, f64)], tolerance: f64) {
    let report = json(arguments);
    let models = report["models"].as_array().unwrap();
    let row = models.iter().find(|row| row["model"] == model).unwrap();
    for (metric, expected) in expected {
        let got = row["metrics"][metric].as_f64().unwrap();
        assert!((got - expected).abs() <= tolerance, "{model} {metric}: {got:.5}, expected {expected} ± {tolerance}");
    }
}

#[test]
fn ease_under_strong_generalisation_on_movielens_1m() {
    let Some(data) = dataset("ml-1m-strong") else { return };
    let [train, fold_in, target] =
        ["train", "test_in", "test_out"].map(|name| data.join(name).with_extension("parquet"));
    assert_means(
        &[
            "evaluate",
            "--train",
            arg(&train),
            "--fold-in",
            arg(&fold_in),
            "--target",
            arg(&target),
            "--model",
            "ease",
            "--set",
            "model.lambda=500",
            "--baselines",
            "popularity",
            "--json",
        ],
        "ease",
        &[("capped_recall@20", 0.3484), ("capped_recall@50", 0.4645), ("ndcg@100", 0.4159)],
        0.0003,
    );
}

#[test]
fn popularity_and_ease_under_weak_generalisation_on_movielens_1m() {
    let Some(data) = dataset("ml-1m-m1") else { return };
    let [train, test] = ["train", "test"].map(|name| data.join(name).with_extension("parquet"));
    let common = ["evaluate", "--train", arg(&train), "--test", arg(&test), "--metrics", "recall@20,ndcg@20", "--json"];
    let ease = ["--model", "ease", "--set", "model.lambda=800", "--baselines", "popularity"];
    let arguments = [&common[..], &ease[..]].concat();
    assert_means(&arguments, "ease", &[("recall@20", 0.2761), ("ndcg@20", 0.2677)], 0.0005);
    assert_means(&arguments, "popularity", &[("recall@20", 0.1161), ("ndcg@20", 0.1176)], 0.0005);
}
