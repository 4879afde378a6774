//! Who is forgotten stays forgotten: at once, after a restart, in models to come, and in the log.

use foldin::serve::pb::{FallbackReason, Tier};

use crate::running::{DAY, START, World, record, row};

const USER: &str = "user-07";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_user_is_unknown_at_once_and_for_good() {
    let world = World::new("ease", &[]);
    let running = world.serve("model");
    let mut client = running.client().await;
    record(
        &mut client,
        &[row(USER, "item-03", START, "view", 1.0), row("user-08", "item-03", START, "view", 1.0)],
        "a",
    )
    .await;
    let before = client.history(USER).await.unwrap();
    assert!(before.stored_items > 5 && before.live.len() == 1 && before.forgotten.is_none());

    let answer = client.forget_user(USER).await.unwrap();
    assert_eq!((answer.deleted_events, answer.had_stored_history), (1, true));
    let stranger = client.forget_user("stranger").await.unwrap();
    assert_eq!((stranger.deleted_events, stranger.had_stored_history), (0, false));
    let popular = client.recommend_user("nobody", 5).await.unwrap();
    let mut running = running;
    for restart in [false, true] {
        if restart {
            running.kill();
            running = world.serve("model");
            client = running.client().await;
        }
        let known = client.history(USER).await.unwrap();
        assert!(known.forgotten.is_some() && known.folded_in.is_empty() && known.live.is_empty());
        assert_eq!(known.stored_items, 0);
        let list = client.recommend_user(USER, 5).await.unwrap();
        assert_eq!(
            (list.tier(), list.fallback(), list.user_known),
            (Tier::Popularity, FallbackReason::UnknownUser, Some(false))
        );
        assert_eq!(list.items, popular.items, "nothing of the history is left out either");
        assert_eq!(client.history("user-08").await.unwrap().live.len(), 1);
    }
    // What happens afterwards counts again, alone.
    record(&mut client, &[row(USER, "item-04", START - DAY, "view", 1.0)], "b").await;
    let list = client.recommend_user(USER, 5).await.unwrap();
    assert_eq!(
        (list.tier(), list.live_events, list.history_items, list.user_known),
        (Tier::Personal, 1, 1, Some(false))
    );
    // A repetition of what was sent before does not come back.
    let again = crate::running::wire(&row(USER, "item-03", START, "view", 1.0), "a-0-0");
    client.record_events(vec![again]).await.unwrap();
    assert_eq!(client.history(USER).await.unwrap().live.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_travels_with_the_exported_log() {
    let world = World::new("ease", &[]);
    let running = world.serve("model");
    let mut client = running.client().await;
    // An export from before the deletion lies in the log as well.
    record(&mut client, &[row(USER, "item-01", START + 50 * DAY, "view", 1.0)], "a").await;
    running.terminate();
    world.export("live-1.parquet", &[]);
    let running = world.serve("model");
    let mut client = running.client().await;
    client.forget_user(USER).await.unwrap();
    // Recorded later, though it happened before.
    record(&mut client, &[row(USER, "item-02", START + DAY, "view", 1.0)], "b").await;
    running.terminate();
    let exported = world.export("live-2.parquet", &["--after", "1"]);
    assert_eq!((exported["forgotten"].as_u64(), exported["through"].as_u64()), (Some(1), Some(3)));

    let trained = world.train("ease", "next", &["--json"]);
    let trained: serde_json::Value = serde_json::from_str(&trained).unwrap();
    let own = world.base.iter().filter(|row| row.user == USER).count() as u64;
    assert_eq!(trained["log"]["dropped"]["forgotten"].as_u64(), Some(own + 1), "and the one in the older export");
    let through = trained["manifest"]["events"].as_object().unwrap().values().next().unwrap().clone();
    assert_eq!((through["events"].as_u64(), through["deletions"].as_u64()), (Some(3), Some(3)));

    // The next model shows what it has of the time since; the old one goes on showing nothing but that.
    for (model, stored, live) in [("next", 1, 0), ("model", 0, 1)] {
        let running = world.serve(model);
        let mut client = running.client().await;
        let known = client.history(USER).await.unwrap();
        let items: Vec<_> = known.folded_in.iter().map(|item| item.item_id.as_str()).collect();
        assert_eq!((items, known.stored_items), (vec!["item-02"], stored), "{model}");
        let list = client.recommend_user(USER, 3).await.unwrap();
        assert_eq!((list.live_events, list.user_known), (live, Some(stored == 1)), "{model}");
        running.terminate();
    }
    // A model trained on the old log alone hides it too, whenever it was trained.
    std::fs::remove_file(world.path("log").join("live-1.parquet")).unwrap();
    std::fs::remove_file(world.path("log").join("live-2.parquet")).unwrap();
    world.train("ease", "late", &[]);
    let running = world.serve("late");
    assert_eq!(running.client().await.history(USER).await.unwrap().stored_items, 0);
}
