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

/// Users read, ranked and written together, at most.
const MAX_CHUNK: usize = 4096;

/// Items listed at once: what bounds the memory whatever the length of the lists.
const LISTED_AT_ONCE: usize = 1 << 20;

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

/// Streams the lists of all users into a file: memory grows neither with their number nor with their length.
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
    let chunk = chunk(args.n.get().min(artifact.catalogue.len()));
    for first in (0..users).step_by(chunk) {
        let end = users.min(first.saturating_add(chunk as u32));
        let stored = artifact.histories.range(first..end)?;
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
        progress.at(u64::from(end), u64::from(users));
    }
    progress.finish();
    let rows = writer.finish()?;
    Ok(writeln!(out, "{} recommendations for {} users in {}", thousands(rows), thousands(users), path.display())?)
}

/// Users at once for lists of this length.
fn chunk(listed: usize) -> usize {
    (LISTED_AT_ONCE / listed.max(1)).clamp(1, MAX_CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_lists_make_smaller_chunks() {
        assert_eq!(chunk(10), MAX_CHUNK);
        for listed in [1_000, 20_000, LISTED_AT_ONCE] {
            assert!(chunk(listed) >= 1 && chunk(listed) * listed <= LISTED_AT_ONCE, "{listed}");
        }
        assert_eq!((chunk(0), chunk(usize::MAX)), (MAX_CHUNK, 1));
    }
}
