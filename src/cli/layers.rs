//! From layers of `key = value` (file, environment, flags) to [`Settings`]: later layers win, and
//! every complaint names the key, the layer it came from and what would be right.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::hints::{hint, intended};
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

    /// Adds `--range key=range`, once a key.
    ///
    /// # Errors
    /// [`SettingsError::Assignment`] when there is no `=`, [`SettingsError::Value`] for a second range of a key.
    pub fn range(&mut self, text: &str) -> Result<(), SettingsError> {
        let example = "model.lambda=log:10..1000";
        let missing = || SettingsError::Assignment { flag: "--range", example, text: text.to_string() };
        let (key, range) = text.split_once('=').ok_or_else(missing)?;
        let (key, flag) = (format!("{RANGES}.{}", key.trim()), format!("--range {text}"));
        if self.entries.iter().any(|entry| entry.key == key) {
            let reason = "there is a range for it already; give one, or choices such as 1|2|3".into();
            return Err(SettingsError::Value { key, origin: Origin::Flag(flag), reason });
        }
        self.flag(&flag, &key, Some(range.trim()));
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
    // The model that is asked for last brings the training of its preset, over which goes whatever is given.
    let kinds = layers.iter().flat_map(|layer| &layer.entries).rfind(|entry| entry.key == "model.kind");
    if let Some(Ok(model)) = kinds.and_then(|entry| text_of(entry).ok()).map(|name| ModelConfig::preset(&name))
        && model.name() != settings.model.name()
    {
        settings.training = model.training();
    }
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

/// The section whose keys are keys of other sections.
const RANGES: &str = "tune.ranges";

/// The sections of a key, and its name in the innermost one.
fn path_of(key: &str) -> (Vec<&str>, &str) {
    let open = |section: &&str| key.strip_prefix(*section).and_then(|rest| rest.strip_prefix('.')).is_some();
    match [EVENT_WEIGHTS, RANGES].into_iter().find(open) {
        Some(section) => (section.split('.').collect(), &key[section.len() + 1..]),
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
    let open = [(EVENT_WEIGHTS, Value::Float(1.0)), (RANGES, Value::String(String::new()))];
    if let Some((_, example)) = open.into_iter().find(|(section, _)| path.join(".") == *section) {
        // Whatever it is called, it is a key.
        let [outer, inner] = [path[0], path[1]];
        let section = known.get_mut(outer).and_then(|outer| outer.get_mut(inner)).and_then(Value::as_table_mut);
        section.map(|section| section.insert(leaf.into(), example));
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
        // Quotes that the shell has left are those of TOML.
        (Given::Text(text), Value::String(_)) if text.len() > 1 && text.starts_with('"') && text.ends_with('"') => {
            text.parse().unwrap_or_else(|_| Value::String(text.clone()))
        }
        (Given::Text(text), Value::String(_)) => Value::String(text.clone()),
        // `.5` is a number to people, and not to TOML.
        (Given::Text(text), Value::Float(_)) if let Ok(number) = text.parse::<f64>() => Value::Float(number),
        (Given::Text(text), _) => text.parse().unwrap_or_else(|_| Value::String(text.clone())),
    };
    match (&value, example) {
        (Value::Integer(number), Value::Float(_)) => Ok(Value::Float(*number as f64)),
        _ if value.same_type(example) => Ok(value),
        _ => Err(wrong_type(entry, type_name(example), &value)),
    }
}

/// The value of a key, where it has one.
#[must_use]
pub fn value_of(settings: &Settings, key: &str) -> Option<Value> {
    let (path, leaf) = path_of(key);
    let table = Table::try_from(settings).ok()?;
    let section = path.into_iter().try_fold(&table, |section, name| section.get(name)?.as_table())?;
    section.get(leaf).cloned()
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

fn unknown(entry: &Entry, known: &Table) -> SettingsError {
    let is_section = matches!(entry.given, Given::Typed(Value::Table(_)));
    SettingsError::UnknownKey {
        key: entry.key.clone(),
        origin: entry.origin.clone(),
        hint: hint(&entry.key, is_section, known),
    }
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
