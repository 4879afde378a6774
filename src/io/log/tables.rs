//! The tables of a log, one after the other, checked against each other.

use std::path::PathBuf;
use std::vec;

use super::columns::{Agreement, LogTable};
use super::prune::is_outside;
use crate::interactions::LogRules;
use crate::io::error::LogError;
use crate::io::source::{HiveColumns, Source};

/// Opens the tables of a log in order.
pub(super) struct Tables<'a> {
    source: &'a dyn Source,
    rules: &'a LogRules,
    files: vec::IntoIter<PathBuf>,
    hive: HiveColumns,
    agreement: Agreement,
}

impl<'a> Tables<'a> {
    /// Lists the tables of `source`.
    ///
    /// # Errors
    /// [`LogError`] when they cannot be listed, or the name of a partition cannot be read.
    pub fn of(source: &'a dyn Source, rules: &'a LogRules) -> Result<Self, LogError> {
        let files = source.tables()?;
        let hive = HiveColumns::of(&files)?;
        Ok(Self { source, rules, files: files.into_iter(), hive, agreement: Agreement::default() })
    }

    /// The tables that are still to be opened.
    pub fn left(&self) -> &[PathBuf] {
        self.files.as_slice()
    }

    /// The next table, `None` after the last.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be opened, its columns will not do, or differ in type from those before.
    pub fn next(&mut self) -> Result<Option<LogTable>, LogError> {
        let Some(file) = self.files.next() else { return Ok(None) };
        let table = LogTable::open(self.source, &file, self.rules, &self.hive)?;
        self.agreement.check(&table)?;
        Ok(Some(table))
    }

    /// Leaves out the tables whose partition lies outside of the time window; returns how many.
    ///
    /// # Errors
    /// [`LogError`] when the name of a partition cannot be read.
    pub fn prune(&mut self) -> Result<usize, LogError> {
        let mut kept = Vec::new();
        let before = self.files.len();
        for file in self.files.by_ref() {
            if !is_outside(&file, self.rules)? {
                kept.push(file);
            }
        }
        let pruned = before - kept.len();
        self.files = kept.into_iter();
        Ok(pruned)
    }
}
