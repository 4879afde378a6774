//! Whether a test says anything: what it shares with training, and which came first.

use crate::audit::report::{Line, fraction, share};
use crate::interactions::{Interactions, Timestamp};
use crate::io::{Log, counted};
use crate::types::UserIdx;

/// Share of the test that may be unknown to training.
const UNKNOWN: f64 = 0.1;

/// Share of the test from which pairs in both files are no accident.
const SHARED: f64 = 0.5;

/// `leakage.unknown`, `leakage.pairs` and, where both have times, `leakage.time`. `test` has been read over users
/// and items of `train`.
pub(in crate::audit) fn leakage(train: &Log, test: &Log) -> Vec<Line> {
    let mut lines = vec![unknown(test), pairs(train, test)];
    if let (Some(train_times), Some(test_times)) = (&train.times, &test.times) {
        lines.push(order(train, train_times, test, test_times));
    }
    lines
}

fn unknown(test: &Log) -> Line {
    let report = &test.report;
    let (users, items) = (report.dropped.unknown_user, report.dropped.unknown_item);
    let found = match users + items {
        0 => format!("training knows users and items of all {} of the test", counted(report.entries, "row")),
        _ => format!(
            "of {} of the test {} of users and {} of items that training does not know",
            counted(report.entries, "row"),
            share(users, report.entries),
            share(items, report.entries),
        ),
    };
    Line::new("leakage.unknown", found)
        .value("test_rows", report.entries)
        .value("unknown_users", users)
        .value("unknown_items", items)
        .warn_if(
            fraction(users + items, report.entries) > UNKNOWN,
            "these rows are not measured: foldin split leaves them out and says how many they are",
        )
}

fn pairs(train: &Log, test: &Log) -> Line {
    let mut shared = 0;
    let mut examples = Vec::new();
    for (user, (trained, tested)) in (0..).zip(train.interactions.histories().zip(test.interactions.histories())) {
        for item in tested.items().iter().filter(|item| trained.items().binary_search(item).is_ok()) {
            shared += 1;
            if examples.len() < 5 {
                examples.push(format!("user {}, item {}", train.users.external(user), train.items.external(*item)));
            }
        }
    }
    let all = test.interactions.len() as u64;
    let found = match shared {
        0 => "no pair of user and item is in both".into(),
        _ => format!("{} of user and item in both ({} of the test)", counted(shared, "pair"), share(shared, all)),
    };
    let remedy = "what a user has is not recommended again, so these can never be found: leave them out of the test";
    Line::new("leakage.pairs", found)
        .value("pairs", shared)
        .value("share", fraction(shared, all))
        .examples(examples)
        .warn_if(shared > 0, remedy)
        .fail_if(
            all > 0 && fraction(shared, all) >= SHARED,
            "is it the right file? foldin split writes parts without overlap",
        )
}

fn order(train: &Log, train_times: &[Timestamp], test: &Log, test_times: &[Timestamp]) -> Line {
    let rows = |matrix: &Interactions, user| matrix.csr().indptr().outer_inds_sz(UserIdx(user).at());
    let mut early = 0;
    let mut examples = Vec::new();
    for user in 0..train.interactions.users() as u32 {
        let Some(last) = train_times[rows(&train.interactions, user)].iter().max() else { continue };
        for time in test_times[rows(&test.interactions, user)].iter().filter(|time| *time < last) {
            early += 1;
            if examples.len() < 5 {
                examples.push(format!("user {}: tested at {time}, trained until {last}", train.users.external(user)));
            }
        }
    }
    let all = test_times.len() as u64;
    let mut found = match early {
        0 => "no interaction of the test is older than its user's last one in training".into(),
        _ => format!(
            "{} of the test ({}) older than the user's last one in training",
            counted(early, "interaction"),
            share(early, all)
        ),
    };
    if let (Some(last), Some(first)) = (train_times.iter().max(), test_times.iter().min()) {
        found += &format!("; training ends {last}, the test begins {first}");
    }
    Line::new("leakage.time", found)
        .value("interactions", early)
        .value("share", fraction(early, all))
        .examples(examples)
        .warn_if(
            early > 0,
            "knowing what comes after makes figures look better than they will be: foldin split --rule temporal or \
         leave-last-out keeps to the order of time",
        )
}
