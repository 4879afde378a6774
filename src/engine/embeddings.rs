//! Vectors of users, items and ad hoc histories.

use nalgebra::DMatrix;

use super::live::LiveHistory;
use super::request::{HistoryItem, MAX_KEYS, check_count, check_ids};
use super::subject::Subject;
use super::{Engine, RequestError};
use crate::interactions::{History, HistoryRef};
use crate::models::{Model, Space};
use crate::ranking::StillWanted;

/// Histories folded in together.
const BATCH: usize = 64;

/// Vectors of one space, one entry a key in the order asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings<T> {
    /// The space they live in; vectors of different spaces cannot be compared.
    pub space: Space,
    /// The outcome for each key.
    pub entries: Vec<T>,
}

/// What became of one history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEmbedding {
    /// Its vector; `None` when no item of it is in the catalogue.
    pub vector: Option<Vec<f32>>,
    /// How uncertain the model is of each coordinate, as a variance; there where it was asked for and there is a vector.
    pub variances: Option<Vec<f32>>,
    /// Entries that are not in the catalogue, and were ignored.
    pub unknown_items: usize,
}

impl Engine {
    /// The vectors of users, folded in from their stored histories and what they did since, one
    /// [`LiveHistory`] a user; `None` for an id of which nothing is known.
    ///
    /// # Errors
    /// [`RequestError`] when the model has no user space, for no or too many ids, or for an empty one.
    ///
    /// # Panics
    /// When there is not one live history a user.
    pub fn user_embeddings(
        &self,
        user_ids: &[String],
        live: &[LiveHistory],
    ) -> Result<Embeddings<Option<Vec<f32>>>, RequestError> {
        self.user_embeddings_while(user_ids, live, &|| true).map(always)
    }

    /// [`user_embeddings`](Self::user_embeddings), given up with `None` as soon as they are no longer wanted.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn user_embeddings_while(
        &self,
        user_ids: &[String],
        live: &[LiveHistory],
        wanted: StillWanted<'_>,
    ) -> Result<Option<Embeddings<Option<Vec<f32>>>>, RequestError> {
        let space = self.user_space()?;
        check_ids("user_ids", user_ids, MAX_KEYS)?;
        assert_eq!(user_ids.len(), live.len(), "one live history a user");
        let history = |(id, live): (&String, &LiveHistory)| {
            let Subject { history, user_known, .. } = self.subject_of(Some(id), &[], live)?;
            Ok((user_known == Some(true) || !history.as_ref().is_empty()).then_some(history))
        };
        let histories = user_ids.iter().zip(live).map(history).collect::<Result<Vec<_>, RequestError>>()?;
        Ok(self.embed(&histories, wanted).map(|entries| Embeddings { space, entries }))
    }

    /// The vectors of items; `None` for an unknown id.
    ///
    /// # Errors
    /// [`RequestError`] when the model has no item space, for no or too many ids, or for an empty one.
    pub fn item_embeddings(&self, item_ids: &[String]) -> Result<Embeddings<Option<Vec<f32>>>, RequestError> {
        let no_space = || RequestError::NoSpace { model: self.name(), what: "item" };
        let space = self.info.item_space.clone().ok_or_else(no_space)?;
        check_ids("item_ids", item_ids, MAX_KEYS)?;
        let entries = item_ids.iter().map(|id| {
            let item = self.catalogue.ids().index(id)?;
            self.model.embed_items(item..item + 1).map(|vector| vector.as_slice().to_vec())
        });
        Ok(Embeddings { space, entries: entries.collect() })
    }

    /// The vectors of ad hoc histories, in the same space as those of users, on request with their variances. Repeated
    /// items are merged by the rule of the log.
    ///
    /// # Errors
    /// [`RequestError`] when the model has no user space or does not know the variances asked for, for no or too many
    /// histories, or for a history that is empty, too long or has an entry without an id or with an unusable weight.
    pub fn embed_histories(
        &self,
        histories: &[Vec<HistoryItem>],
        with_variances: bool,
    ) -> Result<Embeddings<HistoryEmbedding>, RequestError> {
        self.embed_histories_while(histories, with_variances, &|| true).map(always)
    }

    /// [`embed_histories`](Self::embed_histories), given up with `None` as soon as they are no longer wanted.
    ///
    /// # Errors
    /// As there.
    pub fn embed_histories_while(
        &self,
        histories: &[Vec<HistoryItem>],
        with_variances: bool,
        wanted: StillWanted<'_>,
    ) -> Result<Option<Embeddings<HistoryEmbedding>>, RequestError> {
        let space = self.user_space()?;
        if with_variances && self.model.variances(&[History::default().as_ref()]).is_none() {
            const LACK: &str = "does not know how uncertain it is of a user; variational models do: mult-vae, rec-vae";
            return Err(self.unsupported("with_variances", LACK));
        }
        check_count("histories", histories.len(), MAX_KEYS)?;
        let mut known = Vec::with_capacity(histories.len());
        let mut unknown = Vec::with_capacity(histories.len());
        for (position, history) in histories.iter().enumerate() {
            let field = format!("histories[{position}].items");
            if history.is_empty() {
                return Err(RequestError::Empty { field });
            }
            let (pairs, unknown_items) = self.known_items(&field, history)?;
            known.push((!pairs.is_empty()).then(|| self.merged(&pairs)));
            unknown.push(unknown_items);
        }
        let Some(vectors) = self.embed(&known, wanted) else { return Ok(None) };
        let variances = if with_variances {
            self.fold_in(&known, |model, batch| model.variances(batch), wanted)
        } else {
            Some(vec![None; known.len()])
        };
        let Some(variances) = variances else { return Ok(None) };
        let entry = |((vector, variances), unknown_items)| HistoryEmbedding { vector, variances, unknown_items };
        let entries = vectors.into_iter().zip(variances).zip(unknown).map(entry).collect();
        Ok(Some(Embeddings { space, entries }))
    }

    pub(super) fn user_space(&self) -> Result<Space, RequestError> {
        let no_space = || RequestError::NoSpace { model: self.name(), what: "user" };
        self.info.user_space.clone().ok_or_else(no_space)
    }

    fn embed(&self, histories: &[Option<History>], wanted: StillWanted<'_>) -> Option<Vec<Option<Vec<f32>>>> {
        self.fold_in(histories, |model, batch| model.embed_users(batch), wanted)
    }

    /// A column of `of` a history: folds in what is there and keeps the places of what is not.
    fn fold_in(
        &self,
        histories: &[Option<History>],
        of: impl Fn(&dyn Model, &[HistoryRef<'_>]) -> Option<DMatrix<f32>>,
        wanted: StillWanted<'_>,
    ) -> Option<Vec<Option<Vec<f32>>>> {
        let mut vectors = vec![None; histories.len()];
        let (places, present): (Vec<usize>, Vec<HistoryRef<'_>>) =
            histories.iter().enumerate().filter_map(|(i, h)| h.as_ref().map(|h| (i, h.as_ref()))).unzip();
        for (places, batch) in places.chunks(BATCH).zip(present.chunks(BATCH)) {
            if !wanted() {
                return None;
            }
            if let Some(embedded) = of(&*self.model, batch) {
                for (&place, vector) in places.iter().zip(embedded.column_iter()) {
                    vectors[place] = Some(vector.as_slice().to_vec());
                }
            }
        }
        Some(vectors)
    }
}

/// What is always wanted is not given up.
fn always<T>(answer: Option<T>) -> T {
    answer.unwrap_or_else(|| unreachable!("it is always wanted"))
}
