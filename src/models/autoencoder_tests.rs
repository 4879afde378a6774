use super::*;
use crate::models::gradient_check::{check, check_in, fixture};
use crate::models::{
    AutoRecConfig, CdaeConfig, InputWeights, Model, ModelConfig, MultDaeConfig, SparseAeConfig, StackedConfig,
};
use crate::nn::{Activation, Loss, Scaling, Sparsity};
use crate::training::{Plan, TrainingConfig, Watch, Weights, run};
use crate::types::{ItemIdx, UserIdx};

fn description(config: &ModelConfig) -> Description {
    config.autoencoder().unwrap()
}

fn trainer(config: &ModelConfig) -> AutoencoderTrainer {
    let mut model = Autoencoder::new(description(config), 7, 11);
    model.meet(&fixture()).unwrap();
    AutoencoderTrainer::new(model)
}

fn stacked() -> StackedConfig {
    StackedConfig { encoder: vec![6, 5, 3], activation: Activation::Elu, dropout: 0.3, ..StackedConfig::default() }
}

/// Strong enough that the penalty shows in the gradients.
fn sparse(sparsity: Sparsity) -> ModelConfig {
    let penalty = SparseAeConfig { sparsity, sparsity_weight: 0.3, activity: 0.1, ..SparseAeConfig::default() };
    ModelConfig::SparseAe(SparseAeConfig { hidden: 6, dropout: 0.3, ..penalty })
}

fn auto_rec(residual: bool) -> ModelConfig {
    let scale = AutoRecConfig { minimum: 0.5, maximum: 3.0, user_lambda: 2.0, ..AutoRecConfig::default() };
    ModelConfig::AutoRec(AutoRecConfig { hidden: 5, dropout: 0.2, residual, ..scale })
}

#[test]
fn gradients_match_finite_differences() {
    let free = StackedConfig { decoder: Some(vec![4]), code_dropout: 0.4, loss: Loss::Bernoulli, ..stacked() };
    let refed = StackedConfig { scaling: Scaling::AsIs, loss: Loss::Squared, dropout: 0.0, ..stacked() };
    let cdae = CdaeConfig { hidden: 5, user_nodes: true, negative_weight: 0.4, ..CdaeConfig::default() };
    for config in [
        ModelConfig::MultDae(MultDaeConfig { hidden: 5, dropout: 0.3, ..MultDaeConfig::default() }),
        ModelConfig::MultDae(MultDaeConfig { hidden: 5, loss: Loss::Squared, ..MultDaeConfig::default() }),
        auto_rec(false),
        auto_rec(true),
        ModelConfig::Cdae(cdae.clone()),
        ModelConfig::Cdae(CdaeConfig { loss: Loss::Squared, weights: InputWeights::Use, user_nodes: false, ..cdae }),
        ModelConfig::Stacked(stacked()),
        ModelConfig::Stacked(StackedConfig { tied: true, code_dropout: 0.3, ..stacked() }),
        ModelConfig::Stacked(free),
        ModelConfig::Stacked(StackedConfig { tied: true, ..refed }),
        sparse(Sparsity::Kl),
        sparse(Sparsity::L1),
    ] {
        check(trainer(&config));
    }
}

/// The scores that are fed in again are a fixed input, and not differentiated: what is checked is the gradient at one
/// that was computed before.
#[test]
fn fed_in_again_scores_have_the_gradient_of_a_dense_input() {
    let common = StackedConfig { scaling: Scaling::AsIs, loss: Loss::Squared, dropout: 0.0, ..stacked() };
    for tied in [false, true] {
        let once = trainer(&ModelConfig::Stacked(StackedConfig { tied, ..common.clone() }));
        let mut twice = trainer(&ModelConfig::Stacked(StackedConfig { tied, refeeding: 1, ..common.clone() }));
        let train = fixture();
        let users = [0, 1, 2, 3];
        let histories: Vec<_> = (0..4).map(|user| train.history(UserIdx(user))).collect();
        let shard = Shard { histories, users: &users, seed: 3, epoch: 1, progress: 0.5, batch_users: 4 };
        // The first scores, as any caller computes them.
        let query = once.model.encode(&shard.histories);
        let mut fed = vec![0.0; 28];
        once.model.score_block(&query, 0..7, ColumnsMut::new(&mut fed, (7, 4)));

        let loss_of = |model: &Autoencoder, by: f32, tensor: usize, at: usize, scratch: &mut AutoencoderGradient| {
            let mut model = model.clone();
            LinearDecoder::values_mut(&mut model)[tensor][at] += by;
            let names = users.iter().map(|&user| (3, 1, u64::from(user))).collect();
            let pass = Pass { model: &model, names, scale: 0.25, alone: None };
            let mut scores = vec![0.0; 28];
            pass.refeed(&mut fed.clone(), ColumnsMut::new(&mut scores, (7, 4)), scratch) / 4.0
        };
        let mut alone = trainer(&ModelConfig::Stacked(StackedConfig { tied, ..common.clone() }));
        let (mut of_both, mut of_first) = (twice.new_gradient(), alone.new_gradient());
        let both = twice.gradient(&shard, &mut of_both);
        let first = alone.gradient(&shard, &mut of_first);
        let mut refed = twice.new_gradient();
        let again = loss_of(&twice.model, 0.0, 0, 0, &mut refed) * 4.0;
        assert!((both - first - again).abs() < 1e-4, "{both} is not {first} and {again}");
        let parts: Vec<Vec<f32>> = refed.parts().into_iter().map(crate::models::gradient_check::values).collect();
        let mut scratch_of_twice = twice.new_gradient();
        for (tensor, part) in parts.iter().enumerate() {
            for (at, found) in part.iter().enumerate() {
                let mut loss_at = |by| loss_of(&twice.model, by, tensor, at, &mut scratch_of_twice);
                let numeric = (loss_at(4e-3) - loss_at(-4e-3)) / 8e-3;
                assert!((numeric - f64::from(*found)).abs() < 2e-3, "{tensor}, {at}: {found}, numerically {numeric}");
            }
        }
    }
}

#[test]
fn layers_are_trained_one_by_one_and_then_together() {
    let names = |trainer: &AutoencoderTrainer, epoch: u64| -> Vec<&'static str> {
        let all = Weights::named(&trainer.model).into_iter().enumerate();
        all.filter(|(tensor, _)| trainer.moves(*tensor, epoch)).map(|(_, (name, _))| name).collect()
    };
    for tied in [false, true] {
        let config = StackedConfig { pretraining: vec![2, 1, 3], tied, dropout: 0.0, ..stacked() };
        let trainer = trainer(&ModelConfig::Stacked(config));
        let outer = if tied { vec![] } else { vec!["output.items"] };
        let first = [vec!["input.items", "input.bias"], outer, vec!["output.bias"]].concat();
        assert_eq!(names(&trainer, 2), first);
        let second = if tied { vec!["decoder.2.bias"] } else { vec!["decoder.2.weights", "decoder.2.bias"] };
        assert_eq!(names(&trainer, 3), [vec!["encoder.2.weights", "encoder.2.bias"], second].concat());
        let third = if tied { vec!["decoder.1.bias"] } else { vec!["decoder.1.weights", "decoder.1.bias"] };
        assert_eq!(names(&trainer, 6), [vec!["encoder.3.weights", "encoder.3.bias"], third].concat());
        assert_eq!(names(&trainer, 7).len(), Weights::named(&trainer.model).len());
        assert_eq!([3, 6, 7].map(|epoch| trainer.is_whole(epoch)), [false, false, true]);
    }
}

#[test]
fn gradients_of_layers_alone_match_finite_differences() {
    for tied in [false, true] {
        let wide = StackedConfig { encoder: vec![12, 10, 8], dropout: 0.0, ..stacked() };
        let config = StackedConfig { pretraining: vec![1, 1, 1], tied, ..wide };
        for epoch in 1..=3 {
            check_in(epoch, trainer(&ModelConfig::Stacked(config.clone())));
        }
    }
}

/// Trains for so many epochs and returns the loss of each.
fn losses(config: &ModelConfig, training: &TrainingConfig) -> (Autoencoder, Vec<f64>) {
    let train = fixture();
    let plan = Plan { config: training, train: &train, schedules_from: 0.0 };
    let mut losses = Vec::new();
    let epoch = &mut |report: &crate::training::EpochReport| {
        losses.push(report.loss);
        std::ops::ControlFlow::Continue(())
    };
    let watch = Watch { validate: None, epoch, step: &mut |_, _| {} };
    let (model, _) = run(trainer(config), plan, None, watch).unwrap();
    (model, losses)
}

#[test]
fn a_rating_that_was_seen_is_expected_again() {
    for residual in [false, true] {
        let ModelConfig::AutoRec(config) = auto_rec(residual) else { unreachable!() };
        let config = ModelConfig::AutoRec(AutoRecConfig { hidden: 20, dropout: 0.0, ..config });
        let training = TrainingConfig { epochs: 400, learning_rate: 1e-2, ..TrainingConfig::default() };
        let (model, losses) = losses(&config, &training);
        assert!(losses[399] < 0.02 * losses[0].max(0.5), "{:?}", (losses[0], losses[399]));
        let train = fixture();
        let history = train.history(UserIdx(3));
        let items: Vec<ItemIdx> = history.items().iter().map(|&item| ItemIdx(item)).collect();
        for (found, rating) in Model::ratings(&model, history, &items).unwrap().iter().zip(history.weights()) {
            assert!((found - rating).abs() < 0.3, "{found} instead of {rating}");
        }
    }
}

#[test]
fn biases_are_not_drawn_to_zero_by_the_weight_decay() {
    let training = TrainingConfig { epochs: 300, weight_decay: 0.9, learning_rate: 1e-2, ..TrainingConfig::default() };
    let (model, _) = losses(&auto_rec(true), &training);
    let expected = Model::ratings(&model, fixture().history(UserIdx(0)), &[ItemIdx(0), ItemIdx(6)]).unwrap();
    assert!(expected.iter().all(|rating| *rating > 0.7), "{expected:?}");
    let largest = |values: &[f32]| values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    assert!(largest(&model.input.table) < 0.1);
}

#[test]
fn nodes_of_users_are_folded_in_as_their_mean() {
    let config = ModelConfig::Cdae(CdaeConfig { hidden: 4, user_nodes: true, ..CdaeConfig::default() });
    let mut model = trainer(&config).model;
    let empty = crate::interactions::History::default();
    let before = model.code(&[empty.as_ref()]).centres();
    // Two users pull one unit up, two pull another down: the mean is a half each.
    let width = model.input.width();
    for (user, (unit, by)) in [(0, 1.0), (0, 1.0), (1, -1.0), (1, -1.0)].into_iter().enumerate() {
        let nodes = LinearDecoder::values_mut(&mut model).pop().unwrap();
        nodes[user * width + unit] = by;
    }
    let after = model.code(&[empty.as_ref()]).centres();
    let logit = |h: f32| (h / (1.0 - h)).ln();
    let moved: Vec<f32> = before.iter().zip(after.iter()).map(|(b, a)| logit(*a) - logit(*b)).collect();
    for (found, expected) in moved.iter().zip([0.5, -0.5, 0.0, 0.0]) {
        assert!((found - expected).abs() < 1e-3, "{moved:?}");
    }
    assert_eq!(fixture().users() * width, model.nodes.len());
}
