//! Warm start: the weights of an earlier model, over the items of a newer catalogue.
//!
//! Items are matched by their external id. Of every tensor with one column an item, the columns of known
//! items are the earlier model's; those of new items are what a new model would begin with, and those
//! of items that are gone are dropped. All other tensors are taken as they are. Only weights are
//! carried over: the moments of the optimiser begin at zero, as for a new model.

use serde::{Deserialize, Serialize};

use super::model::{Model, StoredTensors};
use super::{Autoencoder, BlendConfig, CdaeConfig, CompressedElsa, Elsa, ModelConfig, MultVae, RecVae};
use crate::interactions::IdMap;

/// How the items of an earlier model and of a newer catalogue relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemChanges {
    /// Items of both: their columns are taken over.
    pub kept: usize,
    /// Items that the earlier model does not have: they start like a new model's.
    pub new: usize,
    /// Items that the newer catalogue does not have any more: they are dropped.
    pub vanished: usize,
}

/// Why a model cannot continue from an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WarmStartError {
    /// The earlier model has no steps to continue.
    #[error("{model} is solved in closed form: an earlier solution does not shorten a new one; train it anew")]
    ClosedForm {
        /// The earlier model's name.
        model: &'static str,
    },
    /// The earlier model is made of others.
    #[error(
        "a blend is made of trained models ({parts}) and has no weights of its own to continue: continue its parts with \
         --from, or train them anew, and blend the new ones with `foldin blend`"
    )]
    Blend {
        /// The names of its parts.
        parts: String,
    },
    /// Another model is asked for.
    #[error("the earlier model is {parent}, and {asked} cannot continue from it: leave model.kind out, or train anew")]
    Kind {
        /// The earlier model's name.
        parent: &'static str,
        /// The name asked for.
        asked: &'static str,
    },
    /// Another network is asked for: layers of other widths, or what the weights mean nothing without.
    #[error("{parameter} is {asked}, the earlier model's is {parent}: leave {parameter} out, or train anew")]
    Shape {
        /// The parameter's name in the configuration.
        parameter: &'static str,
        /// The earlier model's.
        parent: String,
        /// The one asked for.
        asked: String,
    },
    /// The earlier model knows its training users.
    #[error(
        "the earlier model has a node for each of its training users (model.user_nodes), which other users have not: train \
         anew, or without them"
    )]
    UserNodes,
    /// Ids that cannot be compared.
    #[error("the item ids are of type {found}, the earlier model's are of type {parent}: they cannot be matched")]
    IdType {
        /// The earlier model's.
        parent: &'static str,
        /// The newer catalogue's.
        found: &'static str,
    },
    /// Another catalogue.
    #[error("none of the {items} items is among the {parent} items of the earlier model: there is nothing to continue")]
    NoCommonItem {
        /// Items of the earlier model.
        parent: usize,
        /// Items of the newer catalogue.
        items: usize,
    },
}

impl WarmStartError {
    /// For a model without steps.
    pub(super) fn without_steps(model: &ModelConfig) -> Self {
        match model {
            ModelConfig::Blend(BlendConfig { parts }) => {
                Self::Blend { parts: parts.iter().map(|part| part.model.name()).collect::<Vec<_>>().join(", ") }
            }
            _ => Self::ClosedForm { model: model.name() },
        }
    }
}

/// The weights that a model of `config` over the items `new` starts from when it continues `parent`, a model
/// over the items `old`: for [`Start::Weights`](super::Start::Weights).
///
/// New items get the columns of a new model of the same `seed`. With the same items, the weights are
/// those of `parent`, bit by bit.
///
/// # Errors
/// [`WarmStartError`] when the earlier model is of another kind or shape, cannot be continued, or has other items.
pub fn carry_over(
    parent: &dyn Model,
    old: &IdMap,
    new: &IdMap,
    config: &ModelConfig,
    seed: u64,
) -> Result<(StoredTensors, ItemChanges), WarmStartError> {
    check_shapes(&parent.config(), config)?;
    if old.type_name() != new.type_name() {
        return Err(WarmStartError::IdType { parent: old.type_name(), found: new.type_name() });
    }
    let places: Vec<Option<u32>> = (0..new.len() as u32).map(|item| old.index(&new.external(item))).collect();
    let kept = places.iter().flatten().count();
    if kept == 0 {
        return Err(WarmStartError::NoCommonItem { parent: old.len(), items: new.len() });
    }
    let fresh: Box<dyn Model> = match config {
        ModelConfig::Elsa(config) => Box::new(Elsa::new(config, new.len(), seed)),
        ModelConfig::CompressedElsa(config) => Box::new(CompressedElsa::new(config, new.len(), seed)),
        ModelConfig::MultVae(config) => Box::new(MultVae::new(config, new.len(), seed)),
        ModelConfig::MultDae(config) => Box::new(Autoencoder::new(config.description(), new.len(), seed)),
        ModelConfig::AutoRec(config) => Box::new(Autoencoder::new(config.description(), new.len(), seed)),
        ModelConfig::Cdae(config) => Box::new(Autoencoder::new(config.description(), new.len(), seed)),
        ModelConfig::Stacked(config) => Box::new(Autoencoder::new(config.description(), new.len(), seed)),
        ModelConfig::SparseAe(config) => Box::new(Autoencoder::new(config.description(), new.len(), seed)),
        ModelConfig::RecVae(config) => Box::new(RecVae::new(config, new.len(), seed)),
        _ => return Err(WarmStartError::without_steps(config)),
    };
    let mut weights = StoredTensors::default();
    for (fresh, parent) in fresh.tensors().into_iter().zip(parent.tensors()) {
        let data = if fresh.by_item { merged(fresh.data, parent.data, &places) } else { parent.data.to_vec() };
        weights.insert(fresh.name.into(), fresh.shape, data);
    }
    for (fresh, parent) in fresh.indices().into_iter().zip(parent.indices()) {
        let data = if fresh.by_item { merged(fresh.data, parent.data, &places) } else { parent.data.to_vec() };
        weights.insert_indices(fresh.name.into(), data);
    }
    Ok((weights, ItemChanges { kept, new: new.len() - kept, vanished: old.len() - kept }))
}

/// The columns of a fresh table, one an item, but for items that have a place in the parent's: theirs are from there.
fn merged<T: Copy>(fresh: &[T], parent: &[T], places: &[Option<u32>]) -> Vec<T> {
    let mut data = fresh.to_vec();
    let width = data.len() / places.len();
    for (column, place) in data.chunks_exact_mut(width).zip(places) {
        if let Some(place) = place {
            column.copy_from_slice(&parent[*place as usize * width..][..width]);
        }
    }
    data
}

/// Refuses what cannot be continued whatever the items are: to be asked before the items are known.
///
/// # Errors
/// [`WarmStartError::ClosedForm`], [`WarmStartError::Blend`], [`WarmStartError::Kind`],
/// [`WarmStartError::UserNodes`] or [`WarmStartError::Shape`].
pub fn check_shapes(parent: &ModelConfig, config: &ModelConfig) -> Result<(), WarmStartError> {
    if !parent.is_iterative() {
        return Err(WarmStartError::without_steps(parent));
    }
    if parent.name() != config.name() {
        return Err(WarmStartError::Kind { parent: parent.name(), asked: config.name() });
    }
    if let ModelConfig::Cdae(CdaeConfig { user_nodes: true, .. }) = parent {
        return Err(WarmStartError::UserNodes);
    }
    for ((parameter, asked), (_, parent)) in config.shape().into_iter().zip(parent.shape()) {
        if asked != parent {
            return Err(WarmStartError::Shape { parameter, parent, asked });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "warm_tests.rs"]
mod tests;
