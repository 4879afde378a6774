//! From layers of `key = value` (file, environment, flags) to [`Settings`]: later layers win, and
//! every complaint names the key, the layer it came from and what would be right.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::settings::Settings;
use crate::interactions::Timestamp;
use crate::models::ModelConfig;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A configuration file.
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// A flag as written on the command line, for example `--epochs`.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A value as given: typed by TOML, or text that takes the type of its key.
#[derive(Clone, Debug, PartialEq)]
enum Given {
    Typed(Value),
    Text(String),
}

/// One key with its value.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    key: String,
    given: Given,
    origin: Origin,
}

/// The values of one source; a layer that names another model than the layers below it starts from
/// that model's preset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    entries: Vec<Entry>,
    notes: Vec<String>,
}

/// Variables of the environment that are ours and no configuration.
const OTHER_VARIABLES: [&str; 3] = ["FOLDIN_DATA", "FOLDIN_THREADS", "FOLDIN_TOKEN"];

/// Why layers do not make settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{} is not valid TOML: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what was expected.
        source: Box<toml::de::Error>,
    },
    /// There is no such key.
    #[error("unknown configuration key `{key}` ({origin}); {hint}")]
    UnknownKey {
        /// The key as given.
        key: String,
        /// Where it was given.
        origin: Origin,
        /// The nearest key that exists, or the keys of the section.
        hint: String,
    },
    /// The value has another type than the key.
    #[error("configuration key `{key}` ({origin}): expected {expected}, found {found}")]
    WrongType {
        /// The key.
        key: String,
        /// Where it was given.
        origin: Origin,
        /// The type it should have.
        expected: &'static str,
        /// Type and value found.
        found: String,
    },
    /// The value has the right type and is still not usable.
    #[error("configuration key `{key}` ({origin}): {reason}")]
    Value {
        /// The key.
        key: String,
        /// Where it was given.
        origin: Origin,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A flag that needs `key=value`, without it.
    #[error("{flag} {text}: expected key=value, for example {flag} {example}")]
    Assignment {
        /// The flag.
        flag: &'static str,
        /// How it is meant.
        example: &'static str,
        /// What was given.
        text: String,
    },
}

/// Settings with what the user should be told about how they came about.
#[derive(Debug)]
pub struct Resolved {
    /// The outcome.
    pub settings: Settings,
    /// One line each, for example about parameters that do not apply to the chosen model.
    pub notes: Vec<String>,
}

impl Layer {
    /// The keys of a configuration file.
    ///
    /// # Errors
    /// [`SettingsError::Read`] or [`SettingsError::Syntax`].
    pub fn from_file(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.into(), source })?;
        let table: Table =
            text.parse().map_err(|source| SettingsError::Syntax { path: path.into(), source: Box::new(source) })?;
        let mut layer = Self::default();
        layer.flatten("", table, &Origin::File(path.into()));
        Ok(layer)
    }

    /// The keys of some sections alone.
    #[must_use]
    pub fn of_sections(mut self, sections: &[&str]) -> Self {
        self.entries.retain(|entry| entry.key.split('.').next().is_some_and(|section| sections.contains(&section)));
        self
    }

    fn flatten(&mut self, prefix: &str, table: Table, origin: &Origin) {
        for (key, value) in table {
            let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            match value {
                Value::Table(inner) if !inner.is_empty() => self.flatten(&key, inner, origin),
                // An empty section too: its name may be misspelt.
                value => self.entries.push(Entry { key, given: Given::Typed(value), origin: origin.clone() }),
            }
        }
    }

    /// The variables of the form `FOLDIN_SECTION__KEY`. Others that start with `FOLDIN_` are ignored with
    /// a note.
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut layer = Self::default();
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix("FOLDIN_") else { continue };
            let key = rest.to_lowercase();
            if rest.contains("__") {
                let key = key.replace("__", ".");
                layer.entries.push(Entry { key, given: Given::Text(text), origin: Origin::Environment(name) });
            } else if !OTHER_VARIABLES.contains(&name.as_str()) {
                layer.notes.push(format!("environment variable {name} is ignored; {}", intended(&key)));
            }
        }
        layer.entries.sort_by(|a, b| a.key.cmp(&b.key));
        layer.notes.sort();
        layer
    }

    /// Adds a flag's value, where the flag was given.
    pub fn flag(&mut self, flag: &str, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            let given = Given::Text(value.to_string());
            self.entries.push(Entry { key: key.into(), given, origin: Origin::Flag(flag.into()) });
        }
    }

    /// Adds `--set key=value`.
    ///
    /// # Errors
    /// [`SettingsError::Assignment`] when there is no `=`.
    pub fn set(&mut self, text: &str) -> Result<(), SettingsError> {
        let missing =
            || SettingsError::Assignment { flag: "--set", example: "training.epochs=20", text: text.to_string() };
        let (key, value) = text.split_once('=').ok_or_else(missing)?;
        self.flag(&format!("--set {text}"), key.trim(), Some(value.trim()));
        Ok(())
    }

    /// Adds `--event-weight type=weight`.
    ///
    /// # Errors
    /// [`SettingsError::Assignment`] when there is no `=`.
    pub fn event_weight(&mut self, text: &str) -> Result<(), SettingsError> {
        let missing =
            || SettingsError::Assignment { flag: "--event-weight", example: "purchase=5", text: text.to_string() };
        // The name is somebody else's, and may hold anything.
        let (name, weight) = text.rsplit_once('=').ok_or_else(missing)?;
        self.flag(&format!("--event-weight {text}"), &format!("{EVENT_WEIGHTS}.{name}"), Some(weight.trim()));
        Ok(())
    }
}

/// Applies the layers, weakest first, to `base`: the defaults, or what a published model was made with.
///
/// # Errors
/// [`SettingsError`] for the first value that cannot be used.
pub fn resolve(base: Settings, layers: &[Layer]) -> Result<Resolved, SettingsError> {
    let mut settings = base;
    let mut notes = Vec::new();
    let mut model_parameters: Vec<&Entry> = Vec::new();
    for Layer { entries, notes: remarks } in layers {
        notes.extend_from_slice(remarks);
        // The model first: it decides which parameters exist.
        if let Some(entry) = entries.iter().rfind(|entry| entry.key == "model.kind") {
            let name = text_of(entry)?;
            let model = ModelConfig::preset(&name).map_err(|error| invalid(entry, error.to_string()))?;
            if model.name() != settings.model.name() {
                notes.extend(model_parameters.drain(..).map(|dropped| {
                    format!("`{}` ({}) does not apply: {} asks for {name}", dropped.key, dropped.origin, entry.origin)
                }));
                settings.model = model;
            }
        }
        for entry in entries.iter().filter(|entry| entry.key != "model.kind") {
            settings = apply(&settings, entry)?;
            if entry.key.starts_with("model.") {
                model_parameters.push(entry);
            }
        }
    }
    Ok(Resolved { settings, notes })
}

/// The section whose keys are names of the log's own.
const EVENT_WEIGHTS: &str = "log.event_weights";

/// The sections of a key, and its name in the innermost one.
fn path_of(key: &str) -> (Vec<&str>, &str) {
    match key.strip_prefix(EVENT_WEIGHTS).and_then(|rest| rest.strip_prefix('.')) {
        Some(name) => (EVENT_WEIGHTS.split('.').collect(), name),
        None => {
            let mut path: Vec<&str> = key.split('.').collect();
            let leaf = path.pop().unwrap_or_default();
            (path, leaf)
        }
    }
}

fn invalid(entry: &Entry, reason: String) -> SettingsError {
    SettingsError::Value { key: entry.key.clone(), origin: entry.origin.clone(), reason }
}

fn text_of(entry: &Entry) -> Result<String, SettingsError> {
    match typed(entry, &Value::String(String::new()))? {
        Value::String(text) => Ok(text),
        other => Err(wrong_type(entry, "text", &other)),
    }
}

/// Sets one key and checks that the whole is still valid, so that the complaint can name the key.
fn apply(settings: &Settings, entry: &Entry) -> Result<Settings, SettingsError> {
    let table = |settings: Settings| Table::try_from(settings).map_err(|error| invalid(entry, error.to_string()));
    let mut known = table(settings.clone().with_every_key())?;
    let (path, leaf) = path_of(&entry.key);
    if path.join(".") == EVENT_WEIGHTS {
        // Whatever it is called, it is a key.
        let weights = known.get_mut("log").and_then(|log| log.get_mut("event_weights")).and_then(Value::as_table_mut);
        weights.map(|weights| weights.insert(leaf.into(), Value::Float(1.0)));
    }
    let mut example = &known;
    for section in &path {
        example = match example.get(*section) {
            Some(Value::Table(inner)) => inner,
            _ => return Err(unknown(entry, &known)),
        };
    }
    if matches!((example.get(leaf), &entry.given), (Some(Value::Table(_)), Given::Typed(Value::Table(_)))) {
        return Ok(settings.clone());
    }
    let example = example.get(leaf).filter(|value| !value.is_table()).ok_or_else(|| unknown(entry, &known))?;
    let value = typed(entry, example)?;

    let mut changed = table(settings.clone())?;
    let mut section = &mut changed;
    for name in path {
        let inner = section.entry(name).or_insert_with(|| Value::Table(Table::new()));
        section = inner.as_table_mut().ok_or_else(|| unknown(entry, &known))?;
    }
    section.insert(leaf.into(), value);
    changed.try_into().map_err(|error: toml::de::Error| invalid(entry, error.message().trim().into()))
}

/// The value in the type of `example`.
fn typed(entry: &Entry, example: &Value) -> Result<Value, SettingsError> {
    let value = match (&entry.given, example) {
        // A date in TOML needs no quotes.
        (Given::Typed(Value::Datetime(moment)), Value::String(text)) if text.parse::<Timestamp>().is_ok() => {
            Value::String(moment.to_string())
        }
        (Given::Typed(value), _) => value.clone(),
        (Given::Text(text), Value::String(_)) => Value::String(text.clone()),
        (Given::Text(text), _) => text.parse().unwrap_or_else(|_| Value::String(text.clone())),
    };
    match (&value, example) {
        (Value::Integer(number), Value::Float(_)) => Ok(Value::Float(*number as f64)),
        _ if value.same_type(example) => Ok(value),
        _ => Err(wrong_type(entry, type_name(example), &value)),
    }
}

fn wrong_type(entry: &Entry, expected: &'static str, found: &Value) -> SettingsError {
    let found = format!("{} `{}`", type_name(found), found.to_string().trim().trim_matches('"'));
    SettingsError::WrongType { key: entry.key.clone(), origin: entry.origin.clone(), expected, found }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "an array",
        Value::Table(_) => "a section",
    }
}

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

fn unknown(entry: &Entry, known: &Table) -> SettingsError {
    let mut all = Vec::new();
    match &entry.given {
        Given::Typed(Value::Table(_)) => sections("", known, &mut all),
        _ => keys("", known, &mut all),
    }
    let hint = match nearest(&entry.key, &all) {
        Some(key) => format!("did you mean `{key}`?"),
        None => {
            let section = entry.key.split('.').next().unwrap_or_default();
            let same: Vec<&str> =
                all.iter().filter(|key| key.split('.').next() == Some(section)).map(String::as_str).collect();
            if same.is_empty() {
                format!("sections: {}", known.keys().cloned().collect::<Vec<_>>().join(", "))
            } else {
                format!("known: {}", same.join(", "))
            }
        }
    };
    SettingsError::UnknownKey { key: entry.key.clone(), origin: entry.origin.clone(), hint }
}

/// What a variable without a double underscore was probably meant to be: one that forgot to double it, or to
/// name the section.
fn intended(given: &str) -> String {
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

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
