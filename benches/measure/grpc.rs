//! `Recommend` over gRPC on loopback, and the same call in process.
//!
//! Both sides compute on a pool of the same size, and both have the same number of callers, each of
//! which asks again as soon as it has its answer. What is left between them is the wire and the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use foldin::artifact::{Publication, publish};
use foldin::engine::{Engine, RecommendRequest};
use foldin::interactions::{Catalogue, LogRules};
use foldin::serve::{self, Client, ServeOptions};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::data::Data;
use crate::serve::shaped_model;
use crate::times;

/// Both sides take their turns this often, so that they see the same minutes.
const ROUNDS: usize = 5;

/// The thread that serves, its address, and what stops it.
struct Running {
    address: String,
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<anyhow::Result<()>>,
}

/// Times `requests` calls a round for each number of callers in `clients`.
pub fn measure(data: &Data, n: usize, clients: &[usize], requests: usize, threads: usize) -> anyhow::Result<Value> {
    let folder = tempfile::tempdir()?;
    let engine = Arc::new(published(data, &folder.path().join("model"))?);
    let server = start(Arc::clone(&engine), ServeOptions { threads, ..ServeOptions::default() })?;
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mut found = Vec::new();
    for &callers in clients {
        let each = requests.div_ceil(callers);
        let users = |caller: usize| (0..each).map(move |i| (caller * each + i) as u32 % data.users.len() as u32);
        let (mut wire, mut inside) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            inside.extend(in_process(&engine, &pool, n, (0..callers).map(users))?);
            wire.extend(over_the_wire(&engine, &runtime, &server.address, n, (0..callers).map(users))?);
        }
        found.push(
            json!({ "clients": callers, "in_process": times::in_micros(inside), "grpc": times::in_micros(wire) }),
        );
    }
    // The receiver is gone only if the server ended early, which the join reports.
    let _ = server.stop.send(());
    server.thread.join().map_err(|_| anyhow!("the server panicked"))??;
    Ok(json!({ "model": "mult-vae", "items": data.items.len(), "n": n, "threads": threads, "clients": found }))
}

fn published(data: &Data, folder: &std::path::Path) -> anyhow::Result<Engine> {
    let (model, summary) = shaped_model(&data.interactions)?;
    let publication = Publication {
        model: &*model,
        catalogue: &Catalogue::new(data.items.clone()),
        attributes: &foldin::io::Attributes::default(),
        users: &data.users,
        held_out: &[],
        histories: &data.interactions,
        detail: foldin::artifact::LogDetail::default(),
        rules: &LogRules::default(),
        training: None,
        from: None,
        run: None,
        summary: &summary,
        calibration: None,
        metrics: Default::default(),
    };
    publish(folder, &publication, false)?;
    Ok(Engine::open(folder)?)
}

fn start(engine: Arc<Engine>, options: ServeOptions) -> anyhow::Result<Running> {
    let (stop, stopped) = oneshot::channel::<()>();
    let runtime = Builder::new_multi_thread().worker_threads(options.threads).enable_all().build()?;
    let listener = runtime.block_on(serve::bind(([127, 0, 0, 1], 0).into(), options))?;
    let address = format!("http://{}", listener.local_addr()?);
    let thread = std::thread::spawn(move || {
        let shutdown = async { drop(stopped.await) };
        Ok(runtime.block_on(serve::run(listener, serve::Models::one(engine), None, shutdown))?)
    });
    Ok(Running { address, stop, thread })
}

/// Times of one thread a caller, each waiting for the pool in turn.
fn in_process(
    engine: &Engine,
    pool: &rayon::ThreadPool,
    n: usize,
    callers: impl Iterator<Item = impl Iterator<Item = u32> + Send>,
) -> anyhow::Result<Vec<Duration>> {
    let call = |users: &mut dyn Iterator<Item = u32>| {
        users
            .map(|user| {
                let user_id = Some(engine.users().external(user).into_owned());
                let request = [RecommendRequest { user_id, n, ..RecommendRequest::default() }];
                let start = Instant::now();
                let answer = pool.install(|| engine.recommend(&request)).swap_remove(0);
                let time = start.elapsed();
                answer.context("in process").map(|_| time)
            })
            .collect::<anyhow::Result<Vec<Duration>>>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = callers.map(|mut users| scope.spawn(move || call(&mut users))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a caller panicked"))?)
            .collect::<Result<Vec<_>, _>>()
    })
    .map(|times| times.concat())
}

/// Times of one connection a caller, connected before the first is taken.
fn over_the_wire(
    engine: &Engine,
    runtime: &Runtime,
    address: &str,
    n: usize,
    callers: impl Iterator<Item = impl Iterator<Item = u32>>,
) -> anyhow::Result<Vec<Duration>> {
    let n = u32::try_from(n)?;
    let ids: Vec<Vec<String>> =
        callers.map(|users| users.map(|user| engine.users().external(user).into_owned()).collect()).collect();
    runtime.block_on(async {
        let mut clients = Vec::new();
        for ids in ids {
            clients.push((Client::connect(address).await?, ids));
        }
        let calls = clients.into_iter().map(|(mut client, ids)| {
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(ids.len());
                for id in ids {
                    let start = Instant::now();
                    client.recommend_user(&id, n).await?;
                    times.push(start.elapsed());
                }
                anyhow::Ok(times)
            })
        });
        let mut times = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            times.extend(call.await??);
        }
        Ok(times)
    })
}
