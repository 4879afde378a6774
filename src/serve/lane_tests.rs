use tokio::sync::Semaphore;
use tonic::codegen::http::HeaderMap;

use super::*;

/// A request with a history of that many items; its `n` is its name here.
fn request(name: u32, history: usize) -> Request {
    let history = vec![pb::HistoryItem::default(); history];
    Request {
        message: pb::RecommendRequest { n: name, history, ..Default::default() },
        call: Arc::new(Call::new("id".into(), &HeaderMap::new())),
        place: Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap(),
        queued: Instant::now(),
        sender: oneshot::channel().0,
    }
}

fn names(requests: &[Request]) -> Vec<u32> {
    requests.iter().map(|request| request.message.n).collect()
}

fn waiting(requests: impl IntoIterator<Item = (u32, usize)>) -> Waiting {
    let mut waiting = Waiting::default();
    requests.into_iter().for_each(|(name, history)| waiting.push(request(name, history)));
    waiting
}

#[test]
fn short_requests_go_together_and_long_ones_alone_and_after_them() {
    let mut waiting = waiting([(1, 5), (2, 10_000), (3, 5), (4, 10_000), (5, 5)]);
    let (first, long) = waiting.next(1);
    assert_eq!((names(&first), long), (vec![1, 3, 5], false));
    let (second, long) = waiting.next(1);
    assert_eq!((names(&second), long), (vec![2], true));
    assert_eq!(names(&waiting.next(1).0), [4]);
    assert!(waiting.next(1).0.is_empty());
}

#[test]
fn a_long_request_is_not_passed_over_for_ever() {
    let mut waiting = waiting([(0, 10_000)]);
    for turn in 1.. {
        waiting.push(request(turn, 5));
        let (requests, long) = waiting.next(1);
        if long {
            assert_eq!((names(&requests), turn as usize), (vec![0], PATIENCE + 1));
            break;
        }
        assert_eq!(names(&requests), [turn]);
    }
}

#[test]
fn long_requests_leave_threads_to_others() {
    let mut waiting = waiting((0..8).map(|name| (name, 10_000)));
    // Nothing else to do: all threads may.
    assert!((0..4).all(|_| waiting.next(4).1));
    waiting.push(request(100, 5));
    // Four of four threads are busy with long ones; the next turn is not for a fifth, however long it waited.
    waiting.passed_over = PATIENCE;
    assert_eq!(names(&waiting.next(4).0), [100]);
}

#[test]
fn a_turn_that_ends_in_a_panic_is_over_all_the_same() {
    let waiting = Mutex::new(waiting([(1, 10_000)]));
    let crashed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let turn = Turn::take(&waiting, 1);
        assert!(turn.requests.is_empty(), "a crash, as ordered");
    }));
    assert!(crashed.is_err());
    assert_eq!(lock(&waiting).busy, 0);
}

#[test]
fn what_counts_as_long() {
    let of = |message| is_long(&message);
    let items = |n| vec![pb::HistoryItem::default(); n];
    assert!(!of(pb::RecommendRequest { history: items(LONG), ..Default::default() }));
    assert!(of(pb::RecommendRequest { history: items(LONG), context: items(1), ..Default::default() }));
    let explained = pb::Detail { contributions: 3, ..Default::default() };
    assert!(of(pb::RecommendRequest { detail: Some(explained), ..Default::default() }));
    assert!(of(pb::RecommendRequest { exploration: Some(pb::Exploration::default()), ..Default::default() }));
}
