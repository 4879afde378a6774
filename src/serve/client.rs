//! A small client, for the command line and for tests.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Response, Status};

use super::pb;
use super::pb::embedding_service_client::EmbeddingServiceClient;
use super::pb::event_service_client::EventServiceClient;
use super::pb::model_service_client::ModelServiceClient;
use super::pb::recommendation_service_client::RecommendationServiceClient;

/// A connection to a server. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    recommendation: RecommendationServiceClient<Channel>,
    embedding: EmbeddingServiceClient<Channel>,
    event: EventServiceClient<Channel>,
    model: ModelServiceClient<Channel>,
    timeout: Option<Duration>,
    /// Marked as a secret, so that it is never printed.
    authorization: Option<MetadataValue<Ascii>>,
}

/// What a protected server asks of its clients. All files are given as their PEM contents.
#[derive(Clone, Default)]
pub struct ClientOptions {
    /// The authorities of the server's certificate, in place of those that browsers know.
    pub authorities: Option<Vec<u8>>,
    /// The client's own certificate and its key, for mutual TLS.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The name in the server's certificate, where it differs from the one in the address.
    pub server_name: Option<String>,
    /// The access token.
    pub token: Option<String>,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no server to talk to.
    #[error("cannot connect to {address}: {reason}; is `foldin serve` running there?")]
    Connect {
        /// Where it was looked for.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// The server refused or failed.
    #[error("{}: {}", .0.code(), .0.message())]
    Call(Status),
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        // The transport reports its own timer as a cancellation; for the caller it is the deadline.
        if status.code() == Code::Cancelled && status.message().contains("Timeout expired") {
            return Self::Call(Status::deadline_exceeded("the server did not answer in time"));
        }
        Self::Call(status)
    }
}

impl Client {
    /// Connects to a server, for example `http://127.0.0.1:50051`.
    ///
    /// # Errors
    /// [`ClientError::Connect`] when the address is malformed or nothing answers there.
    pub async fn connect(address: &str) -> Result<Self, ClientError> {
        Self::connect_with(address, ClientOptions::default()).await
    }

    /// Connects to a protected server, for example `https://recommend.example.com:50051`.
    ///
    /// # Errors
    /// [`ClientError::Connect`] when the address or an option is malformed, nothing answers there, or the two do not
    /// trust each other.
    pub async fn connect_with(address: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let failed = |reason: String| ClientError::Connect { address: address.to_owned(), reason };
        let ClientOptions { authorities, identity, server_name, token } = options;
        let mut endpoint = Endpoint::from_shared(address.to_owned()).map_err(|error| failed(chain(&error)))?;
        if endpoint.uri().scheme_str() == Some("https") {
            let mut tls = ClientTlsConfig::new();
            tls = match authorities {
                Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
                None => tls.with_webpki_roots(),
            };
            if let Some((cert, key)) = identity {
                tls = tls.identity(Identity::from_pem(cert, key));
            }
            if let Some(name) = server_name {
                tls = tls.domain_name(name);
            }
            endpoint = endpoint.tls_config(tls).map_err(|error| failed(chain(&error)))?;
        }
        let authorization = match token {
            None => None,
            Some(token) => {
                let value = format!("Bearer {}", token.trim()).parse::<MetadataValue<Ascii>>();
                let mut value = value.map_err(|_| failed("the token holds characters that no token has".into()))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let channel = endpoint
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(5))
            .connect()
            .await
            .map_err(|error| failed(chain(&error)))?;
        Ok(Self {
            recommendation: RecommendationServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX),
            embedding: EmbeddingServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX),
            event: EventServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX),
            model: ModelServiceClient::new(channel),
            timeout: None,
            authorization,
        })
    }

    /// The same connection with a deadline for every call.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }

    /// The best items for one user or one history.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn recommend(&mut self, request: pb::RecommendRequest) -> Result<pb::RecommendResponse, ClientError> {
        let request = self.request(request);
        answer(self.recommendation.recommend(request).await)
    }

    /// The best items for a user with a stored history.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn recommend_user(&mut self, user_id: &str, n: u32) -> Result<pb::RecommendResponse, ClientError> {
        self.recommend(pb::RecommendRequest { user_id: Some(user_id.to_owned()), n, ..Default::default() }).await
    }

    /// The best items for a history that nobody needs to have had.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn recommend_history<I: Into<String>>(
        &mut self,
        item_ids: impl IntoIterator<Item = I>,
        n: u32,
    ) -> Result<pb::RecommendResponse, ClientError> {
        self.recommend(pb::RecommendRequest { history: pb::history(item_ids), n, ..Default::default() }).await
    }

    /// Answers to several requests, one result each.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn batch_recommend(
        &mut self,
        requests: Vec<pb::RecommendRequest>,
    ) -> Result<Vec<pb::RecommendResult>, ClientError> {
        let request = self.request(pb::BatchRecommendRequest { requests });
        Ok(answer(self.recommendation.batch_recommend(request).await)?.results)
    }

    /// Answers to any number of requests over one stream, in their order, as they are asked for.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn stream_recommend(
        &mut self,
        requests: impl tokio_stream::Stream<Item = pb::StreamRecommendRequest> + Send + 'static,
    ) -> Result<tonic::Streaming<pb::StreamRecommendResponse>, ClientError> {
        let request = self.request(requests);
        answer(self.recommendation.stream_recommend(request).await)
    }

    /// The scores of given candidates.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn score_items(&mut self, request: pb::ScoreItemsRequest) -> Result<pb::ScoreItemsResponse, ClientError> {
        let request = self.request(request);
        answer(self.recommendation.score_items(request).await)
    }

    /// Which items of a history made a recommendation.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn explain(&mut self, request: pb::ExplainRequest) -> Result<pb::ExplainResponse, ClientError> {
        let request = self.request(request);
        answer(self.recommendation.explain(request).await)
    }

    /// The users most like another, or like a history.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn similar_users(
        &mut self,
        request: pb::SimilarUsersRequest,
    ) -> Result<pb::SimilarUsersResponse, ClientError> {
        let request = self.request(request);
        answer(self.recommendation.similar_users(request).await)
    }

    /// How unusual histories are.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn score_histories(
        &mut self,
        request: pb::ScoreHistoriesRequest,
    ) -> Result<pb::ScoreHistoriesResponse, ClientError> {
        let request = self.request(request);
        answer(self.recommendation.score_histories(request).await)
    }

    /// The items most like another.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn similar_items(&mut self, item_id: &str, n: u32) -> Result<pb::SimilarItemsResponse, ClientError> {
        let request = self.request(pb::SimilarItemsRequest { item_id: item_id.to_owned(), n, ..Default::default() });
        answer(self.recommendation.similar_items(request).await)
    }

    /// The vectors of users.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn user_embeddings(
        &mut self,
        user_ids: Vec<String>,
    ) -> Result<pb::BatchGetUserEmbeddingsResponse, ClientError> {
        let request = self.request(pb::BatchGetUserEmbeddingsRequest { user_ids, model: None });
        answer(self.embedding.batch_get_user_embeddings(request).await)
    }

    /// The vectors of items.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn item_embeddings(
        &mut self,
        item_ids: Vec<String>,
    ) -> Result<pb::BatchGetItemEmbeddingsResponse, ClientError> {
        let request = self.request(pb::BatchGetItemEmbeddingsRequest { item_ids, model: None });
        answer(self.embedding.batch_get_item_embeddings(request).await)
    }

    /// The vectors of histories.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn embed_histories(
        &mut self,
        histories: Vec<pb::History>,
    ) -> Result<pb::EmbedHistoriesResponse, ClientError> {
        self.embed(pb::EmbedHistoriesRequest { histories, ..pb::EmbedHistoriesRequest::default() }).await
    }

    /// The vectors of histories, with everything that can be asked for about them.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn embed(
        &mut self,
        request: pb::EmbedHistoriesRequest,
    ) -> Result<pb::EmbedHistoriesResponse, ClientError> {
        let request = self.request(request);
        answer(self.embedding.embed_histories(request).await)
    }

    /// Records events; when this returns, they are on disk.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn record_events(&mut self, events: Vec<pb::Event>) -> Result<pb::RecordEventsResponse, ClientError> {
        let request = self.request(pb::RecordEventsRequest { events });
        answer(self.event.record_events(request).await)
    }

    /// What is known of a user.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn history(&mut self, user_id: &str) -> Result<pb::GetHistoryResponse, ClientError> {
        let request = self.request(pb::GetHistoryRequest { user_id: user_id.to_owned(), model: None });
        answer(self.event.get_history(request).await)
    }

    /// Forgets a user.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn forget_user(&mut self, user_id: &str) -> Result<pb::ForgetUserResponse, ClientError> {
        let request = self.request(pb::ForgetUserRequest { user_id: user_id.to_owned() });
        answer(self.event.forget_user(request).await)
    }

    /// The loaded model.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn model(&mut self) -> Result<pb::Model, ClientError> {
        let request = self.request(pb::GetModelRequest { name: None });
        Ok(answer(self.model.get_model(request).await)?.model.unwrap_or_default())
    }

    /// All models, with the versions that could answer.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status.
    pub async fn list_models(&mut self) -> Result<Vec<pb::NamedModel>, ClientError> {
        let request = self.request(pb::ListModelsRequest {});
        Ok(answer(self.model.list_models(request).await)?.models)
    }

    /// Lets a version of a model answer; returns what answers now and the version that did before.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status; the version before goes on then.
    pub async fn promote_model(&mut self, name: &str, version: &str) -> Result<(String, String), ClientError> {
        let request = pb::PromoteModelRequest { name: Some(name.to_owned()), version: version.to_owned() };
        let request = self.request(request);
        let answer = answer(self.model.promote_model(request).await)?;
        Ok((answer.model.unwrap_or_default().version, answer.previous_version))
    }

    /// Lets the version answer that did before; returns what answers now and the version that did until then.
    ///
    /// # Errors
    /// [`ClientError::Call`] with the server's status; nothing has changed then.
    pub async fn roll_back_model(&mut self, name: &str) -> Result<(String, String), ClientError> {
        let request = self.request(pb::RollbackModelRequest { name: Some(name.to_owned()) });
        let answer = answer(self.model.rollback_model(request).await)?;
        Ok((answer.model.unwrap_or_default().version, answer.previous_version))
    }
}

fn answer<M>(response: Result<Response<M>, Status>) -> Result<M, ClientError> {
    Ok(response?.into_inner())
}

/// An error with all its causes: the transport's own message says only "transport error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
