//! Names of models.

use std::fmt;

use super::RegistryError;

/// A name that is safe as a directory, a label and an argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelName(String);

/// Longest name.
const LONGEST: usize = 64;

impl ModelName {
    /// Checks a name: 1 to 64 of a-z, 0-9, `-`, `_` and `.`, the first of them a letter or digit.
    ///
    /// # Errors
    /// [`RegistryError::Name`] for any other.
    pub fn new(name: &str) -> Result<Self, RegistryError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = name.len() <= LONGEST
            && name.bytes().next().is_some_and(plain)
            && name.bytes().all(|byte| plain(byte) || b"-_.".contains(&byte));
        if good { Ok(Self(name.to_owned())) } else { Err(RegistryError::Name { name: name.to_owned() }) }
    }

    /// The name of a model that was given to a server as a directory.
    #[must_use]
    pub fn unnamed() -> Self {
        Self("default".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_everywhere() {
        for good in ["films", "a", "7", "mult-vae_2.b", &"x".repeat(64)] {
            assert_eq!(ModelName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", ".hidden", "-x", "a/b", "a\\b", "Films", "é", "a b", &"x".repeat(65)] {
            assert!(matches!(ModelName::new(bad), Err(RegistryError::Name { .. })), "{bad}");
        }
    }
}
