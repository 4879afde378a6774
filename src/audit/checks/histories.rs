//! Duplicates, and how the interactions spread over users and items.

use crate::audit::report::{Line, fraction, share};
use crate::audit::users::UserProfile;
use crate::io::{ScannedIds, counted};

/// Share of rows that may stand twice.
const REPEATED_ROWS: f64 = 0.01;

/// Share of rows that may repeat a pair.
const REPEATED_PAIRS: f64 = 0.9;

/// Share of users or items that may be cold.
const COLD: f64 = 0.5;

/// Share of the users that may have the same item.
const UBIQUITOUS: f64 = 0.9;

/// Users from which such an item is no chance.
const MANY_USERS: usize = 100;

/// `duplicates.rows` (with times only: without them a repetition may be an event of its own) and `duplicates.pairs`.
pub(in crate::audit) fn duplicates(users: &[UserProfile], ids: &ScannedIds, timed: bool) -> Vec<Line> {
    let sum = |of: fn(&UserProfile) -> u64| users.iter().map(of).sum::<u64>();
    let (rows, repeated) = (sum(|user| user.rows), sum(|user| user.repeated_rows));
    let pairs = sum(|user| user.items.into());
    let mut lines = Vec::new();
    if timed {
        let found = match repeated {
            0 => "no row stands twice".into(),
            _ => format!("{} the user, item, time and weight of another ({})", has(repeated), share(repeated, rows)),
        };
        let mut worst: Vec<&UserProfile> = users.iter().filter(|user| user.repeated_rows > 0).collect();
        worst.sort_by_key(|user| (std::cmp::Reverse(user.repeated_rows), user.user));
        let bad = fraction(repeated, rows) > REPEATED_ROWS;
        let example = |user: &&UserProfile| {
            format!("user {}: {} of {}", ids.external(user.user), user.repeated_rows, counted(user.rows, "row"))
        };
        lines.push(
            Line::new("duplicates.rows", found)
                .value("rows", repeated)
                .examples(worst.iter().filter(|_| bad).map(example))
                .warn_if(
                    bad,
                    "an export may have run twice, or a join multiplied rows; --duplicates max counts such rows once",
                ),
        );
    }
    let again = rows - pairs;
    let found = match again {
        0 => "every pair of user and item stands once".into(),
        _ => format!("{} a pair of user and item ({}); training merges them", repeats(again), share(again, rows)),
    };
    lines.push(
        Line::new("duplicates.pairs", found).value("rows", again).value("share", fraction(again, rows)).warn_if(
            fraction(again, rows) > REPEATED_PAIRS,
            "nearly nothing of the log is left: check that --item-column names the item and not its category",
        ),
    );
    lines
}

fn has(rows: u64) -> String {
    format!("{} {}", counted(rows, "row"), if rows == 1 { "has" } else { "have" })
}

fn repeats(rows: u64) -> String {
    format!("{} {}", counted(rows, "row"), if rows == 1 { "repeats" } else { "repeat" })
}

/// `users.cold`, `users.history`, `items.cold` and `items.popularity`. `holders` counts the users of each
/// item; users and items with fewer than `cold_below` are cold.
pub(in crate::audit) fn histories(
    users: &[UserProfile],
    holders: &[u32],
    items: &ScannedIds,
    cold_below: u32,
) -> [Line; 4] {
    let mut lengths: Vec<u32> = users.iter().map(|user| user.items).collect();
    lengths.sort_unstable();
    let mut sizes: Vec<u32> = holders.iter().copied().filter(|&users| users > 0).collect();
    sizes.sort_unstable();
    [
        cold("users.cold", "user", "item", "--min-user-items", &lengths, cold_below),
        lengths_line(&lengths),
        cold("items.cold", "item", "user", "--min-item-users", &sizes, cold_below),
        popularity(&sizes, holders, users.len(), items),
    ]
}

fn cold(id: &'static str, what: &str, of: &str, flag: &str, sorted: &[u32], below: u32) -> Line {
    let cold = sorted.partition_point(|&size| size < below) as u64;
    let all = sorted.len() as u64;
    let found = match cold {
        0 => format!("every {what} has at least {below} {of}s"),
        _ => format!("{} with fewer than {below} {of}s ({})", counted(cold, what), share(cold, all)),
    };
    Line::new(id, found).value("cold", cold).value("below", below).value("share", fraction(cold, all)).warn_if(
        fraction(cold, all) > COLD,
        format!("little can be learned about most {what}s: {flag} {below} leaves the cold ones out of training"),
    )
}

fn lengths_line(sorted: &[u32]) -> Line {
    let (line, quantiles) = distribution("users.history", "items a user", sorted);
    line.warn_if(
        quantiles[2] < 2,
        "most users have a single item, and a single item goes with nothing: check that --user-column names the user and \
         not a session or an order",
    )
}

fn popularity(sorted: &[u32], holders: &[u32], users: usize, ids: &ScannedIds) -> Line {
    let (line, _) = distribution("items.popularity", "users an item", sorted);
    let total: u64 = sorted.iter().map(|&users| u64::from(users)).sum();
    // The most popular hundredth of the items, at least one.
    let head = sorted.len().div_ceil(100);
    let of_head: u64 = sorted[sorted.len() - head..].iter().map(|&users| u64::from(users)).sum();
    let mut line = line.value("head_share", fraction(of_head, total));
    line.found += &format!("; the top 1 % of the items have {} of all", share(of_head, total));
    let is_everywhere = |held: u32| users >= MANY_USERS && f64::from(held) > UBIQUITOUS * users as f64;
    let mut everywhere: Vec<(u32, u32)> =
        holders.iter().copied().zip(0..).filter(|&(held, _)| is_everywhere(held)).collect();
    everywhere.sort_by_key(|&(held, item)| (std::cmp::Reverse(held), item));
    let example = |&(held, item): &(u32, u32)| {
        format!("item {}: {} of the users", ids.external(item), share(held.into(), users as u64))
    };
    line.examples(everywhere.iter().map(example)).warn_if(
        !everywhere.is_empty(),
        "what everybody has says nothing about anybody: leave out items that come by default",
    )
}

/// A line on sorted sizes, and their quantiles.
fn distribution(id: &'static str, of: &str, sorted: &[u32]) -> (Line, [u32; 5]) {
    let at =
        |share: f64| sorted.get((share * sorted.len().saturating_sub(1) as f64).round() as usize).copied().unwrap_or(0);
    let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(at);
    let [least, lower, median, upper, most] = quantiles;
    let gini = gini(sorted);
    let found = format!("{least} to {most} {of}, quartiles {lower}, {median}, {upper}; Gini {gini:.2}");
    let names = ["minimum", "lower_quartile", "median", "upper_quartile", "maximum"];
    let line = names.iter().zip(quantiles).fold(Line::new(id, found), |line, (name, value)| line.value(name, value));
    (line.value("p95", at(0.95)).value("p99", at(0.99)).value("gini", gini), quantiles)
}

/// Gini coefficient of ascending sizes: Σ (2i − n − 1) xᵢ / (n Σ xᵢ) with i from 1; 0 when all are alike.
fn gini(sorted: &[u32]) -> f64 {
    let n = sorted.len() as f64;
    let total: f64 = sorted.iter().map(|&size| f64::from(size)).sum();
    let weighted: f64 = sorted.iter().zip(1u64..).map(|(&size, i)| (2.0 * i as f64 - n - 1.0) * f64::from(size)).sum();
    if total == 0.0 { 0.0 } else { weighted / (n * total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gini_of_known_distributions() {
        assert_eq!(gini(&[]), 0.0);
        assert_eq!(gini(&[7; 10]), 0.0);
        // One of four has everything: (n - 1) / n.
        assert!((gini(&[0, 0, 0, 9]) - 0.75).abs() < 1e-12);
        // Mean absolute difference of {1, 2, 3, 4} is 1.25; half of it over the mean of 2.5.
        assert!((gini(&[1, 2, 3, 4]) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn sizes_are_told_by_nearest_rank() {
        let sorted: Vec<u32> = (1..=101).collect();
        let (line, quantiles) = distribution("users.history", "items a user", &sorted);
        assert_eq!(quantiles, [1, 26, 51, 76, 101]);
        assert_eq!((&line.values["p95"], &line.values["p99"]), (&96.into(), &100.into()));
        assert_eq!(distribution("users.history", "items a user", &[]).1, [0; 5]);
    }
}
