//! Which values a parameter may have.

use std::fmt::Display;

use super::{BiasesConfig, Description, FitError, InputWeights, LAYERS, ModelConfig, StackedConfig};
use crate::nn::{Activation, Loss, Scaling, Sparsity};
use crate::training::TrainingConfig;

/// Refuses parameters that cannot be meant, each with its name, value and range. The upper ends are far above
/// anything useful: what is beyond them is a slip of the keyboard, and would cost hours before it shows.
///
/// # Errors
/// [`FitError::Parameter`] for the first one out of its range.
pub fn check_parameters(config: &ModelConfig, training: &TrainingConfig) -> Result<(), FitError> {
    match config {
        ModelConfig::Popularity(_) | ModelConfig::Blend(_) => return Ok(()),
        ModelConfig::Biases(BiasesConfig { user_lambda, item_lambda, minimum, maximum }) => {
            return ratings([*user_lambda, *item_lambda], [*minimum, *maximum]);
        }
        ModelConfig::Ease(ease) => {
            lambda(ease.lambda)?;
            return powers(ease.user_power, ease.item_power);
        }
        ModelConfig::Edlae(edlae) => {
            dropout(edlae.dropout)?;
            lambda(edlae.lambda)?;
            share("model.diagonal", edlae.diagonal)?;
            return powers(edlae.user_power, edlae.item_power);
        }
        ModelConfig::SparseEase(sparse) => {
            width("model.neighbours", sparse.neighbours)?;
            lambda(sparse.lambda)?;
            return powers(sparse.user_power, sparse.item_power);
        }
        ModelConfig::Elsa(elsa) => width("model.dimensions", elsa.dimensions)?,
        ModelConfig::CompressedElsa(elsa) => {
            width("model.dimensions", elsa.dimensions)?;
            let kept = (1..=elsa.dimensions).contains(&elsa.kept);
            require("model.kept", elsa.kept, kept, "a whole number from 1 to model.dimensions")?;
            share("model.pruning", elsa.pruning)?;
        }
        ModelConfig::LowPass(low_pass) => return width("model.rank", low_pass.rank),
        ModelConfig::GfCf(gf_cf) => {
            width("model.rank", gf_cf.rank)?;
            return factor("model.alpha", gf_cf.alpha);
        }
        ModelConfig::Bspm(bspm) => {
            width("model.rank", bspm.rank)?;
            factor("model.beta", bspm.beta)?;
            let (time, steps, order) = (bspm.sharpening_time, bspm.sharpening_steps, bspm.order);
            require("model.sharpening_time", time, (0.0..=100.0).contains(&time), "from 0 to 100")?;
            require("model.sharpening_steps", steps, (1..=100).contains(&steps), "a whole number from 1 to 100")?;
            return require("model.order", order, (1..=4).contains(&order), "a whole number from 1 to 4");
        }
        ModelConfig::MultVae(vae) => {
            width("model.hidden", vae.hidden)?;
            width("model.latent", vae.latent)?;
            dropout(vae.dropout)?;
            require("model.kl_cap", vae.kl_cap, (0.0..=1000.0).contains(&vae.kl_cap), "from 0 to 1000")?;
            share("model.kl_anneal", vae.kl_anneal)?;
            factor("model.negative_weight", vae.negative_weight)?;
            differing(vae.loss, vae.weights)?;
        }
        ModelConfig::MultDae(dae) => {
            width("model.hidden", dae.hidden)?;
            dropout(dae.dropout)?;
            factor("model.negative_weight", dae.negative_weight)?;
            differing(dae.loss, dae.weights)?;
        }
        ModelConfig::AutoRec(rec) => {
            width("model.hidden", rec.hidden)?;
            dropout(rec.dropout)?;
            ratings([rec.user_lambda, rec.item_lambda], [rec.minimum, rec.maximum])?;
        }
        ModelConfig::Cdae(cdae) => {
            width("model.hidden", cdae.hidden)?;
            dropout(cdae.dropout)?;
            factor("model.negative_weight", cdae.negative_weight)?;
            differing(cdae.loss, cdae.weights)?;
        }
        ModelConfig::Stacked(config) => stacked(config, training)?,
        ModelConfig::SparseAe(sparse) => {
            width("model.hidden", sparse.hidden)?;
            dropout(sparse.dropout)?;
            factor("model.negative_weight", sparse.negative_weight)?;
            differing(sparse.loss, sparse.weights)?;
            factor("model.sparsity_weight", sparse.sparsity_weight)?;
            let (activity, kl) = (sparse.activity, sparse.sparsity == Sparsity::Kl);
            require("model.activity", activity, activity > 0.0 && activity < 1.0, "greater than 0 and below 1")?;
            let bounded = !kl || sparse.activation == Activation::Sigmoid;
            let activation = format!("{:?}", sparse.activation).to_lowercase();
            let wanted = "sigmoid, as model.sparsity = \"kl\" needs values between 0 and 1 (\"l1\" does not)";
            require("model.activation", activation, bounded, wanted)?;
        }
        ModelConfig::RecVae(vae) => {
            width("model.hidden", vae.hidden)?;
            width("model.latent", vae.latent)?;
            dropout(vae.dropout)?;
            factor("model.gamma", vae.gamma)?;
            factor("model.negative_weight", vae.negative_weight)?;
            differing(vae.loss, vae.weights)?;
            share("model.prior_old", vae.prior_old)?;
            let (wide, log_variance) = (vae.prior_wide, vae.wide_log_variance);
            let left = (0.0..=1.0).contains(&wide) && vae.prior_old + wide <= 1.0;
            require("model.prior_wide", wide, left, "at least 0 and at most what model.prior_old leaves of 1")?;
            let log_range = "from -20 to 20";
            require("model.wide_log_variance", log_variance, (-20.0..=20.0).contains(&log_variance), log_range)?;
            let counts = [
                ("model.layers", vae.layers),
                ("model.encoder_epochs", vae.encoder_epochs),
                ("model.decoder_epochs", vae.decoder_epochs),
            ];
            for (parameter, value) in counts {
                require(parameter, value, (1..=100).contains(&value), "a whole number from 1 to 100")?;
            }
        }
    }
    let count = |parameter, value: usize| {
        require(parameter, value, (1..=1_000_000).contains(&value), "a whole number from 1 to 1000000")
    };
    count("training.epochs", training.epochs)?;
    count("training.batch_size", training.batch_size)?;
    count("training.validate_every", training.validate_every)?;
    count("training.patience", training.patience)?;
    let (shards, rate, decay) = (training.shards, training.learning_rate, training.weight_decay);
    require("training.shards", shards, (1..=1024).contains(&shards), "a whole number from 1 to 1024")?;
    require("training.learning_rate", rate, rate > 0.0 && rate <= 1.0, "greater than 0 and at most 1")?;
    share("training.final_rate", training.final_rate)?;
    share("training.weight_decay", decay)
}

/// The layers of a stacked autoencoder, and how they are trained.
fn stacked(config: &StackedConfig, training: &TrainingConfig) -> Result<(), FitError> {
    let (depth, decoder) = (config.encoder.len(), config.decoder());
    require("model.encoder", format!("{:?}", config.encoder), (1..=LAYERS).contains(&depth), "of 1 to 8 widths")?;
    require("model.decoder", format!("{decoder:?}"), decoder.len() < LAYERS, "of at most 7 widths")?;
    config.encoder.iter().try_for_each(|&value| width("model.encoder", value))?;
    decoder.iter().try_for_each(|&value| width("model.decoder", value))?;
    dropout(config.dropout)?;
    let code_dropout = config.code_dropout;
    require("model.code_dropout", code_dropout, (0.0..1.0).contains(&code_dropout), "at least 0 and below 1")?;
    factor("model.negative_weight", config.negative_weight)?;
    differing(config.loss, config.weights)?;
    let mirrored = decoder == Description::mirrored(&config.encoder);
    let wanted =
        "left out, or the encoder's widths backwards without the code, where model.tied or model.pretraining is set";
    let free = !config.tied && config.pretraining.is_empty();
    require("model.decoder", format!("{decoder:?}"), free || mirrored, wanted)?;
    let pretraining = format!("{:?}", config.pretraining);
    let matching = config.pretraining.is_empty() || config.pretraining.len() == depth;
    require("model.pretraining", &pretraining, matching, "one number of epochs for each layer of model.encoder")?;
    let spent = config.pretraining.iter().fold(0usize, |sum, &epochs| sum.saturating_add(epochs));
    let left = config.pretraining.is_empty() || spent < training.epochs;
    require("model.pretraining", &pretraining, left, "fewer epochs together than training.epochs")?;
    let refeeding = config.refeeding;
    require("model.refeeding", refeeding, refeeding <= 10, "a whole number from 0 to 10")?;
    let fits = matches!(config.loss, Loss::Squared | Loss::ObservedSquared) && config.scaling == Scaling::AsIs;
    let wanted =
        "0, unless model.loss is squared or observed-squared and model.scaling is as-is: scores are fed in again";
    require("model.refeeding", refeeding, refeeding == 0 || fits, wanted)
}

/// Interactions that are all alike tell a loss that sees nothing else that everything is 1.
fn differing(loss: Loss, weights: InputWeights) -> Result<(), FitError> {
    let fits = loss != Loss::ObservedSquared || weights == InputWeights::Use;
    let wanted =
        "a loss that looks at items outside the history too, unless model.weights is use and the log has ratings";
    require("model.loss", loss.name(), fits, wanted)
}

/// λ of the biases of user and item, and the ends of the scale.
fn ratings([user, item]: [f32; 2], [minimum, maximum]: [f32; 2]) -> Result<(), FitError> {
    for (parameter, value) in [("model.user_lambda", user), ("model.item_lambda", item)] {
        require(parameter, value, (0.0..=1e6).contains(&value), "from 0 to 1e6")?;
    }
    let ends = minimum.is_finite() && maximum.is_finite() && minimum < maximum;
    require("model.maximum", maximum, ends, "greater than model.minimum")
}

fn require(parameter: &'static str, value: impl Display, ok: bool, range: &'static str) -> Result<(), FitError> {
    if ok { Ok(()) } else { Err(FitError::Parameter { parameter, value: value.to_string(), range }) }
}

fn width(parameter: &'static str, value: usize) -> Result<(), FitError> {
    require(parameter, value, (1..=65_536).contains(&value), "a whole number from 1 to 65536")
}

fn share(parameter: &'static str, value: f32) -> Result<(), FitError> {
    require(parameter, value, (0.0..=1.0).contains(&value), "from 0 to 1")
}

fn lambda(value: f32) -> Result<(), FitError> {
    require("model.lambda", value, value > 0.0 && value <= 1e9, "greater than 0 and at most 1e9")
}

/// Powers by which a linear model is normalised.
fn powers(user: f32, item: f32) -> Result<(), FitError> {
    share("model.user_power", user)?;
    share("model.item_power", item)
}

fn factor(parameter: &'static str, value: f32) -> Result<(), FitError> {
    require(parameter, value, (0.0..=1000.0).contains(&value), "from 0 to 1000")
}

fn dropout(value: f32) -> Result<(), FitError> {
    require("model.dropout", value, (0.0..1.0).contains(&value), "at least 0 and below 1")
}

#[cfg(test)]
#[path = "ranges_tests.rs"]
mod tests;
