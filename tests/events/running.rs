//! A server process with a store of events, a model to serve, and events to send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, StringArray, TimestampMicrosecondArray};
use foldin::serve::{Client, ClientError, pb};
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::harness::{arg, command, succeed};
use crate::tables;

pub const SECOND: i64 = 1_000_000;
/// 2026-01-01, where the logs of these tests begin.
pub const START: i64 = 1_767_225_600 * SECOND;
pub const DAY: i64 = 86_400 * SECOND;

/// A row of a log, or a live event.
#[derive(Clone, Debug)]
pub struct Row {
    pub user: String,
    pub item: String,
    pub time: i64,
    pub kind: &'static str,
    pub weight: f32,
}

pub fn row(user: &str, item: &str, time: i64, kind: &'static str, weight: f32) -> Row {
    Row { user: user.into(), item: item.into(), time, kind, weight }
}

/// Numbers that look random and are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        (1..all.len()).rev().for_each(|last| all.swap(last, self.below(last as u64 + 1) as usize));
    }
}

/// Rows of 20 users and 15 items over 40 days, several of most pairs, with weights whose sums are not exact.
pub fn log(seed: u64, rows: usize) -> Vec<Row> {
    let mut dice = Dice(seed);
    (0..rows)
        .map(|_| {
            let (user, item) = (dice.below(20), dice.below(15).min(dice.below(15)));
            let time = START + dice.below(40 * 24) as i64 * DAY / 24;
            let kind = ["view", "buy", "hover"][dice.below(3) as usize];
            row(
                &format!("user-{user:02}"),
                &format!("item-{item:02}"),
                time,
                kind,
                [0.1, 0.3, 2.7, 5.0][dice.below(4) as usize],
            )
        })
        .collect()
}

/// Writes rows as a log with text ids.
pub fn write_log(path: &Path, rows: &[Row]) {
    let texts = |of: fn(&Row) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(of))) };
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.time)).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", texts(|row| &row.user)),
        ("item_id", texts(|row| &row.item)),
        ("at", Arc::new(times)),
        ("kind", texts(|row| row.kind)),
        ("amount", Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.weight)))),
    ];
    tables::write(path, columns);
}

/// A directory with a log and a model trained on it.
pub struct World {
    pub root: TempDir,
    pub base: Vec<Row>,
}

impl World {
    /// Trains `model` on a log under the rules that the flags name.
    pub fn new(model: &str, flags: &[&str]) -> Self {
        let world = Self { root: tempfile::tempdir().unwrap(), base: log(3, 900) };
        std::fs::create_dir(world.path("log")).unwrap();
        write_log(&world.path("log").join("base.parquet"), &world.base);
        world.train(model, "model", flags);
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn train(&self, model: &str, out: &str, flags: &[&str]) -> String {
        let (log, out) = (self.path("log"), self.path(out));
        succeed(&[&["train", arg(&log), "--model", model, "--out", arg(&out), "--time-column", "at"], flags].concat())
    }

    pub fn serve(&self, model: &str) -> Running {
        self.serve_with(model, &[])
    }

    pub fn serve_with(&self, model: &str, flags: &[&str]) -> Running {
        let (model, events) = (self.path(model), self.path("events"));
        Running::start(command(
            &[&["serve", arg(&model), "--port", "0", "--lame-duck", "0", "--events", arg(&events)], flags].concat(),
        ))
    }

    /// Exports live events beside the log.
    pub fn export(&self, name: &str, flags: &[&str]) -> serde_json::Value {
        let (events, model, out) = (self.path("events"), self.path("model"), self.path("log").join(name));
        let fixed =
            ["events", "export", "--events", arg(&events), "--model", arg(&model), "--out", arg(&out), "--json"];
        crate::harness::json(&[&fixed, flags].concat())
    }
}

/// A server process, ended with the test, however that ends.
pub struct Running {
    pub child: Child,
    pub address: String,
    /// Where health and metrics are answered.
    ops: String,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let mut last_word = || {
            let line = lines.next().expect("the server did not start").unwrap();
            line.rsplit(' ').next().unwrap_or_default().trim_start_matches("http://").to_owned()
        };
        let (address, ops) = (last_word(), last_word());
        Self { child, address, ops }
    }

    /// A question to the port of health and metrics: the answer with its headers.
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.ops).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The value of a metric.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.get("/metrics").lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    pub async fn client(&self) -> Client {
        Client::connect(&format!("http://{}", self.address)).await.unwrap()
    }

    /// Ends it as a service manager would.
    pub fn terminate(mut self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    /// Ends it as a loss of power would, as far as the process is concerned.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A live event on the wire.
pub fn wire(row: &Row, key: impl Into<String>) -> pb::Event {
    let time = prost_types::Timestamp {
        seconds: row.time.div_euclid(SECOND),
        nanos: (row.time.rem_euclid(SECOND) * 1_000) as i32,
    };
    pb::Event {
        user_id: row.user.clone(),
        item_id: row.item.clone(),
        time: Some(time),
        event_type: Some(row.kind.to_owned()),
        weight: Some(row.weight),
        idempotency_key: key.into(),
    }
}

/// Records rows, some at a time, under keys with a prefix.
pub async fn record(client: &mut Client, rows: &[Row], prefix: &str) {
    for (part, rows) in rows.chunks(7).enumerate() {
        let events = rows.iter().enumerate().map(|(at, row)| wire(row, format!("{prefix}-{part}-{at}"))).collect();
        let answer = client.record_events(events).await.unwrap();
        let recorded = i32::from(pb::EventOutcome::Recorded);
        assert!(answer.outcomes.iter().all(|&outcome| outcome == recorded), "{:?}", answer.outcomes);
    }
}

/// The status of a call that must fail with this code and a message that holds `part`.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>, code: Code, part: &str) -> Status {
    match result {
        Err(ClientError::Call(status)) => {
            assert!(status.code() == code && status.message().contains(part), "{status:?}");
            status
        }
        other => panic!("the server must refuse, got {other:?}"),
    }
}
