//! What are networks validated by?

use crate::evaluation::{Metric, Trial, rating_errors};
use crate::models::{Model, ModelConfig};

/// What decides which epoch is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validated {
    /// NDCG@100 of the lists.
    Ndcg,
    /// The root mean squared error of expected ratings, for models of ratings; smaller is better, so it counts as negative.
    Rmse,
}

impl Validated {
    /// For a model.
    pub fn of(model: &ModelConfig) -> Self {
        Self::by_ratings(matches!(model, ModelConfig::AutoRec(_) | ModelConfig::Biases(_)))
    }

    /// For a model that expects ratings, or does not.
    pub fn by_ratings(expected: bool) -> Self {
        if expected { Self::Rmse } else { Self::Ndcg }
    }

    /// As it stands before its value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ndcg => "ndcg@100",
            Self::Rmse => "rmse",
        }
    }

    /// A model on validation users, higher is better. A trial has been checked to hold a target; a target wholly among the
    /// fold-in part counts nothing.
    pub fn measure(self, trial: &Trial<'_>, model: &dyn Model) -> f64 {
        let found = match self {
            Self::Ndcg => {
                let evaluation = trial.evaluate(model, &[Metric::NDCG_100]).ok();
                evaluation.and_then(|evaluation| evaluation.mean(Metric::NDCG_100))
            }
            Self::Rmse => rating_errors(model, trial.fold_in(), trial.target()).map(|errors| -errors.rmse),
        };
        found.unwrap_or(0.0)
    }

    /// The value as people know it, of one that is better when higher.
    pub fn shown(self, value: f64) -> f64 {
        match self {
            Self::Ndcg => value,
            Self::Rmse => -value,
        }
    }
}
