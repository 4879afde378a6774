//! What each user did, in numbers: one pass over the rows, user by user.

use rayon::prelude::*;

use super::collect::Row;
use crate::interactions::Timestamp;

/// Microseconds in an hour.
const HOUR: i64 = Timestamp::DAY / 24;

/// Distances between events that have to be alike before a user is said to have a rhythm.
const RHYTHM_EVENTS: u32 = 50;

/// Share of the distances that have to be the same, in tenths.
const RHYTHM_TENTHS: u32 = 9;

/// Days of a log that are looked at one by one at most: 2,700 years.
const MAX_DAYS: usize = 1_000_000;

/// One user in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UserProfile {
    /// Number of the user in the scan.
    pub user: u32,
    /// Rows.
    pub rows: u64,
    /// Different items.
    pub items: u32,
    /// Rows that say what another one says: same item, time and weight.
    pub repeated_rows: u64,
    /// Most events within an hour.
    pub busiest_hour: u64,
    /// Most events within 24 hours.
    pub busiest_day: u64,
    /// The distance in microseconds at which nearly all events follow each other; 0: none.
    pub rhythm: i64,
    /// Equal for equal sets of items, and hardly ever otherwise.
    pub history: u64,
}

/// The users by number, and how many of them have each item (by number, below `items`).
///
/// `rows` are left in order of user and time.
pub(super) fn profiles(rows: &mut [Row], items: usize) -> (Vec<UserProfile>, Vec<u32>) {
    rows.par_sort_unstable_by_key(|row| (row.user, row.item, row.micros(), row.weight.to_bits()));
    let mut holders = vec![0u32; items];
    for pair in rows.chunk_by(|a, b| (a.user, a.item) == (b.user, b.item)) {
        holders[pair[0].item as usize] += 1;
    }
    (rows.par_chunk_by_mut(|a, b| a.user == b.user).map(profile).collect(), holders)
}

/// How many users did something on each day, from the day of the first time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActiveUsers {
    /// The first day, counted from 1970-01-01.
    pub first: i64,
    /// One entry a day, to the day of the last time.
    pub users: Vec<u32>,
}

/// Counts the users of each day; `rows` are in order of user and time, as [`profiles`] leaves them. `None` where no
/// row has a time, and where the first and the last are so far apart that nothing is between them.
pub(super) fn active_users(rows: &[Row]) -> Option<ActiveUsers> {
    let day = |row: &Row| row.time().map(|time| time.div_euclid(Timestamp::DAY));
    let days = rows.iter().filter_map(day);
    let (first, last) = (days.clone().min()?, days.max()?);
    let span = usize::try_from(last - first + 1).ok().filter(|&days| days <= MAX_DAYS)?;
    let mut users = vec![0u32; span];
    let mut before = None;
    for row in rows {
        let Some(day) = day(row) else { continue };
        if before != Some((row.user, day)) {
            users[(day - first) as usize] += 1;
        }
        before = Some((row.user, day));
    }
    Some(ActiveUsers { first, users })
}

/// The rows of one user, sorted by item.
fn profile(rows: &mut [Row]) -> UserProfile {
    let mut profile = UserProfile {
        user: rows[0].user,
        rows: rows.len() as u64,
        items: 0,
        repeated_rows: 0,
        busiest_hour: 0,
        busiest_day: 0,
        rhythm: 0,
        history: 0,
    };
    for of_item in rows.chunk_by(|a, b| a.item == b.item) {
        profile.items += 1;
        profile.history = mixed(profile.history ^ u64::from(of_item[0].item));
        let same =
            |a: &Row, b: &Row| a.time().is_some() && a.time() == b.time() && a.weight.to_bits() == b.weight.to_bits();
        profile.repeated_rows += of_item.windows(2).filter(|pair| same(&pair[0], &pair[1])).count() as u64;
    }
    rows.sort_unstable_by_key(Row::micros);
    let timed = &rows[rows.partition_point(|row| row.time().is_none())..];
    profile.busiest_hour = busiest(timed, HOUR);
    profile.busiest_day = busiest(timed, Timestamp::DAY);
    profile.rhythm = rhythm(timed);
    profile
}

/// Most rows in a window that is shorter than `width`.
fn busiest(rows: &[Row], width: i64) -> u64 {
    let (mut first, mut most) = (0, 0);
    for (last, row) in rows.iter().enumerate() {
        while row.micros().saturating_sub(rows[first].micros()) >= width {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most as u64
}

/// The distance that nearly all events have from the one before; 0 where there is none, where it is a day or
/// longer (a date without a time), and where there are few events. Events of the same moment count once.
fn rhythm(rows: &[Row]) -> i64 {
    let gaps = || rows.windows(2).map(|pair| pair[1].micros().saturating_sub(pair[0].micros())).filter(|&gap| gap > 0);
    // Nothing but the most frequent one of nearly all can survive this vote (Boyer & Moore 1981).
    let (mut candidate, mut lead, mut all) = (0, 0u32, 0u32);
    for gap in gaps() {
        all += 1;
        match lead {
            _ if gap == candidate => lead += 1,
            0 => (candidate, lead) = (gap, 1),
            _ => lead -= 1,
        }
    }
    if all < RHYTHM_EVENTS || candidate >= Timestamp::DAY {
        return 0;
    }
    let alike = gaps().filter(|&gap| gap == candidate).count() as u64;
    if 10 * alike >= u64::from(RHYTHM_TENTHS) * u64::from(all) { candidate } else { 0 }
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): every bit of the input changes half of the output.
fn mixed(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// (user, item, second)
    fn of(rows: impl IntoIterator<Item = (u32, u32, i64)>) -> (Vec<UserProfile>, Vec<u32>) {
        let row = |(user, item, second)| Row::new(user, item, 1.0, Some(Timestamp(second * SECOND)));
        profiles(&mut rows.into_iter().map(row).collect::<Vec<_>>(), 10)
    }

    #[test]
    fn users_are_counted_row_by_row_and_item_by_item() {
        let (users, holders) = of([(3, 1, 5), (0, 2, 9), (3, 1, 5), (3, 1, 7), (3, 4, 5), (0, 1, 9)]);
        assert_eq!(
            users.iter().map(|u| (u.user, u.rows, u.items, u.repeated_rows)).collect::<Vec<_>>(),
            [(0, 2, 2, 0), (3, 4, 2, 1)]
        );
        assert_eq!(holders[..5], [0, 2, 1, 0, 1]);
    }

    #[test]
    fn without_times_no_row_is_taken_for_another() {
        let mut rows = vec![Row::new(0, 1, 1.0, None); 3];
        let (users, _) = profiles(&mut rows, 2);
        assert_eq!((users[0].repeated_rows, users[0].busiest_day, users[0].rhythm), (0, 0, 0));
    }

    #[test]
    fn windows_are_open_at_their_end() {
        let (users, _) = of([(0, 0, 0), (0, 1, 3_599), (0, 2, 3_600), (0, 3, 7_199), (0, 4, 86_399), (0, 5, 86_400)]);
        assert_eq!((users[0].busiest_hour, users[0].busiest_day), (2, 5));
        let mut far =
            vec![Row::new(0, 0, 1.0, Some(Timestamp(i64::MIN + 1))), Row::new(0, 1, 1.0, Some(Timestamp(i64::MAX)))];
        assert_eq!(profiles(&mut far, 2).0[0].busiest_day, 1);
    }

    #[test]
    fn a_rhythm_is_nine_of_ten_equal_distances() {
        let every = |gap: i64, events: i64| of((0..events).map(|k| (0, (k % 10) as u32, k * gap))).0[0].rhythm;
        assert_eq!(every(60, 51), 60 * SECOND);
        assert_eq!(every(60, 50), 0, "49 distances are too few");
        assert_eq!(every(86_400, 100), 0, "dates follow each other by days");
        assert_eq!(every(0, 100), 0, "one moment is no rhythm");
        let broken = |every: i64| of((0..100).map(|k| (0, 0, 60 * k + if k % every == 0 { 7 } else { 0 }))).0[0].rhythm;
        assert_eq!((broken(50), broken(7)), (60 * SECOND, 0));
    }

    #[test]
    fn a_user_counts_once_a_day() {
        let active = |rows: &[(u32, i64)]| {
            let row = |&(user, time): &(u32, i64)| Row::new(user, 0, 1.0, Some(Timestamp(time)));
            let mut rows: Vec<Row> = rows.iter().map(row).chain([Row::new(9, 0, 1.0, None)]).collect();
            profiles(&mut rows, 1);
            active_users(&rows)
        };
        let day = Timestamp::DAY;
        let days = active(&[(1, 2 * day), (0, -1), (1, 2 * day + 5), (2, 2 * day), (1, day)]).unwrap();
        assert_eq!((days.first, days.users), (-1, vec![1, 0, 1, 2]));
        assert_eq!(active(&[]), None);
        assert_eq!(active(&[(0, 0), (0, i64::MAX)]), None, "nothing is allocated for a time that nobody meant");
    }

    #[test]
    fn histories_are_compared_as_sets() {
        let (users, _) = of([(0, 1, 1), (0, 2, 2), (1, 2, 9), (1, 1, 9), (1, 2, 10), (2, 1, 1), (2, 3, 1)]);
        assert_eq!(users[0].history, users[1].history);
        assert_ne!(users[0].history, users[2].history);
    }
}
