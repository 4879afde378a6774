//! Lists: whose they are, where they come from, what was filtered.

use foldin::ranking::{Candidates, rank_users};
use foldin::serve::pb::{self, FallbackReason, ShortReason, SimilarityMeasure, Tier};
use foldin::types::UserIdx;
use tonic::Code;

use crate::fixture::{ITEMS, catalogue, ease, histories, item_id, mult_vae, popularity, train, user_id};
use crate::harness::{Server, assert_refused};

fn by_user(user_id: impl Into<String>, n: u32) -> pb::RecommendRequest {
    pb::RecommendRequest { user_id: Some(user_id.into()), n, ..Default::default() }
}

fn by_history<I: Into<String>>(items: impl IntoIterator<Item = I>, n: u32) -> pb::RecommendRequest {
    pb::RecommendRequest { history: pb::history(items), n, ..Default::default() }
}

/// The fixture's stored history of a user, as it would be sent.
fn stored(user: usize) -> Vec<pb::HistoryItem> {
    let histories = histories();
    let history = histories.history(UserIdx(user as u32));
    let pairs = history.items().iter().zip(history.weights());
    pairs.map(|(&i, &weight)| pb::HistoryItem { item_id: item_id(i), weight: Some(weight) }).collect()
}

fn ids(items: &[pb::ScoredItem]) -> Vec<&str> {
    items.iter().map(|item| item.item_id.as_str()).collect()
}

#[tokio::test]
async fn a_known_user_gets_the_ranking_that_evaluation_would_compute() {
    for config in [ease(), mult_vae()] {
        let server = Server::start(&config).await;
        let mut client = server.client().await;
        let model = train(&config, 1).model;
        let all = histories();
        for user in [0, 10, 43] {
            let history = all.history(UserIdx(user as u32));
            let candidates = Candidates { seen: history.items(), ..Candidates::default() };
            let expected = rank_users(&*model, &[history], &[candidates], 8).remove(0);

            let answer = client.recommend_user(&user_id(user), 8).await.unwrap();
            assert_eq!(answer.items.len(), 8);
            for ((got, scored), rank) in answer.items.iter().zip(&expected.items).zip(1..) {
                assert_eq!(got.item_id, item_id(scored.item.0));
                assert_eq!(got.score.to_bits(), scored.score.to_bits(), "the same score to the last bit");
                assert_eq!(got.title.as_deref(), catalogue().title(scored.item.0));
                assert_eq!(got.rank, rank);
            }
            assert_eq!(answer.tier(), Tier::Personal);
            assert_eq!(answer.fallback(), FallbackReason::Unspecified);
            assert_eq!(answer.user_known, Some(true));
            assert_eq!(answer.history_items as usize, history.len());
            assert_eq!(answer.removed.unwrap().seen as usize, history.len());
            assert_eq!(answer.short_reason(), ShortReason::Unspecified);
            assert_eq!(answer.model_version, server.engine.info().manifest.model_version);
        }
    }
}

#[tokio::test]
async fn an_ad_hoc_history_counts_like_a_stored_one() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let of_user = client.recommend_user(&user_id(20), 10).await.unwrap();
    // Sent in another order: the order of a history means nothing.
    let mut history = stored(20);
    history.reverse();
    let ad_hoc = pb::RecommendRequest { history, n: 10, ..Default::default() };
    let ad_hoc = client.recommend(ad_hoc).await.unwrap();
    assert_eq!(ad_hoc.items, of_user.items);
    assert_eq!(ad_hoc.tier(), Tier::Personal);
    assert_eq!(ad_hoc.user_known, None, "no user was named");
}

#[tokio::test]
async fn a_history_sent_with_a_user_is_laid_over_the_stored_one() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    let own = stored(20);
    let new: Vec<String> = (0..ITEMS as u32).map(item_id).filter(|id| own.iter().all(|h| h.item_id != *id)).collect();
    let extra = pb::history([&new[0], &new[1], &own[0].item_id]);

    let overlay = pb::RecommendRequest { history: extra.clone(), ..by_user(user_id(20), 9) };
    let overlay = client.recommend(overlay).await.unwrap();
    let union = pb::RecommendRequest { history: [own.clone(), extra].concat(), n: 9, ..Default::default() };
    let union = client.recommend(union).await.unwrap();
    assert_eq!(overlay.items, union.items);
    assert_eq!(overlay.history_items as usize, own.len() + 2, "the item in both counts once");
    assert_eq!(overlay.removed.unwrap().seen as usize, own.len() + 2, "what was sent counts as seen");
    assert_eq!(overlay.user_known, Some(true));
    assert_ne!(overlay.items, client.recommend_user(&user_id(20), 9).await.unwrap().items);

    let unknown = pb::RecommendRequest { history: pb::history([&new[0]]), ..by_user("nobody", 9) };
    let unknown = client.recommend(unknown).await.unwrap();
    assert_eq!((unknown.tier(), unknown.user_known), (Tier::Personal, Some(false)), "the history is enough");
}

#[tokio::test]
async fn nothing_known_falls_back_to_popularity_and_says_so() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let counts = histories().item_counts();
    let mut popular: Vec<u32> = (0..ITEMS as u32).collect();
    popular.sort_by_key(|&i| (std::cmp::Reverse(counts[i as usize]), i));

    let answer = client.recommend_user("nobody", 5).await.unwrap();
    let expected: Vec<String> = popular[..5].iter().map(|&i| item_id(i)).collect();
    assert_eq!(ids(&answer.items), expected);
    assert_eq!(answer.items[0].score, counts[popular[0] as usize] as f32);
    assert_eq!((answer.tier(), answer.fallback()), (Tier::Popularity, FallbackReason::UnknownUser));
    assert_eq!(answer.user_known, Some(false));

    let answer = client.recommend(by_history(["no-such-item", "nor-this"], 5)).await.unwrap();
    assert_eq!(ids(&answer.items), expected);
    assert_eq!((answer.tier(), answer.fallback()), (Tier::Popularity, FallbackReason::NoKnownItems));
    assert_eq!(answer.unknown_history_items, 2);
}

#[tokio::test]
async fn unknown_items_in_a_history_are_ignored_and_counted() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    let clean = client.recommend(by_history([item_id(3), item_id(9)], 6)).await.unwrap();
    let mixed = ["?".to_owned(), item_id(3), "item-3".to_owned(), item_id(9), "?".to_owned()];
    let mixed = client.recommend(by_history(mixed, 6)).await.unwrap();
    assert_eq!(mixed.items, clean.items);
    assert_eq!((mixed.unknown_history_items, mixed.history_items), (3, 2));
    assert_eq!(mixed.tier(), Tier::Personal);
}

#[tokio::test]
async fn repeated_items_in_a_history_count_once() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    let once = client.recommend(by_history([item_id(3), item_id(9)], 6)).await.unwrap();
    let often = client.recommend(by_history([item_id(9), item_id(3), item_id(9), item_id(9)], 6)).await.unwrap();
    assert_eq!(often.items, once.items);
    assert_eq!(often.history_items, 2);
}

#[tokio::test]
async fn filters_remove_and_count() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let everything = client.recommend(by_history([item_id(3)], 100)).await.unwrap();
    assert_eq!(everything.items.len(), ITEMS - 1);
    assert_eq!(everything.short_reason(), ShortReason::SmallCatalogue);

    let best: Vec<String> = ids(&everything.items)[..2].iter().map(|id| (*id).to_owned()).collect();
    let request = pb::RecommendRequest {
        exclude: Some(pb::ItemSet { item_ids: vec![best[0].clone(), "?".into(), best[1].clone(), best[0].clone()] }),
        ..by_history([item_id(3)], 3)
    };
    let answer = client.recommend(request).await.unwrap();
    assert_eq!(ids(&answer.items), ids(&everything.items)[2..5]);
    assert_eq!(answer.removed.unwrap(), pb::Removed { not_allowed: 0, seen: 1, excluded: 2, not_matching: 0 });
    assert_eq!(answer.unknown_excluded_items, 1);

    let allow = pb::ItemSet { item_ids: vec![item_id(3), item_id(8), "?".into(), item_id(5), item_id(8)] };
    let request = pb::RecommendRequest { allow: Some(allow), ..by_history([item_id(3)], 3) };
    let answer = client.recommend(request.clone()).await.unwrap();
    let mut listed = ids(&answer.items);
    listed.sort_unstable();
    assert_eq!(listed, ["item-05", "item-08"]);
    assert_eq!(
        answer.removed.unwrap(),
        pb::Removed { not_allowed: ITEMS as u32 - 3, seen: 1, excluded: 0, not_matching: 0 }
    );
    assert_eq!((answer.unknown_allowed_items, answer.short_reason()), (1, ShortReason::Filtered));

    let answer = client.recommend(pb::RecommendRequest { include_seen: true, ..request }).await.unwrap();
    assert!(ids(&answer.items).contains(&"item-03"));
    assert_eq!((answer.items.len(), answer.removed.unwrap().seen), (3, 0));
    assert_eq!(answer.short_reason(), ShortReason::Unspecified);
}

#[tokio::test]
async fn an_allow_list_without_known_items_gives_an_empty_list() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    for item_ids in [vec![], vec!["?".to_owned()]] {
        let unknown = item_ids.len() as u32;
        let allow = Some(pb::ItemSet { item_ids });
        let answer = client.recommend(pb::RecommendRequest { allow, ..by_user(user_id(5), 3) }).await.unwrap();
        assert!(answer.items.is_empty());
        assert_eq!(answer.short_reason(), ShortReason::NothingAllowed);
        assert_eq!(answer.unknown_allowed_items, unknown);
    }
}

#[tokio::test]
async fn a_batch_answers_like_single_calls_and_survives_bad_requests() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let mut requests: Vec<_> = (0..200).map(|u| by_user(user_id(u % 70), 1 + u as u32 % 9)).collect();
    requests[17] = by_user(user_id(1), 0);
    requests[40] = by_history([item_id(1), item_id(2)], 5);
    requests[41] = pb::RecommendRequest { n: 3, ..Default::default() };
    let in_process: Vec<_> = requests.iter().cloned().map(Into::into).collect();
    let in_process = server.engine.recommend(&in_process);
    let results = client.batch_recommend(requests.clone()).await.unwrap();
    assert_eq!((results.len(), in_process.len()), (requests.len(), requests.len()));
    for (position, ((result, request), direct)) in results.into_iter().zip(requests).zip(in_process).enumerate() {
        match result.result.unwrap() {
            pb::recommend_result::Result::Response(answer) => {
                let listed: Vec<_> = direct.unwrap().items.into_iter().map(|i| (i.item_id, i.score)).collect();
                let sent: Vec<_> = answer.items.iter().map(|i| (i.item_id.clone(), i.score)).collect();
                assert_eq!(sent, listed, "request {position}");
                assert_eq!(answer, client.recommend(request).await.unwrap(), "request {position}");
            }
            pb::recommend_result::Result::Error(error) => {
                assert!([17, 41].contains(&position), "request {position}: {error:?}");
                assert_eq!(error.code, i32::from(Code::InvalidArgument));
                assert_eq!(error.field, if position == 17 { "n" } else { "user_id" });
                assert_refused(client.recommend(request).await, Code::InvalidArgument, &error.message);
            }
        }
    }
}

#[tokio::test]
async fn similar_items_are_those_with_the_largest_cosine() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let vectors = train(&mult_vae(), 1).model.embed_items(0..ITEMS as u32).unwrap();
    let cosine = |a: usize, b: usize| {
        let dot = |i: usize, j: usize| -> f64 {
            (0..vectors.nrows()).map(|d| f64::from(vectors[(d, i)]) * f64::from(vectors[(d, j)])).sum()
        };
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let mut expected: Vec<usize> = (0..ITEMS).filter(|&i| i != 4).collect();
    expected.sort_by(|&a, &b| cosine(4, b).total_cmp(&cosine(4, a)));

    let answer = client.similar_items("item-04", 6).await.unwrap();
    assert_eq!(answer.measure(), SimilarityMeasure::Cosine);
    let expected_ids: Vec<String> = expected[..6].iter().map(|&i| item_id(i as u32)).collect();
    assert_eq!(ids(&answer.items), expected_ids);
    for (item, &index) in answer.items.iter().zip(&expected) {
        assert!((f64::from(item.score) - cosine(4, index)).abs() < 1e-5);
    }
    let all = client.similar_items("item-04", 100).await.unwrap();
    assert_eq!((all.items.len(), all.short_reason()), (ITEMS - 1, ShortReason::SmallCatalogue));
}

#[tokio::test]
async fn without_item_vectors_similarity_is_folding_the_item_in() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    let similar = client.similar_items(&item_id(4), 6).await.unwrap();
    assert_eq!(similar.measure(), SimilarityMeasure::FoldIn);
    let folded_in = client.recommend(by_history([item_id(4)], 6)).await.unwrap();
    let scores = |items: &[pb::ScoredItem]| items.iter().map(|i| (i.item_id.clone(), i.score)).collect::<Vec<_>>();
    assert_eq!(scores(&similar.items), scores(&folded_in.items));

    let server = Server::start(&popularity()).await;
    let mut client = server.client().await;
    assert_refused(client.similar_items(&item_id(4), 6).await, Code::FailedPrecondition, "model popularity");
}

#[tokio::test]
async fn a_popularity_model_is_not_called_personal_nor_a_fallback() {
    let server = Server::start(&popularity()).await;
    let answer = server.client().await.recommend_user(&user_id(20), 5).await.unwrap();
    assert_eq!((answer.tier(), answer.fallback()), (Tier::Popularity, FallbackReason::Unspecified));
    let own: Vec<String> = stored(20).into_iter().map(|item| item.item_id).collect();
    assert!(answer.items.iter().all(|item| !own.contains(&item.item_id)), "seen items are left out all the same");
}
