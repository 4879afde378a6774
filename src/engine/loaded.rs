//! The engine itself.

use std::path::Path;

use super::request::RecommendRequest;
use super::served::ServedItems;
use super::similar::inverse_norms;
use super::user_vectors::UserVectors;
use crate::anomaly::Calibration;
use crate::artifact::{Artifact, ArtifactError, Histories, Manifest};
use crate::codes::{Exactness, InvertedIndex};
use crate::interactions::{Catalogue, IdMap, Metadata};
use crate::models::{Model, ModelConfig, Popularity, Space};
use crate::ranking::{NarrowTable, Width};

/// A loaded model with its catalogue, users and histories. Immutable: any number of threads may ask.
///
/// Methods compute on the calling thread and on the rayon pool it belongs to.
pub struct Engine {
    pub(super) info: ModelInfo,
    pub(super) model: Box<dyn Model>,
    /// Answers where nothing is known of a user.
    pub(super) popularity: Popularity,
    pub(super) catalogue: Catalogue,
    pub(super) metadata: Metadata,
    pub(super) users: IdMap,
    pub(super) histories: Histories,
    /// What normal histories are like, where the model is calibrated.
    pub(super) calibration: Option<Calibration>,
    /// 1 / length of every item vector, 0 for a zero vector; empty where the model has none.
    pub(super) inverse_norms: Vec<f32>,
    /// The item vectors by latent, where they are sparse codes.
    pub(super) index: Option<InvertedIndex>,
    /// The only thing that changes, and no answer depends on it.
    pub(super) served: ServedItems,
    pub(super) user_vectors: UserVectors,
    /// The item table in narrow numbers, where one is to be read first.
    pub(super) table: Option<NarrowTable>,
}

/// What is known of the loaded model.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    /// What the model directory says of itself.
    pub manifest: Manifest,
    /// Where the model places users, if it does.
    pub user_space: Option<Space>,
    /// Where the model places items, if it does.
    pub item_space: Option<Space>,
}

impl Engine {
    /// Prepares a loaded artifact for requests.
    #[must_use]
    pub fn new(artifact: Artifact) -> Self {
        let Artifact { manifest, model, catalogue, metadata, popularity, users, held_out: _, histories, calibration } =
            artifact;
        let info = ModelInfo { manifest, user_space: model.user_space(), item_space: model.item_space() };
        let inverse_norms = inverse_norms(model.as_ref());
        let index = model.item_codes().map(InvertedIndex::of);
        Self {
            info,
            popularity: Popularity::from_counts(&popularity),
            served: ServedItems::of(catalogue.len()),
            user_vectors: UserVectors::new(users.len()),
            model,
            catalogue,
            metadata,
            users,
            histories,
            calibration,
            inverse_norms,
            index,
            table: None,
        }
    }

    /// Opens, verifies and prepares a model directory.
    ///
    /// # Errors
    /// [`ArtifactError`] when any of it cannot be trusted.
    pub fn open(dir: &Path) -> Result<Self, ArtifactError> {
        Artifact::open(dir).map(Self::new)
    }

    /// The same engine with an item table in narrow numbers that is read first, or without one. A model whose scores
    /// are no inner products has none.
    #[must_use]
    pub fn with_table(self, width: Option<Width>) -> Self {
        let parts = width.zip(self.model.inner_products());
        let table = parts.map(|(width, parts)| NarrowTable::new(width, parts.vectors, parts.bias));
        Self { table, ..self }
    }

    /// Computes a few lists for nobody, so that the first request finds everything in memory. Nothing of
    /// it counts as served.
    pub fn warm(&self) {
        /// Users, spread over all of them.
        const USERS: usize = 32;
        let step = (self.users.len() / USERS).max(1);
        let user = |at: usize| Some(self.users.external(at as u32).into_owned());
        let requests: Vec<_> = (0..self.users.len())
            .step_by(step)
            .take(USERS)
            .map(|at| RecommendRequest { user_id: user(at), n: 100, ..RecommendRequest::default() })
            .collect();
        // What is wrong with a history shows when somebody asks for it.
        drop(self.recommend(&requests));
        self.served.clear();
    }

    /// The item vectors by latent; `None` for a model whose vectors are not sparse codes.
    #[must_use]
    pub fn index(&self) -> Option<&InvertedIndex> {
        self.index.as_ref()
    }

    /// What the inverted index finds beside brute force, by some items; `None` for a model that has none.
    #[must_use]
    pub fn index_exactness(&self) -> Option<Exactness> {
        /// Items asked about.
        const ASKED: usize = 100;
        Some(self.index.as_ref()?.exactness(self.model.item_codes()?, ASKED))
    }

    /// What is known of the loaded model.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The items that can be listed.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// How many distinct items have been listed since the model was loaded.
    #[must_use]
    pub fn served_items(&self) -> usize {
        self.served.len()
    }

    /// What else is known of the items, in the order of the catalogue.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The users with a stored history.
    #[must_use]
    pub fn users(&self) -> &IdMap {
        &self.users
    }

    /// The stored histories, in the order of [`users`](Self::users).
    #[must_use]
    pub fn histories(&self) -> &Histories {
        &self.histories
    }

    /// The model's name.
    pub(super) fn name(&self) -> &'static str {
        self.info.manifest.model.name()
    }

    /// True when the answer does not depend on who asks.
    pub(super) fn impersonal(&self) -> bool {
        matches!(self.info.manifest.model, ModelConfig::Popularity(_))
    }
}
