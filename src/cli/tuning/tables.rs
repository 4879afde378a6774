//! All trials as one table.

use comfy_table::Table;

use super::journal::{Ended, Trial};
use crate::cli::console::table;
use crate::cli::validation::Validated;
use crate::tuning::Range;

/// The trials, the best one first; of equals, the earlier one.
#[must_use]
pub fn table_of(trials: &[Trial], ranges: &[Range], validated: Validated) -> Table {
    let keys = ranges.iter().map(|range| range.key.clone());
    let mut rows = table(["trial".into()].into_iter().chain(keys).chain([
        validated.to_string(),
        "best epoch".into(),
        "seconds".into(),
        "".into(),
    ]));
    let mut sorted: Vec<&Trial> = trials.iter().collect();
    let value = |trial: &Trial| trial.value.unwrap_or(f64::NEG_INFINITY);
    sorted.sort_by(|a, b| value(b).total_cmp(&value(a)).then(a.number.cmp(&b.number)));
    for trial in sorted {
        let shown = trial.value.map_or_else(String::new, |value| format!("{:.4}", validated.shown(value)));
        let best = trial.course.iter().find(|(_, value)| Some(*value) == trial.value);
        let epochs = best.zip(trial.course.last()).map(|((best, _), (last, _))| format!("{best} of {last}"));
        let ended = match &trial.ended {
            Ended::Finished => String::new(),
            Ended::GivenUp => "given up".into(),
            Ended::Failed(reason) => format!("failed: {reason}"),
        };
        let number = (trial.number + 1).to_string();
        let rest = [shown, epochs.unwrap_or_default(), format!("{:.1}", trial.seconds), ended];
        rows.add_row([number].into_iter().chain(trial.point.iter().cloned()).chain(rest));
    }
    rows
}
