//! How much of one ranking is in another?

use rayon::prelude::*;

use super::{Candidates, TopN};
use crate::linalg::{Columns, ColumnsMut, dots};

/// Entities asked for, at most; spread over all of them.
const ASKED: usize = 1000;

/// Overlap@n: the share of the `n` entities of the largest `scores` that are among the `n` of the largest cosines, over the
/// entities asked about, each of which is left out of its own lists. Ties go to the lower entity.
///
/// `directions` are vectors of unit length, or zero, one a column; `scores` writes what the other ranking gives every entity
/// for the one asked about. With fewer than `n` others, lists are as long as there are; 1 for fewer than two entities.
#[must_use]
pub fn overlap(directions: Columns<'_>, n: usize, scores: impl Fn(usize, &mut [f32]) + Sync) -> f64 {
    let entities = directions.cols();
    let n = n.min(entities.saturating_sub(1));
    if n == 0 {
        return 1.0;
    }
    let list = |asked: usize, scores: &mut [f32]| {
        Candidates { seen: &[asked as u32], ..Candidates::default() }.mask(0, scores);
        let mut best = TopN::new(n);
        best.offer_block(0, scores);
        let mut list: Vec<u32> = best.into_sorted().into_iter().map(|scored| scored.item.0).collect();
        list.sort_unstable();
        list
    };
    let asked: Vec<usize> = (0..entities).step_by(entities.div_ceil(ASKED)).collect();
    let shares = asked.par_iter().map(|&asked| {
        let mut values = vec![0.0; entities];
        dots(ColumnsMut::new(&mut values, (entities, 1)), directions, directions.range(asked..asked + 1));
        let exact = list(asked, &mut values);
        scores(asked, &mut values);
        let other = list(asked, &mut values);
        other.iter().filter(|item| exact.binary_search(item).is_ok()).count() as f64 / n as f64
    });
    shares.collect::<Vec<f64>>().into_iter().sum::<f64>() / asked.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_twice_is_counted() {
        let angles: Vec<f32> = (0..5).flat_map(|at| [(0.3 * at as f32).cos(), (0.3 * at as f32).sin()]).collect();
        let directions = Columns::new(&angles, (2, 5));
        let along = |scores: fn(usize, usize) -> f32| {
            overlap(directions, 2, move |asked, out| {
                out.iter_mut().enumerate().for_each(|(at, score)| *score = scores(asked, at));
            })
        };
        // Nearest on the arc: 1 2 | 0 2 | 1 3 | 2 4 | 3 2.
        assert_eq!(along(|asked, at| -(asked as f32 - at as f32).abs()), 1.0);
        // The same two for all: 3 4 | 3 4 | 3 4 | 2 4 | 2 3.
        assert!((along(|_, at| at as f32) - (0.0 + 0.0 + 0.5 + 1.0 + 1.0) / 5.0).abs() < 1e-12);
        assert_eq!(overlap(directions.range(0..1), 2, |_, _| {}), 1.0);
    }
}
