//! What can be exported: rows computed chunk by chunk, written as they come.

use std::ops::Range;

use super::{ExportError, TableJob};
use crate::storage::PartFile;

/// Called with the number of entities that were just written.
pub type Progress<'a> = dyn FnMut(usize) + Send + 'a;

/// Starts a file, by its extension.
pub type Open<'a> = dyn Fn(&str) -> Result<PartFile, ExportError> + 'a;

/// A complete file that has not got its name yet, with its extension.
pub type Written = (String, PartFile);

/// Rows of entities that can be computed and written.
pub trait Table: Sync {
    /// What it is, for the manifest and to tell jobs apart.
    fn job(&self) -> TableJob;

    /// Number of entities: users or items.
    fn len(&self) -> usize;

    /// True when there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Computes and writes the shard of a range of entities; returns the number of rows in it and its files.
    ///
    /// # Errors
    /// [`ExportError`] when an entity cannot be computed or written.
    fn write(
        &self,
        entities: Range<usize>,
        open: &Open<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<(u64, Vec<Written>), ExportError>;
}

/// Computes chunk after chunk of a range and appends each while the next one is computed, on the threads of the
/// pool it is called from. Two chunks are in memory at a time: `compute` gets the one that was appended last, to
/// be filled again (at first an empty one), since fresh memory for each would cost more than filling it.
pub(super) fn pipelined<T: Default + Send + Sync>(
    entities: Range<usize>,
    chunk: usize,
    compute: impl Fn(Range<usize>, &mut T) -> Result<(), ExportError> + Sync,
    mut append: impl FnMut(Range<usize>, &T) -> Result<(), ExportError> + Send,
) -> Result<(), ExportError> {
    let after = |start: usize| start..entities.end.min(start.saturating_add(chunk));
    let (mut computed, mut following) = (T::default(), T::default());
    let mut range = after(entities.start);
    compute(range.clone(), &mut computed)?;
    while range.end < entities.end {
        let next = after(range.end);
        let (filled, written) = rayon::join(|| compute(next.clone(), &mut following), || append(range, &computed));
        written?;
        filled?;
        std::mem::swap(&mut computed, &mut following);
        range = next;
    }
    append(range, &computed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_is_appended_once_and_in_order() {
        for (entities, chunk) in [(0..10, 3), (4..5, 3), (2..8, 3), (7..7, 4), (0..10, usize::MAX)] {
            let mut seen: Vec<usize> = Vec::new();
            let compute = |range: Range<usize>, values: &mut Vec<usize>| {
                values.clear();
                values.extend(range);
                Ok(())
            };
            let append = |range: Range<usize>, values: &Vec<usize>| {
                assert_eq!(*values, range.collect::<Vec<_>>());
                seen.extend(values);
                Ok(())
            };
            pipelined(entities.clone(), chunk, compute, append).unwrap();
            assert_eq!(seen, entities.collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_failure_ends_it() {
        let failure = || ExportError::Nothing { reason: "a test".into() };
        let until_four = |range: Range<usize>| if range.start < 4 { Ok(()) } else { Err(failure()) };
        let mut appended = 0;
        let outcome = pipelined(
            0..10,
            2,
            |range, (): &mut ()| until_four(range),
            |range, ()| {
                appended = range.end;
                Ok(())
            },
        );
        assert!(outcome.is_err());
        assert_eq!(appended, 4);
        assert!(pipelined(0..10, 2, |_, ()| Ok(()), |range, (): &()| until_four(range)).is_err());
    }
}
