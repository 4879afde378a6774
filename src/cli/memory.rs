//! How much memory is left on this machine, and is it enough?

use crate::interactions::Interactions;
use crate::models::{ModelConfig, training_bytes};
use crate::training::TrainingConfig;

/// Bytes that a new allocation can use without swapping; `None` where the system does not say.
#[must_use]
pub fn available() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// A size as people read it.
#[must_use]
pub fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// Why a model must not be trained on `train` here, with the numbers, when its memory would not fit into
/// nine tenths of what is available.
#[must_use]
pub fn does_not_fit(
    model: &ModelConfig,
    training: &TrainingConfig,
    train: &Interactions,
    available: Option<u64>,
) -> Option<String> {
    let needed = training_bytes(model, training, train.items(), train.len());
    let available = available?;
    (needed > available / 10 * 9).then(|| {
        let (items, needed, available) = (train.items(), gigabytes(needed), gigabytes(available));
        format!("{} on {items} items takes {needed} to train, {available} are available", model.name())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_its_numbers() {
        let log = Interactions::from_csr((1, 40_981), vec![0, 1], vec![0], vec![1.0]).unwrap();
        let check = |model: &str, available| {
            does_not_fit(&ModelConfig::preset(model).unwrap(), &TrainingConfig::default(), &log, available)
        };
        let reason = check("ease", Some(4 << 30)).unwrap();
        assert_eq!(reason, "ease on 40981 items takes 6.7 GB to train, 4.3 GB are available");
        assert_eq!(check("ease", Some(16 << 30)), None);
        assert_eq!(check("popularity", Some(4 << 20)), None);
        assert!(check("mult-vae", Some(1 << 30)).is_some());
        assert_eq!(check("ease", None), None);
    }

    #[test]
    fn available_memory_is_read_from_the_kernels_table() {
        assert_eq!(parse("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(parse("MemTotal: 9 kB\n"), None);
    }
}
