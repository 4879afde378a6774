//! The store of live events: how many events a second are durable, and whether any is lost when the server is killed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use foldin::events::{EventOptions, EventStore, NewEvent};
use foldin::serve::{Client, pb};
use serde_json::{Value, json};

/// Bytes written before every `fsync` of the disk's own measure: a page, as the least that a commit writes.
const PAGE: usize = 4096;

/// Events of a request of the writers that are killed.
const REQUEST: usize = 5;

/// Events a second for each number of writers, and the disk's rate of `fsync` just before each.
pub fn speed(dir: &Path, writers: &[usize], seconds: f64) -> Result<Value> {
    let mut rounds = Vec::new();
    for &writers in writers {
        let fsyncs = fsync_rate(dir, seconds / 2.0)?;
        let store = dir.join(format!("events-{writers}"));
        let options = EventOptions { queue: 4 * writers.max(256), ..EventOptions::default() };
        let store = EventStore::open(&store, options)?;
        let stop = AtomicBool::new(false);
        let start = Instant::now();
        let (store_ref, stop_ref) = (&store, &stop);
        let (events, latencies) = std::thread::scope(|scope| {
            let running: Vec<_> =
                (0..writers).map(|writer| scope.spawn(move || write_alone(store_ref, writer, stop_ref))).collect();
            std::thread::sleep(Duration::from_secs_f64(seconds));
            stop.store(true, Ordering::Relaxed);
            let mut latencies: Vec<f64> =
                running.into_iter().flat_map(|writer| writer.join().unwrap_or_default()).collect();
            latencies.sort_by(f64::total_cmp);
            (latencies.len(), latencies)
        });
        let rate = events as f64 / start.elapsed().as_secs_f64();
        let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        rounds.push(json!({ "writers": writers, "events_per_second": rate, "fsyncs_per_second": fsyncs,
                            "p50_ms": at(0.5), "p99_ms": at(0.99), "events": store.stats()?.events }));
    }
    Ok(json!({ "rounds": rounds }))
}

/// Records one event after the other; returns how long each took, in milliseconds.
fn write_alone(store: &EventStore, writer: usize, stop: &AtomicBool) -> Vec<f64> {
    let mut latencies = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = latencies.len();
        let event = NewEvent {
            user_id: format!("user-{writer}-{}", number / 100),
            item_id: format!("item-{}", number % 10_000),
            event_type: Some("view".into()),
            weight: 1.0,
            time: None,
            key: format!("{writer}-{number}"),
        };
        let start = Instant::now();
        if store.record(vec![event]).is_err() {
            break;
        }
        latencies.push(start.elapsed().as_secs_f64() * 1e3);
    }
    latencies
}

/// How often a page can be made durable in a second: written in place and synced.
fn fsync_rate(dir: &Path, seconds: f64) -> Result<f64> {
    let path = dir.join("fsync");
    let file = File::create(&path)?;
    file.write_all_at(&[0; 64 * PAGE], 0)?;
    file.sync_all()?;
    let (start, mut syncs) = (Instant::now(), 0u64);
    while start.elapsed().as_secs_f64() < seconds {
        file.write_all_at(&[syncs as u8; PAGE], syncs % 64 * PAGE as u64)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(syncs as f64 / start.elapsed().as_secs_f64())
}

/// A server that is killed with its owner.
struct Server(Child, String);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn start(binary: &Path, model: &Path, events: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command.arg("serve").arg(model).args(["--port", "0", "--events"]).arg(events);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().context("no output")?).read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        ensure!(address.contains(':'), "the server did not start");
        Ok(Self(child, format!("http://{address}")))
    }
}

/// Kills a server `times` times while `writers` record; each writer repeats what was not acknowledged.
pub fn kill(binary: &Path, model: &Path, events: &Path, times: usize, writers: usize) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut acknowledged = vec![0usize; writers];
        let (mut lost, mut doubled, mut unasked) = (0, 0, 0);
        let mut repeated = 0;
        for kill in 0..=times {
            let server = Server::start(binary, model, events)?;
            let mut client = Client::connect(&server.1).await?;
            for (writer, acknowledged) in acknowledged.iter_mut().enumerate() {
                let found = found(&mut client, writer, *acknowledged).await?;
                lost += found.0;
                doubled += found.1;
                unasked += found.2;
                // What was in flight may be there or not: sent again it must not be there twice.
                let again = (*acknowledged..*acknowledged + REQUEST).map(|number| event(writer, number));
                let outcomes = client.record_events(again.collect()).await?.outcomes;
                repeated += outcomes.iter().filter(|&&of| of == i32::from(pb::EventOutcome::Duplicate)).count();
                *acknowledged += REQUEST;
            }
            if kill == times {
                break;
            }
            let running: Vec<_> = acknowledged
                .iter()
                .enumerate()
                .map(|(writer, &from)| tokio::spawn(write(server.1.clone(), writer, from)))
                .collect();
            // Spread over several commits.
            tokio::time::sleep(Duration::from_micros(3_000 + (kill as u64 * 7_919) % 60_000)).await;
            drop(server);
            for (acknowledged, writer) in acknowledged.iter_mut().zip(running) {
                *acknowledged = writer.await?;
            }
        }
        let total: usize = acknowledged.iter().sum();
        Ok(json!({ "kills": times, "acknowledged": total, "lost": lost, "doubled": doubled, "unasked": unasked,
                   "found_again": repeated }))
    })
}

/// Users of a writer: a new one every thousand events, so that histories stay within bounds.
fn event(writer: usize, number: usize) -> pb::Event {
    pb::Event {
        user_id: format!("writer-{writer}-{}", number / 1_000),
        item_id: format!("item-{}", number % 100),
        idempotency_key: format!("{writer}-{number}"),
        ..Default::default()
    }
}

async fn write(address: String, writer: usize, from: usize) -> usize {
    let mut acknowledged = from;
    let Ok(mut client) = Client::connect(&address).await else { return acknowledged };
    loop {
        let events = (acknowledged..acknowledged + REQUEST).map(|number| event(writer, number));
        if client.record_events(events.collect()).await.is_err() {
            return acknowledged;
        }
        acknowledged += REQUEST;
    }
}

/// Acknowledged events that are missing, events that are there twice, and events beyond those that were sent.
async fn found(client: &mut Client, writer: usize, acknowledged: usize) -> Result<(usize, usize, usize)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    // Older ones were looked at before.
    for part in (acknowledged / 1_000).saturating_sub(1)..=(acknowledged + REQUEST) / 1_000 {
        for live in client.history(&format!("writer-{writer}-{part}")).await?.live {
            *seen.entry(live.event.unwrap_or_default().idempotency_key).or_default() += 1;
        }
    }
    let first = (acknowledged / 1_000).saturating_sub(1) * 1_000;
    let lost = (first..acknowledged).filter(|number| !seen.contains_key(&format!("{writer}-{number}"))).count();
    let doubled = seen.values().filter(|&&times| times > 1).count();
    Ok((lost, doubled, (seen.len() + lost).saturating_sub(acknowledged - first + REQUEST)))
}
