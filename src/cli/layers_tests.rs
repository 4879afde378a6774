use std::io::Write;

use super::*;
use crate::nn::Optimiser;
use crate::training::TrainingConfig;

fn resolve(layers: &[Layer]) -> Result<Resolved, SettingsError> {
    super::resolve(Settings::default(), layers)
}

fn file(text: &str) -> Layer {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    Layer::from_file(file.path()).unwrap()
}

fn environment(variables: &[(&str, &str)]) -> Layer {
    Layer::from_environment(variables.iter().map(|(name, value)| (name.to_string(), value.to_string())))
}

fn flags(assignments: &[&str]) -> Layer {
    let mut layer = Layer::default();
    assignments.iter().for_each(|text| layer.set(text).unwrap());
    layer
}

fn message(layer: Layer) -> String {
    resolve(&[layer]).unwrap_err().to_string()
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = file("[training]\nepochs = 1\nbatch_size = 1\nseed = 5\n");
    let environment = environment(&[("FOLDIN_TRAINING__EPOCHS", "2"), ("FOLDIN_TRAINING__BATCH_SIZE", "2")]);
    let got = resolve(&[file, environment, flags(&["training.epochs=3"])]).unwrap().settings;
    assert_eq!((got.training.epochs, got.training.batch_size, got.training.seed), (3, 2, 5));
    assert_eq!(got.training.patience, crate::training::TrainingConfig::default().patience);
}

#[test]
fn printed_settings_can_be_fed_back() {
    let changes = ["log.min_weight=3.5", "training.learning_rate=0.003", "log.columns.user=u", "input.log=a b.parquet"];
    for model in ModelConfig::PRESETS {
        let mut layer = flags(&changes);
        layer.flag("--model", "model.kind", Some(model));
        let settings = resolve(&[layer]).unwrap().settings;
        assert_eq!(settings.model.name(), model);
        let printed = settings.to_toml();
        assert_eq!(resolve(&[file(&printed)]).unwrap().settings, settings, "{printed}");
    }
}

#[test]
fn numbers_print_as_people_write_them() {
    assert!(resolve(&[]).unwrap().settings.to_toml().contains("learning_rate = 0.001\n"));
}

#[test]
fn unknown_keys_name_the_nearest() {
    let text = message(file("[training]\nepocs = 3\n"));
    assert!(text.contains("unknown configuration key `training.epocs`"), "{text}");
    assert!(text.contains("did you mean `training.epochs`?"), "{text}");
    let text = message(environment(&[("FOLDIN_MODEL__LATEN", "3")]));
    assert!(text.contains("environment variable FOLDIN_MODEL__LATEN") && text.contains("`model.latent`"), "{text}");
    let text = message(flags(&["log.columns.usr=x"]));
    assert!(text.contains("`log.columns.user`"), "{text}");
    assert!(message(flags(&["training.something_else=x"])).contains("known: training.batch_size"));
    assert!(message(flags(&["nonsense=x"])).contains("sections: "));
    assert!(message(flags(&["log.columns=x"])).contains("unknown configuration key `log.columns`"));
}

#[test]
fn empty_sections_are_checked_too() {
    let text = message(file("[trainig]\n"));
    assert!(
        text.contains("unknown configuration key `trainig`") && text.contains("did you mean `training`?"),
        "{text}"
    );
    assert!(message(file("[log.colums]\n")).contains("did you mean `log.columns`?"));
    assert!(message(file("[training.epochs]\n")).contains("expected a whole number, found a section"));
    let got = resolve(&[file("[training]\n[log.columns]\n")]).unwrap().settings;
    assert_eq!(got, Settings::default());
}

#[test]
fn wrong_types_name_key_expected_and_found() {
    let text = message(file("[training]\nepochs = \"ten\"\n"));
    assert!(text.contains("`training.epochs`") && text.contains("expected a whole number, found text `ten`"), "{text}");
    let text = message(flags(&["training.learning_rate=fast"]));
    assert!(text.contains("flag --set training.learning_rate=fast") && text.contains("expected a number"), "{text}");
    assert!(message(file("training = 3\n")).contains("unknown configuration key `training`"));
    assert!(message(file("[log.columns]\nuser = 3\n")).contains("expected text, found a whole number `3`"));
}

#[test]
fn values_are_read_as_people_write_them() {
    let got =
        resolve(&[flags(&["model.kind=\"mult-dae\"", "model.dropout=.25", "training.learning_rate=1e-3"])]).unwrap();
    let crate::models::ModelConfig::MultDae(dae) = &got.settings.model else { panic!("{:?}", got.settings.model) };
    assert_eq!((dae.dropout, got.settings.training.learning_rate), (0.25, 1e-3));
}

#[test]
fn values_out_of_the_type_are_refused_with_their_key() {
    let text = message(flags(&["log.duplicates=first"]));
    assert!(text.contains("`log.duplicates`") && text.contains("`max`, `sum`, `last`"), "{text}");
    assert!(message(flags(&["training.epochs=-1"])).contains("`training.epochs`"));
    let text = message(flags(&["model.kind=mult-vea"]));
    assert!(text.contains("mult-vea") && text.contains("available: popularity, biases, ease, "), "{text}");
}

#[test]
fn a_model_brings_the_training_of_its_preset_under_whatever_is_given() {
    let file = file("[training]\nepochs = 7\n");
    let elsa = resolve(&[file, flags(&["model.kind=elsa", "training.batch_size=99"])]).unwrap().settings;
    assert_eq!(elsa.training, TrainingConfig { epochs: 7, batch_size: 99, ..elsa.model.training() });
    assert_eq!((elsa.training.optimiser, elsa.training.learning_rate), (Optimiser::Nadam, 0.1));
    // The last one that is asked for.
    let both = resolve(&[flags(&["model.kind=elsa"]), flags(&["model.kind=mult-dae"])]).unwrap().settings;
    assert_eq!(both.training, TrainingConfig::default());
}

#[test]
fn text_takes_the_type_of_its_key() {
    let got =
        resolve(&[flags(&["log.columns.user=123", "log.min_weight=4", "log.columns.item=true"])]).unwrap().settings;
    assert_eq!((got.log.columns.user.as_str(), got.log.columns.item.as_str()), ("123", "true"));
    assert_eq!(got.log.min_weight, Some(4.0));
}

#[test]
fn another_model_leaves_the_parameters_of_the_first_behind_and_says_so() {
    let below = file("[model]\nkind = \"mult-vae\"\nlatent = 64\n");
    let mut above = flags(&["model.lambda=250"]);
    above.flag("--model", "model.kind", Some("ease"));
    let got = resolve(&[below.clone(), above]).unwrap();
    assert_eq!(got.settings.model.name(), "ease");
    assert_eq!(got.notes.len(), 1);
    assert!(got.notes[0].contains("`model.latent`") && got.notes[0].contains("--model"), "{}", got.notes[0]);

    // The same model named again keeps them.
    let mut same = Layer::default();
    same.flag("--model", "model.kind", Some("mult-vae"));
    let got = resolve(&[below, same]).unwrap();
    assert!(got.settings.to_toml().contains("latent = 64") && got.notes.is_empty());
}

#[test]
fn files_that_are_no_toml_or_not_there_are_named() {
    let missing = Layer::from_file(Path::new("/nowhere/foldin.toml")).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/foldin.toml"), "{missing}");
    let mut broken = tempfile::NamedTempFile::new().unwrap();
    broken.write_all(b"[training\nepochs = 3").unwrap();
    let text = Layer::from_file(broken.path()).unwrap_err().to_string();
    assert!(text.contains("is not valid TOML") && text.contains("line 1"), "{text}");
}

#[test]
fn foreign_variables_are_left_alone() {
    let got = environment(&[("FOLDIN_DATA", "/data"), ("HOME", "/root"), ("FOLDINX__A", "1"), ("FOLDIN_THREADS", "2")]);
    assert_eq!(got, Layer::default());
}

#[test]
fn a_variable_without_its_double_underscore_is_ignored_with_a_note() {
    for (name, meant) in [
        ("FOLDIN_TRAINING_EPOCHS", "did you mean FOLDIN_TRAINING__EPOCHS?"),
        ("FOLDIN_BATCH_SIZE", "did you mean FOLDIN_TRAINING__BATCH_SIZE?"),
        ("FOLDIN_MODEL_LAMBDA", "did you mean FOLDIN_MODEL__LAMBDA?"),
        ("FOLDIN_LOG_COLUMNS_USER", "did you mean FOLDIN_LOG__COLUMNS__USER?"),
        ("FOLDIN_SOMETHING_ELSE", "FOLDIN_SECTION__KEY"),
    ] {
        let got = resolve(&[environment(&[(name, "3")])]).unwrap();
        assert_eq!(got.settings, Settings::default());
        assert!(got.notes.len() == 1 && got.notes[0].contains(name), "{:?}", got.notes);
        assert!(got.notes[0].contains(meant), "{:?}", got.notes);
    }
}

#[test]
fn an_assignment_needs_an_equals_sign() {
    let text = Layer::default().set("training.epochs").unwrap_err().to_string();
    assert!(text.contains("--set training.epochs: expected key=value"), "{text}");
}

#[test]
fn event_weights_have_keys_of_their_own() {
    let file = file(
        "[log]\nsince = 2026-01-31\n[log.columns]\nevent = \"type\"\n[log.event_weights]\nview = 1\n\"page.view\" = 0.5\n",
    );
    let environment = environment(&[("FOLDIN_LOG__EVENT_WEIGHTS__CART", "2.5")]);
    let mut flags = flags(&["log.event_weights.view=3"]);
    flags.event_weight("a=b = c=4").unwrap();
    let settings = resolve(&[file, environment, flags]).unwrap().settings;
    let weights: Vec<_> = settings.log.event_weights.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
    assert_eq!(weights, [("a=b = c", 4.0), ("cart", 2.5), ("page.view", 0.5), ("view", 3.0)]);
    assert_eq!(settings.log.since.unwrap().to_string(), "2026-01-31T00:00:00Z");
    let printed = settings.to_toml();
    assert_eq!(resolve(&[self::file(&printed)]).unwrap().settings, settings, "{printed}");

    let text = message(self::flags(&["log.event_weights.view=much"]));
    assert!(text.contains("`log.event_weights.view`") && text.contains("expected a number"), "{text}");
    let text = Layer::default().event_weight("purchase").unwrap_err().to_string();
    assert_eq!(text, "--event-weight purchase: expected key=value, for example --event-weight purchase=5");
    let text = message(self::flags(&["log.since=yesterday"]));
    assert!(text.contains("`log.since`") && text.contains("is not a time; write a date (2026-01-31)"), "{text}");
    let text = message(self::flags(&["log.time_unit=fortnights"]));
    assert!(text.contains("`log.time_unit`") && text.contains("milliseconds"), "{text}");
}
