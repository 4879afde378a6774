//! `foldin.v1.ModelService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::server::Shared;
use super::{convert, pb};

pub(super) struct ModelService(pub Arc<Shared>);

#[tonic::async_trait]
impl pb::model_service_server::ModelService for ModelService {
    async fn get_model(&self, _: Request<pb::GetModelRequest>) -> Result<Response<pb::GetModelResponse>, Status> {
        self.0.respond(pb::GetModelResponse { model: Some(convert::model(self.0.engine.info())) })
    }

    async fn list_models(&self, _: Request<pb::ListModelsRequest>) -> Result<Response<pb::ListModelsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn promote_model(
        &self,
        _: Request<pb::PromoteModelRequest>,
    ) -> Result<Response<pb::PromoteModelResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn rollback_model(
        &self,
        _: Request<pb::RollbackModelRequest>,
    ) -> Result<Response<pb::RollbackModelResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
