//! The Parquet decoder is known to panic on some malformed input instead of returning an error. That is
//! damage like any other to whoever reads the table, so it is caught, and no panic is printed.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use parquet::errors::ParquetError;

use super::error::TableError;

thread_local! {
    /// True while this thread is inside the decoder.
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Runs the decoder on `file`; a panic there leaves nothing of ours half-changed, so it is reported as
/// the damage it is.
pub(super) fn guarded<T>(file: &Path, decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, TableError> {
    silence();
    let damaged = |reason| TableError::Damaged { file: file.into(), reason };
    let outer = DECODING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(decode));
    DECODING.set(outer);
    match outcome {
        Ok(outcome) => outcome.map_err(|error| damaged(error.to_string())),
        Err(panic) => {
            let reason = panic.downcast_ref::<String>().map(String::as_str);
            let reason = reason.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the decoder failed");
            Err(damaged(format!("decoder failure: {reason}")))
        }
    }
}

/// Keeps panics of a decoding thread from being printed. The hook belongs to the whole process, so it is
/// wrapped once, and every other panic goes to the one there was.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread that is ending has no flag any more, and is not decoding.
            if !DECODING.try_with(Cell::get).unwrap_or(false) {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_damage_and_only_the_decoder_is_silent() {
        let error = guarded::<()>(Path::new("log.parquet"), || {
            assert!(DECODING.get());
            panic!("a page of {} bytes", -1)
        });
        let message = error.unwrap_err().to_string();
        assert_eq!(
            message,
            "log.parquet is truncated or damaged: decoder failure: a page of -1 bytes; copy or write it again"
        );
        assert!(!DECODING.get());
        assert!(matches!(guarded(Path::new("log.parquet"), || Ok(7)), Ok(7)));
    }
}
