use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Comparison, Contender};
use crate::evaluation::{Metric, Trial};
use crate::interactions::{HistoryRef, Interactions};
use crate::models::{EaseConfig, ModelConfig, Observer, Start, fit};
use crate::training::TrainingConfig;

fn trial() -> Trial<'static> {
    let rows: [&[u32]; 4] = [&[0, 1], &[0, 2], &[0, 1, 3], &[1]];
    let matrix = |rows: &[&[u32]]| {
        let ones = [1.0; 4];
        let views = rows.iter().map(|row| HistoryRef::from_sorted(row, &ones[..row.len()]));
        Interactions::from_histories(4, views).unwrap()
    };
    Trial::weak(Cow::Owned(matrix(&rows)), matrix(&[&[2], &[1], &[], &[1, 3]]))
}

/// Popularity beside EASE.
fn comparison(metrics: &[&str]) -> Comparison {
    let trial = trial();
    let metrics: Vec<Metric> = metrics.iter().map(|text| text.parse().unwrap()).collect();
    let mut comparison = Comparison::new(&trial, "targets of a test".into(), &metrics, 7);
    comparison.add_baseline(&trial, &ModelConfig::preset("popularity").unwrap()).unwrap();
    let config = ModelConfig::Ease(EaseConfig { lambda: 1.0, ..EaseConfig::default() });
    let quiet = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
    let fitted = fit(&config, &TrainingConfig::default(), &trial.train, Start::Random, quiet).unwrap();
    let (model, training) = (fitted.model.as_ref(), Some(fitted.summary));
    comparison.add(&trial, Contender { name: "ease", model, training, fit_seconds: Some(0.25) }).unwrap();
    comparison
}

#[test]
fn the_table_shows_every_model_and_who_was_left_out() {
    let comparison = comparison(&["ndcg@100", "coverage@1", "ndcg@100"]);
    let text = comparison.to_string();
    for part in [
        "weak generalisation: targets of a test",
        "4 users, 4 items, 8 interactions",
        "popularity",
        "ease − popularity",
        "1 users without a target",
        "1 targets that were folded in",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let json: serde_json::Value = serde_json::to_value(&comparison).unwrap();
    assert_eq!((&json["models"][0]["model"], &json["models"][1]["model"]), (&"popularity".into(), &"ease".into()));
    let mean = json["models"][0]["metrics"]["ndcg@100"].as_f64().unwrap();
    assert!(text.contains(&format!("{mean:.4}")), "{mean} is not in\n{text}");
    assert_eq!(json["models"][0]["users"], 3);
    // All have bounds, the share of the catalogue that is listed as well; it has no part of the catalogue.
    let expected = ["coverage@1", "ndcg@100", "ndcg@100 of head", "ndcg@100 of mid", "ndcg@100 of tail"];
    for with_bounds in [&json["models"][0]["intervals"], &json["differences"][0]["metrics"]] {
        let names: BTreeSet<&str> = with_bounds.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(expected));
    }
}

#[test]
fn a_difference_is_that_of_the_means_and_lies_within_its_interval() {
    let comparison = comparison(&["recall@1", "ndcg@2", "coverage@2", "gini@1"]);
    let [popularity, ease] = &comparison.models[..] else { panic!("two models") };
    for (mean, difference) in &comparison.differences[0].metrics {
        let expected = ease.value(*mean).unwrap() - popularity.value(*mean).unwrap();
        assert_eq!(difference.mean, expected);
        assert!(difference.interval.contains(expected), "{difference:?}");
        assert_eq!(difference.zero_inside, difference.interval.contains(0.0));
    }
}

#[test]
fn buckets_are_shown_with_their_bounds() {
    let text = comparison(&["recall@1"]).by_bucket("recall@1".parse().unwrap()).to_string();
    for part in ["by history length", "1 items", "2 items", "head: ", "tail: ", "users each"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}
