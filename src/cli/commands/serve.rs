//! `foldin serve`: a model directory over gRPC, until told to stop.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use crate::cli::args::{EventFlags, LogFormat, Serve};
use crate::cli::exit::Configuration;
use crate::engine::{Engine, Manifest};
use crate::events::{EventOptions, EventStats, EventStore};
use crate::serve::{self, ServeOptions};

/// Runs the command on `threads` scoring threads.
///
/// # Errors
/// The model directory cannot be used, or the address cannot be listened on.
pub fn run(args: &Serve, threads: usize, out: &mut dyn Write) -> Result<()> {
    start_log(args.log_format);
    let address: IpAddr = args
        .address
        .parse()
        .map_err(|_| Configuration(format!("--address {} is not an IP address; use 127.0.0.1 or ::1", args.address)))?;
    let options = ServeOptions { threads, reflection: args.reflection, ..ServeOptions::default() };
    runtime()?.block_on(async {
        // The address first: a taken port should not have to wait for a large model.
        let listener = serve::bind(SocketAddr::new(address, args.port)).await?;
        let local = listener.local_addr().context("cannot tell the address listened on")?;
        let events = open_events(&args.events)?;
        let engine = Arc::new(Engine::open(&args.model_dir)?);
        let manifest = &engine.info().manifest;
        if let Some(events) = &events {
            tell_events(events, manifest)?;
        }
        writeln!(out, "serving {} {} on {local}", manifest.model.name(), manifest.model_version)?;
        out.flush()?;
        Ok(serve::run(listener, engine, events, options, stop_signal()?).await?)
    })
}

/// The store of live events, where one is asked for.
fn open_events(flags: &EventFlags) -> Result<Option<Arc<EventStore>>> {
    let Some(dir) = &flags.events else { return Ok(None) };
    let options = EventOptions {
        max_bytes: flags.events_max_bytes,
        max_events_per_user: flags.events_per_user,
        ..EventOptions::default()
    };
    Ok(Some(Arc::new(EventStore::open(dir, options)?)))
}

/// Says what the store holds, and whether the model knows any of it.
fn tell_events(store: &EventStore, manifest: &Manifest) -> Result<()> {
    let EventStats { events, last_sequence, forgotten, .. } = store.stats()?;
    let through = manifest.events_through(store.id());
    let through = through.events.max(through.deletions);
    tracing::info!(events, last_sequence, forgotten, in_model_through = through, "live events are folded in");
    if through > last_sequence {
        tracing::warn!("the model knows later events than the store of events holds: it was restored from an old copy");
        store.skip_to(through)?;
    } else if !manifest.events.is_empty() && !manifest.events.contains_key(store.id()) {
        tracing::warn!("the model was trained on live events of another store; all events of this one count as new");
    }
    Ok(())
}

/// The threads that serve the network; scoring has threads of its own.
///
/// # Errors
/// The operating system refuses.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the network threads")
}

/// Resolves when the process is asked to end: SIGTERM, or Ctrl-C.
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
    })
}

/// Log lines go to standard error; `RUST_LOG` chooses which, `info` by default.
fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}
