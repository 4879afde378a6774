//! Variety and popularity damping.

use foldin::engine::{Diversity, Engine, RecommendRequest, Recommendation};

use crate::fixture::{ease, histories, mult_dae, mult_vae, popularity};
use crate::harness::{answer, bits, listed, of_user, open};

fn diverse(strength: f32, candidates: Option<usize>) -> Option<Diversity> {
    Some(Diversity { strength, candidates })
}

/// Mean cosine of the pairs of a list.
fn likeness(engine: &Engine, list: &Recommendation) -> f32 {
    let ids: Vec<String> = list.items.iter().map(|item| item.item_id.clone()).collect();
    let vectors: Vec<Vec<f32>> = engine.item_embeddings(&ids).unwrap().entries.into_iter().flatten().collect();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = |a: &[f32], b: &[f32]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let pairs: Vec<f32> = (0..ids.len())
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .map(|(i, j)| cosine(&vectors[i], &vectors[j]))
        .collect();
    pairs.iter().sum::<f32>() / pairs.len() as f32
}

#[test]
fn without_strength_every_list_is_the_plain_one() {
    for config in [mult_vae(), mult_dae()] {
        let engine = open(&config);
        for user in 0..60 {
            let plain = answer(&engine, &of_user(user, 6));
            for candidates in [None, Some(6), Some(4_000)] {
                let request = RecommendRequest { diversity: diverse(0.0, candidates), ..of_user(user, 6) };
                assert_eq!(answer(&engine, &request), plain, "user {user}");
            }
            let request = RecommendRequest { popularity_damping: 0.0, ..of_user(user, 6) };
            assert_eq!(answer(&engine, &request), plain);
        }
    }
}

#[test]
fn more_strength_is_more_variety() {
    let engine = open(&mult_vae());
    let mean = |strength: f32| {
        let lists = (0..60).map(|user| {
            let request = RecommendRequest { diversity: diverse(strength, None), ..of_user(user, 6) };
            likeness(&engine, &answer(&engine, &request))
        });
        lists.sum::<f32>() / 60.0
    };
    let (none, some, all) = (mean(0.0), mean(0.5), mean(1.0));
    assert!(none > some && some > all, "{none} {some} {all}");
    // The most relevant item leads, and nobody is listed who is not among the candidates.
    for user in [3, 20] {
        let request = RecommendRequest { diversity: diverse(1.0, Some(9)), ..of_user(user, 6) };
        let (list, pool) = (answer(&engine, &request), answer(&engine, &of_user(user, 9)));
        assert_eq!(list.items[0].item_id, pool.items[0].item_id);
        assert!(bits(&list).iter().all(|item| bits(&pool).contains(item)), "scores stay what they were");
    }
}

#[test]
fn damping_brings_the_rare_forward() {
    let engine = open(&mult_vae());
    let counts = histories().item_counts();
    let popularity = |damping: f32| {
        let lists = (0..60).map(|user| {
            let request = RecommendRequest { popularity_damping: damping, ..of_user(user, 6) };
            listed(&answer(&engine, &request)).iter().map(|&item| counts[item]).sum::<u32>()
        });
        lists.sum::<u32>()
    };
    let (none, some, all) = (popularity(0.0), popularity(0.3), popularity(1.0));
    assert!(none > some && some > all, "{none} {some} {all}");
    let request = RecommendRequest { popularity_damping: 1.0, ..of_user(20, 3) };
    let (list, pool) = (answer(&engine, &request), answer(&engine, &of_user(20, 12)));
    assert!(bits(&list).iter().all(|item| bits(&pool).contains(item)), "chosen from four for each");
}

#[test]
fn the_formula_of_damping_on_a_list() {
    for config in [mult_vae(), mult_dae(), ease(), popularity()] {
        damped_by_the_formula(&open(&config));
    }
}

fn damped_by_the_formula(engine: &Engine) {
    let counts = histories().item_counts();
    let pool = answer(engine, &of_user(20, 16));
    let of = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64).sqrt())
    };
    let scores: Vec<f64> = pool.items.iter().map(|item| f64::from(item.score)).collect();
    let rarity: Vec<f64> = listed(&pool).iter().map(|&item| f64::from(counts[item] + 1).ln()).collect();
    let ((_, spread), (mean, range)) = (of(&scores), of(&rarity));
    let worth: Vec<f64> = scores.iter().zip(&rarity).map(|(s, r)| s - 0.4 * spread * (r - mean) / range).collect();
    let mut order: Vec<usize> = (0..16).collect();
    order.sort_by(|&a, &b| worth[b].total_cmp(&worth[a]));
    let expected: Vec<usize> = order[..4].iter().map(|&at| listed(&pool)[at]).collect();
    let request = RecommendRequest { popularity_damping: 0.4, ..of_user(20, 4) };
    assert_eq!(listed(&answer(engine, &request)), expected);
}
