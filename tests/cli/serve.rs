//! `foldin serve` and `foldin query`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use super::harness::{arg, command, fixture, foldin, json};

/// A server process with its address; ended with the test, however that ends.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        Self::logging("info", arguments)
    }

    /// A server for many requests: a log that nobody reads would fill its pipe and hold it up.
    pub fn quiet() -> Self {
        Self::logging("warn", &[])
    }

    fn logging(level: &str, arguments: &[&str]) -> Self {
        let mut child = command(&[&["serve", arg(&fixture().model), "--port", "0"], arguments].concat())
            .env("RUST_LOG", level)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_string();
        assert!(line.starts_with("serving mult-vae ") && address.starts_with("127.0.0.1:"), "{line}");
        Self { child, address }
    }

    /// Asks the process to end as a service manager would; returns exit code and log.
    #[cfg(unix)]
    fn terminate(mut self) -> (Option<i32>, String) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let code = self.child.wait().unwrap().code();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (code, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone after `terminate`; otherwise the test failed and nothing may stay behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[cfg(unix)]
fn a_server_answers_like_the_model_directory_and_ends_on_sigterm() {
    let server = Server::start(&["--log-format", "json"]);
    let known = ["--user-id", "u000003", "-n", "5", "--json"];
    let asked = json(&[&["query", "--server", &server.address], &known[..]].concat());
    assert_eq!(asked, json(&[&["recommend", arg(&fixture().model)], &known[..]].concat()));
    assert_eq!(asked["items"].as_array().unwrap().len(), 5);
    let run = foldin(&["query", "--server", &server.address, "--user-id", "nobody"]);
    assert!(run.stderr.contains("the user is unknown"), "{}", run.stderr);
    foldin(&["query", "--server", &server.address, "--user-id", "u", "-n", "5000"]).refused(2, &["n is 5000"]);
    let other = ["query", "--server", &server.address, "--user-id", "u", "--model", "films"];
    foldin(&other).refused(2, &["there is no `films`", "served: default"]);

    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert!(entry["level"].is_string(), "{line}");
    }
    assert!(log.contains("shutting down"), "{log}");
}

#[test]
fn addresses_that_cannot_be_served() {
    let model = arg(&fixture().model);
    let open = ["serve", model, "--address", "0.0.0.0", "--port", "0"];
    foldin(&open).refused(2, &["0.0.0.0", "127.0.0.1", "--tls-cert", "--tokens"]);
    foldin(&["serve", model, "--address", "localhost"]).refused(2, &["localhost", "127.0.0.1"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    foldin(&["serve", model, "--port", &port]).refused(1, &["cannot listen on", &port]);
}

#[test]
fn a_server_that_is_not_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    foldin(&["query", "--server", &free, "--user-id", "u"]).refused(1, &[&free, "foldin serve"]);
    foldin(&["query"]).refused(2, &["--user-id", "--history"]);
}
