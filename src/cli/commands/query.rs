//! `foldin query`: a question to a running server.

use std::io::Write;

use anyhow::{Result, bail};
use serde_json::json;

use super::serve::runtime;
use crate::cli::args::Query;
use crate::cli::connecting::connect;
use crate::cli::console::note;
use crate::cli::exit::Configuration;
use crate::cli::lists::List;
use crate::cli::wishes;
use crate::serve::pb;

/// Runs the command.
///
/// # Errors
/// No server answers, or it refuses the request.
pub fn run(args: &Query, out: &mut dyn Write) -> Result<()> {
    if args.subject.user_id.is_none() && args.subject.history.is_empty() {
        bail!(Configuration("for whom? Give --user-id, --history or both".into()));
    }
    let request = pb::RecommendRequest {
        model: args.model.clone(),
        ..wishes::request(&args.subject, &args.wishes, args.n.get(), args.include_seen)?
    };
    let answer = runtime()?.block_on(async {
        let mut client = connect(&args.server.server, &args.server.access).await?;
        anyhow::Ok(client.recommend(request).await?)
    })?;
    let list = List::received(answer);
    list.remarks().iter().for_each(note);
    if args.json {
        writeln!(out, "{:#}", json!(list))?
    } else {
        write!(out, "{list}")?
    }
    Ok(())
}
