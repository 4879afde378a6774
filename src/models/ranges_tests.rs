use super::*;
use crate::models::{
    AutoRecConfig, BspmConfig, CompressedElsaConfig, EaseConfig, EdlaeConfig, ElsaConfig, GfCfConfig, MultDaeConfig,
    MultVaeConfig, RecVaeConfig, SparseAeConfig, SparseEaseConfig,
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
fn what_an_autoencoder_cannot_be_is_named_with_what_it_can() {
    let refusal = |model: ModelConfig| check_parameters(&model, &TrainingConfig::default()).unwrap_err().to_string();
    let stacked = |change: fn(&mut StackedConfig)| {
        let mut config = StackedConfig::default();
        change(&mut config);
        refusal(ModelConfig::Stacked(config))
    };
    let sparse = |change: fn(&mut SparseAeConfig)| {
        let mut config = SparseAeConfig::default();
        change(&mut config);
        refusal(ModelConfig::SparseAe(config))
    };
    let mirrored =
        "left out, or the encoder's widths backwards without the code, where model.tied or model.pretraining is set";
    let fed = "0, unless model.loss is squared or observed-squared and model.scaling is as-is: scores are fed in again";
    let rated =
        "a loss that looks at items outside the history too, unless model.weights is use and the log has ratings";
    let vae = MultVaeConfig { loss: Loss::ObservedSquared, ..MultVaeConfig::default() };
    let sigmoid = "sigmoid, as model.sparsity = \"kl\" needs values between 0 and 1 (\"l1\" does not)";
    let auto_rec = AutoRecConfig { minimum: 5.0, maximum: 1.0, ..AutoRecConfig::default() };
    for (found, parameter, value, range) in [
        (stacked(|m| m.encoder = vec![]), "model.encoder", "[]", "of 1 to 8 widths"),
        (stacked(|m| m.encoder = vec![9; 9]), "model.encoder", "[9, 9, 9, 9, 9, 9, 9, 9, 9]", "of 1 to 8 widths"),
        (stacked(|m| m.encoder = vec![9, 0]), "model.encoder", "0", "a whole number from 1 to 65536"),
        (stacked(|m| m.code_dropout = 1.0), "model.code_dropout", "1", "at least 0 and below 1"),
        (stacked(|m| (m.tied, m.decoder) = (true, Some(vec![7]))), "model.decoder", "[7]", mirrored),
        (
            stacked(|m| m.pretraining = vec![3]),
            "model.pretraining",
            "[3]",
            "one number of epochs for each layer of model.encoder",
        ),
        (
            stacked(|m| m.pretraining = vec![50, 50]),
            "model.pretraining",
            "[50, 50]",
            "fewer epochs together than training.epochs",
        ),
        (stacked(|m| m.refeeding = 1), "model.refeeding", "1", fed),
        (stacked(|m| m.loss = Loss::ObservedSquared), "model.loss", "observed-squared", rated),
        (sparse(|m| m.loss = Loss::ObservedSquared), "model.loss", "observed-squared", rated),
        (refusal(ModelConfig::MultVae(vae)), "model.loss", "observed-squared", rated),
        (sparse(|m| m.activation = Activation::Relu), "model.activation", "relu", sigmoid),
        (sparse(|m| m.activity = 1.0), "model.activity", "1", "greater than 0 and below 1"),
        (sparse(|m| m.sparsity_weight = -1.0), "model.sparsity_weight", "-1", "from 0 to 1000"),
        (refusal(ModelConfig::AutoRec(auto_rec)), "model.maximum", "1", "greater than model.minimum"),
    ] {
        assert_eq!(found, format!("{parameter} is {value}, must be {range}"));
    }
}

#[test]
fn every_parameter_of_the_linear_models_is_named_with_its_value_and_range() {
    let refusal = |model: ModelConfig| check_parameters(&model, &TrainingConfig::default()).unwrap_err().to_string();
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
    let compressed = |change: fn(&mut CompressedElsaConfig)| {
        let mut config = CompressedElsaConfig::default();
        change(&mut config);
        refusal(ModelConfig::CompressedElsa(config))
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
        (compressed(|m| m.kept = 0), "model.kept", "0", "a whole number from 1 to model.dimensions"),
        (compressed(|m| m.kept = 1025), "model.kept", "1025", "a whole number from 1 to model.dimensions"),
        (compressed(|m| m.dimensions = 70_000), "model.dimensions", "70000", whole),
        (compressed(|m| m.pruning = f32::NAN), "model.pruning", "NaN", "from 0 to 1"),
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
fn so_are_those_of_the_composite_prior_and_the_rounds() {
    let refusal = |change: &dyn Fn(&mut RecVaeConfig)| {
        let mut config = RecVaeConfig::default();
        change(&mut config);
        check_parameters(&ModelConfig::RecVae(config), &TrainingConfig::default()).unwrap_err().to_string()
    };
    let (few, left) = ("a whole number from 1 to 100", "at least 0 and at most what model.prior_old leaves of 1");
    for (found, parameter, value, range) in [
        (refusal(&|m| m.hidden = 0), "hidden", "0", "a whole number from 1 to 65536"),
        (refusal(&|m| m.latent = 0), "latent", "0", "a whole number from 1 to 65536"),
        (refusal(&|m| m.layers = 0), "layers", "0", few),
        (refusal(&|m| m.dropout = 1.0), "dropout", "1", "at least 0 and below 1"),
        (refusal(&|m| m.gamma = f32::NAN), "gamma", "NaN", "from 0 to 1000"),
        (refusal(&|m| m.prior_old = 1.5), "prior_old", "1.5", "from 0 to 1"),
        (refusal(&|m| m.prior_wide = 0.5), "prior_wide", "0.5", left),
        (refusal(&|m| m.prior_wide = -0.1), "prior_wide", "-0.1", left),
        (refusal(&|m| m.wide_log_variance = 50.0), "wide_log_variance", "50", "from -20 to 20"),
        (refusal(&|m| m.encoder_epochs = 0), "encoder_epochs", "0", few),
        (refusal(&|m| m.decoder_epochs = 101), "decoder_epochs", "101", few),
    ] {
        assert_eq!(found, format!("model.{parameter} is {value}, must be {range}"));
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
