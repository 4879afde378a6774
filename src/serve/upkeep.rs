//! Keeps the store of live events and the models in step: what a model was trained on is told to the store, and what
//! all of them were trained on leaves it.

use std::sync::Arc;
use std::time::Duration;

use super::models::Models;
use super::observe::Metrics;
use super::server::Shared;
use crate::engine::Manifest;
use crate::events::{Committed, EventError, EventStats, EventStore};
use crate::registry::RegistryError;

/// How often the store is looked at for events that nobody needs any more.
const EVERY: Duration = Duration::from_secs(60);

/// What went wrong; it goes into the log.
#[derive(Debug, thiserror::Error)]
enum UpkeepError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Events(#[from] EventError),
}

/// Introduces the store to the models, and the metrics to the store. Waits for the disk.
pub(super) fn begin(store: &EventStore, models: &Models, metrics: &Arc<Metrics>) -> Result<(), EventError> {
    let known = models.known().unwrap_or_else(|error| {
        // What cannot be read cannot come to answer either; only trimming has to wait for it.
        tracing::warn!(%error, "the registry cannot be read in full");
        models.answering()
    });
    for (name, manifest) in known {
        meet(store, &name, &manifest)?;
    }
    let told = Arc::clone(metrics);
    store.on_commit(move |Committed { events, bytes, file_bytes, took }| {
        told.set_events(events, bytes, file_bytes);
        if let Some(took) = took {
            told.event_commit(took);
        }
    });
    let EventStats { events, bytes, file_bytes, last_sequence, forgotten, .. } = store.stats()?;
    metrics.set_events(events, bytes, file_bytes);
    tracing::info!(events, last_sequence, forgotten, "live events are folded in");
    Ok(())
}

/// Makes sure that no event to come gets a number that the model takes for one of those it was trained on, and says in
/// the log what does not fit together. Waits for the disk.
pub(super) fn meet(store: &EventStore, model: &str, manifest: &Manifest) -> Result<(), EventError> {
    let version = &manifest.model_version;
    let EventStats { last_sequence, trimmed_through, .. } = store.stats()?;
    let through = manifest.events_through(store.id());
    let last = through.events.max(through.deletions);
    if last > last_sequence {
        tracing::warn!(
            model,
            version,
            through = last,
            last_sequence,
            "the model knows later events than the store holds: the store was restored from an old copy"
        );
        store.skip_to(last)?;
    } else if !manifest.events.is_empty() && !manifest.events.contains_key(store.id()) {
        tracing::warn!(
            model,
            version,
            "the model was trained on live events of another store; all events of this one count as new"
        );
    }
    if through.events < trimmed_through {
        tracing::warn!(
            model,
            version,
            through = through.events,
            trimmed_through,
            "live events that the model was not trained on have left the store: its lists do not know of them"
        );
    }
    Ok(())
}

/// Trims the store again and again, for ever.
pub(super) async fn keep(shared: Arc<Shared>, store: Arc<EventStore>) {
    let mut complained = String::new();
    loop {
        let (models, events) = (Arc::clone(&shared), Arc::clone(&store));
        let trimmed = tokio::task::spawn_blocking(move || trim(&models.models, &events)).await;
        match trimmed {
            Ok(Ok(None)) => complained.clear(),
            Ok(Ok(Some((through, deleted)))) => {
                complained.clear();
                tracing::info!(through, deleted, "events left the store: every version was trained on them");
            }
            Ok(Err(error)) => {
                let error = error.to_string();
                if error != complained {
                    tracing::error!(error, "the store of events was not trimmed");
                    complained = error;
                }
            }
            // It panicked, which is in the log, or the server ends.
            Err(_) => {}
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Deletes the events that are part of every version which may come to answer; says up to which number, and how many.
fn trim(models: &Models, store: &EventStore) -> Result<Option<(u64, u64)>, UpkeepError> {
    let Some(through) = models.events_through(store.id())? else { return Ok(None) };
    if through <= store.stats()?.trimmed_through {
        return Ok(None);
    }
    Ok(Some((through, store.trim(through)?)))
}
