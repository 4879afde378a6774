//! Live events and the versions of a model: none counts twice, and going back loses none.

use std::path::Path;

use foldin::serve::pb::LiveEventState;

use crate::harness::{arg, foldin, json, succeed};
use crate::running::{DAY, Row, START, World, record, row};

fn live(number: usize) -> Row {
    row(
        &format!("user-{:02}", number % 20),
        &format!("item-{:02}", number % 15),
        START + 60 * DAY + number as i64,
        "view",
        1.0,
    )
}

const SUM: [&str; 2] = ["--duplicates", "sum"];

async fn history(world: &World, model: &str, user: &str) -> (Vec<(String, f32)>, Vec<LiveEventState>) {
    let running = world.serve(model);
    let mut client = running.client().await;
    let known = client.history(user).await.unwrap();
    assert_eq!(client.model().await.unwrap().version, known.model_version);
    running.terminate();
    let folded_in = known.folded_in.iter().map(|item| (item.item_id.clone(), item.weight.unwrap())).collect();
    (folded_in, known.live.iter().map(|event| event.state()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_version_knows_what_it_was_trained_on_and_going_back_loses_nothing() {
    let world = World::new("popularity", &SUM);
    let events: Vec<Row> = (0..100).map(live).collect();
    let running = world.serve("model");
    record(&mut running.client().await, &events[..60], "a").await;
    running.terminate();
    let exported = world.export("live-1.parquet", &[]);
    assert_eq!((exported["after"].as_u64(), exported["through"].as_u64()), (Some(0), Some(60)));
    world.train("popularity", "next", &SUM);
    let running = world.serve("next");
    assert_eq!(running.client().await.model().await.unwrap().events_through, 60);
    record(&mut running.client().await, &events[60..], "b").await;
    running.terminate();

    let (of_next, states) = history(&world, "next", "user-03").await;
    use LiveEventState::{Counts, Stored};
    assert_eq!(states, [Stored, Stored, Stored, Counts, Counts]);
    let (of_first, states) = history(&world, "model", "user-03").await;
    assert_eq!(states, [Counts; 5]);
    assert_eq!(of_next, of_first, "once each, with either version");

    // Trimming below the older version touches nothing; below the newer one it takes what that has.
    let store = world.path("events");
    let trim = |through: &str| json(&["events", "trim", "--events", arg(&store), "--through", through, "--json"]);
    assert_eq!(trim("0")["deleted"].as_u64(), Some(0));
    assert_eq!(history(&world, "model", "user-03").await.0, of_first);
    assert_eq!(trim("60")["deleted"].as_u64(), Some(60));
    assert_eq!(history(&world, "next", "user-03").await, (of_next.clone(), vec![Counts, Counts]));

    // The next file begins where the last one ended; together they are the log of a third version.
    let (model, out) = (world.path("next"), world.path("log").join("live-2.parquet"));
    let export = ["events", "export", "--events", arg(&store), "--model", arg(&model), "--out", arg(&out)];
    let text = succeed(&export);
    assert!(text.contains("40 events (numbers 61 to 100) and 0 forgotten users"), "{text}");
    let text = world.train("popularity", "third", &SUM);
    assert!(text.contains("live events through 100, deletions through 100"), "{text}");
    let inspected = succeed(&["inspect", arg(&world.path("third"))]);
    assert!(inspected.contains("live events  through 100"), "{inspected}");
    assert_eq!(history(&world, "third", "user-03").await, (of_next, vec![Stored, Stored]));
    // What was trimmed cannot be exported for a model that has not seen it.
    let (model, out) = (world.path("model"), world.path("late.parquet"));
    let late = foldin(&["events", "export", "--events", arg(&store), "--model", arg(&model), "--out", arg(&out)]);
    late.refused(2, &["the events 1 to 60 were trimmed", "--after 60"]);
    assert!(!out.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_restored_from_an_old_copy_gives_no_number_twice() {
    let world = World::new("popularity", &[]);
    let running = world.serve("model");
    record(&mut running.client().await, &[live(3)], "a").await;
    let (store, copy) = (world.path("events"), world.path("copy"));
    succeed(&["events", "backup", "--events", arg(&store), "--out", arg(&copy)]);
    record(&mut running.client().await, &[live(23), live(43)], "b").await;
    world.export("live.parquet", &[]);
    world.train("popularity", "next", &[]);
    running.terminate();
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::rename(&copy, &store).unwrap();
    let running = world.serve("next");
    record(&mut running.client().await, &[live(63)], "c").await;
    let known = running.client().await.history("user-03").await.unwrap();
    use LiveEventState::{Counts, Stored};
    assert_eq!(known.live.iter().map(|event| event.state()).collect::<Vec<_>>(), [Stored, Counts]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_overlap_or_leave_a_gap() {
    let world = World::new("popularity", &SUM);
    let running = world.serve("model");
    record(&mut running.client().await, &(0..30).map(live).collect::<Vec<_>>(), "a").await;
    running.terminate();
    world.export("live-1.parquet", &[]);
    world.export("live-2.parquet", &["--after", "20"]);
    let (log, out) = (world.path("log"), world.path("next"));
    let train = ["train", arg(&log), "--model", "popularity", "--out", arg(&out), "--time-column", "at"];
    foldin(&train).refused(3, &["live-1.parquet", "live-2.parquet", "the live events 21 to 30", "would count twice"]);

    // A file that is missing: what comes after the gap stays live, so that nothing is lost in between.
    std::fs::remove_file(log.join("live-2.parquet")).unwrap();
    let running = world.serve("model");
    record(&mut running.client().await, &(30..50).map(live).collect::<Vec<_>>(), "b").await;
    running.terminate();
    world.export("live-3.parquet", &["--after", "40"]);
    let run = foldin(&train);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("live events through 30"), "{}", run.stdout);
    assert!(run.stderr.contains("live events 31 to 40 are in none of the files"), "{}", run.stderr);
}

/// Integers of the log stay integers, as wide as they need to be; what is none cannot join them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_have_the_type_of_the_log() {
    use arrow_array::{ArrayRef, Int32Array};
    use std::sync::Arc;
    let world = World::new("popularity", &[]);
    let directory = world.path("log");
    std::fs::remove_file(directory.join("base.parquet")).unwrap();
    let ints = |of: fn(i32) -> i32| -> ArrayRef { Arc::new((0..200).map(|n| Some(of(n))).collect::<Int32Array>()) };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", ints(|n| n % 20)),
        ("item_id", ints(|n| n % 13)),
        ("at", crate::tables::integers((0..200).map(|n| START / 1_000_000 + n))),
        ("kind", crate::tables::integers((0..200).map(|n| n % 3))),
    ];
    crate::tables::write(&directory.join("base.parquet"), columns);
    let flags = [
        "--time-unit",
        "seconds",
        "--event-column",
        "kind",
        "--event-weight",
        "1=2",
        "--event-weight",
        "2=1.5",
        "--force",
    ];
    world.train("popularity", "model", &flags);
    let running = world.serve("model");
    let at = START + 999_999;
    let rows = [
        row("7", "3", at, "1", 1.0),
        row("5000000000", "4", at, "2", 1.0),
        row("07", "3", at, "1", 1.0),
        row("anna", "3", at, "1", 1.0),
    ];
    record(&mut running.client().await, &rows, "a").await;
    let live = running.client().await.history("7").await.unwrap();
    assert_eq!(live.live[0].state(), LiveEventState::Counts);
    running.terminate();
    let exported = world.export("live.parquet", &[]);
    assert_eq!((exported["events"].as_u64(), exported["left_out"].as_u64()), (Some(2), Some(2)));
    let fields = schema(&directory.join("live.parquet"));
    assert_eq!(
        fields,
        [("user_id", "Int64"), ("item_id", "Int32"), ("at", "Int64"), ("kind", "Int64")]
            .map(|(n, t)| (n.into(), t.into()))
    );
    world.train("popularity", "next", &flags);
    let next = succeed(&["recommend", arg(&world.path("next")), "--user-id", "5000000000", "-n", "3"]);
    assert!(!next.contains("unknown"), "{next}");
}

fn schema(path: &Path) -> Vec<(String, String)> {
    let file = std::fs::File::open(path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    reader.schema().fields().iter().map(|field| (field.name().clone(), field.data_type().to_string())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_serves_like_the_store() {
    let world = World::new("popularity", &[]);
    let running = world.serve("model");
    record(&mut running.client().await, &(0..40).map(live).collect::<Vec<_>>(), "a").await;
    let (store, copy) = (world.path("events"), world.path("copy"));
    let backup = ["events", "backup", "--events", arg(&store), "--out", arg(&copy)];
    assert!(succeed(&backup).contains("40 events"), "while the server runs");
    let exported = world.export("live.parquet", &[]);
    assert_eq!(exported["events"].as_u64(), Some(40), "{exported}");
    foldin(&["events", "trim", "--events", arg(&store), "--through", "1"])
        .refused(2, &["is open in another process", "stop the server"]);
    running.terminate();
    foldin(&backup).refused(2, &["exists", "--force"]);
    succeed(&[&backup[..], &["--force"]].concat());
    let expected = history(&world, "model", "user-03").await;
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::rename(&copy, &store).unwrap();
    assert_eq!(history(&world, "model", "user-03").await, expected);
    let stats = succeed(&["events", "stats", "--events", arg(&store)]);
    assert!(stats.contains("last number  40, trimmed through 0") && stats.contains("forgotten    0 users"), "{stats}");
    assert!(succeed(&["events", "compact", "--events", arg(&store)]).contains("before"));
    assert!(succeed(&["events", "repair", "--events", arg(&store)]).contains("nothing is wrong"));
}
