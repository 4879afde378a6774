//! `foldin.v1.RecommendationService`.

use std::sync::Arc;

use rayon::prelude::*;
use tonic::{Request, Response, Status};

use super::front::LoggedTier;
use super::server::{Shared, taken_apart};
use super::workers::Over;
use super::{convert, pb, status, stream};
use crate::engine::{
    ExplainRequest, MAX_HISTORIES, RecommendRequest, RequestError, ScoreHistoriesRequest, ScoreRequest,
    SimilarUsersRequest,
};

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
            .compute(request, |engine, message, call| {
                let (n, filter) = (message.n as usize, message.filter.as_deref());
                let similar = engine.similar_items_while(&message.item_id, n, filter, &|| !call.is_over());
                similar.transpose().ok_or(Over)
            })
            .await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        self.0.respond(convert::similar_items_response(answer, served.version()))
    }

    type StreamRecommendStream = stream::Answers;

    async fn stream_recommend(
        &self,
        request: Request<tonic::Streaming<pb::StreamRecommendRequest>>,
    ) -> Result<Response<Self::StreamRecommendStream>, Status> {
        let (call, requests) = taken_apart(request)?;
        Ok(Response::new(stream::answers(Arc::clone(&self.0), call, requests)))
    }

    async fn score_items(
        &self,
        request: Request<pb::ScoreItemsRequest>,
    ) -> Result<Response<pb::ScoreItemsResponse>, Status> {
        let (answer, served) = self
            .0
            .compute_live(request, |engine, live, message, _| {
                let live = live.history(message.user_id.as_deref());
                Ok(live.map(|live| engine.score(&ScoreRequest { live, ..message.into() })))
            })
            .await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        self.0.respond(convert::score_items_response(answer, served.version()))
    }

    async fn explain(&self, request: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        let (answer, served) = self
            .0
            .compute_live(request, |engine, live, message, _| {
                let live = live.history(message.user_id.as_deref());
                Ok(live.map(|live| engine.explain(&ExplainRequest { live, ..message.into() })))
            })
            .await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        self.0.respond(convert::explain_response(answer, served.version()))
    }

    async fn similar_users(
        &self,
        request: Request<pb::SimilarUsersRequest>,
    ) -> Result<Response<pb::SimilarUsersResponse>, Status> {
        let (answer, served) = self
            .0
            .compute_live(request, |engine, live, message, call| {
                let known = live.history(message.user_id.as_deref()).and_then(|of| Ok((of, live.forgotten()?)));
                let (live, hidden) = match known {
                    Ok(known) => known,
                    Err(status) => return Ok(Err(status)),
                };
                let request = SimilarUsersRequest { live, hidden, ..message.into() };
                engine.similar_users(&request, &|| call.is_over()).transpose().ok_or(Over).map(Ok)
            })
            .await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        self.0.respond(convert::similar_users_response(answer, served.version()))
    }

    async fn score_histories(
        &self,
        request: Request<pb::ScoreHistoriesRequest>,
    ) -> Result<Response<pb::ScoreHistoriesResponse>, Status> {
        let (answer, served) = self
            .0
            .compute_live(request, |engine, live, message, call| {
                call.charge(message.subjects.len().saturating_sub(1));
                let mut request = ScoreHistoriesRequest::from(message);
                // Of too many nothing is looked up: they are refused.
                for subject in request.subjects.iter_mut().take(MAX_HISTORIES) {
                    match live.history(subject.user_id.as_deref()) {
                        Ok(live) => subject.live = live,
                        Err(status) => return Ok(Err(status)),
                    }
                }
                engine.score_histories_while(&request, &|| !call.is_over()).transpose().ok_or(Over).map(Ok)
            })
            .await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        self.0.respond(convert::score_histories_response(answer, served.version()))
    }
}
