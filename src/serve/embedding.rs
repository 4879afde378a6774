//! `foldin.v1.EmbeddingService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::server::Shared;
use super::workers::Over;
use super::{convert, pb, status};
use crate::engine::{HistoryEmbedding, MAX_KEYS};

pub(super) struct EmbeddingService(pub Arc<Shared>);

#[tonic::async_trait]
impl pb::embedding_service_server::EmbeddingService for EmbeddingService {
    async fn batch_get_user_embeddings(
        &self,
        request: Request<pb::BatchGetUserEmbeddingsRequest>,
    ) -> Result<Response<pb::BatchGetUserEmbeddingsResponse>, Status> {
        let ((ids, answer), served) = self
            .0
            .compute_live(request, |engine, live, message, call| {
                let live = message.user_ids.iter().take(MAX_KEYS).map(|id| live.history(Some(id)));
                let live = match live.collect::<Result<Vec<_>, Status>>() {
                    Ok(live) => live,
                    Err(status) => return Ok(Err(status)),
                };
                let answer = engine.user_embeddings_while(&message.user_ids, &live, &|| !call.is_over());
                Ok(Ok((message.user_ids, answer.transpose().ok_or(Over)?)))
            })
            .await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        self.0.respond(pb::BatchGetUserEmbeddingsResponse {
            results: ids.into_iter().zip(answer.entries).map(convert::embedding_result).collect(),
            space: Some((&answer.space).into()),
            model_version: served.version().to_owned(),
        })
    }

    async fn batch_get_item_embeddings(
        &self,
        request: Request<pb::BatchGetItemEmbeddingsRequest>,
    ) -> Result<Response<pb::BatchGetItemEmbeddingsResponse>, Status> {
        let ((ids, answer), served) = self
            .0
            .compute(request, |engine, message, _| {
                let answer = engine.item_embeddings(&message.item_ids);
                Ok((message.item_ids, answer))
            })
            .await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        self.0.respond(pb::BatchGetItemEmbeddingsResponse {
            results: ids.into_iter().zip(answer.entries).map(convert::embedding_result).collect(),
            space: Some((&answer.space).into()),
            model_version: served.version().to_owned(),
        })
    }

    async fn embed_histories(
        &self,
        request: Request<pb::EmbedHistoriesRequest>,
    ) -> Result<Response<pb::EmbedHistoriesResponse>, Status> {
        let (answer, served) = self
            .0
            .compute(request, |engine, message, call| {
                let histories: Vec<_> = message.histories.into_iter().map(|h| convert::history(h.items)).collect();
                let wanted = || !call.is_over();
                engine.embed_histories_while(&histories, message.with_variances, &wanted).transpose().ok_or(Over)
            })
            .await?;
        let answer = answer.map_err(|error| status::refused(&error))?;
        let result = |HistoryEmbedding { vector, variances, unknown_items }| {
            let status = match vector {
                Some(_) => pb::EmbeddingStatus::Found,
                None => pb::EmbeddingStatus::NoKnownItems,
            };
            pb::HistoryEmbeddingResult {
                status: status.into(),
                embedding: vector.map(|values| pb::Embedding { values }),
                unknown_items: convert::count(unknown_items),
                variances: variances.map(|values| pb::Embedding { values }),
            }
        };
        self.0.respond(pb::EmbedHistoriesResponse {
            results: answer.entries.into_iter().map(result).collect(),
            space: Some((&answer.space).into()),
            model_version: served.version().to_owned(),
        })
    }
}
