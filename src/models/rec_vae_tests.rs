use super::*;
use crate::interactions::Interactions;
use crate::models::gradient_check;
use crate::random::Purpose;
use crate::training::Weights;
use crate::types::UserIdx;

fn config() -> RecVaeConfig {
    // Strong enough that the prior shows in the gradients.
    RecVaeConfig { hidden: 5, layers: 3, latent: 3, dropout: 0.3, gamma: 0.3, ..RecVaeConfig::default() }
}

/// A network whose remembered encoder is another one.
fn trainer(config: &RecVaeConfig) -> RecVaeTrainer {
    let mut trainer = RecVaeTrainer::new(RecVae::new(config, 7, 11));
    trainer.old = Encoder::new(config.shape(7), 12);
    trainer
}

fn shard<'a>(train: &'a Interactions, users: &'a [u32], epoch: u64) -> Shard<'a> {
    let histories = users.iter().map(|&user| train.history(UserIdx(user))).collect();
    Shard { histories, users, seed: 1, epoch, progress: 0.0, batch_users: users.len() }
}

#[test]
fn gradients_match_finite_differences() {
    for (weights, activation, layers) in
        [(InputWeights::Binary, Activation::Swish, 3), (InputWeights::Use, Activation::Tanh, 1)]
    {
        let config = RecVaeConfig { weights, activation, layers, ..config() };
        // The encoder is trained in the first three epochs, the decoder in the fourth.
        for epoch in [1, 4] {
            gradient_check::check_in(epoch, trainer(&config));
        }
    }
}

/// The loss of a user as the paper defines it, from the logits of a code and both posteriors.
fn loss_by_definition(
    trainer: &RecVaeTrainer,
    history: HistoryRef<'_>,
    stream: (u64, u64, u64),
    corrupted: bool,
) -> f64 {
    let RecVae { config, encoder, output } = &trainer.model;
    let code_of = |encoder: &Encoder, dropout: f32| {
        let mut batch = crate::nn::SparseBatch::new();
        batch.push_corrupted(history.items(), config.weights.of(history), dropout, stream);
        encoder.forward(&batch).1.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>()
    };
    let (code, old) = (
        code_of(encoder, if corrupted { config.dropout } else { 0.0 }),
        code_of(if corrupted { &trainer.old } else { encoder }, 0.0),
    );
    let mut random = crate::random::stream(stream.0, Purpose::Reparameterise, [stream.1, stream.2]);
    let normal = |x: f64, mean: f64, variance: f64| {
        (-(x - mean).powi(2) / (2.0 * variance)).exp() / (2.0 * std::f64::consts::PI * variance).sqrt()
    };
    let mut divergence = 0.0;
    let z: Vec<f64> = (0..3)
        .map(|at| {
            let noise: f32 = rand_distr::Distribution::sample(&rand_distr::StandardNormal, &mut random);
            let z = code[at] + f64::from(noise) * (0.5 * code[at + 3]).exp();
            let prior = 0.15 * normal(z, 0.0, 1.0)
                + 0.75 * normal(z, old[at], old[at + 3].exp())
                + 0.1 * normal(z, 0.0, 10f64.exp());
            divergence += normal(z, code[at], code[at + 3].exp()).ln() - prior.ln();
            z
        })
        .collect();
    let score = |item: usize| {
        let products = output.weights[item * 3..][..3].iter().zip(&z).map(|(u, z)| f64::from(*u) * z);
        products.sum::<f64>() + f64::from(output.bias[item])
    };
    let partition = (0..7).map(|item| score(item).exp()).sum::<f64>().ln();
    let interactions = history.items().iter().zip(history.weights());
    let fit = interactions.map(|(&item, &weight)| -f64::from(weight) * (score(item as usize) - partition)).sum::<f64>();
    let held = f64::from(config.gamma) * history.weights().iter().map(|&weight| f64::from(weight)).sum::<f64>();
    fit + held * divergence
}

#[test]
fn the_loss_is_that_of_the_paper() {
    let train = gradient_check::fixture();
    let users = [0, 1, 3];
    for (epoch, corrupted) in [(2, true), (4, false)] {
        let mut trainer = trainer(&RecVaeConfig { weights: InputWeights::Use, ..config() });
        let shard = shard(&train, &users, epoch);
        let loss = |(at, &history)| loss_by_definition(&trainer, history, shard.stream_of(at), corrupted);
        let expected: f64 = shard.histories.iter().enumerate().map(loss).sum();
        let mut gradient = trainer.new_gradient();
        let found = trainer.gradient(&shard, &mut gradient);
        assert!((found - expected).abs() < 1e-4, "epoch {epoch}: {found} instead of {expected}");
    }
}

#[test]
fn a_round_moves_the_encoder_then_remembers_it_then_moves_the_decoder() {
    let mut trainer = trainer(&config());
    let moved =
        |trainer: &RecVaeTrainer, epoch| (0..10).filter(|&tensor| trainer.moves(tensor, epoch)).collect::<Vec<_>>();
    let names: Vec<&str> = trainer.weights().named().iter().map(|(name, _)| *name).collect();
    assert_eq!(names[Encoder::TENSORS..], ["output.items", "output.bias"]);
    for (epoch, remembers) in [(1, false), (3, false), (4, true), (5, false), (8, true)] {
        trainer.old = Encoder::new(trainer.model.config.shape(7), 12);
        trainer.begin_epoch(epoch);
        let expected: Vec<usize> = if remembers { vec![8, 9] } else { (0..8).collect() };
        assert_eq!(moved(&trainer, epoch), expected, "epoch {epoch}");
        assert_eq!(trainer.old == trainer.model.encoder, remembers, "epoch {epoch}");
    }
}
