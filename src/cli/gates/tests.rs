use std::num::NonZeroUsize;

use super::grammar::{Bound, Gate, Quantity, Relation};
use crate::evaluation::{MetricKind, PopularityBucket};

fn gate(text: &str) -> Gate {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn model(factor: f64, model: &str, offset: f64) -> Bound {
    Bound::Model { factor, model: model.into(), offset }
}

#[test]
fn every_form_is_read() {
    let ndcg = Quantity::Metric { kind: MetricKind::Ndcg, k: NonZeroUsize::new(100), part: None };
    let coverage = Quantity::Metric { kind: MetricKind::Coverage, k: None, part: None };
    let tail = Quantity::Metric {
        kind: MetricKind::CappedRecall,
        k: NonZeroUsize::new(20),
        part: Some(PopularityBucket::Tail),
    };
    for (text, quantity, relation, bound) in [
        ("ndcg@100 >= ease", ndcg, Relation::AtLeast, model(1.0, "ease", 0.0)),
        ("ndcg@100>=ease", ndcg, Relation::AtLeast, model(1.0, "ease", 0.0)),
        (" coverage > 0.3 ", coverage, Relation::MoreThan, Bound::Number(0.3)),
        ("capped_recall@20 of tail < mult-vae", tail, Relation::LessThan, model(1.0, "mult-vae", 0.0)),
        ("ndcg@100 >= popularity + 0.01", ndcg, Relation::AtLeast, model(1.0, "popularity", 0.01)),
        ("ndcg@100 >= 0.98 * ease - 1e-3", ndcg, Relation::AtLeast, model(0.98, "ease", -1e-3)),
        ("ndcg@100 >= 2026-01-31", ndcg, Relation::AtLeast, model(1.0, "2026-01-31", 0.0)),
        ("ndcg@100 >= \"a b\"+1", ndcg, Relation::AtLeast, model(1.0, "a b", 1.0)),
        ("user_ms <= 5", Quantity::UserMs, Relation::AtMost, Bound::Number(5.0)),
        ("bytes <= 1e9", Quantity::Bytes, Relation::AtMost, Bound::Number(1e9)),
        ("training_seconds <= 2*ease", Quantity::TrainingSeconds, Relation::AtMost, model(2.0, "ease", 0.0)),
    ] {
        let read = gate(text);
        assert_eq!((read.quantity, read.relation, read.bound), (quantity, relation, bound), "{text}");
        assert_eq!(read.text, text.trim());
    }
}

#[test]
fn what_is_no_gate_says_where_and_what_was_expected() {
    for (text, at, parts) in [
        ("", 1, &["expected a metric", "the end"][..]),
        ("ngcg@100 >= ease", 1, &["`ngcg@100` is nothing that is measured", "ndcg", "coverage", "user_ms"]),
        ("ndcg@ >= ease", 6, &["a cutoff of at least 1", "`>=`"]),
        ("ndcg@0 >= ease", 6, &["a cutoff of at least 1", "`0`"]),
        ("ndcg@100 => ease", 10, &["expected `>=`, `>`, `<=` or `<`", "found `=>`"]),
        ("ndcg@100", 9, &["expected `>=`", "found the end"]),
        ("ndcg@100 of bottom >= 1", 13, &["head, mid or tail", "`bottom`"]),
        ("coverage of tail >= 1", 10, &["no part", "`of`"]),
        ("ndcg@100 >= ", 13, &["a number or the name of a model", "the end"]),
        ("ndcg@100 >= 2 *", 16, &["the name of a model", "the end"]),
        ("ndcg@100 >= ease + x", 20, &["expected a number", "`x`"]),
        ("ndcg@100 >= 0.3 0.4", 17, &["expected `*` or the end", "`0.4`"]),
        ("ndcg@100 >= ease ease", 18, &["+ NUMBER", "`ease`"]),
        ("ndcg@100 >= \"ease", 18, &["a closing quote", "the end"]),
        ("é >= 1", 1, &["expected a metric", "`é`"]),
    ] {
        let message = text.parse::<Gate>().unwrap_err().to_string();
        for part in parts.iter().copied().chain([format!("character {at}:").as_str()]) {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

#[test]
fn relations_hold_at_their_ends_as_they_say() {
    let holds = |relation: Relation| [0.9, 1.0, 1.1].map(|value| relation.holds(value, 1.0));
    assert_eq!(holds(Relation::AtLeast), [false, true, true]);
    assert_eq!(holds(Relation::MoreThan), [false, false, true]);
    assert_eq!(holds(Relation::AtMost), [true, true, false]);
    assert_eq!(holds(Relation::LessThan), [true, false, false]);
    assert!(!Relation::AtLeast.holds(f64::NAN, 0.0));
}
