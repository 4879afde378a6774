//! What a run depends on, so that it is only continued as what it was.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::interactions::Interactions;

/// Everything that the outcome of a run depends on, by name: settings with their values, data with their
/// fingerprints. Two runs of the same facts reach the same weights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// Adds a fact.
    pub fn add(&mut self, name: impl Into<String>, value: impl Display) {
        self.0.insert(name.into(), value.to_string());
    }

    /// Adds every setting of a section, as `SECTION.KEY`.
    ///
    /// # Errors
    /// Settings that are no record of values.
    pub fn add_settings(&mut self, section: &str, settings: &impl Serialize) -> Result<(), serde_json::Error> {
        // By way of the text: there a number has the digits that it was given with.
        let fields: BTreeMap<String, Value> = serde_json::from_str(&serde_json::to_string(settings)?)?;
        for (key, value) in fields {
            match value {
                Value::String(text) => self.add(format!("{section}.{key}"), text),
                value => self.add(format!("{section}.{key}"), value),
            }
        }
        Ok(())
    }

    /// Adds size and content of a matrix, under `NAME.…`.
    pub fn add_interactions(&mut self, name: &str, interactions: &Interactions) {
        self.add(format!("{name}.users"), interactions.users());
        self.add(format!("{name}.items"), interactions.items());
        self.add(format!("{name}.interactions"), interactions.len());
        let csr = interactions.csr();
        let offsets = csr.indptr();
        let parts = [bytes(offsets.as_slice().unwrap_or_default()), bytes(csr.indices()), bytes(csr.data())];
        self.add(format!("{name}.fingerprint"), fingerprint(parts));
    }

    /// All of them in 16 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(self.0.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]))
    }

    /// What has another value than in an earlier run, or is there in one of them only.
    #[must_use]
    pub fn differences_from(&self, earlier: &Self) -> Vec<String> {
        let names: BTreeMap<&String, ()> = earlier.0.keys().chain(self.0.keys()).map(|name| (name, ())).collect();
        let value = |facts: &Self, name: &String| facts.0.get(name).cloned().unwrap_or_else(|| "not set".into());
        let differs = names.into_keys().filter(|name| earlier.0.get(*name) != self.0.get(*name));
        differs.map(|name| format!("{name} was {}, is {}", value(earlier, name), value(self, name))).collect()
    }
}

fn bytes<T: bytemuck::Pod>(values: &[T]) -> &[u8] {
    bytemuck::cast_slice(values)
}

/// The first 16 hexadecimal digits of the BLAKE3 of parts of memory, their lengths included.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update_rayon(part);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::TrainingConfig;

    #[test]
    fn what_differs_is_named_with_both_values() {
        let facts = |rate: f32, users: &[u32]| {
            let training = TrainingConfig { learning_rate: rate, ..TrainingConfig::default() };
            let rows = users.len();
            let data = Interactions::from_csr((rows, 9), (0..=rows).collect(), users.to_vec(), vec![1.0; rows]);
            let mut facts = Facts::default();
            facts.add_settings("training", &training).unwrap();
            facts.add_interactions("data", &data.unwrap());
            facts
        };
        let base = facts(0.1, &[1, 2]);
        assert_eq!(base.differences_from(&base), [""; 0]);
        assert_eq!(base.fingerprint(), facts(0.1, &[1, 2]).fingerprint());
        assert_eq!(facts(0.3, &[1, 2]).differences_from(&base), ["training.learning_rate was 0.1, is 0.3"]);
        let other = facts(0.1, &[1, 3]).differences_from(&base);
        assert!(other.len() == 1 && other[0].starts_with("data.fingerprint was "), "{other:?}");
        let more = facts(0.1, &[1, 2, 3]).differences_from(&base);
        assert!(more.contains(&"data.users was 2, is 3".into()), "{more:?}");
        let mut extra = base.clone();
        extra.add("start", "weights");
        assert_eq!(extra.differences_from(&base), ["start was not set, is weights"]);
        let others = [facts(0.3, &[1, 2]), facts(0.1, &[1, 3]), extra];
        assert!(others.iter().all(|other| other.fingerprint() != base.fingerprint()));
    }
}
