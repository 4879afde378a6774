//! What an audit has to say.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// How bad it is; ordered from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Nothing to do.
    Pass,
    /// Worth a look: legitimate logs can be like that, but most are not.
    Warn,
    /// Training refuses the log, or what it would learn or measure is certainly wrong.
    Fail,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        })
    }
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its stable name, `group.check`.
    pub id: &'static str,
    /// How bad it is.
    pub status: Status,
    /// What was found, with numbers.
    pub found: String,
    /// Where to look: ids, files and rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// What to do about it; one entry a way out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<String>,
    /// The numbers, by name.
    pub values: Map<String, Value>,
}

/// A check for which something is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    /// The lines that are missing.
    pub ids: Vec<&'static str>,
    /// What would be needed.
    pub needs: String,
}

/// The outcome of all checks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditReport {
    /// The worst status of all lines.
    pub status: Status,
    /// The lines, grouped by the first part of their id.
    pub lines: Vec<Line>,
    /// What could not be checked.
    pub not_checked: Vec<NotChecked>,
}

/// Examples of a line at most.
const MAX_EXAMPLES: usize = 5;

impl Line {
    /// A line that passes, so far.
    pub(super) fn new(id: &'static str, found: impl Into<String>) -> Self {
        let (examples, remedies) = (Vec::new(), Vec::new());
        Self { id, status: Status::Pass, found: found.into(), examples, remedies, values: Map::new() }
    }

    pub(super) fn value(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// The first few of `examples`.
    pub(super) fn examples(mut self, examples: impl IntoIterator<Item = String>) -> Self {
        self.examples.extend(examples);
        self.examples.truncate(MAX_EXAMPLES);
        self
    }

    /// Raises the status, with what to do about it.
    pub(super) fn raise(mut self, status: Status, remedy: impl Into<String>) -> Self {
        self.status = self.status.max(status);
        self.remedies.push(remedy.into());
        self
    }

    pub(super) fn warn_if(self, bad: bool, remedy: impl Into<String>) -> Self {
        if bad { self.raise(Status::Warn, remedy) } else { self }
    }

    pub(super) fn fail_if(self, bad: bool, remedy: impl Into<String>) -> Self {
        if bad { self.raise(Status::Fail, remedy) } else { self }
    }
}

impl AuditReport {
    pub(super) fn new(lines: Vec<Line>, not_checked: Vec<NotChecked>) -> Self {
        let status = lines.iter().map(|line| line.status).max().unwrap_or(Status::Pass);
        Self { status, lines, not_checked }
    }
}

/// `part` of `whole` as a person reads it: `12 %`, `0.3 %`, `below 0.1 %`.
pub(super) fn share(part: u64, whole: u64) -> String {
    // Rounded down: 99.97 % is not all.
    let tenths = if whole == 0 { 0 } else { u128::from(part) * 1000 / u128::from(whole) };
    match tenths {
        _ if part == 0 => "none".into(),
        _ if part == whole => "all".into(),
        0 => "below 0.1 %".into(),
        1..100 => format!("{}.{} %", tenths / 10, tenths % 10),
        _ => format!("{} %", tenths / 10),
    }
}

/// `part / whole`, 0 of nothing.
pub(super) fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_line_counts() {
        let line = |status| Line { status, ..Line::new("a.b", "") };
        let worst = |lines: &[Status]| AuditReport::new(lines.iter().map(|&s| line(s)).collect(), vec![]).status;
        assert_eq!(worst(&[]), Status::Pass);
        assert_eq!(worst(&[Status::Warn, Status::Pass]), Status::Warn);
        assert_eq!(worst(&[Status::Warn, Status::Fail, Status::Pass]), Status::Fail);
        let raised = line(Status::Fail).warn_if(true, "one").warn_if(false, "two").fail_if(false, "three");
        assert_eq!((raised.status, raised.remedies), (Status::Fail, vec!["one".to_string()]));
    }

    #[test]
    fn shares_are_readable() {
        for (part, expected) in
            [(0, "none"), (1, "below 0.1 %"), (30, "0.3 %"), (999, "9.9 %"), (9_999, "99 %"), (10_000, "all")]
        {
            assert_eq!(share(part, 10_000), expected);
        }
    }
}
