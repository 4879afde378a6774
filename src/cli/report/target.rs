//! Where a report goes, and in which form.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::document::Report;
use super::{html, markdown};
use crate::cli::exit::Configuration;
use crate::cli::output::{check_file, check_replaceable};
use crate::storage::{AtomicDir, AtomicFile};

/// Names in the directory of a report.
const HTML: &str = "report.html";
const MARKDOWN: &str = "report.md";
/// Where Markdown finds the plots, relative to itself.
const PLOTS: &str = "plots";

/// What a report is written to.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    path: PathBuf,
    form: Form,
    replace: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One self-contained file.
    Html,
    /// One file of text and tables.
    Markdown,
    /// Both, with the plots as files that Markdown shows.
    Directory,
}

impl Target {
    /// Decides on the form by the extension, and refuses what could not be written later.
    ///
    /// # Errors
    /// An extension of another form; an output that exists where `replace` is false; a directory that is no
    /// report.
    pub fn check(path: &Path, replace: bool) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let form = match extension.as_deref() {
            Some("html" | "htm") => Form::Html,
            Some("md" | "markdown") => Form::Markdown,
            None => Form::Directory,
            Some(other) => bail!(Configuration(format!(
                "a report cannot be written as .{other} ({}): give FILE.html, FILE.md, or a directory without an \
                 extension",
                path.display()
            ))),
        };
        match form {
            Form::Html | Form::Markdown => check_file(path, replace)?,
            Form::Directory => {
                check_replaceable(path, replace, &[HTML, MARKDOWN, PLOTS], "a report")?;
                check_plots(&path.join(PLOTS), replace)?;
                // Dropped without a commit, it leaves nothing.
                drop(AtomicDir::create(path, replace)?);
            }
        }
        Ok(Self { path: path.into(), form, replace })
    }

    /// Writes the report; it appears when it is complete.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, report: &Report<'_>) -> Result<()> {
        let document = report.document()?;
        let put =
            |path: &Path, text: &str| fs::write(path, text).with_context(|| format!("cannot write {}", path.display()));
        match self.form {
            Form::Html => {
                let file = AtomicFile::create(&self.path, self.replace)?;
                put(file.path(), &html::render(&document))?;
                file.commit()?;
            }
            Form::Markdown => {
                let file = AtomicFile::create(&self.path, self.replace)?;
                put(file.path(), &markdown::render(&document, None))?;
                file.commit()?;
            }
            Form::Directory => {
                let directory = AtomicDir::create(&self.path, self.replace)?;
                let plots = directory.path().join(PLOTS);
                fs::create_dir(&plots).with_context(|| format!("cannot create {}", plots.display()))?;
                for plot in document.plots() {
                    put(&plots.join(plot.name).with_extension("svg"), &plot.svg)?;
                }
                put(&directory.path().join(HTML), &html::render(&document))?;
                put(&directory.path().join(MARKDOWN), &markdown::render(&document, Some(PLOTS)))?;
                directory.commit()?;
            }
        }
        Ok(())
    }
}

/// Nothing but plots may stand among the plots of a report that is replaced.
fn check_plots(directory: &Path, replace: bool) -> Result<()> {
    if !replace || !directory.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", directory.display()))?.path();
        if path.extension().is_none_or(|extension| extension != "svg") {
            bail!(Configuration(format!(
                "{} is no plot of a report, and would be lost: move it elsewhere, or choose another path",
                path.display()
            )));
        }
    }
    Ok(())
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form {
            Form::Html | Form::Markdown => write!(f, "{}", self.path.display()),
            Form::Directory => write!(f, "{HTML} and {MARKDOWN} to {}", self.path.display()),
        }
    }
}
