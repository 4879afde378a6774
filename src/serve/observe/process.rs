//! What the process takes, as the operating system tells.

use std::time::{SystemTime, UNIX_EPOCH};

/// What the process takes now.
pub(super) struct Usage {
    pub resident_bytes: u64,
    pub open_files: u64,
    pub cpu_seconds: f64,
}

/// `None` where the operating system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn usage() -> Option<Usage> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = resident.trim().trim_end_matches("kB").trim().parse().ok()?;
    // One of them is the directory itself.
    let open_files = (std::fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1);
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Usage {
        resident_bytes: kilobytes << 10,
        open_files,
        cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 * 1e-9,
    })
}

/// `None` where the operating system does not tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn usage() -> Option<Usage> {
    None
}

pub(super) fn seconds_since_epoch() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
