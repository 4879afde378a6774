//! A list of recommendations as the command line shows it, whether computed here or by a server.

use std::fmt;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::engine::{Fallback, MetadataValue, Recommendation, ShortList, Tier};
use crate::serve::pb;

/// A list with what a reader should know about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct List {
    /// Best first.
    pub items: Vec<Entry>,
    /// `personal`, `popularity` or `popularity within the filter`.
    pub tier: &'static str,
    /// Why the list is not personal, when it could have been.
    pub fallback: Option<&'static str>,
    /// Distinct items folded in.
    pub history_items: usize,
    /// Entries of the history that the catalogue does not have.
    pub unknown_history_items: usize,
    /// Entries of context and dislikes that the catalogue does not have.
    pub unknown_context_items: usize,
    /// Items of the catalogue that were not listed because the history has them.
    pub removed_seen: usize,
    /// Items of the catalogue that were not listed because they do not meet the filter.
    pub removed_not_matching: usize,
    /// Items that fill the list up.
    pub filled_items: usize,
    /// Why there are fewer items than asked for.
    pub short_reason: Option<&'static str>,
    /// The model that answered.
    pub model_version: String,
}

/// One item of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Entry {
    /// Its place, from 1.
    pub rank: usize,
    /// Its id.
    pub item_id: String,
    /// Its title, where one is known.
    pub title: Option<String>,
    /// Its score, comparable within the list.
    pub score: f32,
    /// Where it comes from.
    pub tier: &'static str,
    /// The attributes asked for, as far as they are known.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    pub attributes: Vec<(String, Value)>,
    /// The items of the history that speak most for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contributions: Vec<Speaks>,
    /// How probable it was to be listed, for a list that explores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f64>,
}

fn as_map<S: Serializer>(attributes: &[(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(attributes.iter().map(|(name, value)| (name, value)))
}

/// An item of the history and how much of a score is due to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speaks {
    /// The item of the history.
    pub item_id: String,
    /// How much.
    pub amount: f32,
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

const PERSONAL: &str = "personal";
const POPULARITY: &str = "popularity";
const POPULARITY_FILTERED: &str = "popularity within the filter";

const NOTHING_ALLOWED: &str = "no allowed item is in the catalogue";
const SMALL_CATALOGUE: &str = "the catalogue has no more";
const FILTERED: &str = "the filters left no more";
const NOTHING_MATCHES: &str = "no item of the catalogue meets the filter";
const BELOW_MIN_SCORE: &str = "no more reach the score asked for";

/// A number as people write it: 2003, not 2003.0.
fn plain_number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) }
}

fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Personal => PERSONAL,
        Tier::Popularity => POPULARITY,
        Tier::PopularityFiltered => POPULARITY_FILTERED,
    }
}

fn received_tier(tier: pb::Tier) -> &'static str {
    match tier {
        pb::Tier::Personal => PERSONAL,
        pb::Tier::Popularity => POPULARITY,
        pb::Tier::PopularityFiltered => POPULARITY_FILTERED,
        pb::Tier::Unspecified => "unspecified",
    }
}

impl From<crate::engine::Listed> for Entry {
    fn from(item: crate::engine::Listed) -> Self {
        let value = |value: MetadataValue| match value {
            MetadataValue::Text(text) => json!(text),
            MetadataValue::Number(number) => plain_number(number),
            MetadataValue::Flag(flag) => json!(flag),
            MetadataValue::Texts(texts) => json!(texts),
        };
        let speaks = |c: crate::engine::Contribution| Speaks { item_id: c.item_id, amount: c.amount };
        Self {
            rank: item.rank,
            item_id: item.item_id,
            title: item.title,
            score: item.score,
            tier: item.tier.map_or("", tier_name),
            attributes: item.attributes.into_iter().map(|(name, of)| (name, value(of))).collect(),
            contributions: item.contributions.into_iter().map(speaks).collect(),
            propensity: item.propensity,
        }
    }
}

impl From<pb::ScoredItem> for Entry {
    fn from(item: pb::ScoredItem) -> Self {
        use pb::attribute::Value as Kind;
        let value = |value: Kind| match value {
            Kind::Text(text) => json!(text),
            Kind::Number(number) => plain_number(number),
            Kind::Flag(flag) => json!(flag),
            Kind::Texts(texts) => json!(texts.values),
        };
        let speaks = |c: pb::Contribution| Speaks { item_id: c.item_id, amount: c.amount };
        let tier = received_tier(item.tier());
        let attributes = item.attributes.into_iter().filter_map(|of| Some((of.name, value(of.value?))));
        Self {
            rank: item.rank as usize,
            item_id: item.item_id,
            title: item.title,
            score: item.score,
            tier,
            attributes: attributes.collect(),
            contributions: item.contributions.into_iter().map(speaks).collect(),
            propensity: item.propensity,
        }
    }
}

impl List {
    /// The answer of an engine whose model has this version.
    #[must_use]
    pub fn computed(answer: Recommendation, model_version: &str) -> Self {
        Self {
            items: answer.items.into_iter().map(Into::into).collect(),
            tier: tier_name(answer.tier),
            fallback: answer.fallback.map(|fallback| match fallback {
                Fallback::UnknownUser => UNKNOWN_USER,
                Fallback::NoStoredHistory => NO_STORED_HISTORY,
                Fallback::NoKnownItems => NO_KNOWN_ITEMS,
            }),
            history_items: answer.history_items,
            unknown_history_items: answer.unknown_history_items,
            unknown_context_items: answer.unknown_context_items,
            removed_seen: answer.removed.seen,
            removed_not_matching: answer.removed.not_matching,
            filled_items: answer.filled_items,
            short_reason: answer.short.map(|short| match short {
                ShortList::NothingAllowed => NOTHING_ALLOWED,
                ShortList::SmallCatalogue => SMALL_CATALOGUE,
                ShortList::Filtered => FILTERED,
                ShortList::NothingMatches => NOTHING_MATCHES,
                ShortList::BelowMinScore => BELOW_MIN_SCORE,
            }),
            model_version: model_version.into(),
        }
    }

    /// The answer of a server.
    #[must_use]
    pub fn received(answer: pb::RecommendResponse) -> Self {
        use pb::{FallbackReason as Reason, ShortReason as Short};
        let removed = answer.removed.unwrap_or_default();
        Self {
            tier: received_tier(answer.tier()),
            fallback: match answer.fallback() {
                Reason::Unspecified => None,
                Reason::UnknownUser => Some(UNKNOWN_USER),
                Reason::NoStoredHistory => Some(NO_STORED_HISTORY),
                Reason::NoKnownItems => Some(NO_KNOWN_ITEMS),
            },
            short_reason: match answer.short_reason() {
                Short::Unspecified => None,
                Short::NothingAllowed => Some(NOTHING_ALLOWED),
                Short::SmallCatalogue => Some(SMALL_CATALOGUE),
                Short::Filtered => Some(FILTERED),
                Short::NothingMatches => Some(NOTHING_MATCHES),
                Short::BelowMinScore => Some(BELOW_MIN_SCORE),
            },
            history_items: answer.history_items as usize,
            unknown_history_items: answer.unknown_history_items as usize,
            unknown_context_items: answer.unknown_context_items as usize,
            removed_seen: removed.seen as usize,
            removed_not_matching: removed.not_matching as usize,
            filled_items: answer.filled_items as usize,
            items: answer.items.into_iter().map(Into::into).collect(),
            model_version: answer.model_version,
        }
    }

    /// What was not as asked for, one line each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let unknown = |items: usize, of: &str| {
            (items > 0).then(|| format!("{items} items of the {of} are unknown and were ignored"))
        };
        let within = if self.tier == POPULARITY_FILTERED { " that meet the filter" } else { "" };
        let fallback = self.fallback.map(|reason| format!("{reason}: these are the most popular items{within}"));
        let filled = (self.filled_items > 0).then(|| match self.items.len().saturating_sub(self.filled_items) {
            0 => "nothing else is left: popular items fill the list up".to_owned(),
            _ => format!("the last {} fill the list up", self.filled_items),
        });
        let short = self.short_reason.map(|reason| format!("{} items only: {reason}", self.items.len()));
        let context = unknown(self.unknown_context_items, "context and of the dislikes");
        [unknown(self.unknown_history_items, "history"), context, fallback, filled, short]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The columns of the table besides rank, item and score.
    fn extra(&self) -> Vec<Extra> {
        let mut extra = Vec::new();
        if self.items.iter().any(|item| item.title.is_some()) {
            extra.push(Extra::Title);
        }
        for item in &self.items {
            for (name, _) in &item.attributes {
                let column = Extra::Attribute(name.clone());
                if !extra.contains(&column) {
                    extra.push(column);
                }
            }
        }
        for (column, wanted) in [
            (Extra::Because, self.items.iter().any(|item| !item.contributions.is_empty())),
            (Extra::Propensity, self.items.iter().any(|item| item.propensity.is_some())),
            (Extra::From, self.items.iter().any(|item| item.tier != self.tier)),
        ] {
            extra.extend(wanted.then_some(column));
        }
        extra
    }
}

/// A column that a list has if there is something to show in it.
#[derive(Clone, Debug, PartialEq)]
enum Extra {
    Title,
    Attribute(String),
    Because,
    Propensity,
    From,
}

impl Extra {
    fn header(&self) -> &str {
        match self {
            Self::Title => "title",
            Self::Attribute(name) => name,
            Self::Because => "because of",
            Self::Propensity => "propensity",
            Self::From => "from",
        }
    }

    fn is_number(&self, items: &[Entry]) -> bool {
        match self {
            Self::Attribute(name) => {
                let mut values = items.iter().flat_map(|item| &item.attributes).filter(|(of, _)| of == name);
                values.all(|(_, value)| value.is_number())
            }
            column => *column == Self::Propensity,
        }
    }

    fn cell(&self, item: &Entry) -> String {
        let plain = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        };
        match self {
            Self::Title => item.title.clone().unwrap_or_default(),
            Self::Attribute(name) => {
                let of = item.attributes.iter().find(|(of, _)| of == name);
                of.map(|(_, value)| plain(value)).unwrap_or_default()
            }
            Self::Because => {
                let speaks = item.contributions.iter().map(|c| format!("{} {:+.3}", c.item_id, c.amount));
                speaks.collect::<Vec<_>>().join(", ")
            }
            Self::Propensity => item.propensity.map(|p| format!("{p:.3}")).unwrap_or_default(),
            Self::From => item.tier.to_owned(),
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
        let extra = self.extra();
        // The title belongs to the id, everything else explains the score.
        let titles = extra.iter().take_while(|column| **column == Extra::Title).count();
        let row = |rank: String, id: String, score: String, cell: &dyn Fn(&Extra) -> String| {
            let mut cells: Vec<String> = vec![rank, id];
            cells.extend(extra[..titles].iter().map(cell));
            cells.push(score);
            cells.extend(extra[titles..].iter().map(cell));
            cells
        };
        table.set_header(row("".into(), "item".into(), "score".into(), &|column| column.header().to_owned()));
        for item in &self.items {
            let score = format!("{:.4}", item.score);
            table.add_row(row(item.rank.to_string(), item.item_id.clone(), score, &|column| column.cell(item)));
        }
        let numbers = extra[titles..].iter().enumerate().filter(|(_, column)| column.is_number(&self.items));
        for number in [0, 2 + titles].into_iter().chain(numbers.map(|(at, _)| 3 + titles + at)) {
            if let Some(column) = table.column_mut(number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(f, "{table}")
    }
}
