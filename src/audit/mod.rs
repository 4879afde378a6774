//! Can this log be trusted, before anything is trained on it?
//!
//! [`audit`] reads a log twice: once leniently, every row as it stands ([`io::scan_log`](crate::io::scan_log)), for
//! what is odd about it; and once as training does, for what training makes of it or why it refuses. Each check gives
//! one [`Line`]: a stable id, a [`Status`], what was found, and what to do about it.
//!
//! | line | WARN | FAIL |
//! |---|---|---|
//! | `schema.readable` | | a file or column cannot be read |
//! | `schema.files` | files have different columns or types | |
//! | `rows.count` | | no rows, fewer than 2 users or items |
//! | `ids.null` | | a user or item is missing |
//! | `ids.form` | ids that look like placeholders, or have spaces around | |
//! | `weights.usable` | | null, NaN, infinite or negative; zero without a minimum weight |
//! | `weights.distribution` | all alike; or the largest is 1,000 times the median | |
//! | `events.types` | types without a weight; weights of types that never occur | no type has a weight |
//! | `times.usable` | | null, or beyond what a time can be |
//! | `times.unit` | the median is no plausible date | another unit makes it one |
//! | `times.range` | rows at 1970-01-01, before 1990, in the future, after 2100 | |
//! | `times.gaps` | days without rows between weeks of at least 20 users a day | |
//! | `duplicates.rows` | more than 1 % of the rows stand twice | |
//! | `duplicates.pairs` | more than 90 % of the rows repeat a pair | |
//! | `users.cold`, `items.cold` | more than half have fewer than k interactions | |
//! | `users.history` | the median user has one item | |
//! | `items.popularity` | an item that more than 90 % of the users have | |
//! | `bots.rate` | more than 1,000 events of a user in an hour, 5,000 in a day | |
//! | `bots.share` | a user with 1 % of all rows, 1,000 at least, 100 times the median | |
//! | `bots.rhythm` | 50 events at equal distances below a day | |
//! | `bots.copies` | five users with the very same five items or more | |
//! | `items.metadata` | more than 1 % of the items are not described | none is |
//! | `leakage.pairs` | pairs of the test that are in training | half of them |
//! | `leakage.time` | tested interactions older than the user's last in training | |
//! | `leakage.unknown` | more than 10 % of the test is unknown to training | all of it |
//! | `training.accepts` | | training refuses the log |

mod checks;
mod collect;
mod report;
mod run;
mod users;

pub use report::{AuditReport, Line, NotChecked, Status};
pub use run::{AuditOptions, ItemsFile, audit};
