//! `foldin bench-serve`.

use std::fs;

use serde_json::Value;

use super::harness::{arg, fixture, foldin, json, succeed};
use super::serve::Server;

/// Long enough for some tens of requests.
const SHORT: [&str; 6] = ["--rate", "100", "--duration", "0.6", "--warm-up", "0.1"];

fn measure(server: &Server, arguments: &[&str]) -> Value {
    json(&[&["bench-serve", &server.address, "--json"], &SHORT[..], arguments].concat())["results"][0].clone()
}

#[test]
fn load_by_every_kind_of_request() {
    let server = Server::quiet();
    let directory = tempfile::tempdir().unwrap();
    let users = directory.path().join("users.txt");
    fs::write(&users, "u000003\nu000004\n\nu000003\n").unwrap();
    let log = arg(&fixture().log);
    for requests in [
        &[][..],
        &["--histories", log],
        &["--users", log],
        &["--users", arg(&users)],
        &["--items", log, "--history-length", "5", "--connections", "1", "--deadline", "0"],
    ] {
        let found = measure(&server, requests);
        let (offered, ok) = (found["offered"].as_u64().unwrap(), found["ok"].as_u64().unwrap());
        // 60 are expected with a standard deviation of 8.
        assert!((20..120).contains(&offered), "{requests:?}: {found}");
        let answers: u64 = found["codes"].as_array().unwrap().iter().map(|code| code["count"].as_u64().unwrap()).sum();
        let [unsent, unanswered] = ["not_sent", "unanswered"].map(|key| found[key].as_u64().unwrap());
        assert_eq!(answers + unsent + unanswered, offered, "{found}");
        assert_eq!(found["tiers"]["personal"], ok, "{requests:?}: {found}");
        assert_eq!(found["versions"].as_object().unwrap().len(), 1);
        let (latency, service) = (&found["latency_ms"], &found["service_ms"]);
        assert!(latency["p50"].as_f64() >= service["p50"].as_f64(), "{found}");
        assert!(latency["p99"].as_f64() <= latency["max"].as_f64() && service["p50"].as_f64() > Some(0.0), "{found}");
    }
}

#[test]
fn tables_plots_and_rates() {
    let server = Server::quiet();
    let directory = tempfile::tempdir().unwrap();
    let plot = directory.path().join("latency.svg");
    let common = ["bench-serve", &server.address, "--duration", "0.5", "--warm-up", "0", "--plot", arg(&plot)];
    let told = succeed(&[&common[..], &["--rate", "80"]].concat());
    for part in ["p99.9", "from when a request was due", "OK", "by version", "personal", "p99 in time"] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let one = fs::read_to_string(&plot).unwrap();
    assert!(one.contains("service time") && one.contains("polyline"), "{one}");
    // What is there is not replaced unasked, and before any request is sent.
    foldin(&[&common[..], &["--rate", "80"]].concat()).refused(2, &["latency.svg", "--force"]);

    let told = succeed(&[&common[..], &["--rates", "50,100", "--objective", "10000", "--force"]].concat());
    assert!(told.contains("capacity: 100 requests/s"), "{told}");
    assert!(fs::read_to_string(&plot).unwrap().contains("several rates"));
}

#[test]
fn load_that_is_none() {
    let refused = |arguments: &[&str], code, parts: &[&str]| {
        // Nothing of this needs a server.
        foldin(&[&["bench-serve", "127.0.0.1:1"], arguments].concat()).refused(code, parts);
    };
    for rate in ["0", "-1", "NaN", "inf", "1000000000"] {
        refused(&[&format!("--rate={rate}")], 2, &["rate", rate]);
    }
    refused(&["--rates", "10,0"], 2, &["rate is 0"]);
    refused(&["--rate", "5", "--rates", "10"], 2, &["--rates"]);
    for (flag, value, said) in [
        ("--duration", "0", "the duration is 0"),
        ("--duration", "NaN", "--duration is NaN"),
        ("--duration", "1e300", "86,400 seconds"),
        ("--warm-up", "-1", "--warm-up is -1"),
        ("--deadline", "-5", "--deadline is -5"),
        ("--connections", "0", "--connections is 0"),
        ("--connections", "100000", "1,024"),
        ("--objective", "NaN", "--objective is NaN"),
        ("--n", "0", "zero"),
        ("--history-length", "0", "zero"),
    ] {
        refused(&[&format!("{flag}={value}")], 2, &[said]);
    }
    refused(&["--in-flight", "0"], 2, &["in flight", "is 0"]);
    refused(&["--plot", "latency.png"], 2, &["latency.png", ".svg"]);
    let below_a_file = format!("{}/latency.svg", arg(&fixture().log));
    refused(&["--plot", &below_a_file], 1, &[arg(&fixture().log)]);
}

#[test]
fn nobody_to_ask_for_and_nobody_to_ask() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("ids.txt");
    fs::write(&empty, "\n \n").unwrap();
    let log = arg(&fixture().log);
    let refused = |arguments: &[&str], code, parts: &[&str]| {
        foldin(&[&["bench-serve", "127.0.0.1:1"], arguments].concat()).refused(code, parts);
    };
    refused(&["--users", arg(&empty)], 3, &["ids.txt", "nobody to ask for"]);
    refused(&["--items", arg(&empty)], 3, &["ids.txt", "histories of 20"]);
    refused(&["--users", "missing.txt"], 3, &["missing.txt"]);
    refused(&["--histories", "missing.parquet"], 3, &["missing.parquet"]);
    refused(&["--users", log, "--user-column", "member"], 3, &["member", "user_id"]);
    refused(&["--items", log, "--history-length", "10001"], 2, &["10001", "10,000"]);
    refused(&["--users", log], 1, &["127.0.0.1:1", "foldin serve"]);

    let server = Server::quiet();
    let refused = |arguments: &[&str], parts: &[&str]| {
        foldin(&[&["bench-serve", &server.address], arguments].concat()).refused(2, parts);
    };
    refused(&["--model", "films"], &["films", "default"]);
    refused(&["-n", "5000"], &["n is 5000"]);
}
