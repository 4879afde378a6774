//! Conditions, context, dislikes, least scores and what fills a list up.

use std::sync::atomic::{AtomicUsize, Ordering};

use foldin::engine::{Detail, Fallback, MetadataValue, RecommendRequest, ShortList, Tier};
use foldin::filter::Filter;

use crate::fixture::{ITEMS, category_of, ease, histories, item_id, mult_vae, popularity, price_of, tags_of};
use crate::harness::{all_scores, answer, bits, items, listed, number, of_user, open, stored};

/// A condition, and the same in code.
type Condition = (&'static str, fn(usize) -> bool);

/// Conditions that many and few items meet.
fn conditions() -> [Condition; 6] {
    [
        ("category in ('tea', 'pot')", |i| matches!(category_of(i), Some("tea" | "pot"))),
        ("price < 20 and not adult", |i| price_of(i).is_some_and(|price| price < 20.0) && i % 5 != 0),
        ("not (price < 20)", |i| price_of(i).is_some_and(|price| price >= 20.0)),
        ("tags has 'third' or category is null", |i| tags_of(i).contains(&"third") || category_of(i).is_none()),
        ("released >= '1970-01-30'", |i| i >= 29),
        ("price = 1.5 or released = '1970-01-04'", |i| i == 1 || i == 3),
    ]
}

#[test]
fn a_filtered_list_is_the_plain_list_without_the_others() {
    for config in [ease(), mult_vae(), popularity()] {
        let engine = open(&config);
        for user in [3, 20, 43] {
            let plain = answer(&engine, &of_user(user, 100));
            for (filter, meets) in conditions() {
                let request = RecommendRequest { filter: Some(filter.into()), ..of_user(user, 100) };
                let filtered = answer(&engine, &request);
                let expected: Vec<_> = bits(&plain).into_iter().filter(|(item, _)| meets(*item)).collect();
                assert_eq!(bits(&filtered), expected, "{filter}");
                let removed = filtered.removed;
                assert_eq!(removed.seen, plain.removed.seen);
                assert_eq!(removed.not_matching, ITEMS - removed.seen - expected.len(), "{filter}");
                assert_eq!(
                    bits(&answer(&engine, &RecommendRequest { n: 2, ..request }))[..],
                    expected[..2.min(expected.len())]
                );
            }
        }
    }
}

#[test]
fn filters_join_with_the_lists_of_the_request() {
    let engine = open(&mult_vae());
    let request = RecommendRequest {
        filter: Some("tags has 'even'".into()),
        allow: Some((0..20).map(item_id).collect()),
        exclude: vec![item_id(4), item_id(5)],
        ..of_user(20, 30)
    };
    let list = answer(&engine, &request);
    let seen: Vec<usize> = stored(20).iter().map(|item| number(&item.item_id)).collect();
    let expected: Vec<usize> = (0..20).filter(|i| i % 2 == 0 && *i != 4 && !seen.contains(i)).collect();
    let mut found = listed(&list);
    found.sort_unstable();
    assert_eq!(found, expected);
    let seen_below = seen.iter().filter(|i| **i < 20).count();
    let odd = (0..20).filter(|i| i % 2 == 1 && *i != 5 && !seen.contains(i)).count();
    assert_eq!((list.removed.not_allowed, list.removed.seen), (17, seen_below));
    assert_eq!(list.removed.not_matching, odd);
    assert_eq!(list.short, Some(ShortList::Filtered));
}

#[test]
fn what_nobody_waits_for_is_not_prepared() {
    let engine = open(&mult_vae());
    let ids = || (0..5_000).map(|_| item_id(4)).collect::<Vec<_>>();
    let filter = Some("price < 20 and not adult or tags has 'even'".to_owned());
    let looks = AtomicUsize::new(0);
    // How often it is asked whether anybody still waits, and what comes out when nobody does from some time on.
    let until = |request: &RecommendRequest, last: usize| {
        looks.store(0, Ordering::SeqCst);
        engine.recommend_while(std::slice::from_ref(request), &|| looks.fetch_add(1, Ordering::SeqCst) < last)
    };
    assert!(until(&of_user(3, 5), usize::MAX).is_some());
    let plain = looks.load(Ordering::SeqCst);
    for (request, more) in [
        (RecommendRequest { filter: filter.clone(), ..of_user(3, 5) }, 3),
        (RecommendRequest { exclude: ids(), ..of_user(3, 5) }, 2),
        (RecommendRequest { allow: Some(ids()), ..of_user(3, 5) }, 2),
    ] {
        assert!(until(&request, usize::MAX).is_some());
        let all = looks.load(Ordering::SeqCst);
        assert!(all >= plain + more - 1, "{all} looks, {plain} without");
        for last in 0..all {
            assert!(until(&request, last).is_none(), "given up after {last} of {all}");
            assert_eq!(looks.load(Ordering::SeqCst), last + 1, "at once");
        }
    }
    let similar = |last| {
        looks.store(0, Ordering::SeqCst);
        let wanted = || looks.fetch_add(1, Ordering::SeqCst) < last;
        engine.similar_items_while(&item_id(4), 5, filter.as_deref(), &wanted).unwrap()
    };
    assert_eq!(similar(usize::MAX), Some(engine.similar_items(&item_id(4), 5, filter.as_deref()).unwrap()));
    assert_eq!((0..3).map(similar).collect::<Vec<_>>(), [None, None, None]);
}

#[test]
fn a_condition_that_nothing_meets() {
    let engine = open(&ease());
    let request = RecommendRequest { filter: Some("category = 'sofa'".into()), ..of_user(20, 5) };
    let list = answer(&engine, &request);
    assert_eq!((list.items.len(), list.short), (0, Some(ShortList::NothingMatches)));
    let unknown = RecommendRequest { user_id: Some("nobody".into()), ..request };
    assert_eq!(answer(&engine, &unknown).short, Some(ShortList::NothingMatches));
}

#[test]
fn who_is_unknown_gets_what_is_popular_within_the_filter() {
    let engine = open(&mult_vae());
    let counts = histories().item_counts();
    let mut popular: Vec<usize> = (0..ITEMS).filter(|i| i % 2 == 0).collect();
    popular.sort_by_key(|&i| (std::cmp::Reverse(counts[i]), i));
    let request = RecommendRequest {
        user_id: Some("nobody".into()),
        filter: Some("tags has 'even'".into()),
        // Personal scores are of another kind.
        min_score: Some(1e6),
        popularity_damping: 1.0,
        n: 4,
        ..RecommendRequest::default()
    };
    let list = answer(&engine, &request);
    assert_eq!(listed(&list), popular[..4]);
    assert_eq!((list.tier, list.fallback), (Tier::PopularityFiltered, Some(Fallback::UnknownUser)));
    assert!(list.items.iter().all(|item| item.tier == Some(Tier::PopularityFiltered)));
}

#[test]
fn context_is_folded_in_but_can_be_listed() {
    for config in [ease(), mult_vae()] {
        let engine = open(&config);
        let own: Vec<usize> = stored(20).iter().map(|item| number(&item.item_id)).collect();
        let context: Vec<u32> = (0..ITEMS as u32).filter(|i| !own.contains(&(*i as usize))).take(2).collect();
        let request = RecommendRequest { context: items(context.clone()), ..of_user(20, 100) };
        let list = answer(&engine, &request);
        let union = RecommendRequest {
            history: items(context.clone()),
            include_seen: true,
            exclude: own.iter().map(|&i| item_id(i as u32)).collect(),
            ..of_user(20, 100)
        };
        assert_eq!(bits(&list), bits(&answer(&engine, &union)));
        assert!(context.iter().all(|i| listed(&list).contains(&(*i as usize))));
        assert_eq!((list.history_items, list.removed.seen), (own.len(), own.len()));
        assert_ne!(bits(&list), bits(&answer(&engine, &of_user(20, 100))));

        // Enough for a personal list where nothing else is known; what is unknown is counted.
        let stranger = RecommendRequest {
            context: [items(context), items([77])].concat(),
            user_id: Some("nobody".into()),
            ..of_user(20, 5)
        };
        let list = answer(&engine, &stranger);
        assert_eq!((list.tier, list.fallback, list.unknown_context_items), (Tier::Personal, None, 1));
    }
}

#[test]
fn dislikes_are_taken_off_and_not_listed() {
    for config in [ease(), mult_vae()] {
        let engine = open(&config);
        let (with, without) = (all_scores(&engine, stored(20)), all_scores(&engine, items([1, 30])));
        // A model's answer to nothing: what it gives the empty rest of a history of one.
        let explained = |item: usize| {
            let request = foldin::engine::ExplainRequest {
                history: items([1]),
                item_id: item_id(item as u32),
                ..Default::default()
            };
            engine.explain(&request).unwrap()
        };
        let nothing: Vec<f32> = (0..ITEMS)
            .map(|item| match config.name() {
                "ease" => 0.0,
                _ => explained(item).rest,
            })
            .collect();
        for strength in [None, Some(0.0), Some(2.0)] {
            let request =
                RecommendRequest { negatives: items([1, 30]), negative_strength: strength, ..of_user(20, 100) };
            let list = answer(&engine, &request);
            assert!(!listed(&list).iter().any(|item| [1, 30].contains(item)));
            for (item, score) in bits(&list) {
                let expected = with[item] - strength.unwrap_or(0.5) * (without[item] - nothing[item]);
                assert_eq!(score, expected.to_bits(), "{}: item {item}", config.name());
            }
            assert!(list.items.is_sorted_by(|a, b| a.score >= b.score));
        }
    }
}

#[test]
fn a_least_score_ends_the_list() {
    let engine = open(&mult_vae());
    let plain = answer(&engine, &of_user(20, 100));
    let least = plain.items[4].score;
    let list = answer(&engine, &RecommendRequest { min_score: Some(least), ..of_user(20, 100) });
    assert_eq!(bits(&list), bits(&plain)[..5]);
    let few = RecommendRequest { min_score: Some(least), ..of_user(20, 10) };
    assert_eq!(answer(&engine, &few).short, Some(ShortList::BelowMinScore));
    assert_eq!(answer(&engine, &RecommendRequest { n: 5, ..few.clone() }).short, None);
    let sparse = RecommendRequest { filter: Some("released < '1970-01-04'".into()), min_score: Some(1e9), ..few };
    let list = answer(&engine, &sparse);
    assert_eq!((list.items.len(), list.short), (0, Some(ShortList::BelowMinScore)));
    // The popularity model's own scores are held to it.
    let popular = open(&popularity());
    let plain = answer(&popular, &of_user(20, 100));
    let list = answer(&popular, &RecommendRequest { min_score: Some(plain.items[2].score), ..of_user(20, 100) });
    assert!(list.items.len() < plain.items.len() && list.items.len() >= 3);
}

#[test]
fn a_short_list_is_filled_up_within_the_filter_first() {
    let counts = histories().item_counts();
    let by_popularity = |mut items: Vec<usize>| {
        items.sort_by_key(|&i| (std::cmp::Reverse(counts[i]), i));
        items
    };
    let engine = open(&mult_vae());
    let seen: Vec<usize> = stored(20).iter().map(|item| number(&item.item_id)).collect();
    let filter = RecommendRequest {
        filter: Some("released < '1970-01-11'".into()),
        exclude: vec![item_id(2), item_id(33)],
        ..of_user(20, 15)
    };
    let plain = answer(&engine, &filter);
    let full = answer(&engine, &RecommendRequest { fill: true, ..filter.clone() });
    assert_eq!(bits(&full)[..plain.items.len()], bits(&plain));
    let rest: Vec<usize> = (10..ITEMS).filter(|i| *i != 33 && !seen.contains(i)).collect();
    assert_eq!(listed(&full)[plain.items.len()..], by_popularity(rest)[..15 - plain.items.len()]);
    assert_eq!((full.filled_items, full.short), (15 - plain.items.len(), None));
    assert_eq!(full.items.iter().map(|item| item.rank).collect::<Vec<_>>(), (1..=15).collect::<Vec<_>>());
    for (place, item) in full.items.iter().enumerate() {
        let tier = if place < plain.items.len() { Tier::Personal } else { Tier::Popularity };
        assert_eq!(item.tier, Some(tier));
    }

    // Items below the least score fill up before those outside of the filter.
    let least = RecommendRequest { min_score: Some(plain.items[1].score), fill: true, ..filter.clone() };
    let full = answer(&engine, &least);
    let tiers: Vec<_> = full.items.iter().map(|item| item.tier.unwrap()).collect();
    assert_eq!(tiers.iter().filter(|tier| **tier == Tier::Personal).count(), 2);
    assert_eq!(tiers.iter().filter(|tier| **tier == Tier::PopularityFiltered).count(), plain.items.len() - 2);
    assert!(tiers.is_sorted_by_key(|tier| {
        [Tier::Personal, Tier::PopularityFiltered, Tier::Popularity].iter().position(|t| t == tier)
    }));

    // A list that is long enough stays as it is; one that nothing can fill says why.
    let long = RecommendRequest { fill: true, ..of_user(20, 5) };
    assert_eq!(answer(&engine, &long), answer(&engine, &RecommendRequest { fill: false, ..long.clone() }));
    let allowed = RecommendRequest { allow: Some(vec![item_id(1), item_id(20)]), fill: true, ..filter };
    let list = answer(&engine, &allowed);
    assert_eq!((list.items.len(), list.short), (2, Some(ShortList::Filtered)));
}

#[test]
fn attributes_are_shown_as_asked_for() {
    let engine = open(&mult_vae());
    let detail = Detail {
        attributes: ["tags", "price", "adult", "released", "category"].map(Into::into).into(),
        omit_titles: true,
        ..Detail::default()
    };
    let list = answer(&engine, &RecommendRequest { detail, ..of_user(20, 100) });
    for item in &list.items {
        let of = number(&item.item_id);
        let texts = tags_of(of).into_iter().map(Into::into).collect();
        let mut expected = vec![("tags", MetadataValue::Texts(texts))];
        expected.extend(price_of(of).map(|price| ("price", MetadataValue::Number(price))));
        expected.push(("adult", MetadataValue::Flag(of.is_multiple_of(5))));
        let day = if of < 31 { format!("1970-01-{:02}", of + 1) } else { format!("1970-02-{:02}", of - 30) };
        expected.push(("released", MetadataValue::Text(format!("{day}T00:00:00Z"))));
        expected.extend(category_of(of).map(|category| ("category", MetadataValue::Text(category.into()))));
        let found: Vec<_> = item.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        assert_eq!(found, expected, "item {of}");
        assert_eq!(item.title, None);
    }
    assert!(
        answer(&engine, &of_user(20, 100)).items.iter().any(|item| item.title.is_some() && item.attributes.is_empty())
    );
}

#[test]
fn metadata_survives_publication() {
    let engine = open(&popularity());
    let metadata = engine.metadata();
    let names: Vec<&str> = metadata.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["category", "price", "adult", "tags", "released"]);
    assert_eq!(metadata.left_out()[0].name, "origin");
    assert!(metadata.left_out()[0].reason.contains("cannot be compared"), "{:?}", metadata.left_out());
    assert!(metadata.bytes() > 0);
    for (filter, meets) in conditions() {
        let matching: Vec<usize> = Filter::compile(filter, metadata).unwrap().matching().ones().collect();
        assert_eq!(matching, (0..ITEMS).filter(|&item| meets(item)).collect::<Vec<_>>(), "{filter}");
    }
}
