//! What a key that does not exist was probably meant to be.

use toml::{Table, Value};

use super::settings::Settings;
use crate::models::ModelConfig;

/// Every key below `table`, dotted.
fn keys(prefix: &str, table: &Table, out: &mut Vec<String>) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) => keys(&key, inner, out),
            _ => out.push(key),
        }
    }
}

/// Every section below `table`, dotted.
fn sections(prefix: &str, table: &Table, out: &mut Vec<String>) {
    for (key, value) in table {
        if let Value::Table(inner) = value {
            let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            sections(&key, inner, out);
            out.push(key);
        }
    }
}

/// The name that differs least from `given`, if it is near enough to have been meant.
fn nearest<'a>(given: &str, names: &'a [String]) -> Option<&'a String> {
    let distances = names.iter().map(|name| (strsim::damerau_levenshtein(name, given), name));
    distances.min().filter(|(distance, _)| *distance <= 4).map(|(_, name)| name)
}

/// For a key, or a section, that is none of the `known` ones: the nearest of them, or those of the same section.
#[must_use]
pub fn hint(given: &str, is_section: bool, known: &Table) -> String {
    let mut all = Vec::new();
    if is_section {
        sections("", known, &mut all);
    } else {
        keys("", known, &mut all);
    }
    if let Some(key) = nearest(given, &all) {
        return format!("did you mean `{key}`?");
    }
    let section = given.split('.').next().unwrap_or_default();
    let same: Vec<&str> = all.iter().filter(|key| key.split('.').next() == Some(section)).map(String::as_str).collect();
    if same.is_empty() {
        format!("sections: {}", known.keys().cloned().collect::<Vec<_>>().join(", "))
    } else {
        format!("known: {}", same.join(", "))
    }
}

/// What a variable without a double underscore was probably meant to be: one that forgot to double it, or to
/// name the section.
#[must_use]
pub fn intended(given: &str) -> String {
    let mut all = Vec::new();
    // Each model has keys of its own.
    for model in ModelConfig::PRESETS.iter().filter_map(|name| ModelConfig::preset(name).ok()) {
        let settings = Settings { model, ..Settings::default() }.with_every_key();
        if let Ok(table) = Table::try_from(settings) {
            keys("", &table, &mut all);
        }
    }
    let distance = |key: &String| {
        let leaf = key.rsplit('.').next().unwrap_or(key);
        let written = [key.replace('.', "_"), leaf.to_owned()];
        written.iter().map(|name| strsim::damerau_levenshtein(name, given)).min()
    };
    match all.iter().map(|key| (distance(key), key)).min() {
        Some((Some(..=2), key)) => format!("did you mean FOLDIN_{}?", key.replace('.', "__").to_uppercase()),
        _ => "configuration is FOLDIN_SECTION__KEY, for example FOLDIN_TRAINING__EPOCHS".into(),
    }
}
