//! Events that were acknowledged are there whatever happens, and none is there twice.

use std::collections::BTreeMap;
use std::time::Duration;

use foldin::serve::pb;

use crate::running::{Dice, START, World, row, wire};

fn event(user: usize, number: usize) -> pb::Event {
    let row = row(&format!("writer-{user}"), &format!("thing-{number}"), START + number as i64, "view", 1.0);
    wire(&row, format!("{user}-{number}"))
}

/// Writes without pause until the server is gone; returns how many events were acknowledged.
async fn write(address: String, user: usize, from: usize) -> usize {
    let mut client = foldin::serve::Client::connect(&format!("http://{address}")).await.unwrap();
    let mut acknowledged = from;
    loop {
        let events = (acknowledged..acknowledged + 3).map(|number| event(user, number)).collect();
        match client.record_events(events).await {
            Ok(_) => acknowledged += 3,
            Err(_) => return acknowledged,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_recording() {
    const WRITERS: usize = 4;
    let world = World::new("popularity", &[]);
    let mut acknowledged = [0usize; WRITERS];
    let mut dice = Dice(1);
    for _ in 0..8 {
        let running = world.serve("model");
        // Some of what was in flight may have been recorded: sent again it is not recorded again.
        let mut client = running.client().await;
        for (user, acknowledged) in acknowledged.iter_mut().enumerate() {
            let again = (0..*acknowledged + 3).skip(acknowledged.saturating_sub(6));
            client.record_events(again.map(|number| event(user, number)).collect()).await.unwrap();
            *acknowledged += 3;
        }
        let address = running.address.clone();
        let writers: Vec<_> = acknowledged
            .iter()
            .enumerate()
            .map(|(user, &from)| tokio::spawn(write(address.clone(), user, from)))
            .collect();
        tokio::time::sleep(Duration::from_millis(20 + dice.below(150))).await;
        running.kill();
        for (count, writer) in acknowledged.iter_mut().zip(writers) {
            *count = writer.await.unwrap();
        }
    }
    let running = world.serve("model");
    let mut client = running.client().await;
    for (user, &acknowledged) in acknowledged.iter().enumerate() {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for live in client.history(&format!("writer-{user}")).await.unwrap().live {
            *found.entry(live.event.unwrap().idempotency_key).or_default() += 1;
        }
        let lost = (0..acknowledged).filter(|number| !found.contains_key(&format!("{user}-{number}"))).count();
        let doubled = found.values().filter(|&&times| times > 1).count();
        assert_eq!((lost, doubled), (0, 0), "of {acknowledged} acknowledged");
        assert!(found.len() <= acknowledged + 3, "no more than was sent");
    }
    assert!(acknowledged.iter().sum::<usize>() > 100, "{acknowledged:?}");
}

/// Sets the largest file that a process may write; the limit that it may raise itself stays.
#[cfg(target_os = "linux")]
fn limit_file_size(process: u32, bytes: &str) {
    let arguments = [format!("--pid={process}"), format!("--fsize={bytes}:")];
    assert!(std::process::Command::new("prlimit").args(arguments).status().unwrap().success());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_recording_until_there_is_space() {
    let world = World::new("popularity", &[]);
    // As for a shell that ignores the signal about files grown too large; the system call then fails.
    let (model, events) = (world.path("model"), world.path("events"));
    let mut command = std::process::Command::new("sh");
    let script = "trap '' XFSZ; exec \"$0\" serve \"$1\" --port 0 --lame-duck 0 --events \"$2\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_foldin")]).args([&model, &events]);
    let running = crate::running::Running::start(command);
    let mut client = running.client().await;
    client.record_events((0..10).map(|number| event(0, number)).collect()).await.unwrap();
    let file = world.path("events").join("events.redb");
    limit_file_size(running.child.id(), &std::fs::metadata(&file).unwrap().len().to_string());

    let mut number = 10;
    let status = loop {
        let events = (number..number + 500).map(|number| event(1 + number / 5_000, number)).collect();
        match client.record_events(events).await {
            Ok(_) => number += 500,
            Err(foldin::serve::ClientError::Call(status)) => break status,
            Err(error) => panic!("{error}"),
        }
        assert!(number < 200_000, "the limit must be met");
    };
    assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
    assert!(status.message().contains("events cannot be recorded now"), "{status:?}");
    // Reading goes on, and so does refusing.
    for _ in 0..3 {
        assert_eq!(client.history("writer-0").await.unwrap().live.len(), 10);
        assert_eq!(client.recommend_user("user-01", 3).await.unwrap().items.len(), 3);
        crate::running::refused(
            client.record_events(vec![event(9, 1)]).await,
            tonic::Code::Unavailable,
            "cannot be recorded now",
        );
    }
    limit_file_size(running.child.id(), "unlimited");
    let mut tries = 0;
    while let Err(error) = client.record_events(vec![event(9, 1)]).await {
        tries += 1;
        assert!(tries < 100, "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(client.history("writer-9").await.unwrap().live.len(), 1);
    let mut recorded = 0;
    for user in 1..=1 + number / 5_000 {
        recorded += client.history(&format!("writer-{user}")).await.unwrap().live.len();
    }
    assert_eq!(recorded, number - 10, "nothing that was acknowledged is gone");
    running.terminate();
    let running = world.serve("model");
    assert_eq!(running.client().await.history("writer-0").await.unwrap().live.len(), 10);
}
