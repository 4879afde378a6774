//! From Parquet to interactions: time and peak memory of one read.

use std::fs;
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
        "peak_bytes": peak_memory()?,
        "rows": log.report.rows,
        "users": log.report.users,
        "items": log.report.items,
        "interactions": log.report.interactions,
    }))
}

/// The most memory this process has held so far, in bytes (`VmHWM` of Linux).
fn peak_memory() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| anyhow::anyhow!("/proc/self/status has no VmHWM"))
}
