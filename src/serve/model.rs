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
}
