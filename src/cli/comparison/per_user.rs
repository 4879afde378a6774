//! Every evaluated user's values as a table.

use std::path::Path;

use super::results::Comparison;
use crate::interactions::IdMap;
use crate::io::{TableError, UserValues, write_user_values};
use crate::types::UserIdx;

/// Writes one row an evaluated user: `user_id`, `history_length`, `target_size`, and `MODEL/METRIC` for every
/// model and every metric that has a value for a user. `id_of` says which entry of `ids` a row of the
/// trial is. Returns the number of rows.
///
/// # Errors
/// [`TableError`] when the file cannot be written.
pub fn write_per_user(
    path: &Path,
    comparison: &Comparison,
    ids: &IdMap,
    id_of: impl Fn(UserIdx) -> UserIdx,
) -> Result<u64, TableError> {
    // The users are the same for every model.
    let users = comparison.models.first().map_or(&[][..], |results| &results.evaluation.users);
    let rows: Vec<UserIdx> = users.iter().map(|user| id_of(user.row)).collect();
    let lengths: Vec<u32> = users.iter().map(|user| user.history_length).collect();
    let sizes: Vec<u32> = users.iter().map(|user| user.target_size).collect();
    let mut columns = vec![
        ("history_length".to_string(), UserValues::Counts(&lengths)),
        ("target_size".to_string(), UserValues::Counts(&sizes)),
    ];
    for results in &comparison.models {
        let values = results.evaluation.values.iter().filter(|(metric, _)| comparison.metrics.contains(metric));
        columns.extend(
            values.map(|(metric, values)| (format!("{}/{metric}", results.model), UserValues::Numbers(values))),
        );
    }
    write_user_values(path, ids, &rows, &columns)
}
