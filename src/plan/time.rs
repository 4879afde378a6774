//! How long will a run take, roughly? Work from the shapes, at the speeds of the machine.

use serde::Serialize;

use super::calibration::Speeds;
use super::disk::disk;
use super::workload::{Widths, Workload};
use crate::models::{ModelConfig, block_of};

/// A kind of work and how often it is done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// What is done.
    pub name: &'static str,
    /// How often.
    pub times: u64,
    /// Seconds each time.
    pub each: f64,
}

impl Stage {
    /// Seconds altogether.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.times as f64 * self.each
    }
}

/// The time of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Time {
    /// In the order in which they begin.
    pub stages: Vec<Stage>,
}

impl Time {
    /// Seconds altogether, every planned epoch run: early stopping can only shorten it.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(Stage::seconds).sum()
    }
}

/// Share of the product's speed that narrow layers and ranking reach.
const NARROW: f64 = 0.5;

/// Applications of the graph until singular vectors stand still, usually.
const APPLICATIONS: f64 = 40.0;

/// The time of a run at the given speeds.
///
/// - A step of a network: three products of 2·b·h·I operations between hidden layer and items, and three for each inner
///   layer at half the speed; at the speed of a copy, the logits three times (written, normalised, turned into their
///   gradient), the optimiser's 7 values a parameter, and a column of h values for every interaction of the batch,
///   gathered and scattered. A step of an ELSA, compressed or not, has no logits, and 4·d²·I operations.
///   Other autoencoders have six operations a user for each weight of an inner layer; scores that are fed in again five more
///   products between items and layers.
///   A step of a RecVAE has two products between code and items, each inner layer four times while the encoder is trained
///   and once while the decoder is, and moves one of the two.
/// - A validation: 2·h·I operations (2·k·I of a RecVAE) a user at half the speed.
/// - EASE and EDLAE: 8 bytes for every pair of items in a history, at the speed of a copy, and n³ operations. Sparse EASE:
///   the same bytes, and for k neighbours k³ operations an item at half the speed.
/// - Singular vectors: as many applications of the graph as rounds usually take, each twice two operations an interaction
///   and vector at the speed of a copy, and as many products of b × b × I.
#[must_use]
pub fn time(workload: &Workload, speeds: &Speeds) -> Time {
    let data = &workload.data;
    let items = data.items as f64;
    let stage = |name, times, each| Stage { name, times, each };
    let mut stages = vec![stage("reading the log", 1, data.entries as f64 / speeds.rows)];
    match (&workload.model, workload.widths()) {
        (ModelConfig::Ease(_) | ModelConfig::Edlae(_), _) => {
            stages.push(stage("Gram matrix", 1, 8.0 * data.squared_lengths as f64 / speeds.bytes));
            stages.push(stage("inverse", 1, items.powi(3) / speeds.flops));
        }
        (ModelConfig::SparseEase(_), _) => {
            let near = workload.neighbours() as f64;
            stages.push(stage("correlations", 1, 8.0 * data.squared_lengths as f64 / speeds.bytes));
            stages.push(stage("neighbourhoods", 1, items * near.powi(3) / (NARROW * speeds.flops)));
        }
        (_, None) => {
            if let Some(rank) = workload.rank() {
                let (block, interactions) = (block_of(rank) as f64, data.interactions as f64);
                let hops = APPLICATIONS * 2.0 * 4.0 * interactions * block / speeds.bytes;
                let products = APPLICATIONS * 4.0 * block * block * items / speeds.flops;
                stages.push(stage("singular vectors", 1, hops + products));
            }
        }
        (_, Some(Widths { hidden, depth, latent, output })) => {
            let [hidden, depth, latent, output] = [hidden, depth, latent, output].map(|width| width as f64);
            let batch = workload.batch_users() as f64;
            let interactions = batch * data.interactions as f64 / data.users.max(1) as f64;
            let (logits, parameters) = (3.0 * batch * items, workload.trained_parameters() as f64);
            // For each item and value of the output layer's input; logits; inner layers, a user; parameters that move.
            let (rows, logits, inner, moved) = match &workload.model {
                ModelConfig::Elsa(_) | ModelConfig::CompressedElsa(_) => (2.0 * hidden, 0.0, 0.0, parameters),
                ModelConfig::RecVae(vae) => {
                    let (encoder, rounds) =
                        (vae.encoder_epochs as f64, (vae.encoder_epochs + vae.decoder_epochs) as f64);
                    let (share, of_encoder) = (encoder / rounds, workload.encoder_parameters() as f64);
                    let layers = (depth - 1.0) * hidden * hidden + 2.0 * hidden * latent;
                    let moved = share * of_encoder + (1.0 - share) * (parameters - of_encoder);
                    (2.0 * batch, logits, (2.0 + 6.0 * share) * layers, moved)
                }
                model if let Some(network) = model.autoencoder() => {
                    let chain =
                        |widths: &[usize]| widths.windows(2).map(|pair| (pair[0] * pair[1]) as f64).sum::<f64>();
                    let layers = chain(&network.encoder) + chain(&[&[network.code()], &network.decoder[..]].concat());
                    let (once, again) = (1.0 + network.refeeding as f64, 5.0 * network.refeeding as f64);
                    ((3.0 + again) * batch, once * logits, once * 6.0 * layers, parameters)
                }
                _ => (3.0 * batch, logits, 18.0 * hidden * latent, parameters),
            };
            let outer = 2.0 * rows * output * items / speeds.flops;
            let inner = batch * inner / (NARROW * speeds.flops);
            let values = logits + 7.0 * moved + 4.0 * interactions * hidden;
            let step = outer + inner + 4.0 * values / speeds.bytes;
            let steps = (workload.training.epochs as u64).saturating_mul(workload.steps());
            stages.push(stage("steps", steps, step));
            let ranking = 2.0 * workload.validation_users() as f64 * output * items / (NARROW * speeds.flops);
            stages.push(stage("validations", workload.validations(), ranking));
        }
    }
    stages.push(stage("publishing", 1, disk(workload).model_directory as f64 / speeds.disk));
    Time { stages }
}
