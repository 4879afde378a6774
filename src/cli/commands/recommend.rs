//! `foldin recommend`: lists for one user or history, or for everyone.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::artifact::Artifact;
use crate::cli::args::Recommend;
use crate::cli::console::{note, thousands};
use crate::cli::exit::Configuration;
use crate::cli::lists::List;
use crate::cli::output::check_file;
use crate::cli::progress::Progress;
use crate::engine::{Engine, HistoryItem, RecommendRequest};
use crate::interactions::HistoryRef;
use crate::io::RecommendationWriter;
use crate::ranking::{Candidates, rank_users};
use crate::types::UserIdx;

/// Users read, ranked and written together.
const CHUNK: u32 = 4096;

/// Runs the command.
///
/// # Errors
/// The model directory or the request cannot be used, or the output cannot be written.
pub fn run(args: &Recommend, out: &mut dyn Write) -> Result<()> {
    if let (true, Some(path)) = (args.all, &args.out) {
        return everyone(args, path, out);
    }
    if args.subject.user_id.is_none() && args.subject.history.is_empty() {
        bail!(Configuration("for whom? Give --user-id, --history or both, or --all with --out".into()));
    }
    let engine = Engine::open(&args.model_dir)?;
    let request = RecommendRequest {
        user_id: args.subject.user_id.clone(),
        history: args.subject.history.iter().map(HistoryItem::new).collect(),
        n: args.n.get(),
        include_seen: args.include_seen,
        ..RecommendRequest::default()
    };
    let list = match engine.recommend(&[request]).pop() {
        Some(answer) => List::computed(answer?, &engine.info().manifest.model_version),
        None => bail!("the engine returned no answer to one request"),
    };
    list.remarks().iter().for_each(note);
    if args.json {
        writeln!(out, "{:#}", json!(list))?
    } else {
        write!(out, "{list}")?
    }
    Ok(())
}

/// Streams the lists of all users into a file: memory does not grow with their number.
fn everyone(args: &Recommend, path: &Path, out: &mut dyn Write) -> Result<()> {
    check_file(path, args.force)?;
    let artifact = Artifact::open(&args.model_dir)?;
    let users = artifact.users.len() as u32;
    // Only now: a model that cannot be opened leaves nothing behind.
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    let mut writer = RecommendationWriter::create(path, &artifact.users, &artifact.catalogue)?;
    let progress = Progress::new("recommending");
    for first in (0..users).step_by(CHUNK as usize) {
        let stored = artifact.histories.range(first..users.min(first + CHUNK))?;
        let histories: Vec<HistoryRef<'_>> = stored.histories().collect();
        let candidates: Vec<Candidates<'_>> = histories
            .iter()
            .map(|history| Candidates {
                seen: if args.include_seen { &[] } else { history.items() },
                ..Candidates::default()
            })
            .collect();
        let rankings = rank_users(artifact.model.as_ref(), &histories, &candidates, args.n.get());
        for (user, ranking) in (first..).zip(rankings) {
            writer.append(UserIdx(user), ranking.items.iter().map(|scored| (scored.item, scored.score)))?;
        }
        progress.at(u64::from(users.min(first + CHUNK)), u64::from(users));
    }
    progress.finish();
    let rows = writer.finish()?;
    Ok(writeln!(out, "{} recommendations for {} users in {}", thousands(rows), thousands(users), path.display())?)
}
