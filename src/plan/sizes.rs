//! The extents of the data of a run.

use serde::Serialize;

use crate::interactions::{IdMap, Interactions, LogRules};
use crate::io::{AxisExtents, LogExtents};

/// The extents of the data of a run, known or bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DataSizes {
    /// (User, item) entries that are read.
    pub entries: u64,
    /// Users left after the rules of the log.
    pub users: u64,
    /// Items left after the rules of the log, and those that nobody has yet where they are asked for.
    pub items: u64,
    /// Different (user, item) pairs left.
    pub interactions: u64,
    /// True when users, items and interactions are upper bounds: rules that look at single rows, and merging, may leave
    /// fewer.
    pub upper_bound: bool,
    /// True when times are read.
    pub times: bool,
    /// Bytes of the different ids of both axes.
    pub id_bytes: u64,
    /// Σ length² over the histories: what the Gram matrix of a closed form adds up.
    pub squared_lengths: u64,
    /// Users of every item, falling: what a minimum of users an item would keep. Empty where only extents are known.
    #[serde(skip)]
    pub item_users: Vec<u32>,
}

/// Bytes of an integer id.
const INTEGER_BYTES: u64 = 8;

impl DataSizes {
    /// Extents as somebody states them: integer ids, histories of equal length.
    #[must_use]
    pub fn stated(users: u64, items: u64, interactions: u64) -> Self {
        Self {
            entries: interactions,
            users,
            items,
            interactions,
            id_bytes: users.saturating_add(items).saturating_mul(INTEGER_BYTES),
            squared_lengths: interactions.saturating_mul(interactions.div_ceil(users.max(1))),
            ..Self::default()
        }
    }

    /// Upper bounds from one pass over the ids.
    ///
    /// A user or item with fewer entries than its minimum cannot reach it once repeated pairs are merged, so it is left
    /// out; what its loss takes from others is not followed up. The interactions are no more than the entries of the
    /// users that are left, nor than those of the items.
    #[must_use]
    pub fn bounded(extents: &LogExtents, rules: &LogRules) -> Self {
        let left = |axis: &AxisExtents, minimum: usize| -> Vec<u32> {
            axis.entries.iter().copied().filter(|&entries| entries as usize >= minimum).collect()
        };
        let users = left(&extents.users, rules.min_user_items);
        let mut item_users = left(&extents.items, rules.min_item_users);
        item_users.sort_unstable_by(|a, b| b.cmp(a));
        let total = |entries: &[u32]| entries.iter().map(|&entries| u64::from(entries)).sum::<u64>();
        let squared = users.iter().fold(0u64, |sum, &entries| sum.saturating_add(u64::from(entries).pow(2)));
        Self {
            entries: extents.entries,
            users: users.len() as u64,
            items: item_users.len() as u64,
            interactions: total(&users).min(total(&item_users)),
            upper_bound: true,
            times: !rules.columns.time.is_empty(),
            id_bytes: id_bytes(&extents.users.ids) + id_bytes(&extents.items.ids),
            squared_lengths: squared,
            item_users,
        }
    }

    /// The extents of a log that has been read.
    #[must_use]
    pub fn of(entries: u64, times: bool, log: &Interactions, [users, items]: [&IdMap; 2]) -> Self {
        let mut item_users = log.item_counts();
        item_users.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            entries,
            users: log.users() as u64,
            items: log.items() as u64,
            interactions: log.len() as u64,
            upper_bound: false,
            times,
            id_bytes: id_bytes(users) + id_bytes(items),
            squared_lengths: log.histories().map(|history| (history.len() as u64).pow(2)).sum(),
            item_users,
        }
    }

    /// The same without items of fewer than `minimum` users; users are taken to stay. Exact where histories are known,
    /// an upper bound where entries stand for users.
    #[must_use]
    pub fn with_min_item_users(&self, minimum: u32) -> Self {
        let kept = self.item_users.partition_point(|&users| users >= minimum);
        let interactions = self.item_users[..kept].iter().map(|&users| u64::from(users)).sum::<u64>();
        Self {
            items: kept as u64,
            interactions: self.interactions.min(interactions),
            item_users: self.item_users[..kept].to_vec(),
            ..self.clone()
        }
    }
}

/// Bytes of the ids of a map.
pub(super) fn id_bytes(ids: &IdMap) -> u64 {
    match ids {
        IdMap::Int(ids) => ids.len() as u64 * INTEGER_BYTES,
        IdMap::Uint(ids) => ids.len() as u64 * INTEGER_BYTES,
        IdMap::Uuid(ids) => 16 * ids.len() as u64,
        IdMap::Text(ids) => (0..ids.len()).map(|id| (size_of::<usize>() + ids.get(id).len()) as u64).sum(),
    }
}
