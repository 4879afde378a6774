//! When: dates that cannot be, and days that are missing.

use crate::audit::collect::{Collected, Row};
use crate::audit::report::{Line, Status, fraction, share};
use crate::audit::users::ActiveUsers;
use crate::interactions::{LogRules, TimeUnit, Timestamp};
use crate::io::counted;

/// 1990-01-01: no log of a recommender is older.
const EARLIEST: i64 = 631_152_000_000_000;

/// 2100-01-01.
const LATEST: i64 = 4_102_444_800_000_000;

/// Clocks differ: no later than this after now is the future.
const CLOCK_SKEW: i64 = Timestamp::DAY;

/// Users a day, in the week before and after, from which a day without any is a gap: by chance it would happen once in
/// e^20 days. Users and not rows, since the rows of one user come together.
const BUSY_DAY: u64 = 20;

/// `times.usable`, `times.unit`, `times.range` and `times.gaps`; nothing where no column is named. The rows are left in
/// another order. `active` says who came on which day; `refused`: training does not accept the log.
pub(in crate::audit) fn times(
    all: &mut Collected,
    active: Option<&ActiveUsers>,
    rules: &LogRules,
    now: Timestamp,
    refused: bool,
) -> Vec<Line> {
    if rules.columns.time.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![usable(all, refused)];
    if let Some(times) = Times::of(&mut all.rows) {
        let unit = unit(&times, rules.time_unit, now);
        // Dates in the wrong unit are wrong in every respect; once is enough.
        let plausible = unit.status == Status::Pass;
        lines.push(unit);
        if plausible {
            lines.push(range(&all.rows, &times, now));
            lines.extend(active.map(gaps));
        }
    }
    lines
}

fn usable(all: &Collected, refused: bool) -> Line {
    let missing = all.no_time.count;
    let found = match missing {
        0 => "every row has a time".into(),
        _ => format!("{} without a usable time ({})", counted(missing, "row"), share(missing, all.total)),
    };
    let line = Line::new("times.usable", found).value("missing", missing).examples(all.no_time.place());
    let worst = if refused { Status::Fail } else { Status::Warn };
    if missing == 0 {
        line
    } else {
        line.raise(worst, "complete the times, or leave these rows out, when the log is written")
    }
}

/// What there is to know about the times before looking closer; all in microseconds.
struct Times {
    first: i64,
    median: i64,
    last: i64,
}

impl Times {
    /// `None` where no row has a time.
    fn of(rows: &mut [Row]) -> Option<Self> {
        let known = rows.iter().filter_map(Row::time);
        let (first, last) = (known.clone().min()?, known.clone().max()?);
        let count = known.count();
        // Rows without a time sort first.
        let middle = rows.len() - count + count / 2;
        let median = rows.select_nth_unstable_by_key(middle, Row::micros).1.micros();
        Some(Self { first, median, last })
    }
}

/// `times.unit`: whether the median is a plausible date, and if not, whether another unit makes it one.
fn unit(times: &Times, stated: Option<TimeUnit>, now: Timestamp) -> Line {
    let plausible =
        |micros: i128| (i128::from(EARLIEST)..=i128::from(now.0) + i128::from(CLOCK_SKEW)).contains(&micros);
    let median = i128::from(times.median);
    let line = Line::new("times.unit", format!("the median time is {}", Timestamp(times.median)))
        .value("median", Timestamp(times.median).to_string());
    if plausible(median) {
        return line;
    }
    let nanos = |unit: TimeUnit| match unit {
        TimeUnit::Seconds => 1_000_000_000,
        TimeUnit::Milliseconds => 1_000_000,
        TimeUnit::Microseconds => 1_000,
        TimeUnit::Nanoseconds => 1_i128,
    };
    let units = [TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
    // For a column that states its unit itself the numbers are as good in any: only their ratio counts.
    let base = nanos(stated.unwrap_or(TimeUnit::Microseconds));
    let in_unit = |unit: TimeUnit| median * nanos(unit) / base;
    let Some(right) = units.into_iter().find(|&unit| plausible(in_unit(unit))) else {
        let remedy = "these are no calendar times: they still put interactions in order, but dates (--since, --until, \
                      --cut-at) mean nothing";
        return line.raise(Status::Warn, remedy);
    };
    let date = Timestamp(in_unit(right) as i64);
    let remedy = match stated {
        Some(_) => format!("--time-unit {}, which makes it {date}", name(right)),
        None => {
            let factor = nanos(right) as f64 / base as f64;
            format!(
                "the times were stored in the wrong unit: multiplied by {factor} the median is {date}; write the column \
                 again"
            )
        }
    };
    line.value("plausible", date.to_string()).raise(Status::Fail, remedy)
}

fn name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Seconds => "seconds",
        TimeUnit::Milliseconds => "milliseconds",
        TimeUnit::Microseconds => "microseconds",
        TimeUnit::Nanoseconds => "nanoseconds",
    }
}

/// `times.range`: from when to when, and rows that cannot be from then.
fn range(rows: &[Row], times: &Times, now: Timestamp) -> Line {
    let future = now.0.saturating_add(CLOCK_SKEW);
    let count = |of: &dyn Fn(i64) -> bool| rows.iter().filter_map(Row::time).filter(|&time| of(time)).count() as u64;
    let epoch = count(&|time| time == 0);
    let early = count(&|time| time < EARLIEST && time != 0);
    let late = count(&|time| time > future && time < LATEST);
    let absurd = count(&|time| time >= LATEST && time > future);
    let mut found = format!("from {} to {}", Timestamp(times.first), Timestamp(times.last));
    for (rows, what) in
        [(epoch, "at 1970-01-01T00:00:00Z"), (early, "before 1990"), (late, "in the future"), (absurd, "after 2100")]
    {
        if rows > 0 {
            found += &format!("; {} {what}", counted(rows, "row"));
        }
    }
    let until = Timestamp(future / Timestamp::DAY * Timestamp::DAY);
    Line::new("times.range", found)
        .value("first", Timestamp(times.first).to_string())
        .value("last", Timestamp(times.last).to_string())
        .value("at_epoch", epoch)
        .value("before_1990", early)
        .value("in_the_future", late)
        .value("after_2100", absurd)
        .warn_if(epoch > 0, "a time of 0 stands for an unknown one: --since 1990-01-01 drops these rows")
        .warn_if(early > 0 && epoch == 0, "--since 1990-01-01 drops rows that cannot be from then")
        .warn_if(late + absurd > 0, format!("--until {} drops what has not happened yet", day(until.0)))
}

/// `times.gaps`: days without rows where there should be some.
fn gaps(active: &ActiveUsers) -> Line {
    let ActiveUsers { first, users: days } = active;
    let span = days.len() as u64;
    let with_rows = days.iter().filter(|&&users| users > 0).count() as u64;
    let mut gaps: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    for run in days.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
        let end = start + run.len();
        // The days before and after an empty run have rows, as the first and the last day have.
        if run[0] == 0 && is_busy(&days[start.saturating_sub(7)..start]) && is_busy(&days[end..days.len().min(end + 7)])
        {
            gaps.push((start, end));
        }
        start = end;
    }
    let missing: usize = gaps.iter().map(|(start, end)| end - start).sum();
    let a_day = days.iter().map(|&users| u64::from(users)).sum::<u64>() / with_rows.max(1);
    let mut found =
        format!("rows on {with_rows} of {}, of {} each on average", counted(span, "day"), counted(a_day, "user"));
    if missing > 0 {
        found += &format!("; none on {} between busy weeks", counted(missing as u64, "day"));
    }
    let date = |number: usize| day((first + number as i64) * Timestamp::DAY);
    // The longest first.
    gaps.sort_by_key(|&(start, end)| (start.wrapping_sub(end), start));
    Line::new("times.gaps", found)
        .value("days", span)
        .value("days_with_rows", with_rows)
        .value("missing_days", missing)
        .value("share_of_days_with_rows", fraction(with_rows, span))
        .examples(gaps.iter().map(|&(start, end)| match end - start {
            1 => date(start),
            length => format!("{} to {} ({length} days)", date(start), date(end - 1)),
        }))
        .warn_if(
            missing > 0,
            "an import may have failed on these days: load them again, or keep a test from starting there",
        )
}

/// Whether a week has so many users a day that none on a day is no chance.
fn is_busy(days: &[u32]) -> bool {
    days.iter().map(|&users| u64::from(users)).sum::<u64>() >= BUSY_DAY * days.len().max(1) as u64
}

/// The date of a moment.
fn day(micros: i64) -> String {
    let text = Timestamp(micros).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "times_tests.rs"]
mod tests;
