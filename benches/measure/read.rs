//! From Parquet to interactions: the time of one read.

use std::path::Path;
use std::time::Instant;

use foldin::interactions::{LogColumns, LogRules};
use foldin::io::read_log;
use serde_json::{Value, json};

/// Reads a log once, in a process that has done nothing else.
pub fn measure(log: &Path, user: &str, item: &str, threads: usize) -> anyhow::Result<Value> {
    let columns = LogColumns { user: user.into(), item: item.into(), ..LogColumns::default() };
    let rules = LogRules { columns, ..LogRules::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let start = Instant::now();
    let log = pool.install(|| read_log(log, &rules))?;
    Ok(json!({
        "seconds": start.elapsed().as_secs_f64(),
        "rows": log.report.rows,
        "users": log.report.users,
        "items": log.report.items,
        "interactions": log.report.interactions,
    }))
}
