//! Where a single picture goes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cli::exit::Configuration;
use crate::cli::output::check_file;
use crate::storage::AtomicFile;

/// A picture that `--plot` asks for.
#[derive(Debug)]
pub struct SvgFile {
    path: PathBuf,
    replace: bool,
}

impl SvgFile {
    /// Refuses before the work what could not be written after it.
    ///
    /// # Errors
    /// Another extension than `.svg`; a file that exists where `replace` is false.
    pub fn check(path: &Path, replace: bool) -> Result<Self> {
        if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
            bail!(Configuration(format!("--plot {}: a plot is written as SVG, give FILE.svg", path.display())));
        }
        check_file(path, replace)?;
        Ok(Self { path: path.into(), replace })
    }

    /// Writes the picture; it appears when it is complete.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, svg: &str) -> Result<()> {
        let file = AtomicFile::create(&self.path, self.replace)?;
        fs::write(file.path(), svg).with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(file.commit()?)
    }
}
