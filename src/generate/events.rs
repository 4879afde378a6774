//! What a user does with the items it finds, and when.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1};

use super::config::GenerateConfig;
use super::history::Explorer;
use super::sampling::Weighted;
use super::taste::Taste;
use crate::io::Event;
use crate::types::ItemIdx;

/// The types of event with the weight that a row of each has.
pub(super) const EVENT_TYPES: [(&str, f32); 3] = [("view", 1.0), ("cart", 3.0), ("purchase", 5.0)];

const VIEW: u8 = 0;
const CART: u8 = 1;
const PURCHASE: u8 = 2;

/// Events in a session, on average.
const SESSION_EVENTS: f64 = 6.0;

/// Seconds between two events of a session, on average.
const EVENT_GAP: f64 = 45.0;

const DAY: i64 = 86_400;

/// Relative activity by hour of the day (UTC): quiet nights, busy evenings.
const HOURS: [u8; 24] = [3, 2, 1, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 8, 7, 7, 8, 9, 11, 13, 14, 13, 9, 5];

/// Appends the `rows` events of one user to `events`, in order of time.
pub(super) fn user_events(
    config: &GenerateConfig,
    explorer: &mut Explorer<'_>,
    taste: &Taste,
    rows: usize,
    random: &mut impl Rng,
    events: &mut Vec<Event>,
) {
    let first = events.len();
    explorer.restart();
    while events.len() - first < rows {
        act(config, explorer, taste, random, events);
    }
    // The last interest may have brought more events than there were rows left.
    events.truncate(first + rows);
    date(config, &mut events[first..], random);
}

/// One interest: a view, perhaps a cart and a purchase; or a return to an item viewed before.
fn act(
    config: &GenerateConfig,
    explorer: &mut Explorer<'_>,
    taste: &Taste,
    random: &mut impl Rng,
    events: &mut Vec<Event>,
) {
    let mut happens = |item: u32, event_type: u8| {
        let weight = EVENT_TYPES[usize::from(event_type)].1;
        events.push(Event { item: ItemIdx(item), timestamp: 0, event_type, weight });
    };
    let returns = !explorer.found().is_empty() && random.random::<f64>() < config.revisit_rate;
    let new = if returns { None } else { explorer.explore(taste, random) };
    match new {
        Some(item) => {
            happens(item, VIEW);
            if random.random::<f64>() < config.cart_rate {
                happens(item, CART);
                if random.random::<f64>() < config.purchase_rate {
                    happens(item, PURCHASE);
                }
            }
        }
        None => {
            let known = explorer.found();
            happens(known[random.random_range(0..known.len())], VIEW);
        }
    }
}

/// Gives the events of a user their times: sessions spread over the days on which the user is active.
fn date(config: &GenerateConfig, events: &mut [Event], random: &mut impl Rng) {
    let mut sessions = vec![0];
    for event in 1..events.len() {
        if random.random::<f64>() * SESSION_EVENTS < 1.0 {
            sessions.push(event);
        }
    }
    let hours = Weighted::new(HOURS.iter().map(|&hour| f64::from(hour)));
    let (first_day, days) = active_days(config, sessions.len(), random);
    let mut starts: Vec<i64> = sessions
        .iter()
        .map(|_| {
            let day = first_day + (random.random::<f64>() * days) as i64;
            let hour = hours.draw(random) as i64;
            config.start + day * DAY + hour * 3_600 + i64::from(random.random_range(0..3_600u32))
        })
        .collect();
    starts.sort_unstable();

    let end = (config.start + config.days as i64 * DAY) * 1_000 - 1;
    let mut now = i64::MIN;
    let mut next = sessions.iter().zip(starts).peekable();
    for (position, event) in events.iter_mut().enumerate() {
        now = match next.next_if(|(session, _)| **session == position) {
            // A long session can run into the start of the next one.
            Some((_, start)) => now.max(start * 1_000),
            None => {
                let gap: f64 = Exp1.sample(random);
                now + 1_000 + (gap * EVENT_GAP * 1_000.0) as i64
            }
        };
        event.timestamp = now.min(end);
    }
}

/// The first day of a user and for how many days it is active: newcomers all through the log, most of whom stay for a
/// while only, and long enough for their sessions.
fn active_days(config: &GenerateConfig, sessions: usize, random: &mut impl Rng) -> (i64, f64) {
    let days = config.days as f64;
    let stay: f64 = Exp1.sample(random);
    let stay = (stay * days / 4.0).max(sessions as f64).clamp(1.0, days);
    let first = (random.random::<f64>() * (days - stay)).floor();
    (first as i64, stay.min(days - first))
}
