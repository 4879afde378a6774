//! What happened since the model was trained counts whatever is asked.

use foldin::serve::pb;

use crate::running::{START, World, record, row};

/// Not in the log: all that is known of this user is live.
const USER: &str = "newcomer";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_events_count_in_every_request_about_a_user() {
    let world = World::new("ease", &[]);
    let running = world.serve("model");
    let mut client = running.client().await;
    let user_id = || Some(USER.to_owned());
    record(&mut client, &[row(USER, "item-02", START, "view", 1.0)], "a").await;
    let sent = || pb::history(["item-02"]);

    let request = |user_id, history| pb::ScoreItemsRequest {
        user_id,
        history,
        item_ids: ["item-01", "item-02"].map(String::from).into(),
        model: None,
    };
    let live = client.score_items(request(user_id(), Vec::new())).await.unwrap();
    assert_eq!(live, client.score_items(request(None, sent())).await.unwrap());
    assert_eq!(live.scores.iter().map(|score| score.seen).collect::<Vec<_>>(), [false, true]);

    let request =
        |user_id, history| pb::ExplainRequest { user_id, history, item_id: "item-01".into(), ..Default::default() };
    let live = client.explain(request(user_id(), Vec::new())).await.unwrap();
    assert_eq!(live, client.explain(request(None, sent())).await.unwrap());
    assert_eq!(live.contributions[0].item_id, "item-02");

    let alone = client.recommend_user(USER, 5).await.unwrap();
    let one = pb::RecommendRequest { user_id: user_id(), n: 5, ..Default::default() };
    let asked = pb::StreamRecommendRequest { request: Some(one.clone()), tag: 7 };
    let mut answers = client.stream_recommend(tokio_stream::iter([asked])).await.unwrap();
    let streamed = answers.message().await.unwrap().unwrap();
    let batched = client.batch_recommend(vec![one]).await.unwrap();
    for result in [streamed.result.unwrap(), batched[0].clone()] {
        assert_eq!(result.result, Some(pb::recommend_result::Result::Response(alone.clone())));
    }
    assert_eq!(alone.live_events, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_compared_by_what_they_did_since_and_who_was_forgotten_is_not_listed() {
    let world = World::new("mult-dae", &["--set", "model.hidden=8", "--set", "training.epochs=2"]);
    let running = world.serve("model");
    let mut client = running.client().await;
    let request =
        |user_id: &str| pb::SimilarUsersRequest { user_id: Some(user_id.to_owned()), n: 30, ..Default::default() };
    let refused = client.similar_users(request(USER)).await.unwrap_err();
    assert!(refused.to_string().contains(USER), "{refused}");

    record(&mut client, &[row(USER, "item-02", START, "view", 1.0)], "a").await;
    let like = client.similar_users(request(USER)).await.unwrap().users;
    assert_eq!(like.len(), 20, "everybody with a stored history");
    let first = like[0].user_id.clone();
    client.forget_user(&first).await.unwrap();
    let without: Vec<_> = like.into_iter().filter(|user| user.user_id != first).collect();
    assert_eq!(client.similar_users(request(USER)).await.unwrap().users, without);
    let forgotten = client.similar_users(request(&first)).await.unwrap_err();
    assert!(forgotten.to_string().contains(&first), "{forgotten}");
}
