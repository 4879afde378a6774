//! `foldin validate`: what is wrong with a log, before anything is trained on it.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::json;

use crate::audit::{AuditOptions, AuditReport, ItemsFile, Line, Status, audit};
use crate::cli::args::Validate;
use crate::cli::console::note;
use crate::cli::exit::{Configuration, Findings};
use crate::cli::layers::{Layer, Resolved, resolve};
use crate::cli::settings::Settings;
use crate::interactions::Timestamp;

/// Runs the command.
///
/// # Errors
/// Flags that make no sense; [`Findings`] when a line is not PASS, after the report is printed.
pub fn run(args: &Validate, out: &mut dyn Write) -> Result<()> {
    let mut command = Layer::default();
    command.flag("LOG", "input.log", args.log.as_deref());
    command.flag("--items", "input.items", args.items.as_deref());
    command.flag("--item-id-column", "input.item_columns.item", args.item_id_column.as_deref());
    let Resolved { settings: Settings { input, log: rules, .. }, notes } =
        resolve(Settings::default(), &args.configuration.layers(command)?)?;
    notes.iter().for_each(note);
    let Some(log) = &input.log else {
        bail!(Configuration("no log to check: give it as first argument, or set input.log".into()));
    };
    let options = AuditOptions {
        cold_below: args.cold_below.get(),
        now: Timestamp::now(),
        items: input.items.map(|path| ItemsFile { path, columns: input.item_columns }),
        test: args.test.clone(),
    };
    let report = audit(log, &rules, &options)?;
    if args.json {
        let mut json = json!(report);
        json["log"] = json!(log);
        writeln!(out, "{json:#}")?;
    } else {
        print(&report, log, out)?;
    }
    out.flush()?;
    if report.status == Status::Pass {
        return Ok(());
    }
    bail!(Findings { warned: with(&report, Status::Warn), failed: with(&report, Status::Fail) });
}

/// The ids of the lines with a status.
fn with(report: &AuditReport, status: Status) -> Vec<&'static str> {
    report.lines.iter().filter(|line| line.status == status).map(|line| line.id).collect()
}

/// Columns of text before what was found.
const INDENT: usize = 30;

/// Columns of a line at most.
const WIDTH: usize = 110;

fn print(report: &AuditReport, log: &Path, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{}", log.display())?;
    let group = |line: &Line| line.id.split('.').next().unwrap_or_default().to_owned();
    for lines in report.lines.chunk_by(|a, b| group(a) == group(b)) {
        writeln!(out)?;
        for line in lines {
            print_line(line, out)?;
        }
    }
    if !report.not_checked.is_empty() {
        writeln!(out, "\nnot checked, for want of")?;
    }
    for missing in &report.not_checked {
        print_wrapped(&missing.ids.join(", "), &format!("  {:<28}", missing.needs), &" ".repeat(INDENT), out)?;
    }
    let count = |status| with(report, status).len();
    let (passed, warned, failed) = (count(Status::Pass), count(Status::Warn), count(Status::Fail));
    Ok(writeln!(out, "\n{}: {passed} PASS, {warned} WARN, {failed} FAIL", report.status)?)
}

fn print_line(line: &Line, out: &mut dyn Write) -> Result<()> {
    let indent = " ".repeat(INDENT);
    let start = format!("  {}  {:<width$}", line.status, line.id, width = INDENT - 8);
    for (number, text) in line.found.lines().enumerate() {
        print_wrapped(text.trim(), if number == 0 { &start } else { &indent }, &indent, out)?;
    }
    for example in &line.examples {
        print_wrapped(example, &format!("{indent}- "), &format!("{indent}  "), out)?;
    }
    for remedy in &line.remedies {
        print_wrapped(remedy, &format!("{indent}→ "), &format!("{indent}  "), out)?;
    }
    Ok(())
}

/// Writes text with line breaks between words, the first line after `start`, the others after `indent`.
fn print_wrapped(text: &str, start: &str, indent: &str, out: &mut dyn Write) -> Result<()> {
    let (mut line, mut is_empty) = (start.to_owned(), true);
    for word in text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            (line, is_empty) = (indent.to_owned(), true);
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    Ok(writeln!(out, "{line}")?)
}
