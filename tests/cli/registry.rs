//! `foldin publish`, `models`, `promote` and `rollback`.

use super::harness::{arg, fixture, foldin, json, succeed};

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
    foldin(&["serve", "--registry", registry]).refused(2, &["promoted"]);
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
