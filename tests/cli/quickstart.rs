//! `foldin quickstart`, on the small preset.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::harness::{arg, command, foldin, json, names, succeed};

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

#[test]
fn a_log_of_the_same_name_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("foldin-quickstart");
    let log = out.join("data/log.parquet");
    std::fs::create_dir_all(out.join("data")).unwrap();
    std::fs::write(&log, "mine").unwrap();
    foldin(&["quickstart", "--preset", "small", "--out", arg(&out)]).refused(2, &["data", "--out"]);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "mine");
    assert_eq!(names(&out), ["data"]);
}

#[test]
#[cfg(unix)]
fn the_server_stays_up_on_request_and_the_printed_call_works() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("q");
    let mut child = command(&["quickstart", "--preset", "small", "--out", arg(&out), "--serve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let calls: Vec<String> = lines.by_ref().filter(|line| line.contains(" query --server ")).take(2).collect();
    for call in &calls {
        // Pasted into a shell, as the reader is told to.
        let answer = Command::new("sh").args(["-c", call]).output().unwrap();
        assert!(answer.status.success(), "{call}\n{}", String::from_utf8_lossy(&answer.stderr));
        assert!(String::from_utf8_lossy(&answer.stdout).contains("score"), "{call}");
    }
    assert_eq!(calls.len(), 2);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", rest.join("\n"));
    assert!(rest.iter().any(|line| line.starts_with("Done in")), "{}", rest.join("\n"));
}
