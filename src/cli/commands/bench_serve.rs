//! `foldin bench-serve`: how much a running server answers, and how soon.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tonic::Code;

use super::serve::runtime;
use crate::cli::args::BenchServe;
use crate::cli::connecting::connect;
use crate::cli::console::{count, note};
use crate::cli::exit::Configuration;
use crate::cli::latencies::{Latencies, latency_plot};
use crate::cli::report::SvgFile;
use crate::interactions::{IdMap, LogColumns, LogRules};
use crate::io::{TableError, read_ids, read_log};
use crate::load_test::{self, Load, MAX_CONNECTIONS, MAX_SECONDS, Report, Subjects};
use crate::serve::{Client, ClientError, pb};

/// Longest list of ids as text, in bytes.
const MAX_TEXT: u64 = 1 << 30;

/// As many items as a list may have.
const POPULAR: u32 = 1_000;

/// Runs the command.
///
/// # Errors
/// The flags are wrong, a file cannot be used, no server answers, or it refuses the requests.
pub fn run(args: &BenchServe, out: &mut dyn Write) -> Result<()> {
    let plot = args.plot.as_deref().map(|path| SvgFile::check(path, args.force)).transpose()?;
    let loads = loads(args)?;
    let given = given_subjects(args)?;
    let runtime = runtime()?;
    let (clients, subjects, version) = runtime.block_on(async {
        let mut clients = Vec::with_capacity(args.connections);
        for _ in 0..args.connections {
            clients.push(connect(&args.server, &args.access).await?);
        }
        let subjects = match given {
            Some(subjects) => subjects,
            None => Subjects::made_up(popular_items(&mut clients[0], args).await?, args.history_length)?,
        };
        let version = first_answer(&mut clients[0], loads[0].request(&subjects, 0)).await?;
        anyhow::Ok((clients, subjects, version))
    })?;
    if !args.json {
        writeln!(out, "{} · {version} · {}", args.server, asked(args, &subjects))?;
    }
    let mut reports = Vec::with_capacity(loads.len());
    for load in &loads {
        note(format_args!("{} requests/s for {} s …", load.rate, args.duration + args.warm_up));
        reports.push(load_test::run(&runtime, &clients, &subjects, load)?);
    }
    let found = Latencies { reports: &reports, sweep: !args.rates.is_empty(), objective_ms: args.objective };
    if args.json {
        writeln!(out, "{:#}", found.json(&args.server))?;
    } else {
        write!(out, "{found}")?;
    }
    if let Some(plot) = plot {
        plot.write(&latency_plot(&reports)?)?;
        note(format_args!("plot: {}", args.plot.as_deref().unwrap_or(Path::new("")).display()));
    }
    found.remarks().iter().for_each(note);
    failure(&reports)
}

/// What is asked at each rate, in the order given.
fn loads(args: &BenchServe) -> Result<Vec<Load>> {
    let rates = if args.rates.is_empty() { &[args.rate][..] } else { &args.rates };
    let time = |flag: &str, value: f64, unit: f64, range: &str| {
        let time = Duration::try_from_secs_f64(value * unit).ok().filter(|time| time.as_secs_f64() <= MAX_SECONDS);
        time.ok_or_else(|| Configuration(format!("{flag} is {value}, must be {range}")))
    };
    if !(1..=MAX_CONNECTIONS).contains(&args.connections) {
        bail!(Configuration(format!("--connections is {}, must be between 1 and 1,024", args.connections)));
    }
    if !(args.objective > 0.0 && args.objective.is_finite()) {
        bail!(Configuration(format!("--objective is {}, must be a time above 0", args.objective)));
    }
    let warm_up = time("--warm-up", args.warm_up, 1.0, "between 0 and 86,400 seconds")?;
    let duration = time("--duration", args.duration, 1.0, "more than 0 and at most 86,400 seconds")?;
    let deadline = time("--deadline", args.deadline, 1e-3, "between 0 and 86,400,000 ms")?;
    let load = |(part, &rate): (usize, &f64)| Load {
        rate,
        warm_up,
        duration,
        in_flight: args.in_flight,
        deadline: (!deadline.is_zero()).then_some(deadline),
        n: u32::try_from(args.n.get()).unwrap_or(u32::MAX),
        model: args.model.clone(),
        seed: args.seed,
        part: part as u64,
    };
    let loads: Vec<Load> = rates.iter().enumerate().map(load).collect();
    loads.iter().try_for_each(Load::check)?;
    Ok(loads)
}

/// Those whom the flags name, where they do.
fn given_subjects(args: &BenchServe) -> Result<Option<Subjects>> {
    if let Some(path) = &args.histories {
        let columns =
            LogColumns { user: args.user_column.clone(), item: args.item_column.clone(), ..LogColumns::default() };
        let log = read_log(path, &LogRules { columns, ..LogRules::default() })?;
        note(format_args!("{}: {}", path.display(), log.report));
        let subjects = Subjects::histories(log.items, log.interactions)?;
        if subjects.cut() > 0 {
            note(format_args!("of {} histories only the first 10,000 items are sent", count(subjects.cut())));
        }
        return Ok(Some(subjects));
    }
    if let Some(path) = &args.users {
        let ids = ids(path, &args.user_column)?;
        return Ok(Some(Subjects::users(ids).with_context(|| path.display().to_string())?));
    }
    let Some(path) = &args.items else { return Ok(None) };
    let ids = ids(path, &args.item_column)?;
    Ok(Some(Subjects::made_up(ids, args.history_length).with_context(|| path.display().to_string())?))
}

/// The ids in a file: a column of Parquet, or lines of text.
fn ids(path: &Path, column: &str) -> Result<IdMap> {
    let table = path.is_dir() || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    if table {
        return Ok(read_ids(path, column)?);
    }
    let unreadable = |source| TableError::File { action: "read", file: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > MAX_TEXT {
        bail!(Configuration(format!("{} has {bytes} bytes, a text file of ids may have 1 GiB", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(IdMap::Text(lines.into_iter().collect()))
}

/// The items that the server lists to somebody of whom it knows nothing.
async fn popular_items(client: &mut Client, args: &BenchServe) -> Result<IdMap> {
    let nobody = pb::RecommendRequest {
        user_id: Some("nobody, asked for by foldin bench-serve".into()),
        n: POPULAR,
        model: args.model.clone(),
        ..Default::default()
    };
    let answer = client.recommend(nobody).await?;
    let mut ids: Vec<String> = answer.items.into_iter().map(|item| item.item_id).collect();
    ids.sort_unstable();
    Ok(IdMap::Text(ids.iter().map(String::as_str).collect()))
}

/// The version that answers, found out by a first request: what the server refuses, it would refuse each time.
async fn first_answer(client: &mut Client, request: pb::RecommendRequest) -> Result<String> {
    match client.recommend(request).await {
        Ok(answer) => Ok(format!("version {}", answer.model_version)),
        // Others may be using it as well.
        Err(ClientError::Call(status)) if matches!(status.code(), Code::ResourceExhausted) => {
            Ok("busy already".to_owned())
        }
        Err(error) => Err(error.into()),
    }
}

/// What the requests are, in a few words.
fn asked(args: &BenchServe, subjects: &Subjects) -> String {
    let whom = match subjects.count() {
        Some(number) if args.users.is_some() => format!("{} users", count(number)),
        Some(number) => format!("{} histories", count(number)),
        None => format!("made-up histories of {} items", args.history_length),
    };
    let deadline = if args.deadline > 0.0 { format!("deadline {} ms", args.deadline) } else { "no deadline".into() };
    let connections = if args.connections == 1 { "connection" } else { "connections" };
    format!("top {} for {whom} · {} {connections} · {deadline}", args.n, args.connections)
}

/// A test in which nothing was answered has failed, whatever else it says.
fn failure(reports: &[Report]) -> Result<()> {
    if reports.iter().any(|report| report.ok > 0) {
        return Ok(());
    }
    if reports.iter().all(|report| report.offered == 0) {
        bail!(Configuration("no request was due in the measured time; raise --rate or --duration".into()));
    }
    let codes: Vec<_> = reports.iter().flat_map(|report| &report.codes).map(|code| code.code).collect();
    bail!("no request was answered with OK: {}", json!(codes));
}
