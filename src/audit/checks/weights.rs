//! Weights and types of event.

use crate::audit::collect::{BadWeights, Collected, Row};
use crate::audit::report::{Line, Status, share};
use crate::interactions::LogRules;
use crate::io::{ScannedIds, counted};

/// A largest weight of this many medians drowns everything else a user did.
const MAX_OVER_MEDIAN: f32 = 1_000.0;

/// Shares of the sorted weights that are shown: minimum, quartiles, maximum.
const QUARTILES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// `weights.usable` and `weights.distribution`; nothing where no column is named. The rows are left in
/// another order. `refused`: training does not accept the log.
pub(in crate::audit) fn weights(all: &mut Collected, rules: &LogRules, refused: bool) -> Vec<Line> {
    if rules.columns.weight.is_empty() {
        return Vec::new();
    }
    vec![usable(&all.bad_weights, all.total, rules, refused), distribution(&mut all.rows)]
}

fn usable(bad: &BadWeights, rows: u64, rules: &LogRules, refused: bool) -> Line {
    let zero_is_dropped = rules.min_weight.is_some_and(|least| least > 0.0);
    let kinds =
        [("null or NaN", &bad.missing), ("infinite", &bad.infinite), ("negative", &bad.negative), ("zero", &bad.zero)];
    let seen: Vec<_> = kinds.into_iter().filter(|(_, seen)| seen.count > 0).collect();
    let found = if seen.is_empty() {
        "every weight is a finite number above 0".into()
    } else {
        let of = |(kind, seen): &(&str, &crate::audit::collect::Sighting)| {
            format!("{} {kind} ({})", counted(seen.count, "row"), share(seen.count, rows))
        };
        seen.iter().map(of).collect::<Vec<_>>().join(", ")
    };
    let mut line = Line::new("weights.usable", found)
        .value("missing", bad.missing.count)
        .value("infinite", bad.infinite.count)
        .value("negative", bad.negative.count)
        .value("zero", bad.zero.count)
        .examples(seen.iter().filter_map(|(kind, seen)| Some(format!("first {kind}: {}", seen.place()?))));
    let worst = if refused { Status::Fail } else { Status::Warn };
    if bad.missing.count + bad.infinite.count + bad.negative.count > 0 {
        line = line.raise(worst, "repair or leave out these rows when the log is written");
    }
    if bad.zero.count > 0 && !zero_is_dropped {
        line = line.raise(worst, "--min-weight with a value above 0 drops rows of weight 0");
    }
    line
}

fn distribution(rows: &mut [Row]) -> Line {
    // In the total order: negative numbers, zeros, numbers above 0, infinity, NaN.
    let count = |of: fn(f32) -> bool| rows.iter().filter(|row| of(row.weight)).count();
    let (below, usable) = (count(|weight| weight <= 0.0), count(|weight| weight > 0.0 && weight.is_finite()));
    let Some(last) = usable.checked_sub(1) else {
        return Line::new("weights.distribution", "there is no usable weight");
    };
    let quartiles = QUARTILES.map(|share| {
        let place = below + (share * last as f64).round() as usize;
        rows.select_nth_unstable_by(place, |a, b| a.weight.total_cmp(&b.weight)).1.weight
    });
    let [least, lower, median, upper, most] = quartiles;
    let found = format!("from {least} to {most}; quartiles {lower}, {median}, {upper}");
    let names = ["minimum", "lower_quartile", "median", "upper_quartile", "maximum"];
    let values = names.iter().zip(quartiles);
    let line = values.fold(Line::new("weights.distribution", found), |line, (name, value)| line.value(name, value));
    line.warn_if(least == most, "all weights are alike and say nothing: leave --weight-column out").warn_if(
        most > MAX_OVER_MEDIAN * median,
        "one interaction can outweigh everything else a user did: cap the weights, or take their logarithm, when the \
         log is written",
    )
}

/// `events.types`; nothing where no column is named.
pub(in crate::audit) fn events(all: &Collected, types: &ScannedIds, rules: &LogRules) -> Option<Line> {
    if rules.columns.event.is_empty() {
        return None;
    }
    let mut seen: Vec<(u64, String)> =
        all.events.iter().zip(0..).map(|(&rows, at)| (rows, types.external(at))).collect();
    seen.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let listed = |(rows, name): &(u64, String)| format!("{name:?} {}", share(*rows, all.total));
    let mut found = seen.iter().take(10).map(listed).collect::<Vec<_>>().join(", ");
    if seen.len() > 10 {
        found += &format!(" and {} more", seen.len() - 10);
    }
    if all.null_event.count > 0 {
        found += &format!("; {} without a type", counted(all.null_event.count, "row"));
    }
    let weights = &rules.event_weights;
    let unweighted: Vec<_> =
        seen.iter().filter(|(_, name)| !weights.is_empty() && !weights.contains_key(name)).collect();
    let dropped: u64 = unweighted.iter().map(|(rows, _)| rows).sum();
    let unused: Vec<&String> = weights.keys().filter(|name| seen.iter().all(|(_, other)| other != *name)).collect();
    let line = Line::new("events.types", found)
        .value(
            "types",
            seen.iter().map(|(rows, name)| (name.clone(), (*rows).into())).collect::<serde_json::Map<_, _>>(),
        )
        .value("null", all.null_event.count)
        .value("rows_without_a_weight", dropped)
        .examples(unweighted.iter().map(|(rows, name)| format!("{name:?} has no weight: {}", counted(*rows, "row"))))
        .examples(unused.iter().map(|name| format!("{name:?} has a weight and no row")))
        .warn_if(
            !unweighted.is_empty(),
            format!(
                "{} would be dropped: give these types a weight, 0 to drop them knowingly",
                counted(dropped, "row")
            ),
        )
        .fail_if(weights.is_empty(), weight_flags(&seen))
        .warn_if(!unused.is_empty(), "check the spelling of the types that have a weight");
    Some(line.warn_if(all.null_event.count > 0, "complete the types when the log is written"))
}

/// What to type when no type has a weight yet.
fn weight_flags(seen: &[(u64, String)]) -> String {
    let flags: Vec<String> = seen.iter().take(10).map(|(_, name)| format!("--event-weight {name:?}=1")).collect();
    format!("say what each type weighs, types without a weight are dropped: {}", flags.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(weights: &[f32]) -> Line {
        distribution(&mut weights.iter().map(|&weight| Row::new(0, 0, weight, None)).collect::<Vec<_>>())
    }

    #[test]
    fn quartiles_leave_unusable_weights_out() {
        let line = of(&[f32::NAN, 5.0, -3.0, 1.0, 2.0, 0.0, f32::INFINITY, 3.0, 4.0, -0.0]);
        assert_eq!((line.status, line.found.as_str()), (Status::Pass, "from 1 to 5; quartiles 2, 3, 4"));
        assert_eq!(of(&[f32::NAN, 0.0]).found, "there is no usable weight");
    }

    #[test]
    fn weights_without_meaning_and_weights_that_drown_the_others() {
        assert_eq!(of(&[2.0, 2.0]).status, Status::Warn);
        assert_eq!(of(&[1.0, 1.0, 1.0, 1_000.0]).status, Status::Pass);
        assert_eq!(of(&[1.0, 1.0, 1.0, 1_001.0]).status, Status::Warn);
    }
}
