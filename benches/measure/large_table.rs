//! A list from a large table of eight-bit integers, beside the time that reading the table takes.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, ensure};
use foldin::interactions::HistoryRef;
use foldin::models::{ModelConfig, MultDaeConfig};
use serde_json::{Value, json};

use crate::interactions::interactions;
use crate::serve::{Ranker, Table, shaped, unseen};
use crate::{limits, times};

/// Users whose lists are made, in turn. Training needs few of them: each of its logits is a number an item.
const USERS: usize = 16;

/// Users whose lists are compared with the exact ones.
const COMPARED: usize = 8;

/// Times `lists` lists of `n` of `items` made-up items with `dimensions` numbers each, on one thread.
pub fn measure(items: usize, dimensions: usize, n: usize, lists: usize) -> anyhow::Result<Value> {
    ensure!(items > n && dimensions > 0 && lists > 0, "--items, --dimensions and --lists are too small");
    let data = interactions(USERS, items, 77);
    let config = ModelConfig::MultDae(MultDaeConfig { hidden: dimensions, ..MultDaeConfig::default() });
    let ranker = Ranker::new(shaped(&data, &config)?.0, Table::Int8)?;
    let bytes = ranker.table_bytes().context("there is a narrow table")?;
    let histories: Vec<HistoryRef<'_>> = data.histories().collect();
    let candidates = unseen(&histories);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let before = limits::read_gb_per_s(1);
    let mut seconds = Vec::new();
    pool.install(|| {
        for user in (0..histories.len()).cycle().take(lists + 2) {
            let start = Instant::now();
            black_box(ranker.lists(&histories[user..=user], &candidates[user..=user], n));
            seconds.push(start.elapsed());
        }
    });
    // The better of two looks at the machine, so that the limit is none that it does not reach.
    let read = before.max(limits::read_gb_per_s(1));
    let overlap = pool.install(|| ranker.overlap(&histories[..COMPARED], &candidates[..COMPARED], n));
    Ok(json!({
        "items": items, "dimensions": dimensions, "n": n, "threads": 1, "table_bytes": bytes,
        "read_gb_per_s": read, "read_us": bytes as f64 / read / 1e3,
        "list": times::in_micros(seconds.split_off(2)), "overlap": overlap,
    }))
}
