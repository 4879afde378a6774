//! What to generate: sizes, shapes and presets.

use serde::{Deserialize, Serialize};

use super::run::GenerateError;

/// Parameters of a synthetic log. The default is the preset `default`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GenerateConfig {
    /// Seed of everything random.
    pub seed: u64,
    /// Users; each has at least one row.
    pub users: u64,
    /// Items of the catalogue. The rarest may have no row, as in any log.
    pub items: u64,
    /// Rows of the log, exactly. Repeated (user, item) pairs are among them: a recommender that merges
    /// them is left with about 84 % as many interactions.
    pub interactions: u64,
    /// Taste groups.
    pub groups: u64,
    /// Groups that a user mixes, on average.
    pub groups_per_user: f64,
    /// Groups that an item belongs to, at most.
    pub groups_per_item: u64,
    /// Share of interests that follow general popularity instead of taste, 0 to 1.
    pub mainstream: f64,
    /// Exponent `s` of the popularity law `(rank + q)^-s`.
    pub popularity_exponent: f64,
    /// Shift `q` of the popularity law, as a fraction of the items: flattens its head.
    pub popularity_shift: f64,
    /// Standard deviation of the logarithm of the rows a user has: 0 gives every user the same number.
    pub history_spread: f64,
    /// Probability that a viewed item is put into the cart.
    pub cart_rate: f64,
    /// Probability that an item in the cart is purchased.
    pub purchase_rate: f64,
    /// Probability that a user comes back to view an item again.
    pub revisit_rate: f64,
    /// First moment of the log, in seconds since 1970-01-01 UTC.
    pub start: i64,
    /// Days that the log covers.
    pub days: u64,
}

/// A preset name that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown preset `{name}`; available: {}", GenerateConfig::PRESETS.join(", "))]
pub struct UnknownPreset {
    /// The name asked for.
    pub name: String,
}

impl Default for GenerateConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            users: 6_000,
            items: 2_000,
            interactions: 400_000,
            groups: 40,
            groups_per_user: 4.0,
            groups_per_item: 3,
            mainstream: 0.3,
            popularity_exponent: 1.0,
            popularity_shift: 0.005,
            history_spread: 0.9,
            cart_rate: 0.1,
            purchase_rate: 0.4,
            revisit_rate: 0.05,
            start: 1_704_067_200,
            days: 365,
        }
    }
}

impl GenerateConfig {
    /// The names [`preset`](Self::preset) understands.
    pub const PRESETS: [&'static str; 3] = ["small", "default", "large"];

    /// A configuration by name; the files are in `datasets/presets`.
    ///
    /// # Errors
    /// [`UnknownPreset`] listing the names that exist.
    pub fn preset(name: &str) -> Result<Self, UnknownPreset> {
        let text = match name {
            "small" => include_str!("../../datasets/presets/small.json"),
            "default" => include_str!("../../datasets/presets/default.json"),
            "large" => include_str!("../../datasets/presets/large.json"),
            _ => return Err(UnknownPreset { name: name.into() }),
        };
        Ok(serde_json::from_str(text)
            .unwrap_or_else(|error| unreachable!("preset {name} is part of the build: {error}")))
    }

    /// Checks that such a log can exist.
    ///
    /// # Errors
    /// [`GenerateError::Parameter`] naming the field, its value and its range.
    pub fn validate(&self) -> Result<(), GenerateError> {
        let check = |field: &'static str, ok: bool, value: String, range: &str| {
            if ok { Ok(()) } else { Err(GenerateError::Parameter { field, value, range: range.into() }) }
        };
        let whole = |field, value: u64, low: u64, high: u64| {
            check(field, (low..=high).contains(&value), value.to_string(), &format!("between {low} and {high}"))
        };
        let real = |field, value: f64, low: f64, high: f64| {
            check(field, (low..=high).contains(&value), value.to_string(), &format!("between {low} and {high}"))
        };
        whole("users", self.users, 2, 1 << 31)?;
        whole("items", self.items, 2, 1 << 30)?;
        // Beyond half of all pairs a user runs out of items that are new to her.
        let most = u128::from(self.users) * u128::from(self.items) / 2;
        check(
            "interactions",
            self.interactions >= self.users && u128::from(self.interactions) <= most,
            self.interactions.to_string(),
            &format!("between {} (one a user) and {most} (half of users x items)", self.users),
        )?;
        whole("groups", self.groups, 1, self.items.min(100_000))?;
        real("groups_per_user", self.groups_per_user, 1.0, 100.0)?;
        whole("groups_per_item", self.groups_per_item, 1, 16)?;
        real("mainstream", self.mainstream, 0.0, 1.0)?;
        real("popularity_exponent", self.popularity_exponent, 0.0, 4.0)?;
        real("popularity_shift", self.popularity_shift, 0.0, 1.0)?;
        real("history_spread", self.history_spread, 0.0, 2.0)?;
        real("cart_rate", self.cart_rate, 0.0, 1.0)?;
        real("purchase_rate", self.purchase_rate, 0.0, 1.0)?;
        real("revisit_rate", self.revisit_rate, 0.0, 0.9)?;
        // The year 2200 and a century: enough for any calendar, and far from overflow.
        check(
            "start",
            (0..=7_258_118_400).contains(&self.start),
            self.start.to_string(),
            "between 0 and 7258118400 (the year 2200)",
        )?;
        whole("days", self.days, 1, 36_525)
    }
}
