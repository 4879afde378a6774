//! A list of recommendations as the command line shows it, whether computed here or by a server.

use std::fmt;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::engine::{Fallback, Recommendation, Tier};
use crate::serve::pb;

/// A list with what a reader should know about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct List {
    /// Best first.
    pub items: Vec<Entry>,
    /// `personal` or `popularity`.
    pub tier: &'static str,
    /// Why the list is not personal, when it could have been.
    pub fallback: Option<&'static str>,
    /// Distinct items folded in.
    pub history_items: usize,
    /// Entries of the history that the catalogue does not have.
    pub unknown_history_items: usize,
    /// Items of the catalogue that were not listed because the history has them.
    pub removed_seen: usize,
    /// The model that answered.
    pub model_version: String,
}

/// One item of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its place, from 1.
    pub rank: usize,
    /// Its id.
    pub item_id: String,
    /// Its title, where one is known.
    pub title: Option<String>,
    /// Its score, comparable within the list.
    pub score: f32,
}

impl Entry {
    /// What a person reads: the title, or the id where there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.item_id)
    }
}

const UNKNOWN_USER: &str = "the user is unknown";
const NO_STORED_HISTORY: &str = "nothing is stored for the user";
const NO_KNOWN_ITEMS: &str = "no item of the history is in the catalogue";

impl List {
    /// The answer of an engine whose model has this version.
    #[must_use]
    pub fn computed(answer: Recommendation, model_version: &str) -> Self {
        let entry = |item: crate::engine::Listed| Entry {
            rank: item.rank,
            item_id: item.item_id,
            title: item.title,
            score: item.score,
        };
        Self {
            items: answer.items.into_iter().map(entry).collect(),
            tier: match answer.tier {
                Tier::Personal => "personal",
                Tier::Popularity => "popularity",
                Tier::PopularityFiltered => "popularity within the filter",
            },
            fallback: answer.fallback.map(|fallback| match fallback {
                Fallback::UnknownUser => UNKNOWN_USER,
                Fallback::NoStoredHistory => NO_STORED_HISTORY,
                Fallback::NoKnownItems => NO_KNOWN_ITEMS,
            }),
            history_items: answer.history_items,
            unknown_history_items: answer.unknown_history_items,
            removed_seen: answer.removed.seen,
            model_version: model_version.into(),
        }
    }

    /// The answer of a server.
    #[must_use]
    pub fn received(answer: pb::RecommendResponse) -> Self {
        use pb::FallbackReason as Reason;
        let (tier, fallback) = (answer.tier(), answer.fallback());
        let entry = |item: pb::ScoredItem| Entry {
            rank: item.rank as usize,
            item_id: item.item_id,
            title: item.title,
            score: item.score,
        };
        Self {
            items: answer.items.into_iter().map(entry).collect(),
            tier: match tier {
                pb::Tier::Personal => "personal",
                pb::Tier::Popularity => "popularity",
                pb::Tier::PopularityFiltered => "popularity within the filter",
                pb::Tier::Unspecified => "unspecified",
            },
            fallback: match fallback {
                Reason::Unspecified => None,
                Reason::UnknownUser => Some(UNKNOWN_USER),
                Reason::NoStoredHistory => Some(NO_STORED_HISTORY),
                Reason::NoKnownItems => Some(NO_KNOWN_ITEMS),
            },
            history_items: answer.history_items as usize,
            unknown_history_items: answer.unknown_history_items as usize,
            removed_seen: answer.removed.map_or(0, |removed| removed.seen as usize),
            model_version: answer.model_version,
        }
    }

    /// What was not as asked for, one line each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let unknown = (self.unknown_history_items > 0)
            .then(|| format!("{} items of the history are unknown and were ignored", self.unknown_history_items));
        let fallback = self.fallback.map(|reason| format!("{reason}: these are the most popular items"));
        unknown.into_iter().chain(fallback).collect()
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
        let titled = self.items.iter().any(|item| item.title.is_some());
        let cells = |rank: String, id: String, title: String, score: String| {
            [Some(rank), Some(id), titled.then_some(title), Some(score)].into_iter().flatten().collect::<Vec<_>>()
        };
        table.set_header(cells("".into(), "item".into(), "title".into(), "score".into()));
        for item in &self.items {
            let title = item.title.clone().unwrap_or_default();
            table.add_row(cells(item.rank.to_string(), item.item_id.clone(), title, format!("{:.4}", item.score)));
        }
        for number in [0, if titled { 3 } else { 2 }] {
            if let Some(column) = table.column_mut(number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(f, "{table}")
    }
}
