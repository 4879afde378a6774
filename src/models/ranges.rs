//! Which values a parameter may have.

use std::fmt::Display;

use super::{FitError, ModelConfig};
use crate::training::TrainingConfig;

/// Refuses parameters that cannot be meant, each with its name, value and range. The upper ends are far above
/// anything useful: what is beyond them is a slip of the keyboard, and would cost hours before it shows.
///
/// # Errors
/// [`FitError::Parameter`] for the first one out of its range.
pub fn check_parameters(config: &ModelConfig, training: &TrainingConfig) -> Result<(), FitError> {
    match config {
        ModelConfig::Popularity(_) | ModelConfig::Blend(_) => return Ok(()),
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
        }
        ModelConfig::MultDae(dae) => {
            width("model.hidden", dae.hidden)?;
            dropout(dae.dropout)?;
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
mod tests {
    use super::*;
    use crate::models::{
        BspmConfig, EaseConfig, EdlaeConfig, ElsaConfig, GfCfConfig, MultDaeConfig, MultVaeConfig, SparseEaseConfig,
    };

    /// What the check says of a Mult-VAE with these changes.
    fn refusal(change: impl Fn(&mut MultVaeConfig, &mut TrainingConfig)) -> String {
        let (mut model, mut training) = (MultVaeConfig::default(), TrainingConfig::default());
        change(&mut model, &mut training);
        check_parameters(&ModelConfig::MultVae(model), &training).unwrap_err().to_string()
    }

    #[test]
    fn every_parameter_is_named_with_its_value_and_range() {
        let (whole, rate) = ("a whole number from 1 to 1000000", "greater than 0 and at most 1");
        let below_one = "at least 0 and below 1";
        for (found, parameter, value, range) in [
            (refusal(|m, _| m.hidden = 0), "model.hidden", "0", "a whole number from 1 to 65536"),
            (refusal(|m, _| m.latent = 70_000), "model.latent", "70000", "a whole number from 1 to 65536"),
            (refusal(|m, _| m.dropout = 1.0), "model.dropout", "1", below_one),
            (refusal(|m, _| m.dropout = -0.1), "model.dropout", "-0.1", below_one),
            (refusal(|m, _| m.dropout = f32::NAN), "model.dropout", "NaN", below_one),
            (refusal(|m, _| m.kl_cap = -0.2), "model.kl_cap", "-0.2", "from 0 to 1000"),
            (refusal(|m, _| m.kl_cap = 1e9), "model.kl_cap", "1000000000", "from 0 to 1000"),
            (refusal(|m, _| m.kl_anneal = 1.5), "model.kl_anneal", "1.5", "from 0 to 1"),
            (refusal(|_, t| t.epochs = 0), "training.epochs", "0", whole),
            (refusal(|_, t| t.batch_size = 0), "training.batch_size", "0", whole),
            (refusal(|_, t| t.batch_size = 5_000_000), "training.batch_size", "5000000", whole),
            (refusal(|_, t| t.validate_every = 0), "training.validate_every", "0", whole),
            (refusal(|_, t| t.patience = 0), "training.patience", "0", whole),
            (refusal(|_, t| t.shards = 2000), "training.shards", "2000", "a whole number from 1 to 1024"),
            (refusal(|_, t| t.final_rate = 1.5), "training.final_rate", "1.5", "from 0 to 1"),
            (refusal(|_, t| t.final_rate = f32::NAN), "training.final_rate", "NaN", "from 0 to 1"),
            (refusal(|_, t| t.learning_rate = 0.0), "training.learning_rate", "0", rate),
            (refusal(|_, t| t.learning_rate = 1e9), "training.learning_rate", "1000000000", rate),
            (refusal(|_, t| t.learning_rate = f32::NAN), "training.learning_rate", "NaN", rate),
            (refusal(|_, t| t.weight_decay = -0.1), "training.weight_decay", "-0.1", "from 0 to 1"),
            (refusal(|_, t| t.weight_decay = f32::INFINITY), "training.weight_decay", "inf", "from 0 to 1"),
        ] {
            assert_eq!(found, format!("{parameter} is {value}, must be {range}"));
        }
        let others = [
            ModelConfig::Ease(EaseConfig { lambda: -1.0, ..EaseConfig::default() }),
            ModelConfig::Ease(EaseConfig { lambda: 1e12, ..EaseConfig::default() }),
            ModelConfig::MultDae(MultDaeConfig { dropout: 1.2, ..MultDaeConfig::default() }),
        ];
        let found = others.map(|model| check_parameters(&model, &TrainingConfig::default()).unwrap_err().to_string());
        assert_eq!(found[0], "model.lambda is -1, must be greater than 0 and at most 1e9");
        assert!(found[1].contains("must be") && found[2].starts_with("model.dropout is 1.2"), "{found:?}");
    }

    #[test]
    fn every_parameter_of_the_linear_models_is_named_with_its_value_and_range() {
        let refusal =
            |model: ModelConfig| check_parameters(&model, &TrainingConfig::default()).unwrap_err().to_string();
        let ease = |change: fn(&mut EaseConfig)| {
            let mut config = EaseConfig::default();
            change(&mut config);
            refusal(ModelConfig::Ease(config))
        };
        let edlae = |change: fn(&mut EdlaeConfig)| {
            let mut config = EdlaeConfig::default();
            change(&mut config);
            refusal(ModelConfig::Edlae(config))
        };
        let sparse = |change: fn(&mut SparseEaseConfig)| {
            let mut config = SparseEaseConfig::default();
            change(&mut config);
            refusal(ModelConfig::SparseEase(config))
        };
        let whole = "a whole number from 1 to 65536";
        for (found, parameter, value, range) in [
            (ease(|m| m.user_power = -0.5), "model.user_power", "-0.5", "from 0 to 1"),
            (ease(|m| m.item_power = f32::NAN), "model.item_power", "NaN", "from 0 to 1"),
            (edlae(|m| m.dropout = 1.0), "model.dropout", "1", "at least 0 and below 1"),
            (edlae(|m| m.diagonal = 1.5), "model.diagonal", "1.5", "from 0 to 1"),
            (edlae(|m| m.lambda = 0.0), "model.lambda", "0", "greater than 0 and at most 1e9"),
            (edlae(|m| m.item_power = 2.0), "model.item_power", "2", "from 0 to 1"),
            (sparse(|m| m.neighbours = 0), "model.neighbours", "0", whole),
            (sparse(|m| m.lambda = f32::NAN), "model.lambda", "NaN", "greater than 0 and at most 1e9"),
            (sparse(|m| m.user_power = 2.0), "model.user_power", "2", "from 0 to 1"),
            (
                refusal(ModelConfig::Elsa(ElsaConfig { dimensions: 0, ..ElsaConfig::default() })),
                "model.dimensions",
                "0",
                whole,
            ),
        ] {
            assert_eq!(found, format!("{parameter} is {value}, must be {range}"));
        }
    }

    #[test]
    fn so_are_those_of_the_graph_filters() {
        let refusal = |change: &dyn Fn(&mut BspmConfig)| {
            let mut bspm = BspmConfig::default();
            change(&mut bspm);
            check_parameters(&ModelConfig::Bspm(bspm), &TrainingConfig::default()).unwrap_err().to_string()
        };
        let (width, factor) = ("a whole number from 1 to 65536", "from 0 to 1000");
        for (found, parameter, value, range) in [
            (refusal(&|m| m.rank = 0), "rank", "0", width),
            (refusal(&|m| m.beta = -0.3), "beta", "-0.3", factor),
            (refusal(&|m| m.sharpening_time = f32::NAN), "sharpening_time", "NaN", "from 0 to 100"),
            (refusal(&|m| m.sharpening_steps = 0), "sharpening_steps", "0", "a whole number from 1 to 100"),
            (refusal(&|m| m.order = 5), "order", "5", "a whole number from 1 to 4"),
        ] {
            assert_eq!(found, format!("model.{parameter} is {value}, must be {range}"));
        }
        let gf_cf = ModelConfig::GfCf(GfCfConfig { alpha: 2000.0, ..GfCfConfig::default() });
        let found = check_parameters(&gf_cf, &TrainingConfig::default()).unwrap_err().to_string();
        assert_eq!(found, "model.alpha is 2000, must be from 0 to 1000");
    }

    #[test]
    fn the_ends_of_the_ranges_and_all_presets_are_fine() {
        for name in ModelConfig::PRESETS {
            check_parameters(&ModelConfig::preset(name).unwrap(), &TrainingConfig::default()).unwrap();
        }
        let (mut model, mut training) = (MultVaeConfig::default(), TrainingConfig::default());
        (model.dropout, model.kl_cap, model.kl_anneal) = (0.0, 0.0, 0.0);
        (training.learning_rate, training.weight_decay, training.patience) = (1.0, 0.0, 1_000_000);
        check_parameters(&ModelConfig::MultVae(model), &training).unwrap();
    }
}
