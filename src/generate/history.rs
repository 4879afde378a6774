//! One user: how many rows, and which items.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use super::config::GenerateConfig;
use super::taste::{Draw, Taste, World, random};

/// How the rows of the log are shared out among the users.
///
/// Every user has one row, and a share of the others in proportion to a log-normal draw of its own, cut off where
/// a user would need more than half of the items. A first pass sums the draws, a second hands out rows by the
/// running sum: the total is met exactly, without holding anything per user.
pub(super) struct Lengths<'a> {
    config: &'a GenerateConfig,
    total: f64,
    next: u64,
    running: f64,
    given: u64,
}

impl<'a> Lengths<'a> {
    /// Draws all users once to learn the sum.
    pub fn new(config: &'a GenerateConfig) -> Self {
        let total = (0..config.users).map(|user| activity(config, user)).sum();
        Self { config, total, next: 0, running: 0.0, given: 0 }
    }
}

impl Iterator for Lengths<'_> {
    type Item = (u64, usize);

    /// The next user and its number of rows.
    fn next(&mut self) -> Option<Self::Item> {
        let user = self.next;
        if user == self.config.users {
            return None;
        }
        self.next += 1;
        self.running += activity(self.config, user);
        let shared = self.config.interactions - self.config.users;
        let due = if self.next == self.config.users {
            shared
        } else {
            ((self.running / self.total * shared as f64) as u64).clamp(self.given, shared)
        };
        let rows = 1 + due - self.given;
        self.given = due;
        Some((user, rows as usize))
    }
}

/// How active a user is, relative to others.
fn activity(config: &GenerateConfig, user: u64) -> f64 {
    let normal: f64 = StandardNormal.sample(&mut random(config, Draw::HistoryLength, user));
    let mean = (config.history_spread.powi(2) / 2.0).exp();
    let most = config.items as f64 / 2.0 * config.users as f64 / config.interactions as f64;
    (config.history_spread * normal).exp().min(mean * most)
}

/// Finds new items for one user after another.
pub(super) struct Explorer<'a> {
    config: &'a GenerateConfig,
    world: &'a World,
    seen: Vec<bool>,
    found: Vec<u32>,
}

impl<'a> Explorer<'a> {
    /// Knows nothing yet.
    pub fn new(config: &'a GenerateConfig, world: &'a World) -> Self {
        Self { config, world, seen: vec![false; config.items as usize], found: Vec::new() }
    }

    /// Forgets the user before.
    pub fn restart(&mut self) {
        self.found.drain(..).for_each(|item| self.seen[item as usize] = false);
    }

    /// The items found so far, in order.
    pub fn found(&self) -> &[u32] {
        &self.found
    }

    /// An item that is new to this user: of its taste or generally popular; when those have been
    /// seen, any other. `None` when a new one is hard to find, which happens to users who have seen nearly everything.
    pub fn explore(&mut self, taste: &Taste, random: &mut impl Rng) -> Option<u32> {
        const LIKED: usize = 32;
        const ANY: usize = 32;
        for attempt in 0..LIKED + ANY {
            let item = if attempt >= LIKED {
                random.random_range(0..self.config.items as u32)
            } else if random.random::<f64>() < self.config.mainstream {
                self.world.popular_item(random)
            } else {
                match taste.item(self.world, random) {
                    Some(item) => item,
                    None => continue,
                }
            };
            if !std::mem::replace(&mut self.seen[item as usize], true) {
                self.found.push(item);
                return Some(item);
            }
        }
        None
    }
}
