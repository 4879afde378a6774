//! What is mapped, and what is known of it.

use std::borrow::Cow;

use anyhow::Result;

use super::Colouring;
use crate::artifact::Artifact;
use crate::cli::console::count;
use crate::cli::exporting;
use crate::export::{Embeddings, Users};
use crate::interactions::{HistoryRef, IdMap};
use crate::io::{EmbeddingFormat, Precision};
use crate::projection::draw;
use crate::types::UserIdx;

/// Items or users, as many as are mapped.
pub struct Points<'a> {
    /// `items` or `users`.
    pub kind: &'static str,
    /// The ids of all.
    pub ids: &'a IdMap,
    /// Positions in `ids`, ascending.
    pub rows: Vec<u32>,
    /// How many there are, of which these were drawn.
    pub of: usize,
    /// Interactions of every point.
    pub interactions: Vec<u32>,
    /// Titles of items.
    pub titles: Option<Vec<Option<&'a str>>>,
    /// What the points are coloured by.
    pub colouring: Option<Colouring>,
}

impl<'a> Points<'a> {
    /// At most so many of the items, drawn by a seed, and their vectors, end to end.
    ///
    /// # Errors
    /// The model has no such vectors.
    pub fn of_items(
        artifact: &'a Artifact,
        most: usize,
        seed: u64,
        colouring: Option<&Colouring>,
    ) -> Result<(Self, Vec<f32>)> {
        let catalogue = &artifact.catalogue;
        let rows = draw(catalogue.len() as u32, most, seed);
        let (format, precision) = (EmbeddingFormat::default(), Precision::F32);
        let vectors = Embeddings::of_some_items(artifact, rows.clone(), format, precision)?.in_memory()?;
        let points = Self {
            kind: "items",
            ids: catalogue.ids(),
            of: catalogue.len(),
            interactions: rows.iter().map(|&row| artifact.popularity[row as usize]).collect(),
            titles: Some(rows.iter().map(|&row| catalogue.title(row)).collect()),
            colouring: colouring.map(|colouring| colouring.of_items(&rows)),
            rows,
        };
        Ok((points, vectors))
    }

    /// The same of the users with a history; colours are those of the items that they have.
    ///
    /// # Errors
    /// The model has no such vectors, or a history cannot be read any more.
    pub fn of_users(
        artifact: &'a Artifact,
        most: usize,
        seed: u64,
        colouring: Option<&Colouring>,
    ) -> Result<(Self, Vec<f32>)> {
        let known = exporting::known(Users::stored(artifact));
        let of = known.len();
        let drawn = draw(of as u32, most, seed);
        let rows: Vec<u32> = drawn.into_iter().map(|place| known.rows()[place as usize]).collect();
        let users = known.only(&rows);
        let (format, precision) = (EmbeddingFormat::default(), Precision::F32);
        let vectors = Embeddings::of_users(artifact, &users, format, precision)?.in_memory()?;
        let colouring = match colouring {
            Some(colouring) => {
                let of_histories = |histories: &[HistoryRef<'_>]| colouring.of_histories(histories);
                Some(users.with_histories(0..users.len(), of_histories)?)
            }
            None => None,
        };
        let length = |&row: &u32| artifact.histories.history_len(UserIdx(row)) as u32;
        let interactions = rows.iter().map(length).collect();
        Ok((Self { kind: "users", ids: users.ids(), rows, of, interactions, titles: None, colouring }, vectors))
    }

    /// Name of the column of their ids.
    pub fn id_column(&self) -> &'static str {
        if self.titles.is_some() { "item_id" } else { "user_id" }
    }

    /// What a person calls a point.
    pub fn name(&self, point: usize) -> Cow<'a, str> {
        let title = self.titles.as_ref().and_then(|titles| titles[point]);
        title.map_or_else(|| self.ids.external(self.rows[point]), Cow::Borrowed)
    }

    /// `10,000 of 29,858 items, drawn by seed 1`.
    pub fn described(&self, seed: u64) -> String {
        let (drawn, kind) = (count(self.rows.len()), self.kind);
        if self.rows.len() == self.of {
            format!("{drawn} {kind}")
        } else {
            format!("{drawn} of {} {kind}, drawn by seed {seed}", count(self.of))
        }
    }
}
