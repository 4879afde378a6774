//! How far expected ratings are from those that were given, for models of ratings.

use rayon::prelude::*;
use serde::Serialize;

use crate::interactions::Interactions;
use crate::models::Model;
use crate::types::{ItemIdx, UserIdx};

/// Errors over all ratings that had to be found, those of long histories counting as often as they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RatingErrors {
    /// Ratings compared; those of items that are folded in are not.
    pub ratings: usize,
    /// √(mean of (r − r̂)²).
    pub rmse: f64,
    /// Mean of |r − r̂|.
    pub mae: f64,
}

/// Folds in every row of `fold_in` and compares the ratings of the same row of `target` with those that the model expects.
/// `None` when the model expects none, or there is nothing to compare. Errors are added up user by user, in order.
///
/// # Panics
/// When the two matrices differ in shape or in items from the model.
#[must_use]
pub fn rating_errors(model: &dyn Model, fold_in: &Interactions, target: &Interactions) -> Option<RatingErrors> {
    let user = |user: u32| -> Option<(usize, f64, f64)> {
        let (history, target) = (fold_in.history(UserIdx(user)), target.history(UserIdx(user)));
        let unseen = target.items().iter().zip(target.weights());
        let unseen = unseen.filter(|(item, _)| history.items().binary_search(item).is_err());
        let (items, given): (Vec<ItemIdx>, Vec<f64>) =
            unseen.map(|(&item, &rating)| (ItemIdx(item), f64::from(rating))).unzip();
        let expected = model.ratings(history, &items)?;
        let off = || given.iter().zip(&expected).map(|(given, &expected)| given - f64::from(expected));
        Some((items.len(), off().map(|off| off * off).sum(), off().map(f64::abs).sum()))
    };
    let users: Option<Vec<_>> = (0..target.users() as u32).into_par_iter().map(user).collect();
    let add =
        |(n, squares, sum), (m, more_squares, more): (usize, f64, f64)| (n + m, squares + more_squares, sum + more);
    let (ratings, squares, sum) = users?.into_iter().fold((0, 0.0, 0.0), add);
    let count = ratings as f64;
    (ratings > 0).then(|| RatingErrors { ratings, rmse: (squares / count).sqrt(), mae: sum / count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interactions::History;
    use crate::models::{Biases, BiasesConfig, Popularity};

    fn rows(users: &[&[(u32, f32)]]) -> Interactions {
        let pairs =
            |user: &[(u32, f32)]| user.iter().map(|&(item, rating)| (ItemIdx(item), rating)).collect::<Vec<_>>();
        let histories: Vec<History> = users.iter().map(|user| History::from_pairs(pairs(user)).unwrap()).collect();
        Interactions::from_histories(3, histories.iter().map(History::as_ref)).unwrap()
    }

    #[test]
    fn errors_are_those_of_all_ratings_that_are_not_folded_in() {
        // λ so large that everything is expected at the mean, 3.
        let train = rows(&[&[(0, 2.0), (1, 4.0)], &[(0, 3.0)]]);
        let config = BiasesConfig { user_lambda: 1e6, item_lambda: 1e6, ..BiasesConfig::default() };
        let model = Biases::fit(&config, &train).unwrap();
        let target = rows(&[&[(0, 5.0), (2, 4.0)], &[(1, 1.0), (2, 3.0)]]);
        let found = rating_errors(&model, &train, &target).unwrap();
        assert_eq!(found.ratings, 3);
        assert!((found.rmse - (5.0f64 / 3.0).sqrt()).abs() < 1e-3 && (found.mae - 1.0).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn scores_that_only_rank_have_no_error() {
        let train = rows(&[&[(0, 2.0)], &[(1, 3.0)]]);
        assert_eq!(rating_errors(&Popularity::fit(&train), &train, &rows(&[&[(1, 5.0)], &[]])), None);
        let model = Biases::fit(&BiasesConfig::default(), &train).unwrap();
        assert_eq!(rating_errors(&model, &train, &rows(&[&[], &[]])), None);
    }
}
