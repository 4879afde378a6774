//! Made-up interactions of a given shape, in memory: timing needs the shape of real data, not its content.

use foldin::interactions::Interactions;
use foldin::random::{Purpose, stream};
use rand::RngExt;
use rand_distr::{Distribution, Zipf};

/// Users with `length` ± 50 % distinct items each, drawn by Zipf popularity (exponent 0.8).
pub fn interactions(users: usize, items: usize, length: usize) -> Interactions {
    let popularity = Zipf::new(items as f64, 0.8).expect("a positive exponent and at least one item");
    let (mut offsets, mut columns) = (vec![0], Vec::new());
    for user in 0..users {
        let mut random = stream(7, Purpose::Generate, [user as u64, 0]);
        let wanted = random.random_range(length / 2..=length * 3 / 2).clamp(1, items / 2);
        let mut history = std::collections::BTreeSet::new();
        while history.len() < wanted {
            // A popular item stands anywhere in the numbering, as in a real catalogue.
            let rank = popularity.sample(&mut random) as u64 - 1;
            history.insert((rank * 7_919 % items as u64) as u32);
        }
        columns.extend(history);
        offsets.push(columns.len());
    }
    let weights = vec![1.0; columns.len()];
    Interactions::from_csr((users, items), offsets, columns, weights).expect("sorted rows of distinct items")
}
