//! Lists by way of narrow item tables, in a catalogue that is much larger than the lists.

use fixedbitset::FixedBitSet;
use foldin::interactions::History;
use foldin::linalg::ColumnsMut;
use foldin::models::{Model, MultVae, MultVaeConfig, Query};
use foldin::ranking::{Candidates, NarrowTable, Ranking, Wanted, Width, rank_lists, rank_narrow};
use foldin::types::ItemIdx;

const ITEMS: usize = 3_000;
const N: usize = 40;

fn model() -> MultVae {
    MultVae::new(&MultVaeConfig { hidden: 48, latent: 9, ..MultVaeConfig::default() }, ITEMS, 5)
}

fn table(model: &MultVae, width: Width) -> NarrowTable {
    let parts = model.inner_products().unwrap();
    NarrowTable::new(width, parts.vectors, parts.bias)
}

fn query(model: &MultVae, users: u32) -> Query {
    let history = |user: u32| History::from_pairs((0..8).map(|k| (ItemIdx(user * 31 + k * 97 % 300), 1.0))).unwrap();
    let histories: Vec<History> = (0..users).map(history).collect();
    model.encode(&histories.iter().map(History::as_ref).collect::<Vec<_>>())
}

/// Every third item.
fn third() -> FixedBitSet {
    let mut bits = FixedBitSet::with_capacity(ITEMS);
    (0..ITEMS).step_by(3).for_each(|item| bits.insert(item));
    bits
}

fn items(ranking: &Ranking) -> Vec<ItemIdx> {
    ranking.items.iter().map(|scored| scored.item).collect()
}

fn bits(rankings: &[Ranking]) -> Vec<Vec<(u32, u32)>> {
    rankings.iter().map(|r| r.items.iter().map(|scored| (scored.item.0, scored.score.to_bits())).collect()).collect()
}

/// Lists of all kinds: plain, short, within a bitmap, few candidates, from a score on.
fn lists<'a>(third: &'a FixedBitSet, few: &'a [u32], seen: &'a [u32], least: f32) -> Vec<Wanted<'a>> {
    let all = Candidates { seen, ..Candidates::default() };
    let matching = Candidates { matching: Some(third), ..all };
    vec![
        Wanted::best(0, all, N),
        Wanted::best(1, all, 3),
        Wanted::best(2, matching, N),
        Wanted::best(3, Candidates { allowed: Some(few), ..all }, N),
        Wanted { min_score: Some(least), ..Wanted::best(4, all, N) },
        Wanted { min_score: Some(least), ..Wanted::best(5, matching, 2 * N) },
    ]
}

#[test]
fn what_is_listed_has_exact_scores_and_is_nearly_what_exact_scores_list() {
    let (model, third) = (model(), third());
    let query = query(&model, 6);
    let mut scores = vec![0.0; ITEMS * 6];
    model.score_block(&query, 0..ITEMS as u32, ColumnsMut::new(&mut scores, (ITEMS, 6)));
    let mut sorted = scores[4 * ITEMS..5 * ITEMS].to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (few, seen): (Vec<u32>, Vec<u32>) = ((0..200).collect(), (0..100).map(|item| item * 7).collect());
    let lists = lists(&third, &few, &seen, sorted[30]);
    let exact = rank_lists(&model, &query, &lists, &|| true).unwrap();
    for width in [Width::Int8, Width::F16] {
        let narrow = rank_narrow(&model, &table(&model, width), &query, &lists, &|| true).unwrap();
        for (list, (exact, narrow)) in lists.iter().zip(exact.iter().zip(&narrow)) {
            assert_eq!(narrow.removed, exact.removed);
            let common = items(narrow).iter().filter(|item| items(exact).contains(item)).count();
            assert!(20 * common >= 19 * exact.items.len(), "{width:?}: {common} of {}", exact.items.len());
            assert!(narrow.items.is_sorted_by(|a, b| a.score >= b.score));
            for scored in &narrow.items {
                assert_eq!(scored.score.to_bits(), scores[list.user * ITEMS + scored.item.at()].to_bits());
                assert!(list.candidates.admit(scored.item.0));
                assert!(list.min_score.is_none_or(|least| scored.score >= least));
            }
        }
        assert_eq!(items(&narrow[3]), items(&exact[3]), "a few candidates are scored exactly at once");
        assert!(exact[4].items.len() < N, "the least score ends the list");
    }
}

#[test]
fn a_list_is_the_same_whatever_others_are_made_with_it() {
    let (model, third) = (model(), third());
    let (query, table) = (query(&model, 6), table(&model, Width::Int8));
    let (few, seen): (Vec<u32>, Vec<u32>) = ((0..200).collect(), (0..100).map(|item| item * 7).collect());
    let lists = lists(&third, &few, &seen, 0.0);
    let together = bits(&rank_narrow(&model, &table, &query, &lists, &|| true).unwrap());
    for (list, together) in lists.iter().zip(&together) {
        assert_eq!(
            &bits(&rank_narrow(&model, &table, &query, std::slice::from_ref(list), &|| true).unwrap())[0],
            together
        );
    }
}
