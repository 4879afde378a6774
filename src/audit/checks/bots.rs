//! Users who are probably no people.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::audit::report::{Line, share};
use crate::audit::users::UserProfile;
use crate::io::{ScannedIds, counted};

/// Events in an hour, one every 3.6 seconds all along, that a person does not reach.
const AN_HOUR: u64 = 1_000;

/// Events in a day, one every 17 seconds day and night.
const A_DAY: u64 = 5_000;

/// Share of all rows, in percent, that one user may have.
const SHARE_PERCENT: u64 = 1;

/// Rows that anybody may have, whatever their share.
const FEW_ROWS: u64 = 1_000;

/// Times the rows of the median user.
const MEDIANS: u64 = 100;

/// Items from which equal histories are no chance.
const COPIED_ITEMS: u32 = 5;

/// Users with the same history from which it is no chance.
const COPIES: usize = 5;

/// A catalogue so small that people choose the same by chance.
const SMALL_CATALOGUE: usize = 100;

/// `bots.rate` and `bots.rhythm` (with times only), `bots.share` and `bots.copies` (of a catalogue of `items`).
pub(in crate::audit) fn bots(users: &[UserProfile], ids: &ScannedIds, items: usize, timed: bool) -> Vec<Line> {
    let mut lines = if timed { vec![rate(users, ids), rhythm(users, ids)] } else { Vec::new() };
    lines.extend([heavy(users, ids), copies(users, ids, items)]);
    lines
}

fn rate(users: &[UserProfile], ids: &ScannedIds) -> Line {
    let hour = users.iter().map(|user| user.busiest_hour).max().unwrap_or(0);
    let day = users.iter().map(|user| user.busiest_day).max().unwrap_or(0);
    let mut fast: Vec<&UserProfile> =
        users.iter().filter(|user| user.busiest_hour > AN_HOUR || user.busiest_day > A_DAY).collect();
    fast.sort_by_key(|user| (Reverse(user.busiest_hour), Reverse(user.busiest_day), user.user));
    let mut found = format!("at most {} of a user in an hour, {day} in a day", counted(hour, "event"));
    if !fast.is_empty() {
        found += &format!("; {} above {AN_HOUR} or {A_DAY}", counted(fast.len() as u64, "user"));
    }
    let example = |user: &&UserProfile| {
        let (hour, day) = (user.busiest_hour, user.busiest_day);
        format!("user {}: {hour} in an hour, {day} in a day", ids.external(user.user))
    };
    Line::new("bots.rate", found)
        .value("most_in_an_hour", hour)
        .value("most_in_a_day", day)
        .value("users", fast.len())
        .examples(fast.iter().map(example))
        .warn_if(
            !fast.is_empty(),
            "no person is that fast: leave crawlers out of the log, or record such imports as one event",
        )
}

fn rhythm(users: &[UserProfile], ids: &ScannedIds) -> Line {
    let mut regular: Vec<&UserProfile> = users.iter().filter(|user| user.rhythm > 0).collect();
    regular.sort_by_key(|user| (Reverse(user.rows), user.user));
    let found = match regular.len() as u64 {
        0 => "nobody acts at equal distances".into(),
        count => format!("{} whose events are at equal distances", counted(count, "user")),
    };
    let example = |user: &&UserProfile| {
        let seconds = user.rhythm as f64 / 1e6;
        format!("user {}: {}, one every {seconds} s", ids.external(user.user), counted(user.rows, "row"))
    };
    Line::new("bots.rhythm", found)
        .value("users", regular.len())
        .examples(regular.iter().map(example))
        .warn_if(!regular.is_empty(), "these are programs, such as monitors and tests: leave them out of the log")
}

fn heavy(users: &[UserProfile], ids: &ScannedIds) -> Line {
    let mut rows: Vec<u64> = users.iter().map(|user| user.rows).collect();
    rows.sort_unstable();
    let (total, median) = (rows.iter().sum::<u64>(), rows.get(rows.len() / 2).copied().unwrap_or(0));
    let most = rows.last().copied().unwrap_or(0);
    let is_heavy = |user: &&UserProfile| {
        user.rows >= FEW_ROWS && user.rows >= MEDIANS * median && 100 * user.rows >= SHARE_PERCENT * total
    };
    let mut heavy: Vec<&UserProfile> = users.iter().filter(is_heavy).collect();
    heavy.sort_by_key(|user| (Reverse(user.rows), user.user));
    let mut found = format!("the most active user has {} ({} of all)", counted(most, "row"), share(most, total));
    found += &format!(", the median user {median}");
    let example = |user: &&UserProfile| format!("user {}: {}", ids.external(user.user), counted(user.rows, "row"));
    Line::new("bots.share", found)
        .value("most_rows", most)
        .value("median_rows", median)
        .value("users", heavy.len())
        .examples(heavy.iter().map(example))
        .warn_if(
            !heavy.is_empty(),
            "a crawler, a test account, or one id for all anonymous visitors: leave it out of the log",
        )
}

fn copies(users: &[UserProfile], ids: &ScannedIds, items: usize) -> Line {
    let mut groups: HashMap<(u64, u32), Vec<u32>> = HashMap::new();
    if items >= SMALL_CATALOGUE {
        for user in users.iter().filter(|user| user.items >= COPIED_ITEMS) {
            groups.entry((user.history, user.items)).or_default().push(user.user);
        }
    }
    groups.retain(|_, users| users.len() >= COPIES);
    let copied: usize = groups.values().map(Vec::len).sum();
    let found = match groups.len() as u64 {
        0 => format!("no history of {COPIED_ITEMS} items or more belongs to {COPIES} users"),
        count => {
            let histories = if count == 1 { "history belongs" } else { "histories belong" };
            format!("{count} {histories} to {} alike", counted(copied as u64, "user"))
        }
    };
    let mut groups: Vec<((u64, u32), Vec<u32>)> = groups.into_iter().collect();
    groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.1.cmp(&b.1)));
    let example = |((_, items), users): &((u64, u32), Vec<u32>)| {
        let names: Vec<String> = users.iter().take(3).map(|&user| ids.external(user)).collect();
        format!("{} users with the same {items} items: {}, …", users.len(), names.join(", "))
    };
    Line::new("bots.copies", found)
        .value("histories", groups.len())
        .value("users", copied)
        .examples(groups.iter().map(example))
        .warn_if(
            !groups.is_empty(),
            "accounts of one program, or a bundle that everybody gets: leave these rows out of the log",
        )
}
