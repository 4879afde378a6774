//! The models that a server holds: by name, each in one version at a time.
//!
//! A request takes the version that answers when it arrives and keeps it to its end, so no answer mixes two. A
//! promotion prepares the new version aside and then exchanges one pointer; the old version leaves when its last
//! request does.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tonic::Status;

use super::{ServeError, pb, status};
use crate::engine::{Engine, Manifest};
use crate::registry::{ModelName, Registry, RegistryError, Version};

/// A version of a model that answers.
pub(super) struct Served {
    /// The name it answers under.
    pub name: ModelName,
    /// What answers.
    pub engine: Arc<Engine>,
}

impl Served {
    /// The version, as every answer names it.
    pub(super) fn version(&self) -> &str {
        &self.engine.info().manifest.model_version
    }
}

/// Memory that the process may still take, in bytes; `None` where the system does not say.
pub type Room = fn() -> Option<u64>;

/// The models of a server.
pub struct Models {
    /// Where versions come from; `None` for a single model directory.
    registry: Option<(Registry, Room)>,
    default: ModelName,
    slots: BTreeMap<ModelName, Slot>,
}

struct Slot {
    current: RwLock<Arc<Served>>,
    /// Held while the version changes.
    changing: tokio::sync::Mutex<()>,
}

impl Slot {
    fn new(name: &ModelName, engine: Arc<Engine>) -> Self {
        let served = Served { name: name.clone(), engine };
        Self { current: RwLock::new(Arc::new(served)), changing: tokio::sync::Mutex::new(()) }
    }

    fn served(&self) -> Arc<Served> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Models {
    /// One model under the name `default`, for good.
    #[must_use]
    pub fn one(engine: Arc<Engine>) -> Self {
        let default = ModelName::unnamed();
        report_index(&default, &engine);
        let slots = [(default.clone(), Slot::new(&default, engine))].into();
        Self { registry: None, default, slots }
    }

    /// The promoted versions of some models of a registry. `room` tells before a version is loaded whether it fits.
    ///
    /// # Errors
    /// [`ServeError`] when a model has no promoted version, it cannot be used or does not fit, or the default is not
    /// among the names.
    pub fn of_registry(
        registry: Registry,
        names: &[ModelName],
        default: &ModelName,
        room: Room,
    ) -> Result<Self, ServeError> {
        if !names.contains(default) {
            return Err(ServeError::Default { name: default.to_string() });
        }
        let mut slots = BTreeMap::new();
        for name in names {
            let version = registry.promoted(name)?;
            let engine = load(&registry, name, &version, room).map_err(|source| ServeError::Version {
                name: name.to_string(),
                version: version.manifest.model_version.clone(),
                reason: source.to_string(),
            })?;
            slots.insert(name.clone(), Slot::new(name, Arc::new(engine)));
        }
        Ok(Self { registry: Some((registry, room)), default: default.clone(), slots })
    }

    /// The name of the default model.
    #[must_use]
    pub fn default_name(&self) -> &ModelName {
        &self.default
    }

    /// Names and versions that answer, for a person to read.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let told = |slot: &Slot| {
            let served = slot.served();
            let manifest = &served.engine.info().manifest;
            let model = format!("{} {}", manifest.model.name(), manifest.model_version);
            if served.name == ModelName::unnamed() { model } else { format!("{}: {model}", served.name) }
        };
        self.slots.values().map(told).collect()
    }

    /// The number up to which every version that may come to answer has the live events of a store in its histories:
    /// those are of no further use. `None` for a single model directory, whose successors nobody knows.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry cannot be read.
    pub fn events_through(&self, store: &str) -> Result<Option<u64>, RegistryError> {
        if self.registry.is_none() {
            return Ok(None);
        }
        Ok(self.known()?.iter().map(|(_, manifest)| manifest.events_through(store).events).min())
    }

    /// Names and manifests of what answers, and of every version that may come to: also of models in the registry that
    /// are not served here, as another start of the server may.
    pub(super) fn known(&self) -> Result<Vec<(String, Manifest)>, RegistryError> {
        let mut known = self.answering();
        if let Some((registry, _)) = &self.registry {
            for name in registry.names()? {
                let answers = |version: &Version| {
                    let of =
                        |served: Arc<Served>| served.name == name && served.version() == version.manifest.model_version;
                    self.all().any(of)
                };
                let others = registry.versions(&name)?.into_iter().filter(|version| !answers(version));
                known.extend(others.map(|version| (name.to_string(), version.manifest)));
            }
        }
        Ok(known)
    }

    /// Names and manifests of what answers.
    pub(super) fn answering(&self) -> Vec<(String, Manifest)> {
        let told = |served: Arc<Served>| (served.name.to_string(), served.engine.info().manifest.clone());
        self.all().map(told).collect()
    }

    /// What answers under a name; the default without one.
    pub(super) fn served(&self, name: Option<&str>) -> Result<Arc<Served>, Status> {
        Ok(self.slot(name)?.served())
    }

    /// Everything that answers, by name.
    pub(super) fn all(&self) -> impl Iterator<Item = Arc<Served>> {
        self.slots.values().map(Slot::served)
    }

    /// The versions in the registry under a name, oldest first; none without a registry.
    pub(super) fn versions(&self, name: &ModelName) -> Result<Vec<Version>, RegistryError> {
        self.registry.as_ref().map_or(Ok(Vec::new()), |(registry, _)| registry.versions(name))
    }

    /// Lets another version answer, chosen by `choose` and let in by `admit`; returns it with the one before. Reads,
    /// verifies and warms it on the calling thread, which must be one that may wait.
    pub(super) fn change(
        &self,
        name: Option<&str>,
        choose: impl FnOnce(&Registry, &ModelName) -> Result<Version, RegistryError>,
        admit: impl FnOnce(&ModelName, &Manifest) -> Result<(), Status>,
        record: impl FnOnce(&Registry, &ModelName, &Version) -> Result<Version, RegistryError>,
    ) -> Result<(Arc<Served>, Arc<Served>), Status> {
        let slot = self.slot(name)?;
        let Some((registry, room)) = &self.registry else { return Err(status::no_registry()) };
        let Ok(_changing) = slot.changing.try_lock() else { return Err(status::changing()) };
        let before = slot.served();
        let version = choose(registry, &before.name).map_err(|error| status::registry(&error))?;
        if version.manifest.model_version == before.version() {
            record(registry, &before.name, &version).map_err(|error| status::registry(&error))?;
            return Ok((Arc::clone(&before), before));
        }
        let engine = load(registry, &before.name, &version, *room).map_err(|error| status::unusable(&error))?;
        admit(&before.name, &version.manifest)?;
        // The pointer on disk first: what answers is what a restart would bring.
        record(registry, &before.name, &version).map_err(|error| status::registry(&error))?;
        let after = Arc::new(Served { name: before.name.clone(), engine: Arc::new(engine) });
        *slot.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
        Ok((after, before))
    }

    fn slot(&self, name: Option<&str>) -> Result<&Slot, Status> {
        let wanted = name.unwrap_or(self.default.as_str());
        let found = self.slots.iter().find(|(name, _)| name.as_str() == wanted);
        found.map(|(_, slot)| slot).ok_or_else(|| {
            let known: Vec<_> = self.slots.keys().map(ModelName::as_str).collect();
            status::unknown_model(wanted, &known)
        })
    }
}

/// Why a version cannot answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// It cannot be used.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// There is no room for it beside what is loaded.
    #[error(
        "version {version} takes about {needed} bytes of memory, {available} are left; stop a model, or give the server more"
    )]
    TooLarge { version: String, needed: u64, available: u64 },
}

/// Opens, verifies and warms a version, if there is room for it.
fn load(registry: &Registry, name: &ModelName, version: &Version, room: Room) -> Result<Engine, LoadError> {
    let fits = |needed| match room() {
        Some(available) if available < needed => {
            Err(LoadError::TooLarge { version: version.manifest.model_version.clone(), needed, available })
        }
        _ => Ok(()),
    };
    fits(version.manifest.resident_bytes())?;
    let table = registry.table(name, &version.manifest.model_version)?;
    let engine = Engine::open(&version.path).map_err(RegistryError::from)?.with_table(table.width);
    engine.warm();
    // What comes with the first questions for similar users, and stays.
    fits(engine.user_vectors_bytes())?;
    report_index(name, &engine);
    Ok(engine)
}

/// Says of a model that answers by an inverted index whether it answers as brute force would.
fn report_index(name: &ModelName, engine: &Engine) {
    let Some(found) = engine.index_exactness() else { return };
    let (asked, products, differing) = (found.asked, found.products, found.differing);
    let version = &engine.info().manifest.model_version;
    if differing == 0 {
        tracing::info!(model = %name, version, asked, products, "the inverted index answers as brute force does");
    } else {
        tracing::warn!(model = %name, version, asked, products, differing, "the inverted index differs from brute force");
    }
}

/// A message that may name the model to ask.
pub(super) trait Addressed {
    /// The name, where there is one.
    fn addressee(&self) -> Option<&str>;
}

macro_rules! addressed {
    ($($message:ident),* $(,)?) => {
        $(impl Addressed for pb::$message {
            fn addressee(&self) -> Option<&str> {
                self.model.as_deref()
            }
        })*
    };
}

addressed!(
    RecommendRequest,
    SimilarItemsRequest,
    ScoreItemsRequest,
    ExplainRequest,
    SimilarUsersRequest,
    ScoreHistoriesRequest,
    BatchGetUserEmbeddingsRequest,
    BatchGetItemEmbeddingsRequest,
    EmbedHistoriesRequest,
    GetHistoryRequest,
);

impl Addressed for pb::BatchRecommendRequest {
    /// That of the first request; the others must agree.
    fn addressee(&self) -> Option<&str> {
        self.requests.first().and_then(Addressed::addressee)
    }
}
