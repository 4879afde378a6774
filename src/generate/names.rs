//! Titles that a person can read.

use std::collections::HashMap;

/// What items are called: a category a line, with its products. Taste groups take the categories in turn.
const PRODUCTS: &str = include_str!("products.txt");

/// The first word of a title.
const MAKERS: &str = "\
    Alder Amber Arden Aurora Birch Bramble Brook Calder Cedar Cinder Clover Copper \
    Coral Dale Delta Ember Fable Fern Fjord Flint Garnet Glen Harbour Hazel \
    Heron Indigo Ivory Juniper Kestrel Larch Linden Lumen Maple Meadow Mira Nordic \
    Opal Orchard Otter Pine Quarry Raven Saffron Sable Tamarind Thistle Willow Zephyr";

/// The second word of a title.
const ADJECTIVES: &str = "\
    Bold Bright Calm Classic Clear Compact Cosy Crisp Daily Deep Early Easy \
    Fine First Gentle Golden Grand Great Hidden Honest Humble Light Little Lively \
    Lucky Mellow Modern Noble Open Patient Plain Prime Pure Quick Quiet Rare \
    Royal Simple Slow Small Smart Steady Sunny Swift True Warm Wild Young";

/// A step through the titles of a category that visits each once and changes all words every time: a prime
/// that does not divide their number.
const STEP: usize = 10_007;

/// Hands out titles, none twice.
pub(super) struct Titles {
    categories: Vec<(&'static str, Vec<&'static str>)>,
    makers: Vec<&'static str>,
    adjectives: Vec<&'static str>,
    /// How many titles of each category are taken.
    taken: HashMap<usize, usize>,
}

impl Titles {
    /// All titles are free.
    pub fn new() -> Self {
        let category =
            |line: &'static str| line.split_once(": ").map(|(name, list)| (name, list.split(", ").collect()));
        Self {
            categories: PRODUCTS.lines().filter_map(category).collect(),
            makers: MAKERS.split_whitespace().collect(),
            adjectives: ADJECTIVES.split_whitespace().collect(),
            taken: HashMap::new(),
        }
    }

    /// The category of a taste group.
    pub fn category(&self, group: u32) -> &'static str {
        self.categories[group as usize % self.categories.len()].0
    }

    /// The category of a taste group and the next title in it.
    pub fn next(&mut self, group: u32) -> (&'static str, String) {
        let category = group as usize % self.categories.len();
        let (name, products) = &self.categories[category];
        let titles = self.makers.len() * self.adjectives.len() * products.len();
        let taken = self.taken.entry(category).or_default();
        // Categories start at different words.
        let (edition, place) = (*taken / titles, (*taken % titles + category) * STEP % titles);
        *taken += 1;
        let (maker, rest) = (place % self.makers.len(), place / self.makers.len());
        let (adjective, product) = (rest % self.adjectives.len(), rest / self.adjectives.len());
        let title = format!("{} {} {}", self.makers[maker], self.adjectives[adjective], products[product]);
        (name, if edition == 0 { title } else { format!("{title} {}", edition + 1) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_title_comes_twice() {
        let mut titles = Titles::new();
        for group in 0..titles.categories.len() as u32 {
            // More than the words of a category can tell apart.
            let all: HashSet<String> = (0..30_000).map(|_| titles.next(group).1).collect();
            assert_eq!(all.len(), 30_000, "{}", titles.categories[group as usize].0);
        }
    }

    #[test]
    fn every_line_is_a_category_of_its_own() {
        let categories = Titles::new().categories;
        assert_eq!(categories.len(), PRODUCTS.lines().count());
        assert!(categories.iter().all(|(_, products)| products.len() >= 2));
    }
}
