//! What did whom do with what? Logs as a sparse users × items matrix with its id maps.

mod builder;
mod catalogue;
mod grouping;
mod history;
mod ids;
mod live;
mod matrix;
mod merging;
mod metadata;
mod names;
mod rules;
mod split;
mod time;
mod weighting;

pub use builder::{BuildError, Built, BuiltCore, Dropped, InteractionsBuilder};
pub use catalogue::Catalogue;
pub use history::{BadWeight, History, HistoryRef};
pub use ids::{IdMap, IdOrderError, IntIds, IntType, TextIds};
pub use live::{EventsThrough, Forgotten, LiveLogPart};
pub use matrix::{Interactions, MatrixError};
pub use merging::{ExactSum, ExactSums, Merging};
pub use metadata::{
    LeftOutColumn, Metadata, MetadataColumn, MetadataValue, MetadataValues, TextColumn, TextsColumn, UNKNOWN_TEXT,
    UNKNOWN_TIME, time_text,
};
pub use names::nearest_name;
pub use rules::{Duplicates, LogColumns, LogRules};
pub use split::{
    FoldInTarget, LeftOut, SplitByTime, SplitError, SplitPart, SplitRule, fold_in_target, hold_out_users,
    leave_last_out, split, split_at, times_of_part,
};
pub use time::{BadTimestamp, TimeUnit, Timestamp};
pub use weighting::{RowDrop, Weighting};
