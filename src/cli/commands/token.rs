//! `foldin token`: access tokens for a server.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cli::args::{NewToken, Token, TokenCommand};
use crate::cli::console::note;
use crate::serve;

/// Runs the command.
///
/// # Errors
/// A value is out of range; the token file cannot be written.
pub fn run(args: &Token, out: &mut dyn Write) -> Result<()> {
    match &args.command {
        TokenCommand::New(args) => new(args, out),
    }
}

fn new(args: &NewToken, out: &mut dyn Write) -> Result<()> {
    let token = serve::NewToken::make(&args.name, &args.scope, args.rate, args.burst, args.expires.as_deref())?;
    let (secret, entry) = (token.secret(), token.entry());
    if let Some(path) = &args.append {
        append(path, &entry).with_context(|| format!("cannot add to {}", path.display()))?;
    }
    if args.json {
        return Ok(writeln!(out, "{:#}", json!({ "secret": secret, "entry": entry, "file": args.append }))?);
    }
    note("The secret is shown only now. Clients send it as `authorization: Bearer SECRET`:");
    writeln!(out, "{secret}")?;
    match &args.append {
        Some(path) => note(format_args!("Its entry is in {}; a running server reads it in a moment.", path.display())),
        None => {
            out.flush()?;
            note("The token file of the server (foldin serve --tokens FILE) should hold:");
            write!(out, "\n{entry}")?;
        }
    }
    Ok(())
}

/// Adds an entry in one write, so that a server that reads meanwhile sees all of it or nothing.
fn append(path: &Path, entry: &str) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
    let gap = if file.metadata()?.len() > 0 { "\n" } else { "" };
    file.write_all(format!("{gap}{entry}").as_bytes())?;
    file.sync_all()
}
