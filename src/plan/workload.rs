//! A run that is planned.

use serde::Serialize;

use super::sizes::{DataSizes, id_bytes};
use crate::interactions::IdMap;
use crate::models::{BlendPart, Description, ModelConfig};
use crate::training::TrainingConfig;

/// A training run by everything that its memory, disk and time depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// The data.
    pub data: DataSizes,
    /// The model.
    pub model: ModelConfig,
    /// The loop of iterative models.
    pub training: TrainingConfig,
    /// What decides which epoch is kept.
    pub validation: Validation,
    /// True when checkpoints are written on the way.
    pub checkpoints: bool,
    /// Threads that compute.
    pub threads: u64,
    /// Bytes of the model that the run continues, as of [`loaded_model`]; 0 for none.
    pub parent: u64,
}

/// Users that iterative models are validated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// None: the last epoch is kept.
    Off,
    /// So many users of the log, held out of training.
    HeldOut {
        /// How many.
        users: u64,
    },
    /// Users of other files.
    Given {
        /// How many.
        users: u64,
        /// Their interactions, folded in and to be found.
        interactions: u64,
    },
}

/// Bytes of an element.
pub(super) const FLOAT: u64 = size_of::<f32>() as u64;

/// A product that ends at the largest number instead of beyond it.
pub(super) fn product(factors: &[u64]) -> u64 {
    factors.iter().fold(1, |total, &factor| total.saturating_mul(factor))
}

/// A sum that ends at the largest number instead of beyond it.
pub(super) fn sum(terms: &[u64]) -> u64 {
    terms.iter().fold(0, |total, &term| total.saturating_add(term))
}

/// a · b / c, rounded down.
pub(super) fn share(a: u64, b: u64, c: u64) -> u64 {
    u64::try_from(u128::from(a) * u128::from(b) / u128::from(c.max(1))).unwrap_or(u64::MAX)
}

/// Bytes of a published model in memory: its parameters, its ids, how many users each item has, where each history
/// begins, and the hash of every user.
#[must_use]
pub fn loaded_model(parameters: u64, [users, items]: [&IdMap; 2]) -> u64 {
    let (ids, rows) = (sum(&[id_bytes(users), id_bytes(items)]), users.len() as u64);
    sum(&[product(&[FLOAT, parameters]), ids, product(&[4, items.len() as u64]), product(&[16, rows])])
}

/// The widths of an autoencoder; the largest ones of one of many widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Widths {
    /// Width of the layers between input and output, on each side of the code.
    pub hidden: u64,
    /// Number of such layers before the code.
    pub depth: u64,
    /// Width of a Gaussian code, 0 without one.
    pub latent: u64,
    /// Width of what the output layer takes.
    pub output: u64,
}

impl Workload {
    /// The widths of an autoencoder, `None` for closed forms.
    pub(super) fn widths(&self) -> Option<Widths> {
        let [hidden, depth, latent, output] = match &self.model {
            ModelConfig::Elsa(elsa) => [elsa.dimensions, 1, 0, elsa.dimensions],
            ModelConfig::CompressedElsa(elsa) => [elsa.dimensions, 1, 0, elsa.dimensions],
            ModelConfig::MultVae(vae) => [vae.hidden, 1, vae.latent, vae.hidden],
            ModelConfig::RecVae(vae) => [vae.hidden, vae.layers, vae.latent, vae.latent],
            model => {
                let network = model.autoencoder()?;
                let layers = [&network.encoder[..], &network.decoder].concat();
                [layers.iter().copied().max().unwrap_or(0), layers.len(), 0, network.last()]
            }
        }
        .map(|width| width as u64);
        Some(Widths { hidden, depth, latent, output })
    }

    /// Numbers that the published model is made of.
    ///
    /// - Popularity: one an item. EASE and EDLAE: items². Sparse EASE: a number and a weight for each of the neighbours of
    ///   an item, at most, and the length of its row. ELSA: its dimensions for every item; Compressed
    ///   ELSA: three quarters of a word for each that is kept of them, rounded up, and a scale.
    /// - Low-pass of rank k: k·I and I; with the graph of N interactions, I and 2·N more.
    /// - Mult-DAE and other autoencoders of one layer h: input table h·I and bias h, output table h·I and bias I. Those of
    ///   more: a·b + b for a layer from a to b, and neither matrices of the decoder nor an output table where weights are tied;
    ///   h for every training user that has a node; I biases of ratings.
    /// - Mult-VAE, code k: the same and h·2k + 2k for the encoder, k·h + h for the decoder.
    /// - RecVAE of n layers: the encoder h·I + h, (n − 1)·(h² + h), 2·n·h for the normalisations and h·2k + 2k; the output
    ///   table k·I and bias I.
    /// - Blend: those of its parts.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let items = self.data.items;
        match (&self.model, self.widths()) {
            (ModelConfig::Ease(_) | ModelConfig::Edlae(_), _) => product(&[items, items]),
            (ModelConfig::SparseEase(_), _) => sum(&[product(&[2, items, self.neighbours()]), items]),
            (ModelConfig::Elsa(_), Some(widths)) => product(&[widths.hidden, items]),
            (ModelConfig::CompressedElsa(elsa), _) => product(&[(3 * elsa.kept as u64).div_ceil(4) + 1, items]),
            (ModelConfig::Blend(blend), _) => {
                let part = |part: &BlendPart| Self { model: part.model.clone(), ..self.clone() }.parameters();
                sum(&blend.parts.iter().map(part).collect::<Vec<_>>())
            }
            (ModelConfig::LowPass(low_pass), _) => low_pass_parameters(low_pass.rank, items),
            (ModelConfig::GfCf(gf_cf), _) => self.graph_parameters(gf_cf.rank),
            (ModelConfig::Bspm(bspm), _) => self.graph_parameters(bspm.rank),
            (_, None) => items,
            (ModelConfig::RecVae(_), Some(widths)) => {
                sum(&[self.encoder_parameters(), product(&[widths.latent, items]), items])
            }
            (model, Some(_)) if let Some(network) = model.autoencoder() => self.of_layers(&network),
            (_, Some(Widths { hidden, latent, .. })) => {
                let tables = sum(&[product(&[2, hidden, items]), hidden, items]);
                sum(&[tables, product(&[3, hidden, latent]), product(&[2, latent]), hidden])
            }
        }
    }

    /// Numbers that an autoencoder is made of.
    fn of_layers(&self, network: &Description) -> u64 {
        let items = self.data.items;
        let wide = |width: usize| width as u64;
        let chain = |widths: &[usize], matrices: bool| {
            let layer = |pair: &[usize]| {
                let matrix = if matrices { product(&[wide(pair[0]), wide(pair[1])]) } else { 0 };
                sum(&[matrix, wide(pair[1])])
            };
            sum(&widths.windows(2).map(layer).collect::<Vec<_>>())
        };
        let (first, free) = (wide(network.encoder[0]), !network.tied);
        sum(&[
            product(&[first, items]),
            first,
            chain(&network.encoder, true),
            chain(&[&[network.code()], &network.decoder[..]].concat(), free),
            if free { product(&[wide(network.last()), items]) } else { 0 },
            items,
            if network.user_nodes { product(&[first, self.training_users()]) } else { 0 },
            if network.ratings.as_ref().is_some_and(|ratings| ratings.residual) { items } else { 0 },
        ])
    }

    /// Numbers that training moves: those of the published model, or the whole table that a Compressed ELSA prunes.
    pub(super) fn trained_parameters(&self) -> u64 {
        match &self.model {
            ModelConfig::CompressedElsa(elsa) => product(&[elsa.dimensions as u64, self.data.items]),
            _ => self.parameters(),
        }
    }

    /// Numbers of the encoder that a RecVAE remembers from the round before; 0 for other models.
    pub(super) fn encoder_parameters(&self) -> u64 {
        let (ModelConfig::RecVae(_), Some(Widths { hidden, depth, latent, .. })) = (&self.model, self.widths()) else {
            return 0;
        };
        let inner = product(&[depth.saturating_sub(1), sum(&[product(&[hidden, hidden]), hidden])]);
        let code = product(&[2, latent, hidden.saturating_add(1)]);
        sum(&[product(&[hidden, self.data.items]), hidden, inner, product(&[2, depth, hidden]), code])
    }

    /// Items that an item of a sparse model has weights for, at most; 0 for other models.
    pub(super) fn neighbours(&self) -> u64 {
        match &self.model {
            ModelConfig::SparseEase(sparse) => (sparse.neighbours as u64).min(self.data.items.saturating_sub(1)),
            _ => 0,
        }
    }

    fn graph_parameters(&self, rank: usize) -> u64 {
        let Self { data, .. } = self;
        sum(&[low_pass_parameters(rank, data.items), data.items, product(&[2, data.interactions])])
    }

    /// Singular vectors that the model has; `None` where it has none.
    pub(super) fn rank(&self) -> Option<usize> {
        match &self.model {
            ModelConfig::LowPass(low_pass) => Some(low_pass.rank),
            ModelConfig::GfCf(gf_cf) => Some(gf_cf.rank),
            ModelConfig::Bspm(bspm) => Some(bspm.rank),
            _ => None,
        }
    }

    /// Users that are trained on.
    pub(super) fn training_users(&self) -> u64 {
        match self.validation {
            Validation::HeldOut { users } => self.data.users.saturating_sub(users),
            Validation::Off | Validation::Given { .. } => self.data.users,
        }
    }

    /// Users in a batch.
    pub(super) fn batch_users(&self) -> u64 {
        (self.training.batch_size as u64).min(self.training_users()).max(1)
    }

    /// Users in a shard of a batch, the largest one.
    pub(super) fn shard_users(&self) -> u64 {
        self.batch_users().div_ceil(self.training.shards.max(1) as u64)
    }

    /// Optimiser steps of an epoch.
    pub(super) fn steps(&self) -> u64 {
        self.training_users().div_ceil(self.training.batch_size.max(1) as u64)
    }

    /// Users that are validated on.
    pub(super) fn validation_users(&self) -> u64 {
        match self.validation {
            Validation::Off => 0,
            Validation::HeldOut { users } | Validation::Given { users, .. } => users,
        }
    }

    /// Times that a run of all epochs validates.
    pub(super) fn validations(&self) -> u64 {
        match self.validation {
            Validation::Off => 0,
            _ => (self.training.epochs as u64).div_ceil(self.training.validate_every.max(1) as u64),
        }
    }
}

fn low_pass_parameters(rank: usize, items: u64) -> u64 {
    sum(&[product(&[rank as u64, items]), items])
}
