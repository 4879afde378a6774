//! Why a request has no answer.

use crate::artifact::ArtifactError;
use crate::filter::FilterError;

/// What is wrong with a request, or with answering it. The messages are written for the caller.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Nothing says whom to recommend to.
    #[error("user_id and history are both empty: give a user_id, a history of at least one item, or both")]
    NoSubject,
    /// A list that must not be empty is.
    #[error("{field} is empty: give at least one entry")]
    Empty {
        /// The field.
        field: String,
    },
    /// An id that must be given is not.
    #[error("{field} is empty: give an id")]
    NoId {
        /// The field, for example `item_ids[3]`.
        field: String,
    },
    /// A list is too long.
    #[error("{field} has {length} entries, at most {limit} are allowed")]
    TooLong {
        /// The field.
        field: String,
        /// Entries given.
        length: usize,
        /// Entries allowed.
        limit: usize,
    },
    /// A number is outside its range.
    #[error("{field} is {value}, must be between {low} and {high}")]
    Range {
        /// The field.
        field: String,
        /// The number given.
        value: String,
        /// The smallest allowed.
        low: String,
        /// The largest allowed.
        high: String,
    },
    /// A number is none.
    #[error("{field} is {value}, must be a finite number")]
    NotFinite {
        /// The field.
        field: &'static str,
        /// The number given.
        value: f32,
    },
    /// Numbers that are fine each by itself ask for too much together.
    #[error(
        "exploration.draws is {draws}; of lists of {n} chosen from {candidates} for variety at most {most} are drawn"
    )]
    TooMuchWork {
        /// Draws asked for.
        draws: usize,
        /// Items asked for.
        n: usize,
        /// Candidates asked for.
        candidates: usize,
        /// Draws allowed with them.
        most: usize,
    },
    /// A weight cannot be used.
    #[error("{field} is {weight}, must be a finite number greater than 0")]
    Weight {
        /// The field, for example `history[3].weight`.
        field: String,
        /// The weight given.
        weight: f32,
    },
    /// An item without a rating is sent to a model that learns from ratings.
    #[error(
        "{field} is missing: model {model} learns from ratings, give the rating of each item (`foldin recommend` and `foldin embed`: --weights)"
    )]
    NoRating {
        /// The field, for example `history[3].weight`.
        field: String,
        /// The model's name.
        model: &'static str,
    },
    /// A condition cannot be read, or does not fit the metadata of the items.
    #[error("filter, {0}")]
    Filter(#[from] FilterError),
    /// A column that is to be shown is not there, or was left out.
    #[error("{field}: {reason}")]
    Attribute {
        /// The field, for example `detail.attributes[1]`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The item a request is about does not exist.
    #[error("item_id {item_id:?} is not in the catalogue of this model")]
    UnknownItem {
        /// The id given.
        item_id: String,
    },
    /// The user a request is about has no history.
    #[error("user_id {user_id:?} has no history: nothing says what this user is like")]
    UnknownUser {
        /// The id given.
        user_id: String,
    },
    /// The model has no vectors of the kind asked for.
    #[error("model {model} has no {what} embeddings")]
    NoSpace {
        /// The model's name.
        model: &'static str,
        /// `user` or `item`.
        what: &'static str,
    },
    /// The model cannot tell items apart.
    #[error("model {model} gives everyone the same list and cannot compare items")]
    NoSimilarity {
        /// The model's name.
        model: &'static str,
    },
    /// The model lacks what a field asks for.
    #[error("{field} cannot be used with model {model}, which {lack}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// The model's name.
        model: &'static str,
        /// What the model lacks.
        lack: &'static str,
    },
    /// The item was not recommended because of a history.
    #[error("there is nothing to explain: {reason}")]
    Unexplained {
        /// Where the score comes from instead.
        reason: &'static str,
    },
    /// Nothing says what is normal for the model.
    #[error(
        "model {model} is not calibrated for anomalies: `foldin calibrate MODEL --logs LOG --out DIR` makes a model directory \
         that is, from histories of users it was not trained on"
    )]
    NotCalibrated {
        /// The model's name.
        model: &'static str,
    },
    /// Leaving out every item of a history in turn would take too long.
    #[error(
        "history has {length} items; model {model} is explained by leaving out each of them in turn, which is done for at most {limit}"
    )]
    TooMuchToExplain {
        /// The model's name.
        model: &'static str,
        /// Items of the history, stored and sent.
        length: usize,
        /// Items that can be explained.
        limit: usize,
    },
    /// The request is fine, the model directory no longer is.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// The stored data became unreadable while in use.
#[derive(Debug, thiserror::Error)]
#[error("a stored history cannot be read: {0}")]
pub struct InternalError(#[from] ArtifactError);

impl RequestError {
    /// The field of the request that is to blame, where there is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::NoSubject | Self::UnknownUser { .. } => Some("user_id"),
            Self::Empty { field }
            | Self::NoId { field }
            | Self::TooLong { field, .. }
            | Self::Range { field, .. }
            | Self::Weight { field, .. }
            | Self::NoRating { field, .. }
            | Self::Attribute { field, .. } => Some(field),
            Self::Filter(_) => Some("filter"),
            Self::TooMuchWork { .. } => Some("exploration.draws"),
            Self::UnknownItem { .. } => Some("item_id"),
            Self::Unsupported { field, .. } | Self::NotFinite { field, .. } => Some(field),
            Self::TooMuchToExplain { .. } => Some("history"),
            Self::NoSpace { .. }
            | Self::NoSimilarity { .. }
            | Self::NotCalibrated { .. }
            | Self::Unexplained { .. }
            | Self::Internal(_) => None,
        }
    }
}
