//! `foldin.v1.ModelService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::models::Served;
use super::server::Shared;
use super::{convert, pb, status, upkeep};
use crate::engine::Manifest;
use crate::registry::{ModelName, Registry, RegistryError, Version};

pub(super) struct ModelService(pub Arc<Shared>);

#[tonic::async_trait]
impl pb::model_service_server::ModelService for ModelService {
    async fn get_model(&self, request: Request<pb::GetModelRequest>) -> Result<Response<pb::GetModelResponse>, Status> {
        let served = self.0.models.served(request.get_ref().name.as_deref())?;
        self.0.respond(pb::GetModelResponse { model: Some(convert::model(&served, self.0.store())) })
    }

    async fn list_models(&self, _: Request<pb::ListModelsRequest>) -> Result<Response<pb::ListModelsResponse>, Status> {
        let shared = Arc::clone(&self.0);
        let listed = waiting(move || {
            let entry = |served: Arc<Served>| {
                let versions = shared.models.versions(&served.name).map_err(|error| status::registry(&error))?;
                Ok(pb::NamedModel {
                    name: served.name.to_string(),
                    is_default: served.name == *shared.models.default_name(),
                    versions: versions
                        .iter()
                        .map(|version| convert::version(version, &served, shared.store()))
                        .collect(),
                    serving: Some(convert::model(&served, shared.store())),
                })
            };
            shared.models.all().map(entry).collect::<Result<Vec<_>, Status>>()
        });
        self.0.respond(pb::ListModelsResponse { models: listed.await? })
    }

    async fn promote_model(
        &self,
        request: Request<pb::PromoteModelRequest>,
    ) -> Result<Response<pb::PromoteModelResponse>, Status> {
        let pb::PromoteModelRequest { name, version } = request.into_inner();
        if version.is_empty() {
            return Err(status::no_version());
        }
        let choose = move |registry: &Registry, name: &ModelName| registry.version(name, &version);
        let record = |registry: &Registry, name: &ModelName, version: &Version| {
            registry.promote(name, &version.manifest.model_version)
        };
        let (after, before) = self.change(name, choose, record).await?;
        let previous_version = before.version().to_owned();
        self.0
            .respond(pb::PromoteModelResponse { model: Some(convert::model(&after, self.0.store())), previous_version })
    }

    async fn rollback_model(
        &self,
        request: Request<pb::RollbackModelRequest>,
    ) -> Result<Response<pb::RollbackModelResponse>, Status> {
        let name = request.into_inner().name;
        let record = |registry: &Registry, name: &ModelName, _: &Version| registry.roll_back(name);
        let (after, before) = self.change(name, Registry::before, record).await?;
        let previous_version = before.version().to_owned();
        self.0.respond(pb::RollbackModelResponse {
            model: Some(convert::model(&after, self.0.store())),
            previous_version,
        })
    }
}

impl ModelService {
    async fn change(
        &self,
        name: Option<String>,
        choose: impl FnOnce(&Registry, &ModelName) -> Result<Version, RegistryError> + Send + 'static,
        record: impl FnOnce(&Registry, &ModelName, &Version) -> Result<Version, RegistryError> + Send + 'static,
    ) -> Result<(Arc<Served>, Arc<Served>), Status> {
        let shared = Arc::clone(&self.0);
        let change = move || {
            let admit = |name: &ModelName, manifest: &Manifest| match &shared.events {
                None => Ok(()),
                Some(store) => upkeep::meet(store, name.as_str(), manifest).map_err(|error| status::events(&error)),
            };
            shared.models.change(name.as_deref(), choose, admit, record)
        };
        let (after, before) = waiting(change).await?;
        tracing::info!(model = %after.name, version = after.version(), before = before.version(), "promoted");
        Ok((after, before))
    }
}

/// Runs what waits for the disk on a thread that may.
async fn waiting<T: Send + 'static>(work: impl FnOnce() -> Result<T, Status> + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(status::crashed()))
}
