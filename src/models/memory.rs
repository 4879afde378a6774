//! How much memory does training take? Computable before the run, so that too much is refused
//! instead of ending the process.

use super::ModelConfig;
use crate::training::TrainingConfig;

/// Peak bytes that [`fit`](super::fit) allocates for a model of `items` items, beside the log itself.
///
/// Autoencoders: weights, two moments, one gradient (a second one with several shards) and the best
/// weights so far, each of the size of the parameters; and the logits and activations of one shard.
/// EASE: one items × items matrix and the transposed log, which `interactions` sizes.
#[must_use]
pub fn training_bytes(config: &ModelConfig, training: &TrainingConfig, items: usize, interactions: usize) -> u64 {
    let float = size_of::<f32>() as u64;
    let product = |factors: &[usize]| factors.iter().fold(1u64, |total, &n| total.saturating_mul(n as u64));
    let (parameters, activations) = match config {
        ModelConfig::Popularity(_) => return product(&[items, 8]),
        ModelConfig::Ease(_) => {
            // A binary copy of the log and its transpose: index and value each.
            return float.saturating_mul(product(&[items, items])).saturating_add(product(&[interactions, 16]));
        }
        ModelConfig::MultVae(vae) => {
            let inner = product(&[vae.hidden, vae.latent, 3]);
            let width = product(&[vae.hidden, 4]).saturating_add(product(&[vae.latent, 7]));
            (product(&[2, vae.hidden, items]).saturating_add(inner).saturating_add(items as u64), width)
        }
        ModelConfig::MultDae(dae) => {
            (product(&[2, dae.hidden, items]).saturating_add(items as u64), product(&[dae.hidden, 2]))
        }
    };
    let copies = if training.shards > 1 { 6 } else { 5 };
    let users = training.batch_size.div_ceil(training.shards.max(1)) as u64;
    let shard = users.saturating_mul(activations.saturating_add(items as u64));
    float.saturating_mul(parameters.saturating_mul(copies).saturating_add(shard))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::MultVaeConfig;

    #[test]
    fn the_large_terms_are_counted() {
        let training = TrainingConfig { batch_size: 500, ..TrainingConfig::default() };
        let vae = ModelConfig::MultVae(MultVaeConfig::default());
        // 10,000 items: two tables of 24 MB in five copies, 20 MB of logits.
        let bytes = training_bytes(&vae, &training, 10_000, 0);
        assert!((260_000_000..290_000_000).contains(&bytes), "{bytes}");
        let ease = ModelConfig::preset("ease").unwrap();
        assert_eq!(training_bytes(&ease, &training, 40_981, 0), 4 * 40_981 * 40_981);
        let sharded = TrainingConfig { shards: 4, ..training };
        assert!(training_bytes(&vae, &sharded, 10_000, 0) > bytes);
    }

    #[test]
    fn absurd_sizes_saturate() {
        let config = ModelConfig::MultVae(MultVaeConfig { hidden: usize::MAX, ..MultVaeConfig::default() });
        assert_eq!(training_bytes(&config, &TrainingConfig::default(), 10, 0), u64::MAX);
    }
}
