//! Draws from the uncertainty of a model, and how probable they make an item.

use foldin::engine::{Exploration, RecommendRequest};
use foldin::models::Draws;
use foldin::ranking::{Candidates, Wanted, rank_lists};
use foldin::types::UserIdx;

use crate::fixture::{histories, mult_vae, train};
use crate::harness::{answer, bits, listed, of_user, open};

fn exploring(seed: u64, draws: usize, scale: f32) -> RecommendRequest {
    let exploration = Some(Exploration { seed, draws: Some(draws), scale: Some(scale) });
    RecommendRequest { exploration, ..of_user(20, 6) }
}

#[test]
fn propensities_are_shares_of_the_draws() {
    let engine = open(&mult_vae());
    let model = train(&mult_vae(), 1).model;
    let all = histories();
    let history = all.history(UserIdx(20));
    for seed in 0..20 {
        let list = answer(&engine, &exploring(seed, 8, 3.0));
        let query = model.draw(history, &Draws { seed, count: 8, scale: 3.0 }).unwrap();
        let candidates = Candidates { seen: history.items(), ..Candidates::default() };
        let wanted = |user| Wanted { user, candidates, n: 6, min_score: None, minus: None };
        let draws = rank_lists(&*model, &query, &(0..8).map(wanted).collect::<Vec<_>>(), &|| true).unwrap();
        let draws: Vec<Vec<usize>> = draws.iter().map(|d| d.items.iter().map(|s| s.item.at()).collect()).collect();
        assert!(draws.contains(&listed(&list)), "the answer is one of the draws");
        for (item, entry) in listed(&list).into_iter().zip(&list.items) {
            let share = draws.iter().filter(|draw| draw.contains(&item)).count() as f64 / 8.0;
            assert_eq!(entry.propensity, Some(share));
        }
    }
}

#[test]
fn the_seed_decides_and_seeds_differ() {
    let engine = open(&mult_vae());
    assert_eq!(answer(&engine, &exploring(7, 16, 1.0)), answer(&engine, &exploring(7, 16, 1.0)));
    let lists: std::collections::HashSet<Vec<usize>> =
        (0..30).map(|seed| listed(&answer(&engine, &exploring(seed, 16, 3.0)))).collect();
    assert!(lists.len() > 10, "{} lists of 30 seeds", lists.len());
    assert!(answer(&engine, &of_user(20, 6)).items.iter().all(|item| item.propensity.is_none()));
}

#[test]
fn every_draw_answers_equally_often() {
    let engine = open(&mult_vae());
    // With two draws, an item of one of them only is listed by half of the seeds that see it drawn: among the lists with
    // such an item, its propensity is 1/2, and over many seeds the first draw is chosen as often as the second.
    let model = train(&mult_vae(), 1).model;
    let all = histories();
    let history = all.history(UserIdx(20));
    let (mut first, mut decided) = (0, 0);
    for seed in 0..300 {
        let list = bits(&answer(&engine, &exploring(seed, 2, 3.0)));
        let query = model.draw(history, &Draws { seed, count: 2, scale: 3.0 }).unwrap();
        let candidates = Candidates { seen: history.items(), ..Candidates::default() };
        let wanted = |user| Wanted { user, candidates, n: 6, min_score: None, minus: None };
        let draws = rank_lists(&*model, &query, &[wanted(0), wanted(1)], &|| true).unwrap();
        let bits_of = |at: usize| draws[at].items.iter().map(|s| (s.item.at(), s.score.to_bits())).collect::<Vec<_>>();
        if bits_of(0) != bits_of(1) {
            decided += 1;
            first += usize::from(list == bits_of(0));
        }
    }
    assert!(decided > 250 && (100..200).contains(&first), "{first} of {decided}");
}

#[test]
fn without_deviation_every_draw_is_the_plain_list() {
    let engine = open(&mult_vae());
    let (list, plain) = (answer(&engine, &exploring(3, 4, 0.0)), answer(&engine, &of_user(20, 6)));
    assert_eq!(bits(&list), bits(&plain));
    assert!(list.items.iter().all(|item| item.propensity == Some(1.0)));
    // Who is unknown gets the same list for certain.
    let stranger = RecommendRequest { user_id: Some("nobody".into()), ..exploring(3, 4, 1.0) };
    assert!(answer(&engine, &stranger).items.iter().all(|item| item.propensity == Some(1.0)));
}
