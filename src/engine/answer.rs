//! What an answer says: items, where they come from, and what became of the parts of the request.

use crate::interactions::MetadataValue;
use crate::ranking::Removed;

/// Where a list, or an item of it, comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The history was folded into the model.
    Personal,
    /// The most popular items: nothing is known of the user, or the model itself is popularity.
    Popularity,
    /// The same among the items that the filter admits.
    PopularityFiltered,
}

/// Why a list is not personal although the model could have made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// The `user_id` is not known and no history came with the request.
    UnknownUser,
    /// Nothing is stored for the `user_id`, and no history came with the request.
    NoStoredHistory,
    /// No item of the history is in the catalogue.
    NoKnownItems,
}

/// Why a list is shorter than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortList {
    /// No item of the allow-list is in the catalogue.
    NothingAllowed,
    /// The catalogue has fewer items than were asked for.
    SmallCatalogue,
    /// The filters left fewer items than were asked for.
    Filtered,
    /// No item meets the condition.
    NothingMatches,
    /// Fewer items reach the score asked for.
    BelowMinScore,
}

/// One item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its id in canonical form.
    pub item_id: String,
    /// Its title, where one is known and wanted.
    pub title: Option<String>,
    /// Its score, before the list was re-ranked; comparable only within the list.
    pub score: f32,
    /// Its place, from 1.
    pub rank: usize,
    /// Where it comes from; `None` in lists that are not for a user.
    pub tier: Option<Tier>,
    /// The columns asked for with the item's values, in the order asked; those that it lacks are left out.
    pub attributes: Vec<(String, MetadataValue)>,
    /// The items of the history that speak most for it, strongest first, as many as were asked for.
    pub contributions: Vec<Contribution>,
    /// For a list that explores: the probability that the item is listed.
    pub propensity: Option<f64>,
}

/// What one item of the history adds to a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The item of the history.
    pub item_id: String,
    /// How much of the score is due to it.
    pub amount: f32,
}

/// The answer to a [`RecommendRequest`](super::RecommendRequest).
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// Best first.
    pub items: Vec<Listed>,
    /// Where the list comes from.
    pub tier: Tier,
    /// Why it is not personal; `None` when it is, or when the model never is.
    pub fallback: Option<Fallback>,
    /// Whether the `user_id` has a stored history; `None` when none was given.
    pub user_known: Option<bool>,
    /// Distinct items of the history that were folded in, stored, live and ad hoc.
    pub history_items: usize,
    /// Live events that were folded in.
    pub live_events: usize,
    /// Entries of the ad hoc history that are not in the catalogue, and were ignored.
    pub unknown_history_items: usize,
    /// Entries of `exclude` that are not in the catalogue.
    pub unknown_excluded_items: usize,
    /// Entries of `allow` that are not in the catalogue.
    pub unknown_allowed_items: usize,
    /// Entries of `context` and `negatives` that are not in the catalogue, and were ignored.
    pub unknown_context_items: usize,
    /// How many items of the catalogue each filter took away.
    pub removed: Removed,
    /// Items that fill the list up.
    pub filled_items: usize,
    /// Why there are fewer than `n` items, when there are.
    pub short: Option<ShortList>,
}
