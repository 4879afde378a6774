//! `foldin.v1.RecommendationService`.

use std::sync::Arc;

use rayon::prelude::*;
use tonic::{Request, Response, Status};

use super::front::LoggedTier;
use super::server::Shared;
use super::workers::Over;
use super::{convert, pb, status};
use crate::engine::{RecommendRequest, RequestError};

/// Most requests of one batch.
const MAX_BATCH: usize = 256;

/// Requests of a batch computed between two looks at whether anybody still waits.
const CHUNK: usize = 64;

pub(super) struct RecommendationService(pub Arc<Shared>);

#[tonic::async_trait]
impl pb::recommendation_service_server::RecommendationService for RecommendationService {
    async fn recommend(
        &self,
        request: Request<pb::RecommendRequest>,
    ) -> Result<Response<pb::RecommendResponse>, Status> {
        let (answer, served) = self.0.recommend(request).await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        let tier = convert::tier_label(answer.tier);
        let mut response = self.0.respond(convert::recommend_response(answer, served.version()))?;
        response.extensions_mut().insert(LoggedTier(tier));
        Ok(response)
    }

    async fn batch_recommend(
        &self,
        request: Request<pb::BatchRecommendRequest>,
    ) -> Result<Response<pb::BatchRecommendResponse>, Status> {
        let length = request.get_ref().requests.len();
        let field = || "requests".to_owned();
        if length == 0 {
            return Err(status::refused(&RequestError::Empty { field: field() }));
        } else if length > MAX_BATCH {
            return Err(status::refused(&RequestError::TooLong { field: field(), length, limit: MAX_BATCH }));
        }
        let requests = &request.get_ref().requests;
        if let Some(position) = requests.iter().position(|one| one.model != requests[0].model) {
            return Err(status::several_models(position));
        }
        let (answers, served) = self
            .0
            .compute_live(request, |engine, live, message, call| {
                call.charge(message.requests.len() - 1);
                let requests = message.requests.into_iter().map(|request| live.request(request.into()));
                let requests = match requests.collect::<Result<Vec<RecommendRequest>, Status>>() {
                    Ok(requests) => requests,
                    Err(status) => return Ok(Err(status)),
                };
                let wanted = || !call.is_over();
                let answer =
                    |chunk| if wanted() { engine.recommend_while(chunk, &wanted).ok_or(Over) } else { Err(Over) };
                let answers = requests.par_chunks(CHUNK).map(answer).collect::<Result<Vec<_>, Over>>()?;
                Ok(Ok(answers.into_iter().flatten()))
            })
            .await?;
        let answers = answers.inspect(|answer| self.0.count_list(answer, &served));
        let results = answers.map(|answer| convert::recommend_result(answer, served.version())).collect();
        self.0.respond(pb::BatchRecommendResponse { results })
    }

    async fn similar_items(
        &self,
        request: Request<pb::SimilarItemsRequest>,
    ) -> Result<Response<pb::SimilarItemsResponse>, Status> {
        let (answer, served) = self
            .0
            .compute(request, |engine, message, _| Ok(engine.similar_items(&message.item_id, message.n as usize)))
            .await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        self.0.respond(convert::similar_items_response(answer, served.version()))
    }

    type StreamRecommendStream = tokio_stream::Empty<Result<pb::StreamRecommendResponse, Status>>;

    async fn stream_recommend(
        &self,
        _: Request<tonic::Streaming<pb::StreamRecommendRequest>>,
    ) -> Result<Response<Self::StreamRecommendStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn score_items(&self, _: Request<pb::ScoreItemsRequest>) -> Result<Response<pb::ScoreItemsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn explain(&self, _: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn similar_users(
        &self,
        _: Request<pb::SimilarUsersRequest>,
    ) -> Result<Response<pb::SimilarUsersResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
