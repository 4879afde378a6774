use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::interactions::Timestamp;

const SECOND: i64 = 1_000_000;

fn event(user_id: &str, item_id: &str, key: &str) -> NewEvent {
    NewEvent {
        user_id: user_id.into(),
        item_id: item_id.into(),
        event_type: Some("view".into()),
        weight: 1.0,
        time: Some(Timestamp(1_000 * SECOND)),
        key: key.into(),
    }
}

fn open(dir: &Path) -> EventStore {
    EventStore::open(dir, EventOptions::default()).unwrap()
}

fn store() -> (TempDir, EventStore) {
    let root = tempfile::tempdir().unwrap();
    let store = open(&root.path().join("events"));
    (root, store)
}

fn dir(root: &TempDir) -> std::path::PathBuf {
    root.path().join("events")
}

fn items(store: &EventStore, user_id: &str) -> Vec<String> {
    store.user(user_id).unwrap().events.into_iter().map(|event| event.item_id).collect()
}

#[test]
fn what_was_recorded_is_there_after_opening_again() {
    let (root, store) = store();
    let sent = NewEvent { event_type: None, time: None, weight: 0.25, ..event("u", "b", "2") };
    let before = Timestamp::now();
    assert_eq!(store.record(vec![event("u", "a", "1"), sent, event("v", "a", "3")]), Ok(vec![Outcome::Recorded; 3]));
    let id = store.id().to_owned();
    drop(store);
    let store = open(&dir(&root));
    assert_eq!(store.id(), id);
    let events = store.user("u").unwrap().events;
    assert_eq!((events[0].sequence, events[1].sequence), (1, 2));
    assert_eq!((events[0].time, events[0].event_type.as_deref()), (Timestamp(1_000 * SECOND), Some("view")));
    assert_eq!((events[1].weight, events[1].event_type.as_deref(), events[1].key.as_str()), (0.25, None, "2"));
    assert!(events[1].time >= before && events[1].time <= Timestamp::now(), "the time of recording");
    assert_eq!((items(&store, "v"), items(&store, "w")), (vec!["a".to_owned()], vec![]));
    let stats = store.stats().unwrap();
    assert_eq!((stats.events, stats.last_sequence, stats.trimmed_through), (3, 3, 0));
}

#[test]
fn a_key_stands_for_one_event() {
    let (_root, store) = store();
    store.record(vec![event("u", "a", "1")]).unwrap();
    let others = [
        event("v", "a", "1"),
        event("u", "b", "1"),
        NewEvent { event_type: None, ..event("u", "a", "1") },
        NewEvent { weight: 2.0, ..event("u", "a", "1") },
        NewEvent { time: None, ..event("u", "a", "1") },
    ];
    for other in others {
        assert_eq!(store.record(vec![other]), Ok(vec![Outcome::KeyConflict]));
    }
    // Within one request as well; what is new of it is recorded.
    let sent = vec![event("u", "a", "1"), event("u", "c", "2"), event("u", "c", "2"), event("u", "d", "2")];
    use Outcome::{Duplicate, KeyConflict, Recorded};
    assert_eq!(store.record(sent), Ok(vec![Duplicate, Recorded, Duplicate, KeyConflict]));
    assert_eq!(items(&store, "u"), ["a", "c"]);
    // Without a time, the time of recording is no part of what was sent.
    let timeless = NewEvent { time: None, ..event("u", "e", "3") };
    assert_eq!(store.record(vec![timeless.clone()]), Ok(vec![Recorded]));
    assert_eq!(store.record(vec![timeless]), Ok(vec![Duplicate]));
}

#[test]
fn who_is_forgotten_has_nothing_left_and_can_come_back() {
    let (root, store) = store();
    store.record(vec![event("u", "a", "1"), event("u", "b", "2"), event("v", "a", "3")]).unwrap();
    assert_eq!(store.forget("u"), Ok(2));
    let user = store.user("u").unwrap();
    assert_eq!((user.events, user.forgotten.map(|mark| mark.sequence)), (vec![], Some(4)));
    // A late repetition does not bring an event back.
    assert_eq!(store.record(vec![event("u", "a", "1")]), Ok(vec![Outcome::Duplicate]));
    assert_eq!(store.record(vec![event("u", "c", "4")]), Ok(vec![Outcome::Recorded]));
    assert_eq!(store.forget("stranger"), Ok(0));
    drop(store);
    let store = open(&dir(&root));
    assert_eq!((items(&store, "u"), items(&store, "v").len()), (vec!["c".to_owned()], 1));
    let snapshot = store.snapshot().unwrap();
    let forgotten: Vec<_> =
        snapshot.forgotten().unwrap().into_iter().map(|mark| (mark.user_id, mark.sequence)).collect();
    assert_eq!(forgotten, [("stranger".to_owned(), 6), ("u".to_owned(), 4)]);
    assert_eq!((store.stats().unwrap().events, snapshot.last_sequence()), (2, 6));
}

#[test]
fn trimming_deletes_up_to_a_number_and_keeps_the_rest() {
    let (root, store) = store();
    for turn in 0..30 {
        let events = (0..1_000).map(|n| event(&format!("user-{}", n % 100), "a", &format!("{turn}-{n}"))).collect();
        store.record(events).unwrap();
    }
    assert_eq!(store.trim(12_345), Ok(12_345));
    let stats = store.stats().unwrap();
    assert_eq!((stats.events, stats.trimmed_through), (30_000 - 12_345, 12_345));
    assert!((140..180).contains(&(stats.bytes / stats.events)), "{stats:?}");
    let mut first = u64::MAX;
    let seen = store.snapshot().unwrap();
    let visit = |_: &str, event: RecordedEvent| {
        first = first.min(event.sequence);
        Ok::<(), EventError>(())
    };
    seen.for_each(visit).unwrap();
    assert_eq!(first, 12_346);
    assert_eq!(store.trim(12_345), Ok(0));
    drop(store);
    let (before, after) = compact(&dir(&root)).unwrap();
    assert!(after < before, "{after} of {before} bytes");
    let store = open(&dir(&root));
    assert_eq!(EventStats { file_bytes: 0, ..store.stats().unwrap() }, EventStats { file_bytes: 0, ..stats });
    assert_eq!(store.record(vec![event("user-0", "a", "0-0")]), Ok(vec![Outcome::Duplicate]), "keys outlive events");
}

#[test]
fn bounds_refuse_whole_requests() {
    let root = tempfile::tempdir().unwrap();
    let options = EventOptions { max_bytes: 1 << 20, max_events_per_user: 3, ..EventOptions::default() };
    let store = EventStore::open(root.path(), options).unwrap();
    store.record(vec![event("u", "a", "1"), event("u", "a", "2")]).unwrap();
    let error = store.record(vec![event("v", "a", "3"), event("u", "a", "4"), event("u", "a", "5")]).unwrap_err();
    assert!(matches!(error, EventError::UserFull { limit: 3 }), "{error}");
    assert!(items(&store, "v").is_empty(), "all or none");
    assert_eq!(store.record(vec![event("u", "a", "1"), event("u", "a", "6")]).unwrap()[1], Outcome::Recorded);
    let long = "x".repeat(MAX_ID_BYTES);
    let mut recorded = 0;
    let error = loop {
        let events = (0..100).map(|n| event(&format!("{recorded}-{n}"), &long, &format!("{recorded}-{n}"))).collect();
        match store.record(events) {
            Ok(_) => recorded += 100,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, EventError::Full { limit: 1_048_576, .. }), "{error}");
    assert_eq!(store.stats().unwrap().events, recorded + 3);
    assert!(recorded > 1_000 && store.stats().unwrap().bytes <= 1 << 20);
    // What is known already takes no space.
    assert_eq!(store.record(vec![event("u", "a", "1")]), Ok(vec![Outcome::Duplicate]));
    store.trim(u64::MAX).unwrap();
    assert_eq!(store.record(vec![event("u", "a", "7")]), Ok(vec![Outcome::Recorded]));
}

#[test]
fn options_out_of_range_are_refused() {
    let root = tempfile::tempdir().unwrap();
    for options in [
        EventOptions { max_bytes: 5, ..EventOptions::default() },
        EventOptions { max_events_per_user: 0, ..EventOptions::default() },
        EventOptions { queue: 0, ..EventOptions::default() },
    ] {
        assert!(matches!(EventStore::open(root.path(), options), Err(EventError::Option { .. })));
    }
}

#[test]
fn one_process_at_a_time() {
    let (root, store) = store();
    for error in [
        EventStore::open(&dir(&root), EventOptions::default()).unwrap_err(),
        compact(&dir(&root)).unwrap_err(),
        repair(&dir(&root)).unwrap_err(),
    ] {
        assert!(matches!(error, EventError::InUse { .. }), "{error}");
    }
    drop(store);
    open(&dir(&root));
    let missing = EventStore::open_existing(&root.path().join("absent"), EventOptions::default()).unwrap_err();
    assert!(matches!(missing, EventError::Missing { .. }), "{missing}");
}

#[test]
fn a_backup_is_a_store_with_the_same_content() {
    let (root, store) = store();
    let events = (0..5_000).map(|n| event(&format!("user-{}", n % 70), &format!("item-{n}"), &n.to_string())).collect();
    store.record(events).unwrap();
    store.forget("user-3").unwrap();
    let (id, expected) = (store.id().to_owned(), store.user("user-5").unwrap());
    let stats = store.stats().unwrap();
    // While the store is in use, and when it is not.
    let copy = root.path().join("copy");
    assert_eq!(backup(&dir(&root), &copy, false), Ok(stats.events));
    store.record(vec![event("user-1", "late", "late")]).unwrap();
    store.trim(0).unwrap();
    let late = open_to_read(&dir(&root)).unwrap();
    assert_eq!(late.store().stats().unwrap().events, stats.events + 1);
    drop(late);
    assert_eq!(fs::read_dir(dir(&root)).unwrap().count(), 1, "no copy is left");
    drop(store);
    let again = root.path().join("again");
    assert_eq!(backup(&dir(&root), &again, false), Ok(stats.events + 1));
    assert!(matches!(backup(&dir(&root), &copy, false), Err(EventError::Target { exists: true, .. })));
    compact(&dir(&root)).unwrap();
    for (place, more) in [(copy, 0), (again, 1), (dir(&root), 1)] {
        let store = open(&place);
        assert_eq!((store.id(), store.user("user-5").unwrap()), (id.as_str(), expected.clone()));
        let found = store.stats().unwrap();
        assert_eq!((found.events, found.last_sequence), (stats.events + more, stats.last_sequence + more));
        assert_eq!(store.record(vec![event("user-0", "item-0", "0")]), Ok(vec![Outcome::Duplicate]));
    }
}

#[test]
fn whatever_is_damaged_is_refused_and_repaired_or_said_to_be_lost() {
    let (root, store) = store();
    let all: Vec<_> =
        (0..3_000).map(|n| event(&format!("user-{}", n % 300), &format!("item-{n}"), &n.to_string())).collect();
    store.record(all).unwrap();
    store.forget("user-3").unwrap();
    drop(store);
    let file = dir(&root).join("events.redb");
    let good = fs::read(&file).unwrap();
    let (mut salvaged, mut beyond) = (0, 0);
    for place in (0..60).map(|step| step * good.len() / 60 + 7) {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        fs::write(&file, &bad).unwrap();
        match EventStore::open(&dir(&root), EventOptions::default()) {
            // A page that is not in use.
            Ok(store) => assert_eq!(store.stats().unwrap().events, 2_990),
            Err(error) => {
                assert!(matches!(error, EventError::Damaged { .. }), "byte {place}: {error}");
                assert!(error.to_string().contains("foldin events repair --events"), "{error}");
                assert_eq!(fs::read(&file).unwrap(), bad, "looking changes nothing");
                match repair(&dir(&root)) {
                    Err(EventError::BeyondRepair { .. }) => beyond += 1,
                    Err(error) => panic!("byte {place}: {error}"),
                    Ok(Repaired::Salvaged { events, lost, damaged, .. }) => {
                        assert_eq!(lost.unwrap_or(2_990 - events), 2_990 - events);
                        assert!(events > 1_000, "{events} of 2990 after byte {place}");
                        assert_eq!(fs::read(damaged).unwrap(), bad);
                        let store = open(&dir(&root));
                        assert_eq!(store.stats().unwrap().events, events);
                        assert!(store.stats().unwrap().last_sequence > 3_001);
                        salvaged += 1;
                    }
                    Ok(_) => assert_eq!(open(&dir(&root)).stats().unwrap().events, 2_990, "byte {place}"),
                }
            }
        }
    }
    assert!(salvaged > 5, "{salvaged} salvaged, {beyond} beyond repair");
    for bytes in
        [&[][..], &good[..5], &good[..good.len() / 2], b"something else entirely, and long enough to be a header"]
    {
        fs::write(&file, bytes).unwrap();
        let error = EventStore::open(&dir(&root), EventOptions::default()).unwrap_err();
        assert!(matches!(error, EventError::Damaged { .. }), "{} bytes: {error}", bytes.len());
    }
}

#[test]
fn events_that_will_not_do_are_named() {
    let now = Timestamp(5_000 * SECOND);
    let fault = |event: NewEvent| event.check(now).unwrap_err().to_string();
    let good = event("u", "a", "1");
    assert_eq!(good.check(now), Ok(()));
    assert!(fault(NewEvent { user_id: String::new(), ..good.clone() }).starts_with("user_id is empty"));
    assert!(fault(NewEvent { item_id: "x".repeat(513), ..good.clone() }).starts_with("item_id has 513 bytes"));
    assert!(fault(NewEvent { key: "x".repeat(129), ..good.clone() }).starts_with("idempotency_key has 129 bytes"));
    assert!(fault(NewEvent { event_type: Some(String::new()), ..good.clone() }).starts_with("event_type is empty"));
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(fault(NewEvent { weight, ..good.clone() }).starts_with("weight is"));
    }
    let at = |seconds| NewEvent { time: Some(Timestamp(seconds * SECOND)), ..good.clone() };
    assert!(fault(at(8_601)).starts_with("time is"));
    assert_eq!((at(8_600).check(now), at(-5).check(now)), (Ok(()), Ok(())));
}
