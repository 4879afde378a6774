//! Which items come first for a user? The one place that turns scores into lists, used by
//! evaluation and by serving alike, so that an offline metric and an online answer cannot disagree.

mod candidates;
mod narrow;
mod overlap;
mod rank;
mod rerank;
mod top_n;

pub use candidates::{Candidates, Removed};
pub use narrow::{NarrowTable, SPARE, Width};
pub use overlap::overlap;
pub use rank::{Minus, Ranking, StillWanted, Wanted, rank, rank_lists, rank_narrow, rank_users};
pub use rerank::{by_relevance, damped, diversified};
pub use top_n::{Scored, TopN};
