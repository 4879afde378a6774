//! Everything at once: any combination of wishes is answered, alone as in company.

use std::sync::OnceLock;

use foldin::engine::{Detail, Diversity, Exploration, RecommendRequest, Tier, Width};
use foldin::linalg::Columns;
use foldin::ranking::{Scored, damped, diversified};
use foldin::types::ItemIdx;
use proptest::prelude::*;

use crate::fixture::{category_of, ease, histories, item_id, mult_vae, price_of, user_id};
use crate::harness::{Opened, answer, items, listed, number, of_user, open, open_narrow, stored};

fn vae() -> &'static Opened {
    static ENGINE: OnceLock<Opened> = OnceLock::new();
    ENGINE.get_or_init(|| open(&mult_vae()))
}

fn linear() -> &'static Opened {
    static ENGINE: OnceLock<Opened> = OnceLock::new();
    ENGINE.get_or_init(|| open(&ease()))
}

fn narrow() -> &'static Opened {
    static ENGINE: OnceLock<Opened> = OnceLock::new();
    ENGINE.get_or_init(|| open_narrow(&mult_vae(), Width::Int8))
}

fn some<T: std::fmt::Debug + Clone + 'static>(of: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Option<T>> {
    prop::option::weighted(0.4, of).boxed()
}

/// Requests with any of the wishes that every model can fulfil.
fn request() -> BoxedStrategy<RecommendRequest> {
    let ids = || prop::collection::vec(0u32..40, 0..6);
    let user = prop_oneof![3 => (0usize..60).prop_map(|user| Some(user_id(user))), 1 => Just(Some("nobody".into()))];
    let filter =
        prop::sample::select(vec!["category = 'tea' or price > 30", "price < 12", "not adult", "tags has 'x'"]);
    let subject = (user, ids(), 1usize..12, any::<bool>());
    let lists = (ids(), some(prop::collection::vec(0u32..40, 1..30)), some(filter), ids(), ids());
    let numbers = (some(-3f32..3.0), some(0f32..10.0), prop_oneof![Just(0.0f32), 0f32..1.0]);
    let rest = (any::<bool>(), 0usize..4, any::<bool>());
    (subject, lists, numbers, rest)
        .prop_map(|(subject, lists, numbers, rest)| {
            let (user_id, history, n, include_seen) = subject;
            let (exclude, allow, filter, context, negatives) = lists;
            let (min_score, negative_strength, popularity_damping) = numbers;
            let (omit_titles, contributions, fill) = rest;
            RecommendRequest {
                user_id,
                history: items(history),
                n,
                exclude: exclude.into_iter().map(item_id).collect(),
                allow: allow.map(|allow| allow.into_iter().map(item_id).collect()),
                include_seen,
                filter: filter.map(str::to_owned),
                context: items(context),
                negatives: items(negatives),
                negative_strength,
                min_score,
                popularity_damping,
                detail: Detail { omit_titles, contributions, attributes: vec!["price".into()] },
                fill,
                ..RecommendRequest::default()
            }
        })
        .boxed()
}

/// The same with what only some models can.
fn any_request() -> BoxedStrategy<RecommendRequest> {
    let diversity =
        some((0f32..1.0, some(12usize..40)).prop_map(|(strength, candidates)| Diversity { strength, candidates }));
    let exploration = some((0u64..9, some(2usize..9), some(0f32..4.0)).prop_map(|(seed, draws, scale)| Exploration {
        seed,
        draws,
        scale,
    }));
    (request(), diversity, exploration)
        .prop_map(|(request, diversity, exploration)| RecommendRequest { diversity, exploration, ..request })
        .boxed()
}

fn meets(filter: &str, item: usize) -> bool {
    let price = price_of(item);
    match filter {
        "category = 'tea' or price > 30" => category_of(item) == Some("tea") || price.is_some_and(|p| p > 30.0),
        "price < 12" => price.is_some_and(|p| p < 12.0),
        "not adult" => !item.is_multiple_of(5),
        _ => false,
    }
}

fn check(engine: &Opened, requests: &[RecommendRequest]) -> Result<(), TestCaseError> {
    let together = engine.recommend(requests);
    for (request, together) in requests.iter().zip(together) {
        let together = together.unwrap();
        let alone = engine.recommend(std::slice::from_ref(request)).remove(0).unwrap();
        prop_assert_eq!(&alone, &together, "{:?}", request);

        let list = listed(&alone);
        let mut distinct = list.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), list.len(), "nothing is listed twice");
        prop_assert!(list.len() <= request.n);
        prop_assert_eq!(list.len() < request.n, alone.short.is_some());
        let known = request.user_id.as_deref().and_then(|id| (0..60).find(|&user| user_id(user) == id));
        let mut seen: Vec<String> = request.history.iter().map(|item| item.item_id.clone()).collect();
        seen.extend(known.into_iter().flat_map(stored).map(|item| item.item_id));
        let mut filled = 0;
        for item in &alone.items {
            let tier = item.tier.unwrap();
            filled += usize::from(tier != alone.tier);
            prop_assert!(request.include_seen || !seen.contains(&item.item_id));
            prop_assert!(!request.exclude.contains(&item.item_id));
            prop_assert!(request.allow.as_ref().is_none_or(|allow| allow.contains(&item.item_id)));
            prop_assert!(request.negatives.iter().all(|negative| negative.item_id != item.item_id));
            if let Some(filter) = &request.filter {
                prop_assert_eq!(meets(filter, number(&item.item_id)), tier != Tier::Popularity);
            }
            if let (Some(least), Tier::Personal) = (request.min_score, tier) {
                prop_assert!(item.score >= least);
            }
            prop_assert_eq!(item.propensity.is_some(), request.exploration.is_some());
            prop_assert!(item.propensity.is_none_or(|p| p > 0.0 && p <= 1.0));
            prop_assert!(item.contributions.len() <= request.detail.contributions);
        }
        prop_assert_eq!(filled, alone.filled_items);
        prop_assert!(filled == 0 || request.fill);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_wishes_are_answered_alike_alone_and_in_company(requests in prop::collection::vec(any_request(), 1..12)) {
        check(vae(), &requests)?;
    }

    #[test]
    fn a_narrow_table_changes_no_answer_where_all_items_come_near(
        requests in prop::collection::vec(any_request(), 1..12),
    ) {
        check(narrow(), &requests)?;
        for request in &requests {
            prop_assert_eq!(answer(narrow(), request), answer(vae(), request));
        }
    }

    #[test]
    fn a_linear_model_too(requests in prop::collection::vec(request(), 1..12)) {
        check(linear(), &requests)?;
    }
}

#[test]
fn wishes_apply_in_the_documented_order() {
    const POOL: usize = 12;
    let counts = histories().item_counts();
    let filtered = RecommendRequest { filter: Some("not adult".into()), ..of_user(20, 100) };
    let all = answer(vae(), &filtered);
    let least = all.items[14].score;

    // Scores, filter and least score leave 15 items, of which the best are damped, then varied, then cut.
    let of: Vec<usize> = listed(&all)[..POOL].to_vec();
    let pool = of.iter().zip(&all.items).map(|(&item, of)| Scored { item: ItemIdx(item as u32), score: of.score });
    let users: Vec<f32> = of.iter().map(|&item| counts[item] as f32).collect();
    let relevance = damped(&pool.collect::<Vec<_>>(), 0.6, &users);
    let ids: Vec<String> = of.iter().map(|&item| item_id(item as u32)).collect();
    let vectors = vae().item_embeddings(&ids).unwrap().entries.into_iter().flatten();
    let vectors: Vec<f32> = vectors
        .flat_map(|vector| {
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.into_iter().map(move |value| value / length).collect::<Vec<_>>()
        })
        .collect();
    let order = diversified(&relevance, Columns::new(&vectors, (vectors.len() / POOL, POOL)), 0.5, 8);
    let expected: Vec<usize> = order.into_iter().map(|at| of[at]).collect();
    assert_ne!(expected, of[..8], "something was done");
    let request = RecommendRequest {
        min_score: Some(least),
        popularity_damping: 0.6,
        diversity: Some(Diversity { strength: 0.5, candidates: Some(POOL) }),
        n: 8,
        ..filtered
    };
    assert_eq!(listed(&answer(vae(), &request)), expected);
    // The same for a draw, here one without deviation.
    let exploration = Some(Exploration { seed: 1, draws: None, scale: Some(0.0) });
    assert_eq!(listed(&answer(vae(), &RecommendRequest { exploration, ..request.clone() })), expected);

    // What fills up comes last, in an order of its own.
    let diversity = Some(Diversity { strength: 0.5, candidates: None });
    let full = answer(vae(), &RecommendRequest { n: 17, fill: true, diversity, ..request });
    let mut below: Vec<usize> = listed(&all)[15..].to_vec();
    below.sort_by_key(|&item| (std::cmp::Reverse(counts[item]), item));
    assert_eq!(full.filled_items, 2);
    assert_eq!(listed(&full)[15..], below[..2]);
    let (mut varied, mut enough) = (listed(&full)[..15].to_vec(), listed(&all)[..15].to_vec());
    varied.sort_unstable();
    enough.sort_unstable();
    assert_eq!(varied, enough);
}

#[test]
fn many_exploring_requests_are_answered_as_each_alone() {
    let request = |seed: u64| RecommendRequest {
        exploration: Some(Exploration { seed, draws: Some(30), scale: None }),
        negatives: items([seed as u32 % 5]),
        user_id: Some(user_id(seed as usize % 60)),
        n: 5,
        ..RecommendRequest::default()
    };
    let requests: Vec<_> = (0..70).map(request).collect();
    for (request, together) in requests.iter().zip(vae().recommend(&requests)) {
        let alone = vae().recommend(std::slice::from_ref(request)).remove(0).unwrap();
        assert_eq!(alone, together.unwrap());
    }
}
