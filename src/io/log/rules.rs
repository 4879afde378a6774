//! Rules that no log could satisfy.

use crate::interactions::{Duplicates, LogRules};
use crate::io::error::LogError;

/// Checks rules against each other.
///
/// # Errors
/// [`LogError::Rule`] for the first one that makes no sense.
pub(super) fn check_rules(rules: &LogRules) -> Result<(), LogError> {
    check_columns(rules)?;
    check_times(rules)?;
    check_events(rules)?;
    let Some(min_weight) = rules.min_weight else { return Ok(()) };
    if !(min_weight.is_finite() && min_weight >= 0.0) {
        return Err(refused("min_weight", min_weight, "must be a finite number of at least 0"));
    }
    if rules.columns.weight.is_empty() && min_weight > 0.0 {
        let expected = "but there is no weight column to compare with; name it with --weight-column";
        return Err(refused("min_weight", min_weight, expected));
    }
    Ok(())
}

fn check_columns(rules: &LogRules) -> Result<(), LogError> {
    let names = &rules.columns;
    for (field, name) in [("columns.user", &names.user), ("columns.item", &names.item)] {
        if name.is_empty() {
            return Err(refused(field, "empty", "but users and items are needed; name the column"));
        }
    }
    if names.user == names.item {
        let expected = "as is columns.user; name different ones with --user-column and --item-column";
        return Err(refused("columns.item", &names.item, expected));
    }
    Ok(())
}

fn check_times(rules: &LogRules) -> Result<(), LogError> {
    let needed = "but there are no times; name their column with --time-column";
    if rules.columns.time.is_empty() {
        let moments = [("since", rules.since), ("until", rules.until), ("as_of", rules.as_of)];
        if let Some((field, Some(moment))) = moments.into_iter().find(|(_, moment)| moment.is_some()) {
            return Err(refused(field, moment, needed));
        }
        if let Some(days) = rules.half_life_days {
            return Err(refused("half_life_days", days, needed));
        }
        if let Some(unit) = rules.time_unit {
            return Err(refused("time_unit", format!("{unit:?}").to_lowercase(), needed));
        }
        if rules.duplicates == Duplicates::Last {
            return Err(refused("duplicates", "last", needed));
        }
    }
    if let (Some(since), Some(until)) = (rules.since, rules.until)
        && since >= until
    {
        return Err(refused("until", until, "but has to be later than since: no time lies between them"));
    }
    if let Some(days) = rules.half_life_days {
        if !(days.is_finite() && days > 0.0) {
            return Err(refused("half_life_days", days, "must be a finite number of days greater than 0"));
        }
        if rules.as_of.is_none() {
            let expected = "but ages need a moment to count from; state it with --as-of";
            return Err(refused("half_life_days", days, expected));
        }
    }
    Ok(())
}

fn check_events(rules: &LogRules) -> Result<(), LogError> {
    let weights = &rules.event_weights;
    if let Some((name, weight)) = weights.iter().find(|(_, weight)| !(weight.is_finite() && **weight >= 0.0)) {
        let value = format!("{weight} for `{name}`");
        return Err(refused("event_weights", value, "must be finite numbers of at least 0"));
    }
    match (rules.columns.event.is_empty(), weights.is_empty()) {
        (true, false) => {
            let expected = "but there is no event column to look up; name it with --event-column";
            let given: Vec<String> = weights.iter().map(|(name, weight)| format!("{name}={weight}")).collect();
            Err(refused("event_weights", given.join(", "), expected))
        }
        (false, true) => {
            let expected = "but no type of event has a weight; state them with --event-weight, for example view=1";
            Err(refused("columns.event", &rules.columns.event, expected))
        }
        (false, false) if weights.values().all(|weight| *weight == 0.0) => {
            Err(refused("event_weights", "0 for every type", "which would drop every row"))
        }
        _ => Ok(()),
    }
}

fn refused(field: &'static str, value: impl ToString, expected: &'static str) -> LogError {
    LogError::Rule { field, value: value.to_string(), expected }
}
