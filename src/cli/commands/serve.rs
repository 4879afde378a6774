//! `foldin serve`: a model directory over gRPC, until told to stop.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::cli::args::Serve;
use crate::cli::console::note;
use crate::cli::exit::Configuration;
use crate::cli::layers;
use crate::cli::settings::Settings;
use crate::cli::telemetry;
use crate::engine::Engine;
use crate::events::EventStore;
use crate::plan::Room;
use crate::registry::{ModelName, Registry};
use crate::serve::{self, Models};

/// How a process ends that was interrupted a second time: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// Runs the command on `threads` scoring threads.
///
/// # Errors
/// The settings, a certificate or the model directory cannot be used, or an address cannot be listened on.
pub fn run(args: &Serve, threads: usize, out: &mut dyn Write) -> Result<()> {
    let resolved = layers::resolve(Settings::default(), &args.settings.layers()?)?;
    resolved.notes.iter().for_each(note);
    let settings = resolved.settings.serve;
    if args.settings.print_config {
        return Ok(write!(out, "{}", settings.to_toml())?);
    }
    keep_memory_steady();
    let store = settings.event_store();
    let (address, options) = settings.resolve(threads)?;
    let runtime = runtime()?;
    let entered = runtime.enter();
    let telemetry = telemetry::start(args)?;
    let served = runtime.block_on(async {
        // The addresses first: a taken port should not have to wait for a large model.
        let listener = serve::bind(address, options).await?;
        let local = listener.local_addr().context("cannot tell the address listened on")?;
        let ops = listener.ops_addr();
        let events = store.map(|(dir, options)| EventStore::open(&dir, options)).transpose()?.map(Arc::new);
        let models = models(args)?;
        writeln!(out, "serving {} on {local}", models.told().join(", "))?;
        if let Some(ops) = ops {
            writeln!(out, "health and metrics on http://{ops}")?;
        }
        out.flush()?;
        Ok(serve::run(listener, models, events, stop_signal()?).await?)
    });
    drop(telemetry);
    drop(entered);
    served
}

/// Starts the program anew, as the same process, with a fixed threshold for allocations that are mapped by themselves.
/// The C library reads it from the environment at its start only, and otherwise raises it with the first weights that
/// are freed: those of later versions would share arenas with small allocations, and leave holes when they go.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_memory_steady() {
    use std::os::unix::process::CommandExt;
    const THRESHOLD: &str = "MALLOC_MMAP_THRESHOLD_";
    if std::env::var_os(THRESHOLD).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let Ok(program) = std::env::current_exe() else { return };
    let mut anew = std::process::Command::new(program);
    // Comes back only if it fails.
    let error = anew.arg0(name).args(arguments).env(THRESHOLD, (1 << 20).to_string()).exec();
    note(format_args!("memory may grow as models are swapped: {error}"));
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_memory_steady() {}

/// The model directory, or what the registry says.
fn models(args: &Serve) -> Result<Models> {
    let Some(root) = &args.registry else {
        let dir =
            args.model_dir.as_deref().ok_or_else(|| Configuration("give a model directory, or --registry".into()))?;
        return Ok(Models::one(Arc::new(Engine::open(dir)?)));
    };
    let registry = Registry::open(root)?;
    let mut names = args.model.iter().map(|name| ModelName::new(name)).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        for name in registry.names()? {
            if registry.versions(&name)?.iter().any(|version| version.promoted) {
                names.push(name);
            }
        }
    }
    let default = match &args.default {
        Some(name) => ModelName::new(name)?,
        None => names.first().cloned().ok_or_else(|| {
            Configuration(format!(
                "no model of {} has a promoted version; `foldin promote` chooses one",
                root.display()
            ))
        })?,
    };
    Ok(Models::of_registry(registry, &names, &default, || Room::now().map(|room| room.available))?)
}

/// The threads that serve the network; scoring has threads of its own.
///
/// # Errors
/// The operating system refuses.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    // On a single core a second thread only takes turns with the first, and with those that compute.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(2))
        .enable_all()
        .build()
        .context("cannot start the network threads")
}

/// Resolves when the process is asked to end: SIGTERM, or Ctrl-C. A Ctrl-C after that ends it at once.
///
/// # Errors
/// The operating system does not let signals be awaited.
pub fn stop_signal() -> Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    Ok(async move {
        #[cfg(unix)]
        let terminated = terminate.recv();
        #[cfg(not(unix))]
        let terminated = std::future::pending::<Option<()>>();
        tokio::select! {
            _ = terminated => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tokio::spawn(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                note("interrupted again: requests in flight are lost");
                std::process::exit(INTERRUPTED);
            }
        });
    })
}
