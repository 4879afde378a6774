//! What a user did since the model was trained, under the rules of the model's log.

use super::request::HistoryItem;
use super::subject::Subject;
use super::{Engine, RequestError};
use crate::interactions::{LogRules, TimeUnit, Timestamp, Weighting};
use crate::types::{ItemIdx, UserIdx};

/// Something that happened since the model was trained, as it would stand in a row of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveEvent {
    /// With what, in canonical form.
    pub item_id: String,
    /// The value of the weight column; does not count where the log has none.
    pub weight: f32,
    /// The type of event; does not count where the log has none.
    pub event_type: Option<String>,
    /// When; does not count where the log has no times.
    pub time: Timestamp,
}

/// What is known of a user beside the model; by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveHistory {
    /// What happened since, in any order; without events that are part of the stored history already.
    pub events: Vec<LiveEvent>,
    /// The user was forgotten: the history stored with the model does not exist for anybody.
    pub forgotten: bool,
}

/// Whether a live event is folded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// It is.
    Counts,
    /// Its item is not in the catalogue.
    UnknownItem,
    /// The rules of the log drop it: its type, weight or time.
    Dropped,
}

/// What is known of a user, stored and live.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownHistory {
    /// What a request about the user folds in, in the order of the catalogue.
    pub folded_in: Vec<HistoryItem>,
    /// What becomes of each live event.
    pub live: Vec<LiveState>,
    /// Items of the stored history; 0 for a user who has none or was forgotten.
    pub stored_items: usize,
}

/// The rules of a log as far as they concern live events.
pub(super) struct LiveRules<'a> {
    rules: &'a LogRules,
    weighting: Weighting,
}

/// A live event in terms of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Weighed {
    pub item: ItemIdx,
    pub weight: f32,
    pub time: Timestamp,
}

impl LiveRules<'_> {
    /// The weight and the time of an event, as they would have come out of the log; `None` where the rules drop it.
    fn weigh(&self, event: &LiveEvent) -> Option<(f32, Timestamp)> {
        let names = &self.rules.columns;
        let value = if names.weight.is_empty() { 1.0 } else { event.weight };
        let type_weight = match &event.event_type {
            _ if names.event.is_empty() => 1.0,
            None => 0.0,
            Some(of) => self.rules.event_weights.get(of).copied().unwrap_or(0.0),
        };
        // A log that counts in seconds knows no fractions of them.
        let time = self.rules.time_unit.map_or(Some(event.time), |unit| rounded(unit, event.time))?;
        let time = (!names.time.is_empty()).then_some(time);
        let weight = self.weighting.weigh(value, type_weight, time).ok()?;
        Some((weight.min(f32::MAX), time.unwrap_or(Timestamp(i64::MAX))))
    }
}

fn rounded(unit: TimeUnit, time: Timestamp) -> Option<Timestamp> {
    unit.timestamp(unit.count(time))
}

impl Engine {
    fn live_rules(&self) -> LiveRules<'_> {
        let rules = &self.info.manifest.rules;
        LiveRules { rules, weighting: Weighting::new(&rules.for_live()) }
    }

    /// What live events weigh, or why they do not count.
    pub(super) fn weigh_live(&self, events: &[LiveEvent]) -> Vec<Result<Weighed, LiveState>> {
        let rules = self.live_rules();
        let weigh = |event: &LiveEvent| {
            let item = self.catalogue.ids().index(&event.item_id).ok_or(LiveState::UnknownItem)?;
            let (weight, time) = rules.weigh(event).ok_or(LiveState::Dropped)?;
            Ok(Weighed { item: ItemIdx(item), weight, time })
        };
        events.iter().map(weigh).collect()
    }

    /// Whether the catalogue has an item.
    #[must_use]
    pub fn knows_item(&self, item_id: &str) -> bool {
        self.catalogue.ids().index(item_id).is_some()
    }

    /// How many items the history of a user has that is stored with the model, without reading it; `None` where there
    /// is no such history.
    #[must_use]
    pub fn stored_items(&self, user_id: &str) -> Option<usize> {
        self.users.index(user_id).map(|user| self.histories.history_len(UserIdx(user)))
    }

    /// What is known of a user, stored and live.
    ///
    /// # Errors
    /// [`RequestError`] when the stored history cannot be read.
    pub fn known_history(&self, user_id: &str, live: &LiveHistory) -> Result<KnownHistory, RequestError> {
        let Subject { history, stored_items, .. } = self.subject_of(Some(user_id), &[], live)?;
        let history = history.as_ref();
        let ids = self.catalogue.ids();
        let pairs = history.items().iter().zip(history.weights());
        Ok(KnownHistory {
            folded_in: pairs
                .map(|(&item, &weight)| HistoryItem { item_id: ids.external(item).into_owned(), weight: Some(weight) })
                .collect(),
            live: self.weigh_live(&live.events).into_iter().map(|of| of.err().unwrap_or(LiveState::Counts)).collect(),
            stored_items,
        })
    }
}
