//! Whether ranges belong to the model: every key exists, and both ends of its range are values that it may have.

use toml::Value;

use super::settings::TuneSettings;
use crate::cli::layers::{Layer, SettingsError, resolve, value_of};
use crate::cli::settings::Settings;
use crate::models::{FitError, check_parameters};
use crate::tuning::{Domain, Point, Range, RangeError};

/// Why a range cannot be searched.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// It is no range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The key cannot be searched.
    #[error("range {key}={text}: {reason}")]
    Key {
        /// The key.
        key: String,
        /// Its range.
        text: String,
        /// Why not, and what can be.
        reason: String,
    },
    /// There is no such key, or it has another type.
    #[error("range {key}={text}: {source}")]
    Setting {
        /// The key.
        key: String,
        /// Its range.
        text: String,
        /// What the settings say of a value in the range.
        source: Box<SettingsError>,
    },
    /// A value that the parameter may not have.
    #[error("range {key}={text} leaves the parameter's own: {source}")]
    Outside {
        /// The key.
        key: String,
        /// Its range.
        text: String,
        /// The value and the rule.
        source: Box<FitError>,
    },
}

/// The ranges of the settings, each of which can be searched.
///
/// # Errors
/// [`TuneError`] naming the range and the rule.
pub fn check(settings: &Settings) -> Result<Vec<Range>, TuneError> {
    let TuneSettings { ranges, .. } = &settings.tune;
    ranges.iter().map(|(key, text)| check_one(settings, key, text)).collect()
}

fn check_one(settings: &Settings, key: &str, text: &str) -> Result<Range, TuneError> {
    let (named, written) = (key.to_owned(), text.to_owned());
    if let Some(reason) = reason_against(settings, key) {
        return Err(TuneError::Key { key: named, text: written, reason });
    }
    let Range { key, mut domain } = Range::parse(key, text)?;
    for end in domain.ends() {
        let place = || (named.clone(), written.clone());
        let set = set(settings, &key, &end).map_err(|error| {
            let (key, text) = place();
            TuneError::Setting { key, text, source: Box::new(error) }
        })?;
        check_parameters(&set.model, &set.training).map_err(|error| {
            let (key, text) = place();
            TuneError::Outside { key, text, source: Box::new(error) }
        })?;
        if matches!(domain, Domain::Numbers { .. }) && matches!(value_of(&set, &key), Some(Value::Integer(_))) {
            domain = domain.of_whole_numbers();
        }
    }
    Ok(Range { key, domain })
}

/// Why a key cannot be searched, whatever its range is.
fn reason_against(settings: &Settings, key: &str) -> Option<String> {
    let section = key.split('.').next().unwrap_or_default();
    let model = settings.model.name();
    match (key, section) {
        ("model.kind", _) => {
            Some("search one model at a time, and hold them side by side with `foldin compare`".into())
        }
        ("training.seed", _) => Some("a seed is no parameter: the best one is luck; give it with --seed".into()),
        (_, "training") if !settings.model.is_iterative() => {
            Some(format!("{model} is solved in closed form, so {key} changes nothing"))
        }
        (_, "model" | "training") => None,
        _ => Some("only keys of the sections [model] and [training] can be searched".into()),
    }
}

fn set(settings: &Settings, key: &str, value: &str) -> Result<Settings, SettingsError> {
    let mut layer = Layer::default();
    layer.flag(&format!("--range {key}"), key, Some(value));
    Ok(resolve(settings.clone(), &[layer])?.settings)
}

/// The settings with a point of the search in place, and nothing about searching.
///
/// # Errors
/// A value that its key does not take.
pub fn place(settings: &Settings, ranges: &[Range], point: &Point) -> Result<Settings, SettingsError> {
    let bare = Settings { tune: TuneSettings::default(), ..settings.clone() };
    ranges.iter().zip(point).try_fold(bare, |settings, (range, value)| set(&settings, &range.key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(model: &str, key: &str, text: &str) -> Settings {
        let mut layer = Layer::default();
        layer.flag("--model", "model.kind", Some(model));
        layer.range(&format!("{key}={text}")).unwrap();
        resolve(Settings::default(), &[layer]).unwrap().settings
    }

    fn refusal(model: &str, key: &str, text: &str) -> String {
        check(&settings(model, key, text)).unwrap_err().to_string()
    }

    #[test]
    fn ranges_that_contradict_the_model_are_named_with_the_rule() {
        for (model, key, text, rule) in [
            ("ease", "model.hidden", "1..9", "unknown configuration key `model.hidden`"),
            ("mult-vae", "model.hiden", "1..9", "did you mean `model.hidden`?"),
            ("ease", "model.lambda", "log:0..10", "0 has no logarithm"),
            ("ease", "model.lambda", "9..1", "must be below"),
            ("ease", "model.lambda", "0..10", "model.lambda is 0, must be greater than 0 and at most 1e9"),
            ("ease", "model.lambda", "log:1..1e12", "must be greater than 0 and at most 1e9"),
            ("ease", "model.weights", "binary|squared", "squared"),
            ("ease", "training.epochs", "1..9", "closed form, so training.epochs changes nothing"),
            ("gf-cf", "training.epochs", "1..9", "closed form, so training.epochs changes nothing"),
            ("gf-cf", "model.alpha", "-1..2", "model.alpha is -1, must be from 0 to 1000"),
            ("bspm", "model.order", "1..9", "model.order is 9, must be a whole number from 1 to 4"),
            ("low-pass", "model.neighbours", "1..9", "unknown configuration key `model.neighbours`"),
            ("mult-vae", "model.hidden", "0.5..9", "expected a whole number"),
            ("mult-vae", "model.dropout", "0..1", "model.dropout is 1, must be at least 0 and below 1"),
            ("mult-vae", "model.kind", "ease|mult-vae", "one model at a time"),
            ("mult-vae", "training.seed", "1..9", "a seed is no parameter"),
            ("mult-vae", "log.min_weight", "1..5", "only keys of the sections [model] and [training]"),
        ] {
            let message = refusal(model, key, text);
            assert!(message.starts_with(&format!("range {key}={text}")), "{message}");
            assert!(message.contains(rule), "`{rule}` is not in: {message}");
        }
    }

    #[test]
    fn keys_of_whole_numbers_are_searched_in_whole_numbers() {
        let domain = |key, text| check(&settings("mult-vae", key, text)).unwrap().remove(0).domain;
        assert!(matches!(domain("model.hidden", "log:50..800"), Domain::Numbers { whole: true, .. }));
        assert!(matches!(domain("model.dropout", "0..0.9"), Domain::Numbers { whole: false, .. }));
        assert!(matches!(domain("model.hidden", "50|800"), Domain::Choices(_)));
    }

    #[test]
    fn a_point_in_place_is_a_configuration_that_reads_back() {
        let settings = settings("ease", "model.lambda", "log:1..1000");
        let ranges = check(&settings).unwrap();
        let placed = place(&settings, &ranges, &vec!["31.62".into()]).unwrap();
        let toml = placed.to_toml();
        assert!(toml.contains("lambda = 31.62\n") && !toml.contains("[tune"), "{toml}");
    }
}
