use super::*;
use crate::audit::users::active_users;
use crate::interactions::LogColumns;

/// 2025-06-01.
const NOW: i64 = 1_748_736_000_000_000;

fn lines(times: impl IntoIterator<Item = i64>, time_unit: Option<TimeUnit>) -> Vec<Line> {
    // Everybody does one thing.
    let row = |(time, user): (i64, u32)| Row::new(user, 0, 1.0, Some(Timestamp(time)));
    let rows = times.into_iter().zip(0..).map(row).collect();
    let columns = LogColumns { time: "t".into(), ..LogColumns::default() };
    let rules = LogRules { columns, time_unit, ..LogRules::default() };
    times_of(Collected { rows, ..Collected::default() }, &rules)
}

fn times_of(mut all: Collected, rules: &LogRules) -> Vec<Line> {
    let active = active_users(&all.rows);
    times(&mut all, active.as_ref(), rules, Timestamp(NOW), true)
}

fn line<'a>(lines: &'a [Line], id: &str) -> &'a Line {
    lines.iter().find(|line| line.id == id).unwrap_or_else(|| panic!("{id} is not among {lines:?}"))
}

/// `rows` a day, of as many users, on each of `days` before now.
fn daily(days: impl IntoIterator<Item = i64>, rows: i64) -> impl Iterator<Item = i64> {
    days.into_iter().flat_map(move |day| (0..rows).map(move |row| NOW - day * Timestamp::DAY + row * 1_000_000))
}

#[test]
fn an_ordinary_year_passes() {
    let lines = lines(daily(1..366, 30), None);
    assert!(lines.iter().all(|line| line.status == Status::Pass), "{lines:?}");
    assert_eq!(
        lines.iter().map(|line| line.id).collect::<Vec<_>>(),
        ["times.usable", "times.unit", "times.range", "times.gaps"]
    );
    assert!(line(&lines, "times.gaps").found.contains("rows on 365 of 365 days, of 30 users each"), "{lines:?}");
    assert!(line(&lines, "times.range").found.starts_with("from 2024-06-01T00:00:00Z to 2025-05-31"), "{lines:?}");
}

#[test]
fn a_wrong_unit_is_told_with_the_right_one() {
    let seconds = NOW / 1_000_000 - 1_000_000;
    // Seconds read as milliseconds, microseconds and nanoseconds, milliseconds as seconds.
    for (micros, stated, right) in [
        (seconds * 1_000, TimeUnit::Milliseconds, "--time-unit seconds"),
        (seconds, TimeUnit::Microseconds, "--time-unit seconds"),
        (seconds / 1_000, TimeUnit::Nanoseconds, "--time-unit seconds"),
        (seconds * 1_000_000_000, TimeUnit::Seconds, "--time-unit milliseconds"),
    ] {
        let lines = lines([micros; 3], Some(stated));
        let unit = line(&lines, "times.unit");
        assert_eq!(unit.status, Status::Fail, "{stated:?}");
        assert!(unit.remedies[0].starts_with(right) && unit.remedies[0].contains("2025-05-20"), "{unit:?}");
        assert_eq!(lines.len(), 2, "what follows from the unit is not told as well");
    }
    let lines = lines([seconds * 1_000; 3], None);
    assert!(
        line(&lines, "times.unit").remedies[0].contains("multiplied by 1000 the median is 2025-05-20"),
        "{lines:?}"
    );
}

#[test]
fn steps_are_no_dates_and_no_wrong_unit() {
    let lines = lines(0..100, Some(TimeUnit::Seconds));
    assert_eq!(line(&lines, "times.unit").status, Status::Warn);
}

#[test]
fn rows_that_cannot_be_from_then() {
    let odd = |time: i64| {
        let lines = lines(daily(1..20, 30).chain([time]), None);
        let range = line(&lines, "times.range").clone();
        assert_eq!((range.status, range.remedies.len()), (Status::Warn, 1), "{range:?}");
        format!("{} | {}", range.found, range.remedies[0])
    };
    for (time, parts) in [
        (0, ["1 row at 1970-01-01T00:00:00Z", "--since 1990-01-01"]),
        (-7, ["1 row before 1990", "--since 1990-01-01"]),
        (NOW + 2 * Timestamp::DAY, ["1 row in the future", "--until 2025-06-02"]),
        (LATEST, ["1 row after 2100", "--until 2025-06-02"]),
        (i64::MAX, ["1 row after 2100", "--until"]),
    ] {
        let text = odd(time);
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    // Within the precision of clocks.
    assert_eq!(line(&lines(daily(0..20, 30).chain([NOW + 1]), None), "times.range").status, Status::Pass);
}

#[test]
fn a_gap_is_a_day_without_rows_between_busy_weeks() {
    let without = |missing: &[i64], rows: i64| {
        let days: Vec<i64> = (1..60).filter(|day| !missing.contains(day)).collect();
        line(&lines(daily(days, rows), None), "times.gaps").clone()
    };
    let gaps = without(&[10, 20, 21, 22], 30);
    assert_eq!(
        (gaps.status, gaps.examples),
        (Status::Warn, vec!["2025-05-10 to 2025-05-12 (3 days)".into(), "2025-05-22".into()])
    );
    assert!(gaps.found.contains("none on 4 days"), "{}", gaps.found);
    assert_eq!(without(&[10, 20], 19).status, Status::Pass, "a quiet log has days without rows");
    // A log that began with a single early row has no gap.
    let early = lines(daily(1..30, 30).chain([NOW - 300 * Timestamp::DAY]), None);
    assert_eq!(line(&early, "times.gaps").status, Status::Pass);
}

#[test]
fn rows_without_a_time_fail_where_training_refuses_them() {
    let columns = LogColumns { time: "t".into(), ..LogColumns::default() };
    let rules = LogRules { columns, ..LogRules::default() };
    let mut all = Collected { rows: vec![Row::new(0, 0, 1.0, None)], total: 4, ..Collected::default() };
    all.no_time.count = 1;
    let lines = times_of(all, &rules);
    assert_eq!((lines.len(), lines[0].status), (1, Status::Fail));
    assert!(lines[0].found.contains("1 row without a usable time (25 %)"), "{}", lines[0].found);
    assert!(times_of(Collected::default(), &LogRules::default()).is_empty(), "no column is named");
}
