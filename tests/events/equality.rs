//! Stored and live events together are what the same rows would be as one log, to the last bit.

use foldin::artifact::Artifact;
use foldin::engine::{Engine, HistoryItem, RecommendRequest};
use foldin::interactions::LogRules;
use foldin::io::{Log, read_log_onto};
use foldin::serve::pb;
use foldin::types::UserIdx;

use crate::running::{DAY, Dice, Row, START, World, log, record, row, write_log};

/// Live events: late ones, repeated ones, some of which count for nothing.
fn live() -> Vec<Row> {
    let mut rows = log(11, 120);
    // From long before the log to after its end.
    rows.iter_mut().enumerate().for_each(|(at, row)| row.time += (at as i64 % 50 - 5) * DAY + 1);
    rows.push(row("user-01", "no-such-item", START, "view", 1.0));
    rows.push(row("user-01", "item-03", START, "unheard-of", 1.0));
    rows.push(row("user-01", "item-03", START, "buy", 0.01));
    rows.push(row("newcomer", "item-03", START + DAY, "buy", 1.5));
    rows.push(row("newcomer", "item-04", START + 2 * DAY, "buy", 1.5));
    // Weights whose sum depends on the order in which it is rounded.
    for weight in [1e-9, 3e7, 0.1, 1e-9, 0.7, 2e-8, 3e7, 0.3] {
        rows.push(row("user-02", "item-05", START + 3 * DAY, "buy", weight));
    }
    Dice(5).shuffle(&mut rows);
    rows
}

/// (item, weight) pairs of a user.
fn offline(log: &Log, user: &str) -> Vec<(String, u32)> {
    let Some(user) = log.users.index(user) else { return Vec::new() };
    let history = log.interactions.history(UserIdx(user));
    let pairs = history.items().iter().zip(history.weights());
    pairs.map(|(&item, weight)| (log.items.external(item).into_owned(), weight.to_bits())).collect()
}

fn folded_in(answer: &pb::GetHistoryResponse) -> Vec<(String, u32)> {
    answer.folded_in.iter().map(|item| (item.item_id.clone(), item.weight.unwrap().to_bits())).collect()
}

async fn check(flags: &[&str]) {
    let world = World::new("ease", &[flags, &["--set", "model.weights=use"]].concat());
    let live = live();
    let running = world.serve("model");
    let mut client = running.client().await;
    record(&mut client, &live, "e").await;

    // The same rows as one log, in another order.
    let mut rows = [world.base.clone(), live.clone()].concat();
    Dice(9).shuffle(&mut rows);
    write_log(&world.path("whole.parquet"), &rows);
    let Artifact { manifest, catalogue, .. } = Artifact::open(&world.path("model")).unwrap();
    let rules: LogRules = manifest.rules.for_live();
    let whole = read_log_onto(&world.path("whole.parquet"), &rules, catalogue.ids(), None).unwrap();
    let engine = Engine::open(&world.path("model")).unwrap();

    let mut users: Vec<&str> = rows.iter().map(|row| row.user.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    assert_eq!(users.len(), 21);
    let mut answers = Vec::new();
    for user in &users {
        let answer = client.history(user).await.unwrap();
        assert_eq!(folded_in(&answer), offline(&whole, user), "{user} under {flags:?}");
        let of_user = live.iter().filter(|row| row.user == **user).count();
        assert_eq!(answer.live.len(), of_user);

        let history = answer.folded_in.iter();
        let history: Vec<_> = history.map(|i| HistoryItem { item_id: i.item_id.clone(), weight: i.weight }).collect();
        let request = RecommendRequest { history: history.clone(), n: 5, ..Default::default() };
        let expected = engine.recommend(&[request]).remove(0).unwrap();
        let list = client.recommend_user(user, 5).await.unwrap();
        let got: Vec<_> = list.items.iter().map(|item| (item.item_id.clone(), item.score.to_bits())).collect();
        let expected: Vec<_> = expected.items.into_iter().map(|item| (item.item_id, item.score.to_bits())).collect();
        assert_eq!(got, expected, "{user} under {flags:?}");
        let counts = answer.live.iter().filter(|event| event.state() == pb::LiveEventState::Counts).count();
        assert_eq!((list.live_events as usize, list.history_items as usize), (counts, history.len()));
        answers.push(folded_in(&answer));
    }
    // Asked for together, they are told the same.
    let requests =
        users.iter().map(|user| pb::RecommendRequest { user_id: Some((*user).into()), n: 5, ..Default::default() });
    for (user, result) in users.iter().zip(client.batch_recommend(requests.collect()).await.unwrap()) {
        let Some(pb::recommend_result::Result::Response(list)) = result.result else { panic!("{user}: {result:?}") };
        assert_eq!(list, client.recommend_user(user, 5).await.unwrap());
    }
    running.terminate();

    // What is exported joins the log, and makes the same histories again.
    let exported = world.export("live.parquet", &[]);
    assert_eq!((exported["events"].as_u64(), exported["left_out"].as_u64()), (Some(live.len() as u64), Some(0)));
    let joined = read_log_onto(&world.path("log"), &rules, catalogue.ids(), None).unwrap();
    for (user, expected) in users.iter().zip(&answers) {
        assert_eq!(&offline(&joined, user), expected, "{user} under {flags:?}, exported");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vectors_of_users_follow_what_they_did() {
    let world = World::new("mult-vae", &["--epochs", "1", "--set", "model.hidden=12", "--set", "model.latent=4"]);
    let running = world.serve("model");
    let mut client = running.client().await;
    let ids = ["user-01", "newcomer"].map(String::from).to_vec();
    let before = client.user_embeddings(ids.clone()).await.unwrap().results;
    assert_eq!(
        before.iter().map(|of| of.status()).collect::<Vec<_>>(),
        [pb::EmbeddingStatus::Found, pb::EmbeddingStatus::NotFound]
    );
    record(&mut client, &live(), "e").await;
    let after = client.user_embeddings(ids.clone()).await.unwrap().results;
    assert!(after.iter().all(|of| of.status() == pb::EmbeddingStatus::Found));
    for (id, result) in ids.iter().zip(after) {
        let items = client.history(id).await.unwrap().folded_in;
        let expected = client.embed_histories(vec![pb::History { items }]).await.unwrap().results.remove(0);
        assert_eq!(result.embedding, expected.embedding, "{id}");
    }
    client.forget_user("user-01").await.unwrap();
    let gone = client.user_embeddings(ids).await.unwrap().results;
    assert_eq!(gone[0].status(), pb::EmbeddingStatus::NotFound);
}

const WEIGHED: [&str; 6] = ["--weight-column", "amount", "--event-column", "kind", "--event-weight", "view=0.3"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_largest_weight() {
    check(&[&WEIGHED[..], &["--event-weight", "buy=1.7"]].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_sum() {
    check(&[&WEIGHED[..], &["--event-weight", "buy=1.7", "--duplicates", "sum"]].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_last() {
    check(&[&WEIGHED[..], &["--event-weight", "buy=1.7", "--duplicates", "last", "--min-weight", "0.2"]].concat())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_sum_of_what_is_left_after_some_time() {
    let decay =
        ["--event-weight", "buy=1.7", "--duplicates", "sum", "--half-life-days", "9.5", "--as-of", "2026-02-10"];
    check(&[&WEIGHED[..], &decay, &["--since", "2026-01-03", "--min-user-items", "3"]].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_weights_and_types() {
    check(&["--half-life-days", "3", "--as-of", "2026-02-10", "--until", "2026-02-11"]).await;
}
