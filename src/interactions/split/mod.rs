//! Which interactions is a model trained on, and which does it have to predict?

mod by_time;
mod held_out;
mod part;
mod rule;

pub use by_time::{SplitByTime, leave_last_out, split_at, times_of_part};
pub use held_out::{FoldInTarget, fold_in_target, hold_out_users};
pub use rule::{LeftOut, SplitError, SplitPart, SplitRule, split};
