//! Continuing an earlier model on a newer log: what it brings, and who may validate it.

use std::path::Path;

use anyhow::Result;
use rand::seq::SliceRandom;

use super::console::{count, note};
use super::fitting::Beginning;
use super::settings::Settings;
use crate::artifact::{Ancestry, Artifact, Manifest, StartedFrom};
use crate::interactions::LogRules;
use crate::io::Log;
use crate::models::{Start, carry_over, check_shapes};
use crate::plan::loaded_model;
use crate::random::{Purpose, stream};
use crate::training::TrainingConfig;
use crate::types::UserIdx;

/// Epochs and patience of a model that continues another are the earlier one's, divided by this.
const EPOCHS_SHARE: usize = 3;

/// Its learning rate is the earlier one's, divided by this: trained weights are near a good place, and steps
/// as large as at first would only jump about it (continued at the full rate, ml-1m-strong does not improve;
/// at a fifth it does from the first epoch on, and needs no slow beginning).
const RATE_SHARE: f32 = 5.0;

/// A published model that another one continues.
pub struct Parent(Artifact);

impl Parent {
    /// Opens a model directory.
    ///
    /// # Errors
    /// As of [`Artifact::open`].
    pub fn open(dir: &Path) -> Result<Self> {
        Ok(Self(Artifact::open(dir)?))
    }

    /// Of the sections model, training and log, what is not said otherwise is as it was for this model, but for the window
    /// of time of its log, a third of its epochs and patience, and a fifth of its learning rate. Where this model
    /// continues another one itself, its own hold. The other sections begin with their defaults: a model does not
    /// record them.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let Manifest { model, training, rules, from, .. } = &self.0.manifest;
        let log = LogRules { since: None, until: None, as_of: None, ..rules.clone() };
        let training = training.clone().unwrap_or_default();
        let training = match from {
            Some(_) => training,
            None => TrainingConfig {
                epochs: training.epochs.div_ceil(EPOCHS_SHARE),
                patience: training.patience.div_ceil(EPOCHS_SHARE),
                learning_rate: training.learning_rate / RATE_SHARE,
                ..training
            },
        };
        Settings { model: model.clone(), training, log, ..Settings::default() }
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let Artifact { model, users, catalogue, .. } = &self.0;
        let parameters = model.tensors().iter().map(|tensor| tensor.data.len() as u64).sum();
        loaded_model(parameters, [users, catalogue.ids()])
    }

    /// Refuses settings that this model cannot be continued with.
    ///
    /// # Errors
    /// As of [`check_shapes`].
    pub fn check(&self, settings: &Settings) -> Result<()> {
        Ok(check_shapes(&self.0.manifest.model, &settings.model)?)
    }

    /// The weights to start from on a log, and the record of where they come from.
    ///
    /// Only users that neither this model nor any before it was trained on can tell how good the new one is, drawn by
    /// the seed; those that were held out of this one come first, so that the two compare.
    ///
    /// # Errors
    /// As of [`carry_over`] and [`Artifact::trained_users`].
    pub fn begin(self, settings: &Settings, log: &Log) -> Result<(Beginning, Ancestry)> {
        let trained = self.0.trained_users()?;
        let Self(Artifact { manifest, model, catalogue, users, .. }) = self;
        let seed = settings.training.seed;
        let (weights, items) = carry_over(&*model, catalogue.ids(), &log.items, &settings.model, seed)?;
        note(format_args!(
            "continuing {} {}: {} items kept, {} new, {} vanished",
            manifest.model.name(),
            manifest.model_version,
            count(items.kept),
            count(items.new),
            count(items.vanished),
        ));
        // A single interaction cannot be split into what is shown and what has to be found.
        let can_validate = |user: &UserIdx| log.interactions.history(*user).len() > 1;
        let is_unseen = |user: &UserIdx| !trained.contains(&log.users.external(user.0));
        let mut unseen: Vec<UserIdx> =
            (0..log.users.len() as u32).map(UserIdx).filter(can_validate).filter(is_unseen).collect();
        unseen.shuffle(&mut stream(seed, Purpose::HoldOutUsers, [0, 0]));
        unseen.sort_by_cached_key(|user| users.index(&log.users.external(user.0)).is_none());
        let beginning = Beginning { start: Start::Weights(weights), unseen: Some(unseen) };
        Ok((beginning, Ancestry { from: StartedFrom { model_version: manifest.model_version, items }, trained }))
    }
}
