use super::*;

/// Requests by name, and whether they are long.
fn waiting(requests: impl IntoIterator<Item = (usize, bool)>) -> Waiting<usize> {
    let mut waiting = Waiting::new();
    requests.into_iter().for_each(|(name, long)| waiting.push(name, long));
    waiting
}

#[test]
fn short_requests_go_together_and_long_ones_alone_and_after_them() {
    let mut waiting = waiting([(1, false), (2, true), (3, false), (4, true), (5, false)]);
    assert_eq!(waiting.next(1), (vec![1, 3, 5], false));
    assert_eq!(waiting.next(1), (vec![2], true));
    assert_eq!(waiting.next(1).0, [4]);
    assert!(waiting.next(1).0.is_empty());
}

#[test]
fn a_long_request_is_not_passed_over_for_ever() {
    let mut waiting = waiting([(0, true)]);
    for turn in 1.. {
        waiting.push(turn, false);
        let (requests, long) = waiting.next(1);
        if long {
            assert_eq!((requests, turn), (vec![0], PATIENCE + 1));
            break;
        }
        assert_eq!(requests, [turn]);
    }
}

#[test]
fn long_requests_leave_threads_to_others() {
    let mut waiting = waiting((0..8).map(|name| (name, true)));
    // Nothing else to do: all threads may.
    assert!((0..4).all(|_| waiting.next(4).1));
    waiting.push(100, false);
    // Four of four threads are busy with long ones; the next turn is not for a fifth, however long it waited.
    waiting.passed_over = PATIENCE;
    assert_eq!(waiting.next(4).0, [100]);
}

#[test]
fn a_turn_that_ends_in_a_panic_is_over_all_the_same() {
    let waiting = Mutex::new(waiting([(1, true)]));
    let crashed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let turn = Turn::take(&waiting, 1);
        assert!(turn.requests.is_empty(), "a crash, as ordered");
    }));
    assert!(crashed.is_err());
    assert_eq!(lock(&waiting).busy, 0);
}

#[test]
fn what_counts_as_long() {
    let of = |message| is_long(&message, 0);
    let items = |n| vec![pb::HistoryItem::default(); n];
    assert!(!of(pb::RecommendRequest { history: items(LONG), ..Default::default() }));
    assert!(of(pb::RecommendRequest { history: items(LONG), context: items(1), ..Default::default() }));
    let known = pb::RecommendRequest { history: items(2), ..Default::default() };
    assert!(!is_long(&known, LONG - 2) && is_long(&known, LONG - 1));
    let explained = pb::Detail { contributions: 3, ..Default::default() };
    assert!(of(pb::RecommendRequest { detail: Some(explained), ..Default::default() }));
    assert!(of(pb::RecommendRequest { exploration: Some(pb::Exploration::default()), ..Default::default() }));
}
