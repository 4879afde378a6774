//! What a scan leaves behind: 20 bytes a row, and counts of what cannot be a row.

use std::path::{Path, PathBuf};

use crate::interactions::Timestamp;
use crate::io::{NULL_ID, ScanBatch};

/// A row with both ids. Packed into 20 bytes, since the rows are what decides how large a log can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub user: u32,
    pub item: u32,
    /// The weight as training would hold it; NaN for null.
    pub weight: f32,
    /// High and low half of the time in microseconds.
    time: [u32; 2],
}

/// The time of rows without one; nothing happened 290,000 years ago.
const NO_TIME: i64 = i64::MIN;

impl Row {
    pub fn new(user: u32, item: u32, weight: f32, time: Option<Timestamp>) -> Self {
        let micros = time.map_or(NO_TIME, |time| time.0);
        Self { user, item, weight, time: [(micros >> 32) as u32, micros as u32] }
    }

    /// When, in microseconds; `None` where it is not known.
    pub fn time(&self) -> Option<i64> {
        Some(self.micros()).filter(|&micros| micros != NO_TIME)
    }

    /// A key for sorting: the time, rows without one first.
    pub fn micros(&self) -> i64 {
        i64::from(self.time[0] as i32) << 32 | i64::from(self.time[1])
    }
}

/// How often something was seen, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sighting {
    pub count: u64,
    /// File and row, from 1.
    pub first: Option<(PathBuf, u64)>,
}

impl Sighting {
    fn at(&mut self, file: &Path, row: u64) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((file.into(), row));
        }
    }

    /// Where it was seen first.
    pub fn place(&self) -> Option<String> {
        self.first.as_ref().map(|(file, row)| format!("{}, row {row}", file.display()))
    }
}

/// Weights that no interaction can have.
#[derive(Clone, Debug, Default)]
pub(super) struct BadWeights {
    pub missing: Sighting,
    pub infinite: Sighting,
    pub negative: Sighting,
    pub zero: Sighting,
}

/// Everything a scan has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected {
    /// The rows with a user and an item, in the order of the log.
    pub rows: Vec<Row>,
    /// All rows, those without user or item among them.
    pub total: u64,
    pub null_user: Sighting,
    pub null_item: Sighting,
    pub empty_lists: u64,
    pub bad_weights: BadWeights,
    /// Rows whose time is null or beyond a [`Timestamp`].
    pub no_time: Sighting,
    pub null_event: Sighting,
    /// Rows of each type of event.
    pub events: Vec<u64>,
}

impl Collected {
    /// Takes the rows of a batch.
    pub fn take(&mut self, batch: &ScanBatch<'_>) {
        self.total += batch.rows.len() as u64;
        self.empty_lists += batch.empty_lists;
        for (at, (&user, &item)) in batch.users.iter().zip(batch.items).enumerate() {
            let seen = |sighting: &mut Sighting| sighting.at(batch.file, batch.rows[at]);
            if user == NULL_ID {
                seen(&mut self.null_user);
            }
            if item == NULL_ID {
                seen(&mut self.null_item);
            }
            // One NaN for all, so that they sort alike.
            let weight = Some(batch.weights[at] as f32).filter(|weight| !weight.is_nan()).unwrap_or(f32::NAN);
            match weight {
                _ if weight.is_nan() => seen(&mut self.bad_weights.missing),
                f32::INFINITY => seen(&mut self.bad_weights.infinite),
                ..0.0 => seen(&mut self.bad_weights.negative),
                0.0 => seen(&mut self.bad_weights.zero),
                _ => {}
            }
            let time = batch.times.and_then(|times| {
                if times[at].is_none() {
                    seen(&mut self.no_time);
                }
                times[at]
            });
            match batch.events.map(|events| events[at]) {
                None => {}
                Some(NULL_ID) => seen(&mut self.null_event),
                Some(event) => {
                    if event as usize >= self.events.len() {
                        self.events.resize(event as usize + 1, 0);
                    }
                    self.events[event as usize] += 1;
                }
            }
            if user != NULL_ID && item != NULL_ID {
                self.rows.push(Row::new(user, item, weight, time));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_twenty_bytes_and_keeps_its_time() {
        assert_eq!(size_of::<Row>(), 20);
        for micros in [i64::MIN + 1, -1, 0, 1, 1 << 32, -(1 << 32), 1_769_860_800_000_000, i64::MAX] {
            assert_eq!(Row::new(1, 2, 1.0, Some(Timestamp(micros))).time(), Some(micros));
        }
        assert_eq!(Row::new(1, 2, 1.0, None).time(), None);
    }

    #[test]
    fn what_cannot_be_a_row_is_counted_where_it_stands() {
        let times = [Some(Timestamp(5)), None, Some(Timestamp(7)), Some(Timestamp(8)), Some(Timestamp(9))];
        let batch = ScanBatch {
            file: Path::new("log.parquet"),
            rows: &[11, 12, 13, 14, 15],
            users: &[0, NULL_ID, 1, 1, NULL_ID],
            items: &[3, 3, NULL_ID, 4, 4],
            weights: &[1.0, f64::NAN, 1e300, 0.0, -2.0],
            times: Some(&times),
            events: Some(&[1, 0, NULL_ID, 1, 1]),
            empty_lists: 2,
        };
        let mut all = Collected::default();
        all.take(&batch);
        assert_eq!((all.total, all.rows.len(), all.empty_lists), (5, 2, 2));
        assert_eq!((all.null_user.count, all.null_user.place().unwrap()), (2, "log.parquet, row 12".into()));
        assert_eq!((all.null_item.count, all.no_time.first.clone().unwrap().1), (1, 12));
        let bad = &all.bad_weights;
        assert_eq!([&bad.missing, &bad.infinite, &bad.negative, &bad.zero].map(|s| s.count), [1, 1, 1, 1]);
        assert_eq!(bad.infinite.place().unwrap(), "log.parquet, row 13");
        assert_eq!((all.events, all.null_event.count), (vec![1, 3], 1));
        assert_eq!(all.rows[1], Row::new(1, 4, 0.0, Some(Timestamp(8))));
    }
}
