//! `foldin serve`: a model directory over gRPC, until told to stop.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use crate::cli::args::{LogFormat, Serve};
use crate::cli::exit::Configuration;
use crate::engine::Engine;
use crate::plan::Room;
use crate::registry::{ModelName, Registry};
use crate::serve::{self, Models, ServeOptions};

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
        let models = models(args)?;
        writeln!(out, "serving {} on {local}", models.told().join(", "))?;
        out.flush()?;
        Ok(serve::run(listener, models, options, stop_signal()?).await?)
    })
}

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
