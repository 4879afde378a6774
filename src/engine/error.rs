//! Why a request has no answer.

use crate::artifact::ArtifactError;

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
    #[error("n is {value}, must be between 1 and {limit}")]
    N {
        /// The number given.
        value: usize,
        /// The largest allowed.
        limit: usize,
    },
    /// A weight cannot be used.
    #[error("{field} is {weight}, must be a finite number greater than 0")]
    Weight {
        /// The field, for example `history[3].weight`.
        field: String,
        /// The weight given.
        weight: f32,
    },
    /// The item a request is about does not exist.
    #[error("item_id {item_id:?} is not in the catalogue of this model")]
    UnknownItem {
        /// The id given.
        item_id: String,
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
            Self::NoSubject => Some("user_id"),
            Self::Empty { field } | Self::TooLong { field, .. } | Self::Weight { field, .. } => Some(field),
            Self::N { .. } => Some("n"),
            Self::UnknownItem { .. } => Some("item_id"),
            Self::NoSpace { .. } | Self::NoSimilarity { .. } | Self::Internal(_) => None,
        }
    }
}
