//! Versions that change under load. Every answer must be the one that the version it names gives in process.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use foldin::engine::{Engine, RecommendRequest};
use foldin::registry::{ModelName, Registry};
use foldin::serve::{Client, pb};
use serde_json::{Value, json};

use crate::times;

/// Items a list.
const N: usize = 100;

/// Left to the version before, to go once its last request has.
const SETTLE: Duration = Duration::from_millis(100);

/// After so many promotions everything has been needed once.
const SETTLED: usize = 5;

/// What is done.
pub struct Plan {
    pub swaps: usize,
    pub bad_every: usize,
    pub callers: usize,
    pub users: usize,
}

/// Ids and bits of scores.
type List = Vec<(String, u32)>;

/// The lists of all users by one version.
type Lists = HashMap<String, List>;

#[derive(Default)]
struct Counts {
    stop: AtomicBool,
    answers: AtomicUsize,
    failed: AtomicUsize,
    /// Answers that are not those of the version they name.
    mixed: AtomicUsize,
}

pub fn measure(
    server: &str,
    pid: u32,
    registry: &Path,
    name: &str,
    bad: &[String],
    plan: &Plan,
) -> anyhow::Result<Value> {
    let (registry, name) = (Registry::open(registry)?, ModelName::new(name)?);
    let versions = registry.versions(&name)?.into_iter().map(|version| version.manifest.model_version);
    let good: Vec<String> = versions.filter(|version| !bad.contains(version)).collect();
    ensure!(good.len() > 1 && plan.swaps > SETTLED && plan.bad_every > 1, "too few versions or swaps");
    let (users, expected) = expected(&registry, &name, &good, plan.users)?;
    let (users, expected, counts) = (Arc::new(users), Arc::new(expected), Arc::new(Counts::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let address = format!("http://{server}");
        let mut callers = Vec::new();
        for caller in 0..plan.callers {
            let client = Client::connect(&address).await?;
            let (users, expected, counts) = (Arc::clone(&users), Arc::clone(&expected), Arc::clone(&counts));
            callers.push(tokio::spawn(async move { ask(client, caller, &users, &expected, &counts).await }));
        }
        let mut admin = Client::connect(&address).await?;
        let (mut promoted, mut refused, mut wrong, mut seconds) = (0, 0, 0, Vec::new());
        let (mut settled, mut last) = (0, 0);
        for swap in 1..=plan.swaps {
            let is_bad = !bad.is_empty() && swap.is_multiple_of(plan.bad_every);
            let version = if is_bad { &bad[swap / plan.bad_every % bad.len()] } else { &good[swap % good.len()] };
            let start = Instant::now();
            let answer = admin.promote_model(name.as_str(), version).await;
            match (answer, is_bad) {
                (Ok(_), false) => {
                    promoted += 1;
                    seconds.push(start.elapsed());
                }
                (Err(_), true) => refused += 1,
                (Ok(_), true) | (Err(_), false) => wrong += 1,
            }
            tokio::time::sleep(SETTLE).await;
            last = resident(pid)?;
            if swap == SETTLED {
                settled = last;
            }
        }
        counts.stop.store(true, Ordering::Relaxed);
        let mut latencies = Vec::new();
        for caller in callers {
            latencies.extend(caller.await?);
        }
        if latencies.is_empty() || seconds.is_empty() {
            bail!("no answer, or no promotion");
        }
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Ok(json!({
            "swaps": plan.swaps, "promoted": promoted, "refused": refused, "wrong": wrong,
            "answers": count(&counts.answers), "failed": count(&counts.failed), "mixed": count(&counts.mixed),
            "settled_bytes": settled, "last_bytes": last,
            "promotion": times::in_micros(seconds), "latency": times::in_micros(latencies),
        }))
    })
}

/// Users, and their lists by every version.
fn expected(
    registry: &Registry,
    name: &ModelName,
    versions: &[String],
    count: usize,
) -> anyhow::Result<(Vec<String>, HashMap<String, Lists>)> {
    let (mut users, mut expected) = (Vec::new(), HashMap::new());
    for version in versions {
        let path = registry.version(name, version)?.path;
        let engine = Engine::open(&path)?.with_table(registry.table(name, version)?.width);
        if users.is_empty() {
            let known = engine.users();
            users = (0..count.min(known.len()) as u32).map(|user| known.external(user).into_owned()).collect();
        }
        let requests: Vec<RecommendRequest> = users
            .iter()
            .map(|user| RecommendRequest { user_id: Some(user.clone()), n: N, ..RecommendRequest::default() })
            .collect();
        let mut lists = Lists::new();
        for (user, answer) in users.iter().zip(engine.recommend(&requests)) {
            let items = answer.with_context(|| format!("user {user}"))?.items;
            lists.insert(user.clone(), items.into_iter().map(|item| (item.item_id, item.score.to_bits())).collect());
        }
        expected.insert(version.clone(), lists);
    }
    Ok((users, expected))
}

/// Asks until told to stop; returns how long answers took.
async fn ask(
    mut client: Client,
    caller: usize,
    users: &[String],
    expected: &HashMap<String, Lists>,
    counts: &Counts,
) -> Vec<Duration> {
    let mut times = Vec::new();
    for user in users.iter().cycle().skip(caller * users.len() / 7) {
        if counts.stop.load(Ordering::Relaxed) {
            break;
        }
        let start = Instant::now();
        match client.recommend_user(user, N as u32).await {
            Ok(answer) => {
                times.push(start.elapsed());
                counts.answers.fetch_add(1, Ordering::Relaxed);
                let known = expected.get(&answer.model_version).and_then(|lists| lists.get(user));
                if known.is_none_or(|known| *known != list(answer)) {
                    counts.mixed.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(_) => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    times
}

fn list(answer: pb::RecommendResponse) -> List {
    answer.items.into_iter().map(|item| (item.item_id, item.score.to_bits())).collect()
}

/// Memory of a process, in bytes (`VmRSS`).
fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
