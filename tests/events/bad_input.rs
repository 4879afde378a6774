//! Events and requests that will not do, stores that cannot be used.

use foldin::serve::pb;
use tonic::Code;

use crate::harness::{arg, command, finish, foldin};
use crate::running::{Running, START, World, refused, row, wire};

fn event(key: &str) -> pb::Event {
    wire(&row("user-01", "item-03", START, "view", 1.0), key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_named() {
    let world = World::new("popularity", &[]);
    let running = world.serve_with("model", &["--events-per-user", "5"]);
    let mut client = running.client().await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let at = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
    let long = || "x".repeat(513);
    for (bad, part) in [
        (pb::Event { user_id: String::new(), ..event("1") }, "events[1].user_id is empty"),
        (pb::Event { item_id: String::new(), ..event("1") }, "events[1].item_id is empty"),
        (pb::Event { idempotency_key: String::new(), ..event("1") }, "events[1].idempotency_key is empty"),
        (pb::Event { user_id: long(), ..event("1") }, "events[1].user_id has 513 bytes, at most 512"),
        (pb::Event { event_type: Some(long()), ..event("1") }, "events[1].event_type has 513 bytes, at most 128"),
        (
            pb::Event { weight: Some(0.0), ..event("1") },
            "events[1].weight is 0, must be a finite number greater than 0",
        ),
        (pb::Event { weight: Some(f32::NAN), ..event("1") }, "events[1].weight is NaN"),
        (pb::Event { time: at(now + 2 * 3600, 0), ..event("1") }, "events[1].time is 20"),
        (pb::Event { time: at(i64::MAX, 0), ..event("1") }, "events[1].time has 9223372036854775807 seconds"),
        (pb::Event { time: at(0, -1), ..event("1") }, "events[1].time has 0 seconds and -1 nanos"),
    ] {
        refused(client.record_events(vec![event("0"), bad]).await, Code::InvalidArgument, part);
    }
    refused(client.record_events(vec![]).await, Code::InvalidArgument, "events is empty");
    let many = vec![event("1"); 1_001];
    refused(client.record_events(many).await, Code::InvalidArgument, "events has 1001 entries, at most 1000");
    refused(client.history("").await, Code::InvalidArgument, "user_id is empty");
    refused(client.forget_user(&long()).await, Code::InvalidArgument, "user_id has 513 bytes");
    assert!(client.history("user-01").await.unwrap().live.is_empty(), "all or none");

    // Within the hour by which clocks differ; long ago; with an item that nobody knows.
    let fine = vec![
        pb::Event { time: at(now + 3500, 0), ..event("a") },
        pb::Event { time: at(-7, 0), ..event("b") },
        pb::Event { item_id: "unheard-of".into(), ..event("c") },
        pb::Event { time: None, event_type: None, weight: None, ..event("d") },
    ];
    let answer = client.record_events(fine).await.unwrap();
    assert_eq!(answer.unknown_items, 1);
    assert!(answer.outcomes.iter().all(|&outcome| outcome == i32::from(pb::EventOutcome::Recorded)));
    let known = client.history("user-01").await.unwrap().live;
    let states: Vec<_> =
        known.iter().map(|live| (live.event.as_ref().unwrap().idempotency_key.as_str(), live.state())).collect();
    use pb::LiveEventState::{Counts, UnknownItem};
    assert_eq!(states, [("b", Counts), ("c", UnknownItem), ("d", Counts), ("a", Counts)], "oldest first");

    // Another event under a known key is not recorded; what stands beside it is.
    let answer =
        client.record_events(vec![pb::Event { item_id: "item-04".into(), ..event("b") }, event("e")]).await.unwrap();
    use pb::EventOutcome::{KeyConflict, Recorded};
    assert_eq!(answer.outcomes, [KeyConflict, Recorded].map(i32::from));
    let full = client.record_events(vec![event("f")]).await;
    refused(full, Code::ResourceExhausted, "5 live events, as many as are kept of one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_store() {
    let world = World::new("popularity", &[]);
    let running = Running::start(command(&["serve", arg(&world.path("model")), "--port", "0"]));
    let mut client = running.client().await;
    refused(client.record_events(vec![event("1")]).await, Code::Unimplemented, "--events DIR");
    refused(client.history("u").await, Code::Unimplemented, "--events DIR");
    refused(client.forget_user("u").await, Code::Unimplemented, "--events DIR");
    assert_eq!(client.recommend_user("user-01", 3).await.unwrap().live_events, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_cannot_be_used() {
    let world = World::new("popularity", &[]);
    let (model, store) = (world.path("model"), world.path("events"));
    let serve = ["serve", arg(&model), "--port", "0", "--events", arg(&store)];
    let running = world.serve("model");
    running.client().await.record_events((0..1000).map(|n| event(&n.to_string())).collect()).await.unwrap();
    foldin(&serve).refused(2, &["is open in another process"]);
    running.terminate();
    foldin(&["events", "stats", "--events", arg(&world.path("absent"))])
        .refused(2, &["holds no store of events", "--events"]);
    assert!(!world.path("absent").exists());
    foldin(&[&serve[..], &["--events-max-bytes", "7"]].concat()).refused(2, &["max_bytes is 7", "at least 1 MiB"]);

    // A byte in the middle of a page that is in use.
    let file = store.join("events.redb");
    let good = std::fs::read(&file).unwrap();
    let place = good.windows(7).position(|bytes| bytes == b"item-03").unwrap();
    let mut bad = good.clone();
    bad[place] ^= 1;
    std::fs::write(&file, &bad).unwrap();
    foldin(&serve).refused(3, &["is damaged", "foldin events repair --events"]);
    let run = finish(&mut command(&["events", "repair", "--events", arg(&store)]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("saved ") && run.stdout.contains("lost "), "{}", run.stdout);
    let running = world.serve("model");
    assert!(running.client().await.history("user-01").await.unwrap().live.len() > 900);
    running.terminate();
    std::fs::write(&file, b"not a database at all").unwrap();
    foldin(&serve).refused(3, &["is damaged"]);
    foldin(&["events", "repair", "--events", arg(&store)]).refused(3, &["cannot be repaired", "restore a backup"]);
}
