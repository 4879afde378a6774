//! Scores of given candidates.

use foldin::engine::{Fallback, RecommendRequest, RequestError, ScoreRequest, Tier};

use crate::fixture::{ease, histories, item_id, mult_vae, popularity, user_id};
use crate::harness::{answer, bits, items, number, of_user, open, stored};

fn of(user: &str, candidates: &[&str]) -> ScoreRequest {
    let item_ids = candidates.iter().map(|id| (*id).to_owned()).collect();
    ScoreRequest { user_id: Some(user.into()), item_ids, ..ScoreRequest::default() }
}

#[test]
fn candidates_have_the_scores_that_a_list_would_give_them() {
    for config in [ease(), mult_vae(), popularity()] {
        let engine = open(&config);
        let list = answer(&engine, &RecommendRequest { include_seen: true, ..of_user(20, 100) });
        let mut item_ids: Vec<String> = list.items.iter().map(|item| item.item_id.clone()).collect();
        item_ids.reverse();
        let request = ScoreRequest { user_id: Some(user_id(20)), item_ids, ..ScoreRequest::default() };
        let scores = engine.score(&request).unwrap();
        let mut found: Vec<_> =
            scores.items.iter().map(|item| (number(&item.item_id), item.score.unwrap().to_bits())).collect();
        found.reverse();
        assert_eq!(found, bits(&list));
        let seen = stored(20);
        assert!(scores.items.iter().all(|item| item.seen == seen.iter().any(|s| s.item_id == item.item_id)));
        assert_eq!(scores.tier, list.tier);
    }
}

#[test]
fn candidates_that_are_unknown_have_no_score_and_may_be_repeated() {
    let engine = open(&ease());
    let request = of(&user_id(20), &["?", "item-07", "item-99", "item-07"]);
    let scores = engine.score(&request).unwrap();
    let known: Vec<bool> = scores.items.iter().map(|item| item.score.is_some()).collect();
    assert_eq!(known, [false, true, false, true]);
    assert_eq!(scores.items[1].score, scores.items[3].score);
    assert_eq!(scores.items[2].item_id, "item-99");
}

#[test]
fn who_is_unknown_gets_numbers_of_users() {
    let engine = open(&mult_vae());
    let scores = engine.score(&of("nobody", &["item-03"])).unwrap();
    assert_eq!((scores.tier, scores.fallback), (Tier::Popularity, Some(Fallback::UnknownUser)));
    assert_eq!(scores.items[0].score, Some(histories().item_counts()[3] as f32));
    let with_history = ScoreRequest { history: items([3, 9]), ..of("nobody", &["item-03"]) };
    let scores = engine.score(&with_history).unwrap();
    assert_eq!((scores.tier, scores.fallback, scores.items[0].seen), (Tier::Personal, None, true));
}

#[test]
fn requests_without_an_answer() {
    let engine = open(&ease());
    assert!(matches!(engine.score(&of(&user_id(3), &[])).unwrap_err(), RequestError::Empty { .. }));
    let many = ScoreRequest { item_ids: vec![item_id(1); 10_001], ..of(&user_id(3), &[]) };
    assert_eq!(engine.score(&many).unwrap_err().to_string(), "item_ids has 10001 entries, at most 10000 are allowed");
    let nobody = ScoreRequest { item_ids: vec![item_id(1)], ..ScoreRequest::default() };
    assert!(matches!(engine.score(&nobody).unwrap_err(), RequestError::NoSubject));
}
