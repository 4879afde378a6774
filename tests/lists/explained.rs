//! Which items of a history made a score.

use foldin::engine::{Detail, ExplainRequest, HistoryItem, Method, RecommendRequest, RequestError};
use foldin::models::ModelConfig;

use crate::fixture::{ease, item_id, mult_dae, mult_vae, popularity, user_id};
use crate::harness::{all_scores, answer, items, number, of_user, open, stored, try_answer};

fn models() -> [ModelConfig; 3] {
    [ease(), mult_vae(), mult_dae()]
}

fn about(history: Vec<HistoryItem>, item: usize) -> ExplainRequest {
    ExplainRequest { history, item_id: item_id(item as u32), n: Some(100), ..ExplainRequest::default() }
}

#[test]
fn removing_the_top_contributor_lowers_the_score() {
    for config in models() {
        let engine = open(&config);
        for user in (0..60).filter(|user| stored(*user).len() > 2) {
            let history = stored(user);
            let top = number(&answer(&engine, &of_user(user, 1)).items[0].item_id);
            let explanation = engine.explain(&about(history.clone(), top)).unwrap();
            assert_eq!(explanation.contributions.len(), history.len());
            assert!(explanation.contributions.is_sorted_by(|a, b| a.amount >= b.amount));
            let strongest = &explanation.contributions[0];
            assert!(strongest.amount > 0.0, "{}: user {user}: nothing speaks for it", config.name());
            let rest = history.into_iter().filter(|item| item.item_id != strongest.item_id).collect();
            let without = all_scores(&engine, rest)[top];
            assert!(without < explanation.score, "{}: user {user}: {without} {}", config.name(), explanation.score);
            assert!((explanation.score - without - strongest.amount).abs() < 1e-5, "{}", config.name());
        }
    }
}

#[test]
fn exact_contributions_add_up_to_the_score() {
    let engine = open(&ease());
    for item in 0..37 {
        for n in [1, 3, 100] {
            let request =
                ExplainRequest { user_id: Some(user_id(43)), history: Vec::new(), n: Some(n), ..about(vec![], item) };
            let explanation = engine.explain(&request).unwrap();
            assert_eq!(explanation.method, Method::Exact);
            assert_eq!(explanation.contributions.len(), n.min(stored(43).len()));
            let named: f32 = explanation.contributions.iter().map(|contribution| contribution.amount).sum();
            assert!((named + explanation.rest - explanation.score).abs() < 1e-6);
            if n == 100 {
                assert!(explanation.rest.abs() < 1e-6, "all of the score is named: {}", explanation.rest);
            }
            assert_eq!(explanation.score, all_scores(&engine, stored(43))[item]);
        }
    }
}

#[test]
fn what_a_list_names_is_what_an_explanation_says() {
    for config in models() {
        let engine = open(&config);
        let detail = Detail { contributions: 2, ..Detail::default() };
        let list = answer(&engine, &RecommendRequest { detail, fill: true, min_score: None, ..of_user(43, 5) });
        for item in &list.items {
            let mut expected = engine.explain(&about(stored(43), number(&item.item_id))).unwrap().contributions;
            expected.retain(|contribution| contribution.amount > 0.0);
            expected.truncate(2);
            assert_eq!(item.contributions, expected, "{}", config.name());
        }
        assert!(list.items.iter().any(|item| item.contributions.len() == 2), "{}", config.name());
        // Context is folded in, so it can be named.
        let request = RecommendRequest {
            user_id: Some("nobody".into()),
            context: items([5]),
            detail: Detail { contributions: 1, ..Detail::default() },
            ..of_user(43, 3)
        };
        let named: Vec<_> = answer(&engine, &request).items.into_iter().flat_map(|item| item.contributions).collect();
        assert!(!named.is_empty() && named.iter().all(|contribution| contribution.item_id == item_id(5)));
    }
}

#[test]
fn there_is_not_always_something_to_explain() {
    let engine = open(&popularity());
    let error = engine.explain(&about(items([3]), 4)).unwrap_err();
    assert!(matches!(error, RequestError::Unexplained { .. }), "{error}");
    assert!(error.to_string().contains("gives everyone the same list"), "{error}");

    let engine = open(&mult_vae());
    let stranger = ExplainRequest { user_id: Some("nobody".into()), ..about(vec![], 4) };
    assert!(matches!(engine.explain(&stranger).unwrap_err(), RequestError::Unexplained { .. }));
    assert!(matches!(engine.explain(&about(items([3]), 99)).unwrap_err(), RequestError::UnknownItem { .. }));
    assert!(matches!(engine.explain(&about(vec![], 3)).unwrap_err(), RequestError::NoSubject));
    for n in [0, 101] {
        let error = engine.explain(&ExplainRequest { n: Some(n), ..about(items([3]), 4) }).unwrap_err().to_string();
        assert_eq!(error, format!("n is {n}, must be between 1 and 100"));
    }
    let contributions = |contributions| Detail { contributions, ..Detail::default() };
    let error = try_answer(&engine, &RecommendRequest { detail: contributions(11), ..of_user(3, 2) }).unwrap_err();
    assert_eq!(error.to_string(), "detail.contributions is 11, must be between 0 and 10");
}
