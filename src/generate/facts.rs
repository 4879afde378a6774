//! What is known of an item besides its name, so that there is something to filter by.

use rand::RngExt;
use rand_distr::{Distribution, Exp1, StandardNormal};

use super::config::GenerateConfig;
use super::taste::{Draw, random};

/// Share of the items whose price nobody knows.
const UNPRICED: f64 = 0.02;

/// Share of the items for adults only.
const ADULT: f64 = 0.04;

/// The year of the newest items, and how much older the others are on average.
const YEARS: (i32, f64) = (2023, 8.0);

/// The year of the oldest items.
const OLDEST: i32 = 1950;

/// Facts about an item; taste does not depend on them.
pub(super) struct Facts {
    pub price: Option<f64>,
    pub year: i32,
    pub adult: bool,
}

impl Facts {
    /// Draws the facts of an item.
    pub fn draw(config: &GenerateConfig, item: u64) -> Self {
        let mut random = random(config, Draw::Facts, item);
        // Most things cost between 10 and 50, a few a multiple of that.
        let deviation: f64 = StandardNormal.sample(&mut random);
        let price = (100.0 * 25.0 * (0.8 * deviation).exp()).round().max(1.0) / 100.0;
        let age: f64 = Exp1.sample(&mut random);
        Self {
            price: (random.random::<f64>() >= UNPRICED).then_some(price),
            year: (YEARS.0 - (YEARS.1 * age) as i32).max(OLDEST),
            adult: random.random::<f64>() < ADULT,
        }
    }
}
