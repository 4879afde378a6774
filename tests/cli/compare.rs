//! `foldin compare`: several models on the same users, and gates on the first of them.

use std::fs;
use std::path::Path;

use super::harness::{SMALL, arg, fixture, foldin, json, names, succeed};
use super::tables::{regular, write_log};

/// A log of sixty users, each with nine of thirty items.
fn small_log(directory: &Path) -> String {
    let log = directory.join("log.parquet");
    write_log(&log, &regular(0..60, 30, 9));
    arg(&log).to_string()
}

#[test]
fn models_are_measured_on_the_same_users_with_what_they_take() {
    let directory = tempfile::tempdir().unwrap();
    let log = small_log(directory.path());
    let strong = directory.path().join("strong.toml");
    fs::write(&strong, "[model]\nkind = \"ease\"\nlambda = 5.0\n\n[log]\nmin_user_items = 3\n").unwrap();
    let arguments = ["compare", "--train", &log, "--with", arg(&strong), "--with", "ease", "--held-out-users", "20"];
    let report = json(&[&arguments[..], &["--json"]].concat());
    let models = report["models"].as_array().unwrap();
    let called: Vec<&str> = models.iter().map(|model| model["model"].as_str().unwrap()).collect();
    // What was named first comes last, as the evaluated model does everywhere.
    assert_eq!(called, ["popularity", "ease", "strong"]);
    for model in models {
        assert_eq!(model["users"], 20);
        assert!(model["metrics"]["coverage@100"].is_number() && model["metrics"]["gini@100"].is_number(), "{model}");
        assert!(model["user_ms"].as_f64().unwrap() > 0.0 && model["fit_seconds"].is_number(), "{model}");
    }
    assert_eq!(models[1]["bytes"], 4 * 30 * 30);
    assert_eq!(models[0]["bytes"], 4 * 30);
    let against: Vec<&str> =
        report["differences"].as_array().unwrap().iter().map(|d| d["baseline"].as_str().unwrap()).collect();
    assert_eq!(against, ["popularity", "ease"]);
    let text = succeed(&arguments);
    for part in ["coverage@100", "gini@100", "ndcg@100 of tail", "ms a user", "3.6 kB", "strong − ease", "95 %"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn a_model_compared_with_itself_does_not_differ() {
    let directory = tempfile::tempdir().unwrap();
    let log = small_log(directory.path());
    let same = directory.path().join("same.toml");
    fs::write(&same, "[model]\nkind = \"ease\"\n").unwrap();
    let report =
        json(&["compare", "--train", &log, "--with", "ease", "--with", arg(&same), "--metrics", "recall@5", "--json"]);
    let difference = &report["differences"][1];
    assert_eq!((&difference["baseline"], &difference["metrics"]["recall@5"]["mean"]), (&"same".into(), &0.0.into()));
    assert_eq!(difference["metrics"]["recall@5"]["zero_inside"], true);
}

#[test]
fn gates_decide_the_exit_code_and_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let log = small_log(directory.path());
    let compare = |gates: &[&str]| {
        let gates = gates.iter().flat_map(|gate| ["--gate", gate]);
        let arguments = ["compare", "--train", &log, "--with", "ease", "--held-out-users", "20"];
        foldin(&arguments.into_iter().chain(gates).collect::<Vec<_>>())
    };
    let run = compare(&["ndcg@100 >= popularity", "coverage@5 > 0", "ndcg@10 of tail >= 0", "bytes <= 3600"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stdout.matches("pass").count(), 4, "{}", run.stdout);
    let run = compare(&["ndcg@100 >= popularity + 2", "ndcg@100 <= 1"]);
    run.refused(5, &["error: failed: ndcg@100 >= popularity + 2 (0.", " against 2."]);
    assert!(run.stdout.contains("FAIL") && run.stdout.contains("pass"), "{}", run.stdout);

    let gate = ["--gate", "coverage >= 2", "--json"];
    let run = foldin(&[&["compare", "--train", &log, "--with", "ease"][..], &gate].concat());
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &report["gates"][0]["passed"]), (Some(5), &false.into()));
    assert_eq!(report["gates"][0]["bound"], 2.0);
    assert_eq!(report["gates"][0]["value"], report["models"][1]["metrics"]["coverage@100"]);
}

#[test]
fn the_tail_coverage_and_gini_have_intervals_wherever_they_are_shown_and_in_gates() {
    let directory = tempfile::tempdir().unwrap();
    let log = small_log(directory.path());
    let fixed = ["compare", "--train", &log, "--with", "ease", "--held-out-users", "40", "--metrics", "ndcg@5"];
    let gates = ["ndcg of tail >= popularity - 1", "ndcg of tail >= -1", "coverage >= popularity - 1", "bytes > 0"];
    let arguments = [&fixed[..], &gates.map(|gate| ["--gate", gate]).concat()].concat();
    let report = json(&[&arguments[..], &["--json"]].concat());
    let (tail, models) = ("ndcg@5 of tail", &report["models"]);
    let bounds = |of: &serde_json::Value| [&of["low"], &of["high"]].map(|bound| bound.as_f64().unwrap());
    let within = |[low, high]: [f64; 2], value: f64| low < value && value < high;
    let value = |model: &serde_json::Value| model["by_item_popularity"][2]["metrics"]["ndcg@5"].as_f64().unwrap();
    let (popularity, ease) = (value(&models[0]), value(&models[1]));
    assert!(within(bounds(&models[1]["intervals"][tail]), ease), "{models}");
    let difference = &report["differences"][0]["metrics"][tail];
    assert_eq!(difference["mean"].as_f64(), Some(ease - popularity));
    assert!(within(bounds(difference), ease - popularity), "{difference}");
    // The same resamples, moved by the bound: the difference and one more, and the value and one more.
    let verdicts = &report["gates"];
    let moved = |of: &serde_json::Value| bounds(of).map(|bound| bound + 1.0);
    let coverage = &report["differences"][0]["metrics"]["coverage@5"];
    for (verdict, expected) in [(0, moved(difference)), (1, moved(&models[1]["intervals"][tail])), (2, moved(coverage))]
    {
        let found = bounds(&verdicts[verdict]["interval"]);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}, not {expected:?}");
    }
    assert!(verdicts[3]["interval"].is_null() && verdicts[3]["passed"] == true, "{verdicts}");
    let text = succeed(&arguments);
    for name in [tail, "coverage@5", "gini@5"] {
        let [low, high] = bounds(&models[1]["intervals"][name]);
        assert!(text.contains(&format!("[{low:.4}, {high:.4}]")), "{name}: {text}");
    }
    let [low, high] = bounds(&models[1]["intervals"]["gini@5"]);
    assert!(within([low, high], models[1]["metrics"]["gini@5"].as_f64().unwrap()), "{models}");
}

#[test]
fn a_model_that_cannot_be_trained_is_left_out_and_keeps_no_other_from_being_compared() {
    let directory = tempfile::tempdir().unwrap();
    let log = small_log(directory.path());
    let compare = |more: &[&str]| foldin(&[&["compare", "--train", &log, "--held-out-users", "20"][..], more].concat());
    let called = |report: &serde_json::Value| -> Vec<String> {
        let models = report["models"].as_array().unwrap();
        models.iter().map(|model| model["model"].as_str().unwrap().to_owned()).collect()
    };
    let reason = "model.rank is 256, and the normalised interactions have rank 30";
    let told = format!("gf-cf is left out: {reason}");

    // Beside the candidate: the others are compared, and that is what was asked for.
    let beside = ["--with", "ease", "--with", "gf-cf"];
    let run = compare(&beside);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains(&told) && run.stdout.contains("ease − popularity"), "{}", run.stdout);
    let run = compare(&[&beside[..], &["--json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(called(&report), ["popularity", "ease"]);
    assert_eq!(report["left_out"][0]["model"], "gf-cf");
    assert!(report["left_out"][0]["reason"].as_str().unwrap().starts_with(reason), "{report}");
    // A gate about it fails, and says why.
    let run = compare(&[&beside[..], &["--gate", "ndcg@100 >= gf-cf", "--gate", "ndcg@100 >= popularity"]].concat());
    run.refused(5, &["failed: ndcg@100 >= gf-cf (", " against no value)", &told]);
    assert!(run.stdout.contains("pass") && run.stdout.contains("FAIL"), "{}", run.stdout);

    // As the candidate: what there is is told, but not that all was well.
    let candidate = ["--with", "gf-cf", "--with", "ease"];
    let run = compare(&[&candidate[..], &["--json"]].concat());
    run.refused(2, &[reason]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(called(&report), ["popularity", "ease"]);
    assert!(report["differences"].as_array().unwrap().is_empty());
    let run = compare(&[&candidate[..], &["--gate", "ndcg@100 >= 0"]].concat());
    run.refused(5, &["failed: ndcg@100 >= 0 (no value against 0", &told]);
}

#[test]
fn gates_that_mean_nothing_are_refused_before_anything_is_read() {
    let compare = |gate: &str| foldin(&["compare", "--train", "no.parquet", "--with", "ease", "--gate", gate]);
    compare("ndcg@100 => ease").refused(2, &["character 10", "expected `>=`, `>`, `<=` or `<`", "found `=>`"]);
    compare("ngcg@100 >= ease").refused(2, &["`ngcg@100` is nothing that is measured", "ndcg, mrr"]);
    compare("ndcg@100 >= easy").refused(2, &["no model is called `easy`", "there are ease, popularity"]);
}

#[test]
fn published_models_stand_beside_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let log = small_log(directory.path());
    let path = |name: &str| directory.path().join(name);
    let (a, b, test, report) = (path("a"), path("b"), path("test.parquet"), path("report.html"));
    write_log(&test, &regular(40..90, 30, 9));
    succeed(&[&["train", &log, "--out", arg(&a)][..], &SMALL].concat());
    succeed(&["train", &log, "--out", arg(&b), "--model", "ease"]);
    let models = ["compare", arg(&a), arg(&b), "--with", "ease", "--log", arg(&test), "--gate", "ndcg@100 >= 0.1 * b"];
    let text = succeed(&[&models[..], &["--out", arg(&report)]].concat());
    assert!(text.contains("30 users of") && text.contains("a − b") && text.contains("a − ease"), "{text}");
    let html = fs::read_to_string(&report).unwrap();
    for part in [
        "Comparison of a, b, ease",
        "the candidate, mult-vae",
        "Quality and cost",
        "ndcg@100 by seconds of training",
        "ndcg@100 by milliseconds of an answer",
        "training loss a user",
        "ndcg@100 &gt;= 0.1 * b",
        "kind = &quot;ease&quot;",
    ] {
        assert!(html.contains(part), "`{part}` is not in the report");
    }
    foldin(&[&models[..], &["--report", arg(&report)]].concat()).refused(2, &["report.html", "--force"]);
    assert_eq!(names(directory.path()), ["a", "b", "log.parquet", "report.html", "test.parquet"]);

    // Other items: no common lists.
    let model = arg(&fixture().model);
    foldin(&["compare", arg(&a), model, "--log", arg(&test)]).refused(2, &["30 items", "one catalogue only"]);
    foldin(&["compare", arg(&a), arg(&a), "--log", arg(&test)]).refused(2, &["two models are called"]);
    foldin(&["compare", arg(&a)]).refused(2, &["--fold-in and --target, --test, or --log"]);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    foldin(&["compare", "--train", "log.parquet"]).refused(2, &["nothing to compare", "--with PRESET"]);
    foldin(&["compare", "--train", "log.parquet", "--with", "easy"]).refused(2, &["unknown model `easy`", "ease"]);
    foldin(&["compare", "--train", "l.parquet", "--with", "no.toml"]).refused(2, &["cannot read", "no.toml"]);
    foldin(&["compare", "model", "--train", "log.parquet"]).refused(2, &["--train", "cannot be used with"]);
}
