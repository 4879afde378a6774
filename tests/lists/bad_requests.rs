//! Requests that cannot be answered: what is said, and which field is blamed.

use foldin::engine::{Detail, Diversity, Exploration, HistoryItem, RecommendRequest, RequestError};

use crate::fixture::{ease, mult_dae, mult_vae, popularity};
use crate::harness::{items, of_user, open, try_answer};

/// The request must be refused, blaming a field, with a message that starts like this.
#[track_caller]
fn refused(request: &RecommendRequest, field: &str, starts: &str) {
    let engine = open(&mult_vae());
    let error = try_answer(&engine, request).unwrap_err();
    assert_eq!(error.field(), Some(field), "{error}");
    assert!(error.to_string().starts_with(starts), "{error}");
    assert!(try_answer(&engine, &of_user(3, 2)).is_ok());
}

fn user() -> RecommendRequest {
    of_user(3, 10)
}

#[test]
fn filters_that_are_none() {
    let filter = |text: &str| RecommendRequest { filter: Some(text.into()), ..user() };
    refused(&filter("price <"), "filter", "filter, at byte 7: expected a value");
    refused(&filter(""), "filter", "filter, at byte 0: expected a column");
    refused(&filter("prise < 20"), "filter", "filter, at byte 0: there is no column `prise`; did you mean `price`?");
    refused(
        &filter("price < '20'"),
        "filter",
        "filter, at byte 8: column `price` holds numbers: compare it with a number",
    );
    refused(&filter("origin = 'Rome'"), "filter", "filter, at byte 0: column `origin` cannot be used in a filter");
    refused(&filter(&"x".repeat(5000)), "filter", "filter, at byte 4096: the filter has 5000 bytes, at most 4096");
    refused(&filter(&"(".repeat(500)), "filter", "filter, at byte 64: more than 64 parentheses");
}

#[test]
fn numbers_out_of_range() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.1, 1.5] {
        let shown = format!("is {value}, must be between 0 and");
        let damped = RecommendRequest { popularity_damping: value, ..user() };
        refused(&damped, "popularity_damping", &format!("popularity_damping {shown} 1"));
        let diverse = Diversity { strength: value, candidates: None };
        let diverse = RecommendRequest { diversity: Some(diverse), ..user() };
        refused(&diverse, "diversity.strength", &format!("diversity.strength {shown} 1"));
        if value != 1.5 {
            let exploration = Some(Exploration { seed: 1, draws: None, scale: Some(value) });
            let explored = RecommendRequest { exploration, ..user() };
            refused(&explored, "exploration.scale", &format!("exploration.scale {shown} 10"));
            let negative = RecommendRequest { negatives: items([1]), negative_strength: Some(value), ..user() };
            refused(&negative, "negative_strength", &format!("negative_strength {shown} 10"));
        }
        if !value.is_finite() {
            let least = RecommendRequest { min_score: Some(value), ..user() };
            refused(&least, "min_score", &format!("min_score is {value}, must be a finite number"));
        }
    }
    for draws in [0, 1, 65] {
        let exploration = Some(Exploration { seed: 1, draws: Some(draws), scale: None });
        let message = format!("exploration.draws is {draws}, must be between 2 and 64");
        refused(&RecommendRequest { exploration, ..user() }, "exploration.draws", &message);
    }
    for candidates in [0, 9, 4_001] {
        let diversity = Some(Diversity { strength: 0.5, candidates: Some(candidates) });
        let message = format!("diversity.candidates is {candidates}, must be between 10 and 4000");
        refused(&RecommendRequest { diversity, ..user() }, "diversity.candidates", &message);
    }
    let diversity = Some(Diversity { strength: 0.5, candidates: None });
    let exploration = Some(Exploration { seed: 1, draws: Some(5), scale: None });
    let both = RecommendRequest { diversity, exploration, ..of_user(3, 1000) };
    refused(&both, "exploration.draws", "exploration.draws is 5; of lists of 1000 chosen from 4000");
}

#[test]
fn lists_that_are_too_long() {
    let many = |length: usize| items((0..length).map(|item| item as u32 % 37));
    let context = RecommendRequest { context: many(1_001), ..user() };
    refused(&context, "context", "context has 1001 entries, at most 1000");
    let negatives = RecommendRequest { negatives: many(1_001), ..user() };
    refused(&negatives, "negatives", "negatives has 1001 entries, at most 1000");
    let detail = Detail { attributes: vec!["price".into(); 33], ..Detail::default() };
    refused(&RecommendRequest { detail, ..user() }, "detail.attributes", "detail.attributes has 33 entries");
    assert!(try_answer(&open(&mult_vae()), &RecommendRequest { context: many(1_000), ..user() }).is_ok());
}

#[test]
fn weights_that_are_none() {
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let item = vec![HistoryItem { item_id: "?".into(), weight: Some(weight) }];
        let context = RecommendRequest { context: item.clone(), ..user() };
        refused(&context, "context[0].weight", &format!("context[0].weight is {weight}"));
        let negatives = RecommendRequest { negatives: item, ..user() };
        refused(&negatives, "negatives[0].weight", &format!("negatives[0].weight is {weight}"));
    }
}

#[test]
fn attributes_that_are_not_there() {
    let detail = |name: &str| Detail { attributes: vec!["price".into(), name.into()], ..Detail::default() };
    let asked = |name: &str| RecommendRequest { detail: detail(name), ..user() };
    refused(
        &asked("prices"),
        "detail.attributes[1]",
        "detail.attributes[1]: there is no column `prices`; did you mean",
    );
    refused(
        &asked("colour"),
        "detail.attributes[1]",
        "detail.attributes[1]: there is no column `colour`; there are cat",
    );
    refused(
        &asked("origin"),
        "detail.attributes[1]",
        "detail.attributes[1]: column `origin` cannot be shown: values of",
    );
}

#[test]
fn models_that_cannot() {
    let diversity = Some(Diversity { strength: 0.5, candidates: None });
    let exploration = Some(Exploration { seed: 1, draws: None, scale: None });
    for config in [ease(), popularity()] {
        let error = try_answer(&open(&config), &RecommendRequest { diversity, ..user() }).unwrap_err();
        assert!(matches!(error, RequestError::Unsupported { field: "diversity", .. }), "{error}");
        assert!(error.to_string().starts_with("diversity cannot be used with model"), "{error}");
    }
    for config in [ease(), popularity(), mult_dae()] {
        let error = try_answer(&open(&config), &RecommendRequest { exploration, ..user() }).unwrap_err();
        assert!(matches!(error, RequestError::Unsupported { field: "exploration", .. }), "{error}");
    }
    // What does not need vectors or uncertainty works with every model.
    for config in [ease(), popularity(), mult_dae()] {
        let engine = open(&config);
        let request = RecommendRequest { popularity_damping: 0.5, negatives: items([3]), ..user() };
        assert!(try_answer(&engine, &request).is_ok());
    }
}
