//! What is the answer to a request? An immutable loaded model with everything an answer needs,
//! independent of how the request arrived.

mod embeddings;
mod error;
mod live;
mod loaded;
mod recommend;
mod request;
mod served;
mod similar;
mod subject;

pub use embeddings::{Embeddings, HistoryEmbedding};
pub use error::{InternalError, RequestError};
pub use live::{KnownHistory, LiveEvent, LiveHistory, LiveState};
pub use loaded::{Engine, ModelInfo};
pub use recommend::{Answers, Fallback, Listed, Recommendation, ShortList, Tier};
pub use request::{HistoryItem, MAX_HISTORY, MAX_KEYS, MAX_LISTED, MAX_N, RecommendRequest};
pub use similar::{Measure, SimilarItems};

// What stands in the signatures above.
pub use crate::artifact::{ArtifactError, Manifest};
pub use crate::interactions::{EventsThrough, Timestamp};
pub use crate::models::{Metric, Space};
pub use crate::ranking::{Removed, Width};
