//! For whom lists are asked.

use std::num::NonZeroUsize;

use rand::RngExt;
use rand::seq::index;

use super::LoadTestError;
use crate::engine::MAX_HISTORY;
use crate::interactions::{IdMap, Interactions};
use crate::random::{Purpose, stream};
use crate::serve::pb;
use crate::types::UserIdx;

/// Those for whom lists are asked; each request draws one.
#[derive(Clone, Debug)]
pub struct Subjects(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Users(IdMap),
    Histories { items: IdMap, histories: Interactions, users: Vec<UserIdx> },
    MadeUp { items: IdMap, length: usize },
}

impl Subjects {
    /// Users whose history the server has.
    ///
    /// # Errors
    /// [`LoadTestError::NoSubjects`] without any.
    pub fn users(ids: IdMap) -> Result<Self, LoadTestError> {
        if ids.is_empty() {
            return Err(LoadTestError::NoSubjects { what: "there is no user id".into() });
        }
        Ok(Self(Kind::Users(ids)))
    }

    /// Histories that are sent with the request. Of one that is longer than a request may hold, only as many items
    /// are sent.
    ///
    /// # Errors
    /// [`LoadTestError::NoSubjects`] when no user has an item.
    pub fn histories(items: IdMap, histories: Interactions) -> Result<Self, LoadTestError> {
        let users: Vec<UserIdx> =
            (0..histories.users() as u32).map(UserIdx).filter(|&user| !histories.history(user).is_empty()).collect();
        if users.is_empty() {
            return Err(LoadTestError::NoSubjects { what: "the log has no history".into() });
        }
        Ok(Self(Kind::Histories { items, histories, users }))
    }

    /// Histories of `length` different items, all items alike.
    ///
    /// # Errors
    /// [`LoadTestError`] when there are not as many items, or a request cannot hold them.
    pub fn made_up(items: IdMap, length: NonZeroUsize) -> Result<Self, LoadTestError> {
        let length = length.get();
        if length > MAX_HISTORY {
            let range = "at most 10,000 items";
            return Err(LoadTestError::Value { what: "length of a history", value: length as f64, range });
        }
        if items.len() < length {
            let what = format!("{} items are known, histories of {length} need as many", items.len());
            return Err(LoadTestError::NoSubjects { what });
        }
        Ok(Self(Kind::MadeUp { items, length }))
    }

    /// How many different ones there are; `None` where histories are made up.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        match &self.0 {
            Kind::Users(ids) => Some(ids.len()),
            Kind::Histories { users, .. } => Some(users.len()),
            Kind::MadeUp { .. } => None,
        }
    }

    /// Histories of which only a part is sent, because a request may not hold more.
    #[must_use]
    pub fn cut(&self) -> usize {
        match &self.0 {
            Kind::Histories { histories, users, .. } => {
                users.iter().filter(|&&user| histories.history(user).len() > MAX_HISTORY).count()
            }
            Kind::Users(_) | Kind::MadeUp { .. } => 0,
        }
    }

    /// The subject of a request by its number in a part of the test: always the same one.
    pub(super) fn request(&self, seed: u64, part: u64, number: u64) -> pb::RecommendRequest {
        let mut random = stream(seed, Purpose::LoadTest, [2 * part + 1, number]);
        match &self.0 {
            Kind::Users(ids) => {
                let user = random.random_range(0..ids.len() as u32);
                pb::RecommendRequest { user_id: Some(ids.external(user).into_owned()), ..Default::default() }
            }
            Kind::Histories { items, histories, users } => {
                let history = histories.history(users[random.random_range(0..users.len())]);
                let entry = |(&item, &weight): (&u32, &f32)| pb::HistoryItem {
                    item_id: items.external(item).into_owned(),
                    weight: (weight != 1.0).then_some(weight),
                };
                let history = history.items().iter().zip(history.weights()).take(MAX_HISTORY).map(entry).collect();
                pb::RecommendRequest { history, ..Default::default() }
            }
            Kind::MadeUp { items, length } => {
                let drawn = index::sample(&mut random, items.len(), *length);
                let history = pb::history(drawn.iter().map(|item| items.external(item as u32)));
                pb::RecommendRequest { history, ..Default::default() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ids(count: i64) -> IdMap {
        IdMap::Int((0..count).collect())
    }

    #[test]
    fn users_are_drawn_from_all() {
        let subjects = Subjects::users(ids(5)).unwrap();
        let drawn: BTreeSet<String> = (0..100).filter_map(|n| subjects.request(1, 0, n).user_id).collect();
        assert_eq!(drawn.len(), 5);
        assert_eq!(subjects.request(1, 0, 7), subjects.request(1, 0, 7));
    }

    #[test]
    fn a_history_is_sent_as_it_is_logged() {
        let histories = Interactions::from_csr((3, 4), vec![0, 0, 2, 2], vec![1, 3], vec![1.0, 2.5]).unwrap();
        let request = Subjects::histories(ids(4), histories).unwrap().request(1, 0, 3);
        let sent: Vec<_> = request.history.iter().map(|item| (item.item_id.as_str(), item.weight)).collect();
        assert_eq!(sent, [("1", None), ("3", Some(2.5))], "the only user with a history");
    }

    #[test]
    fn made_up_histories_repeat_no_item() {
        let subjects = Subjects::made_up(ids(30), NonZeroUsize::new(20).unwrap()).unwrap();
        for number in 0..50 {
            let history = subjects.request(1, 0, number).history;
            let items: BTreeSet<&str> = history.iter().map(|item| item.item_id.as_str()).collect();
            assert_eq!((history.len(), items.len()), (20, 20));
        }
    }

    #[test]
    fn nobody_to_ask_for() {
        let empty = Interactions::from_csr((2, 4), vec![0, 0, 0], vec![], vec![]).unwrap();
        for refused in [
            Subjects::users(ids(0)),
            Subjects::histories(ids(4), empty),
            Subjects::made_up(ids(3), NonZeroUsize::new(4).unwrap()),
        ] {
            assert!(refused.unwrap_err().to_string().contains("nobody to ask for"));
        }
        assert!(Subjects::made_up(ids(3), NonZeroUsize::new(10_001).unwrap()).is_err());
    }
}
