//! The world that users live in: how popular items are, and which groups like which.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, Gamma};

use super::config::GenerateConfig;
use super::sampling::Weighted;
use crate::random::{Purpose, stream};

/// First coordinate of the generator's random streams: what is drawn.
#[derive(Clone, Copy)]
pub(super) enum Draw {
    Popularity = 0,
    Item = 1,
    HistoryLength = 2,
    User = 3,
    Facts = 4,
}

/// The random numbers for one thing; the second coordinate says which one.
pub(super) fn random(config: &GenerateConfig, draw: Draw, which: u64) -> impl Rng + use<> {
    stream(config.seed, Purpose::Generate, [draw as u64, which])
}

/// Items and taste groups.
pub(super) struct World {
    /// All items by popularity.
    popularity: Weighted,
    /// The groups by size.
    group_sizes: Weighted,
    /// What each group likes.
    groups: Vec<Group>,
    /// The group that each item belongs to most.
    main_group: Vec<u32>,
}

/// The items of a group with their probabilities.
struct Group {
    items: Vec<u32>,
    weights: Weighted,
}

impl World {
    /// Draws the world: memory is proportional to items × groups per item.
    pub fn new(config: &GenerateConfig) -> Self {
        let items = config.items as usize;
        let shift = config.popularity_shift * items as f64 + 1.0;
        let mut popularity: Vec<f64> =
            (0..items).map(|rank| (rank as f64 + shift).powf(-config.popularity_exponent)).collect();
        popularity.shuffle(&mut random(config, Draw::Popularity, 0));

        // Group sizes: a gentle Zipf law, so that there are broad tastes and niches.
        let groups = config.groups as usize;
        let sizes: Vec<f64> = (0..groups).map(|rank| 1.0 / (rank as f64 + 3.0).sqrt()).collect();
        let group_sizes = Weighted::new(sizes.into_iter());

        let mut members: Vec<Vec<(u32, f64)>> = vec![Vec::new(); groups];
        let mut main_group = Vec::with_capacity(items);
        for (item, popularity) in popularity.iter().enumerate() {
            let memberships = memberships(config, &group_sizes, item);
            main_group.push(memberships[0].0);
            for (group, membership) in memberships {
                members[group as usize].push((item as u32, membership * popularity));
            }
        }
        let groups = members
            .into_iter()
            .map(|members| Group {
                weights: Weighted::new(members.iter().map(|member| member.1)),
                items: members.into_iter().map(|member| member.0).collect(),
            })
            .collect();
        Self { popularity: Weighted::new(popularity.into_iter()), group_sizes, groups, main_group }
    }

    /// The group that an item belongs to most.
    pub fn main_group(&self, item: usize) -> u32 {
        self.main_group[item]
    }

    /// All groups that an item belongs to, that one first.
    pub fn groups(&self, config: &GenerateConfig, item: usize) -> Vec<u32> {
        memberships(config, &self.group_sizes, item).into_iter().map(|membership| membership.0).collect()
    }

    /// An item by general popularity.
    pub fn popular_item(&self, random: &mut impl Rng) -> u32 {
        self.popularity.draw(random) as u32
    }
}

/// The groups of an item with weights, strongest first.
fn memberships(config: &GenerateConfig, sizes: &Weighted, item: usize) -> Vec<(u32, f64)> {
    let mut random = random(config, Draw::Item, item as u64);
    let count = random.random_range(1..=config.groups_per_item.min(config.groups)) as usize;
    let mut groups: Vec<(u32, f64)> = distinct(sizes, count, &mut random)
        .into_iter()
        .map(|group| (group, Distribution::<f64>::sample(&Exp1, &mut random)))
        .collect();
    groups.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total: f64 = groups.iter().map(|group| group.1).sum();
    groups.iter_mut().for_each(|group| group.1 /= total);
    groups
}

/// Draws `count` different positions, or fewer when the same come up again and again.
fn distinct(weighted: &Weighted, count: usize, random: &mut impl Rng) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::with_capacity(count);
    for _ in 0..8 * count {
        if chosen.len() == count {
            break;
        }
        let candidate = weighted.draw(random) as u32;
        if !chosen.contains(&candidate) {
            chosen.push(candidate);
        }
    }
    chosen
}

/// The tastes of one user: groups and how much of each.
pub(super) struct Taste {
    groups: Vec<u32>,
    shares: Weighted,
}

impl Taste {
    /// Draws a user's tastes.
    pub fn draw(config: &GenerateConfig, world: &World, random: &mut impl Rng) -> Self {
        // One group, and a geometric number of others with the mean asked for.
        let others = config.groups_per_user - 1.0;
        let more = others / (1.0 + others);
        let mut count = 1;
        while count < config.groups as usize && random.random::<f64>() < more {
            count += 1;
        }
        let groups = distinct(&world.group_sizes, count, random);
        // Gamma variables in proportion to their sum are Dirichlet; a shape below 1 makes main and side tastes.
        let shares: Vec<f64> = match Gamma::new(0.7, 1.0) {
            Ok(gamma) => groups.iter().map(|_| gamma.sample(random)).collect(),
            Err(_) => vec![1.0; groups.len()],
        };
        Self { groups, shares: Weighted::new(shares.into_iter()) }
    }

    /// An item that this user may like.
    pub fn item(&self, world: &World, random: &mut impl Rng) -> Option<u32> {
        let group = &world.groups[self.groups[self.shares.draw(random)] as usize];
        (!group.items.is_empty()).then(|| group.items[group.weights.draw(random)])
    }
}
