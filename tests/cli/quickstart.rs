//! `foldin quickstart`, on the small preset.

use super::harness::{arg, foldin, json, succeed};

#[test]
fn everything_once_and_once_more() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("foldin-quickstart");
    let quickstart = ["quickstart", "--preset", "small", "--out", arg(&out)];
    let said = succeed(&quickstart);
    for part in
        ["popularity", "ease", "mult-vae", "ndcg@100", "gRPC server on 127.0.0.1:", "known from the log", "never seen"]
    {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    assert_eq!(said.matches("recommended (personal)").count(), 2, "{said}");
    assert_eq!(json(&["inspect", arg(&out.join("model")), "--json"])["intact"], true);

    // A second time it replaces its own output, and nothing else.
    assert_eq!(foldin(&quickstart).code, Some(0));
    std::fs::write(out.join("notes.txt"), "mine").unwrap();
    foldin(&quickstart).refused(2, &["notes.txt", "--out"]);
}
