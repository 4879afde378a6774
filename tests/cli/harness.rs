//! Running the binary, and what most tests run it on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// What a finished run left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The binary on two threads.
pub fn command(arguments: &[&str]) -> Command {
    command_on("2", arguments)
}

/// The binary in an environment without configuration.
pub fn command_on(threads: &str, arguments: &[&str]) -> Command {
    let mut command = unconfigured(env!("CARGO_BIN_EXE_foldin"));
    command.args(["--threads", threads]).args(arguments);
    command
}

/// A program in an environment without configuration, and with nothing to read.
pub fn unconfigured(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FOLDIN_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

pub fn finish(command: &mut Command) -> Run {
    let output = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs the binary to its end.
pub fn foldin(arguments: &[&str]) -> Run {
    finish(&mut command(arguments))
}

/// Runs the binary, which must succeed; returns what it printed.
pub fn succeed(arguments: &[&str]) -> String {
    let run = foldin(arguments);
    assert_eq!(run.code, Some(0), "foldin {}\n{}", arguments.join(" "), run.stderr);
    run.stdout
}

/// The same, printing JSON.
pub fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(arguments)).expect("standard output is JSON")
}

impl Run {
    /// The run must have failed with this code and a message that holds all of `parts`.
    #[track_caller]
    pub fn refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains("RUST_BACKTRACE"), "{}", self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not in:\n{}", self.stderr);
        }
    }
}

/// A path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// Names in a directory, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory can be listed");
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A log, its titles and a model trained on it, made once for all tests that only read them.
pub struct Fixture {
    _directory: TempDir,
    pub log: PathBuf,
    pub items: PathBuf,
    pub model: PathBuf,
}

/// Flags that make a training run short.
pub const SMALL: [&str; 8] =
    ["--epochs", "2", "--set", "model.hidden=24", "--set", "model.latent=8", "--set", "training.batch_size=50"];

pub fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        succeed(&["generate", "--out", arg(&data), "--users", "300", "--items", "400", "--interactions", "8000"]);
        let fixture = Fixture {
            log: data.join("log.parquet"),
            items: data.join("items.parquet"),
            model: directory.path().join("model"),
            _directory: directory,
        };
        let (log, items, model) = (arg(&fixture.log), arg(&fixture.items), arg(&fixture.model));
        succeed(&[&["train", log, "--items", items, "--out", model][..], &SMALL].concat());
        fixture
    })
}
