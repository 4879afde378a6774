//! Whether the items file and the log speak of the same items.

use crate::audit::report::{Line, Status, fraction, share};
use crate::interactions::IdMap;
use crate::io::{LogError, counted};

/// Share of the items of the log that may be without metadata.
const UNDESCRIBED: f64 = 0.01;

/// `items.metadata`: of the items of the log and of those of the file.
pub(in crate::audit) fn metadata(logged: &IdMap, described: Result<&IdMap, &LogError>) -> Line {
    let described = match described {
        Ok(ids) => ids,
        Err(error) => {
            let line = Line::new("items.metadata", error.to_string());
            return line.raise(Status::Fail, "repair the file, or leave it out");
        }
    };
    let absent = |from: &IdMap, of: &IdMap| -> Vec<u32> {
        (0..of.len() as u32).filter(|&item| from.index(&of.external(item)).is_none()).collect()
    };
    let (undescribed, unused) = (absent(described, logged), absent(logged, described));
    let (missing, all) = (undescribed.len() as u64, logged.len() as u64);
    let mut found = match missing {
        0 => "every item of the log has metadata".into(),
        _ => format!("{} of the log without metadata ({})", counted(missing, "item"), share(missing, all)),
    };
    if !unused.is_empty() {
        found += &format!("; {} of the file without interactions", counted(unused.len() as u64, "item"));
    }
    let line = Line::new("items.metadata", found)
        .value("items_without_metadata", missing)
        .value("described_items_without_interactions", unused.len())
        .examples(undescribed.iter().map(|&item| format!("no metadata of item {}", logged.external(item))));
    if missing == all && all > 0 {
        return line
            .examples(
                (0..described.len().min(1) as u32)
                    .map(|item| format!("the file has item {}", described.external(item))),
            )
            .raise(
                Status::Fail,
                "the ids of log and file do not name the same things: check --item-column and --item-id-column",
            );
    }
    line.warn_if(
        fraction(missing, all) > UNDESCRIBED,
        "these items have neither title nor attributes: complete the file, or write it at the same time as the log",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(items: std::ops::Range<i64>) -> IdMap {
        IdMap::Int(items.collect())
    }

    #[test]
    fn a_few_items_may_be_without_metadata() {
        let line = metadata(&ids(0..100), Ok(&ids(1..300)));
        assert_eq!(line.status, Status::Pass);
        assert!(line.found.contains("1 item of the log without metadata (1.0 %); 200 items of the file"), "{line:?}");
        let line = metadata(&ids(0..100), Ok(&ids(2..300)));
        assert_eq!((line.status, line.examples[1].as_str()), (Status::Warn, "no metadata of item 1"));
        let line = metadata(&ids(0..100), Ok(&ids(100..300)));
        assert_eq!(line.status, Status::Fail);
    }
}
