//! Live events beside a registry: several models, versions that change over, events that leave by themselves.

use std::time::Duration;

use foldin::serve::{Client, pb};
use tonic::Code;

use crate::harness::{arg, command, json};
use crate::running::{DAY, Row, Running, START, World, record, refused, row};

const USER: &str = "user-03";

/// Five of them are of [`USER`].
fn happened() -> Vec<Row> {
    let of = |number: usize| {
        let (user, item) = (format!("user-{:02}", number % 8), format!("item-{:02}", number % 15));
        row(&user, &item, START + 60 * DAY + number as i64, "view", 1.0)
    };
    (0..40).map(of).collect()
}

fn publish(world: &World, model: &str, name: &str, flags: &[&str]) -> String {
    let (model, registry) = (world.path(model), world.path("registry"));
    let fixed = ["publish", arg(&model), "--registry", arg(&registry), "--name", name, "--table", "exact", "--json"];
    json(&[&fixed, flags].concat())["version"].as_str().unwrap().to_owned()
}

fn serve(world: &World) -> Running {
    let (registry, events) = (world.path("registry"), world.path("events"));
    let fixed = ["serve", "--registry", arg(&registry), "--port", "0", "--lame-duck", "0", "--events", arg(&events)];
    Running::start(command(&fixed))
}

/// The version that answers for a model, and how many items and live events it folds in.
async fn folded_in(client: &mut Client, model: &str) -> (String, u32, u32) {
    let request =
        pb::RecommendRequest { user_id: Some(USER.into()), n: 3, model: Some(model.into()), ..Default::default() };
    let answer = client.recommend(request).await.unwrap();
    (answer.model_version, answer.history_items, answer.live_events)
}

fn trimmed(world: &World) -> u64 {
    let events = world.path("events");
    json(&["events", "stats", "--events", arg(&events), "--json"])["trimmed_through"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_stay_until_every_version_knows_them_and_going_back_loses_none() {
    let world = World::new("ease", &[]);
    let first = publish(&world, "model", "films", &["--promote"]);
    publish(&world, "model", "books", &["--promote"]);
    let running = serve(&world);
    let mut client = running.client().await;
    let stored = folded_in(&mut client, "films").await.1;
    assert!(running.get("/readyz").starts_with("HTTP/1.1 200"), "who answers is ready");
    record(&mut client, &happened(), "a").await;
    let before = folded_in(&mut client, "films").await;
    assert_eq!((before.0.as_str(), before.2), (first.as_str(), 5));
    assert!(before.1 >= stored);
    assert_eq!(folded_in(&mut client, "books").await, before, "every model folds them in");

    assert_eq!(running.metric("foldin_events_stored"), Some(40.0));
    assert!(running.metric("foldin_event_commit_seconds_count") >= Some(6.0), "requests of seven events");
    assert!(running.metric("foldin_event_store_bytes") > running.metric("foldin_events_stored_bytes"));
    assert_eq!(running.metric("foldin_events_waiting_bytes"), Some(0.0));
    for name in ["films", "books"] {
        let of = |metric: &str, rest: &str| running.metric(&format!("{metric}{{name=\"{name}\"{rest}}}"));
        assert_eq!(of("foldin_model_info", &format!(",version=\"{first}\",kind=\"ease\"")), Some(1.0));
        assert!(of("foldin_model_memory_bytes", &format!(",version=\"{first}\"")) > Some(1000.0));
        assert_eq!(of("foldin_catalogue_items", ""), Some(15.0));
        assert_eq!(
            of("foldin_catalogue_items_served", ""),
            Some(1.0),
            "one is left for the user, and warming counts for nothing"
        );
    }
    let known = client.list_models().await.unwrap();
    assert!(known.iter().all(|model| model.serving.as_ref().unwrap().events_through == 0), "{known:?}");

    // A version that was trained on them takes over, and goes again.
    world.export("live-1.parquet", &[]);
    world.train("ease", "next", &[]);
    let second = publish(&world, "next", "films", &[]);
    client.promote_model("films", &second).await.unwrap();
    let after = folded_in(&mut client, "films").await;
    assert_eq!(after, (second.clone(), before.1, 0), "they are part of the stored history now");
    assert_eq!(folded_in(&mut client, "books").await, before);
    let known = client.list_models().await.unwrap();
    let films = known.iter().find(|model| model.name == "films").unwrap();
    let through: Vec<_> = films.versions.iter().map(|version| (version.events_through, version.serving)).collect();
    assert_eq!(through, [(0, false), (40, true)]);
    client.roll_back_model("films").await.unwrap();
    assert_eq!(folded_in(&mut client, "films").await, before);
    running.terminate();

    // Whatever is started: as long as a version without them may come to answer, they stay.
    publish(&world, "next", "books", &["--promote"]);
    let running = serve(&world);
    let mut client = running.client().await;
    client.promote_model("films", &second).await.unwrap();
    client.roll_back_model("films").await.unwrap();
    assert_eq!(folded_in(&mut client, "films").await, before);
    client.promote_model("films", &second).await.unwrap();
    assert_eq!(trimmed(&world), 0);
    running.terminate();

    // Without the old versions nobody needs them.
    for name in ["films", "books"] {
        std::fs::remove_dir_all(world.path("registry").join(name).join(&first)).unwrap();
    }
    let running = serve(&world);
    for _ in 0..400 {
        if running.metric("foldin_events_stored") == Some(0.0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(trimmed(&world), 40);
    let mut client = running.client().await;
    assert_eq!(folded_in(&mut client, "films").await, after);
    record(&mut client, &happened()[3..4], "b").await;
    assert_eq!(folded_in(&mut client, "films").await.2, 1, "what happens from now on counts");
    refused(client.roll_back_model("films").await, Code::NotFound, &first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_forgotten_is_forgotten_by_every_model_and_version() {
    let world = World::new("ease", &[]);
    publish(&world, "model", "films", &["--promote"]);
    world.train("popularity", "other", &[]);
    publish(&world, "other", "books", &["--promote"]);
    let running = serve(&world);
    let mut client = running.client().await;
    assert!(folded_in(&mut client, "films").await.1 > 5 && folded_in(&mut client, "books").await.1 > 5);
    assert!(client.forget_user(USER).await.unwrap().had_stored_history);
    for name in ["films", "books"] {
        assert_eq!(folded_in(&mut client, name).await.1, 0, "{name}");
    }
    // A version of the same log that is promoted later does not bring anything back.
    world.train("ease", "late", &["--set", "model.lambda=77"]);
    let late = publish(&world, "late", "films", &[]);
    client.promote_model("films", &late).await.unwrap();
    assert_eq!(folded_in(&mut client, "films").await, (late, 0, 0));
}
