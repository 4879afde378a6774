//! `foldin publish`, `models`, `promote`, `rollback` and `unpublish`.

use super::harness::{SMALL, arg, fixture, foldin, json, names, succeed};
use super::tables::{integers, numbers, regular, write};

#[test]
fn a_model_is_published_promoted_listed_and_rolled_back() {
    let root = tempfile::tempdir().unwrap();
    let registry = root.path().join("registry");
    let registry = arg(&registry);
    let model = arg(&fixture().model);
    let publish = ["publish", model, "--registry", registry, "--name", "films"];
    let told = json(&[&publish[..], &["--json"]].concat());
    assert_eq!((&told["name"], &told["promoted"]), (&"films".into(), &false.into()));
    assert!(told["table"]["overlap_at_100"].as_f64().unwrap() >= 0.99, "{told}");
    let version = told["version"].as_str().unwrap().to_owned();

    // A server needs a version to answer with.
    foldin(&["serve", "--registry", registry, "--port", "0"]).refused(2, &["promoted"]);
    foldin(&["rollback", "films", "--registry", registry]).refused(2, &["films"]);
    foldin(&["promote", "films", "000000000000", "--registry", registry]).refused(2, &["000000000000", &version]);
    let promoted = succeed(&["promote", "films", &version, "--registry", registry]);
    assert!(promoted.contains(&version), "{promoted}");
    let listed = json(&["models", "--registry", registry, "--json"]);
    assert_eq!((&listed[0]["version"], &listed[0]["answers"]), (&version.as_str().into(), &true.into()));

    // Publishing again changes nothing.
    assert_eq!(json(&[&publish[..], &["--json"]].concat())["version"], version.as_str());
    assert_eq!(json(&["models", "--registry", registry, "--json"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_published() {
    let root = tempfile::tempdir().unwrap();
    let registry = root.path().join("registry");
    let publish = |arguments: &[&str]| {
        let model = arg(&fixture().model);
        foldin(&[&["publish", model, "--registry", arg(&registry)], arguments].concat())
    };
    publish(&["--name", "../films"]).refused(2, &["../films", "a-z"]);
    publish(&["--name", "films", "--min-overlap", "2"]).refused(2, &["--min-overlap"]);
    publish(&["--name", "films", "--table", "int8", "--max-ndcg-loss", "NaN"]).refused(2, &["--max-ndcg-loss"]);
    foldin(&["publish", arg(root.path()), "--registry", arg(&registry), "--name", "films"])
        .refused(3, &["manifest.json"]);
    assert!(!registry.join("films").exists(), "nothing was published");
}

#[test]
fn a_table_that_lists_too_little_of_the_best_is_refused_and_a_wider_one_taken() {
    let root = tempfile::tempdir().unwrap();
    let [log, model, registry] = ["log.parquet", "model", "registry"].map(|name| root.path().join(name));
    // One item outweighs all others with everyone: eight bits of a user have no room for the rest.
    let mut rows: Vec<(i64, i64, f64)> = (0..60).map(|user| (user, 400, 1e5)).collect();
    rows.extend(regular(0..60, 400, 12).into_iter().map(|(user, item)| (user, item, 1.0)));
    let [users, items] = [integers(rows.iter().map(|row| row.0)), integers(rows.iter().map(|row| row.1))];
    let weights = numbers(rows.iter().map(|row| Some(row.2)));
    write(&log, vec![("user_id", users), ("item_id", items), ("weight", weights)]);
    let spectrum = ["--model", "low-pass", "--set", "model.rank=12", "--set", "model.weights=use"];
    let train = ["train", arg(&log), "--weight-column", "weight", "--out", arg(&model)];
    succeed(&[&train[..], &spectrum].concat());

    let publish = ["publish", arg(&model), "--registry", arg(&registry), "--name", "films"];
    let run = foldin(&[&publish[..], &["--table", "int8"]].concat());
    let bounds =
        ["less than 0.99 of the exact 100 best", "more than 0.001 of NDCG@100", "--table auto", "--min-overlap"];
    run.refused(2, &[&["int8: overlap@100 with the exact lists 0."][..], &bounds].concat());
    assert!(!registry.join("films").exists(), "nothing was published");
    // The comparison decides, not the width: the next one is within the tolerance, and eight bits are within a wider one.
    let table = |more: &[&str]| json(&[&publish[..], more, &["--json"]].concat())["table"].clone();
    let chosen = table(&[]);
    assert_eq!(chosen["width"], "f16");
    assert!(chosen["overlap_at_100"].as_f64().unwrap() >= 0.99, "{chosen}");
    let asked_for = table(&["--table", "int8", "--min-overlap", "0.5"]);
    assert_eq!(asked_for["width"], "int8");
    assert!(asked_for["overlap_at_100"].as_f64().unwrap() < 0.99, "{asked_for}");
}

#[test]
fn a_version_leaves_the_registry_unless_it_answers_or_a_rollback_needs_it() {
    let root = tempfile::tempdir().unwrap();
    let (registry, other) = (root.path().join("registry"), root.path().join("other"));
    let films = registry.join("films");
    let (registry, log) = (arg(&registry), arg(&fixture().log));
    succeed(&[&["train", log, "--out", arg(&other), "--set", "training.seed=2"][..], &SMALL].concat());
    let publish = |model, more: &[&str]| {
        let fixed = ["publish", model, "--registry", registry, "--name", "films", "--table", "exact", "--json"];
        json(&[&fixed[..], more].concat())["version"].as_str().unwrap().to_owned()
    };
    let first = publish(arg(&fixture().model), &["--promote"]);
    let second = publish(arg(&other), &["--promote"]);
    let unpublish = |version: &str, more: &[&str]| {
        foldin(&[&["unpublish", "films", version, "--registry", registry][..], more].concat())
    };

    unpublish(&second, &["--force"]).refused(2, &[&second, "answers", "promote another"]);
    unpublish(&first, &[]).refused(2, &[&first, "rollback", "--force"]);
    unpublish("000000000000", &[]).refused(2, &["000000000000", &first, &second]);
    foldin(&["unpublish", "books", &first, "--registry", registry]).refused(2, &["books", "films"]);
    assert!(!root.path().join("registry/.books.lock").exists());
    assert_eq!(json(&["models", "--registry", registry, "--json"]).as_array().unwrap().len(), 2, "nothing left");

    // Even one that can no longer be read.
    std::fs::write(films.join(&first).join("manifest.json"), "{").unwrap();
    let run = unpublish(&first, &["--force", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(told["freed_bytes"].as_u64().unwrap() > 10_000, "{told}");
    assert_eq!(names(&films), [second.as_str(), &format!("{second}.table.json"), "promoted.json"]);
    foldin(&["rollback", "films", "--registry", registry]).refused(2, &["no earlier version"]);
    let listed = json(&["models", "--registry", registry, "--json"]);
    assert_eq!((&listed[0]["version"], &listed[0]["answers"]), (&second.as_str().into(), &true.into()));

    // One that never answered needs no force, and may come back.
    assert_eq!(publish(arg(&fixture().model), &[]), first);
    let run = unpublish(&first, &[]);
    assert!(run.stdout.contains(&first) && run.stdout.contains("freed"), "{run:?}");
}
