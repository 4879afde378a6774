//! What a model makes of the weights of a history.

use serde::{Deserialize, Serialize};

use crate::interactions::{History, HistoryRef};
use crate::nn::SparseBatch;
use crate::training::Shard;

/// What a model makes of the weights of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputWeights {
    /// Every interaction counts 1, as in the papers on implicit feedback.
    #[default]
    Binary,
    /// The weights of the log are used as they are.
    Use,
}

impl InputWeights {
    /// The weights of a history as the model sees them.
    pub(super) fn of(self, history: HistoryRef<'_>) -> impl Iterator<Item = f32> + Clone {
        history.weights().iter().map(move |&weight| match self {
            Self::Binary => 1.0,
            Self::Use => weight,
        })
    }

    /// Histories with their weights as the model sees them.
    pub(super) fn histories(self, histories: &[HistoryRef<'_>]) -> Vec<History> {
        let seen = |&history: &HistoryRef<'_>| {
            let weights: Vec<f32> = self.of(history).collect();
            History::from(HistoryRef::from_sorted(history.items(), &weights))
        };
        histories.iter().map(seen).collect()
    }

    /// The input of the first layer for a batch of histories.
    pub(super) fn batch(self, histories: &[HistoryRef<'_>]) -> SparseBatch {
        let mut batch = SparseBatch::new();
        histories.iter().for_each(|&history| batch.push(history.items(), self.of(history)));
        batch
    }

    /// The same with dropout, for training.
    pub(super) fn corrupted_batch(self, shard: &Shard<'_>, rate: f32) -> SparseBatch {
        let mut batch = SparseBatch::new();
        for (position, &history) in shard.histories.iter().enumerate() {
            batch.push_corrupted(history.items(), self.of(history), rate, shard.stream_of(position));
        }
        batch
    }

    /// What the output of a shard is compared with: the uncorrupted histories.
    pub(super) fn targets<'a>(self, shard: &'a Shard<'_>) -> Targets<'a> {
        let longest = shard.histories.iter().map(|h| h.len()).max().unwrap_or(0);
        let ones = match self {
            Self::Binary => vec![1.0; longest],
            Self::Use => Vec::new(),
        };
        Targets { histories: &shard.histories, weights: self, ones }
    }
}

/// Items and weights of each user of a shard.
pub(super) struct Targets<'a> {
    histories: &'a [HistoryRef<'a>],
    weights: InputWeights,
    ones: Vec<f32>,
}

impl Targets<'_> {
    /// Items and weights of the user at a position.
    pub(super) fn row(&self, user: usize) -> (&[u32], &[f32]) {
        let history = self.histories[user];
        match self.weights {
            InputWeights::Binary => (history.items(), &self.ones[..history.len()]),
            InputWeights::Use => (history.items(), history.weights()),
        }
    }
}
