//! What is the answer to a request? An immutable loaded model with everything an answer needs,
//! independent of how the request arrived.

mod anomalies;
mod answer;
mod detail;
mod embeddings;
mod error;
mod explain;
mod live;
mod loaded;
mod prepare;
mod recommend;
mod request;
mod score;
mod served;
mod similar;
mod similar_users;
mod subject;
mod user_vectors;

pub use anomalies::{
    Anomaly, DEFAULT_LEAST_LIKELY, HistorySubject, MAX_HISTORIES, MAX_LEAST_LIKELY, ScoreHistoriesRequest,
    ScoredHistories, ScoredHistory, UnlikelyItem,
};
pub use answer::{Contribution, Fallback, Listed, Recommendation, ShortList, Tier};
pub use embeddings::{Embeddings, HistoryEmbedding};
pub use error::{InternalError, RequestError};
pub use explain::{DEFAULT_EXPLAINED, ExplainRequest, Explanation, MAX_EXPLAINED, Method};
pub use live::{KnownHistory, LiveEvent, LiveHistory, LiveState};
pub use loaded::{Engine, ModelInfo};
pub use recommend::Answers;
pub use request::{
    DEFAULT_DRAWS, DEFAULT_NEGATIVE_STRENGTH, Detail, Diversity, Exploration, HistoryItem, MAX_ATTRIBUTES,
    MAX_CANDIDATES, MAX_CONTEXT, MAX_CONTRIBUTIONS, MAX_DRAWS, MAX_HISTORY, MAX_KEYS, MAX_LISTED, MAX_N,
    RecommendRequest,
};
pub use score::{ItemScore, MAX_SCORED, ScoreRequest, Scores};
pub use similar::{Measure, SimilarItems};
pub use similar_users::{SimilarUser, SimilarUsersRequest};

// What stands in the signatures above.
pub use crate::artifact::{ArtifactError, Manifest};
pub use crate::filter::{FilterError, FilterProblem};
pub use crate::interactions::{EventsThrough, Metadata, MetadataValue, Timestamp};
pub use crate::models::{Metric, Space};
pub use crate::ranking::{Removed, Width};
