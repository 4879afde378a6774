//! `foldin plan`: what a training run would take.

use std::io::Write;
use std::time::Instant;

use anyhow::{Result, bail};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::cli::args;
use crate::cli::console::{bytes, count, note, thousands};
use crate::cli::exit::Configuration;
use crate::cli::layers::{Layer, resolve};
use crate::cli::planning;
use crate::cli::settings::Settings;
use crate::cli::warm::Parent;
use crate::plan::{DataSizes, Plan, Room, Speeds, Stage, Time, Workload, time};

/// Runs the command.
///
/// # Errors
/// Flags or data that cannot be used; a run that does not fit, after the plan is printed.
pub fn run(args: &args::Plan, out: &mut dyn Write) -> Result<()> {
    let mut command = Layer::default();
    command.flag("LOG", "input.log", args.log.as_deref());
    command.flag("--out", "output.model", args.out.as_deref());
    let parent = args.from.as_deref().map(Parent::open).transpose()?;
    let base = parent.as_ref().map_or_else(Settings::default, Parent::settings);
    let resolved = resolve(base, &args.configuration.layers(command)?)?;
    resolved.notes.iter().for_each(note);
    let settings = resolved.settings;
    if args.configuration.print_config {
        return Ok(write!(out, "{}", settings.to_toml())?);
    }
    if let Some(parent) = &parent {
        parent.check(&settings)?;
    }
    let data = data(args, &settings)?;
    let continued = parent.as_ref().map_or(0, Parent::bytes);
    let workload = Workload { parent: continued, ..planning::workload(&settings, data)? };
    let room = args.memory.map_or_else(Room::now, |size| Some(Room::given(size.0)));
    let plan = Plan::new(workload, room, planning::disk_room(&settings));
    let speeds = Speeds::measure();
    let time = time(&plan.workload, &speeds);
    if args.json {
        writeln!(out, "{:#}", as_json(&plan, &time, &speeds))?;
    } else {
        print(&plan, &time, &speeds, out)?;
    }
    out.flush()?;
    if args.configuration.ignore_memory { Ok(()) } else { Ok(plan.check()?) }
}

/// The extents of the data, stated or measured.
fn data(args: &args::Plan, settings: &Settings) -> Result<DataSizes> {
    if let (Some(users), Some(items), Some(interactions)) = (args.users, args.items, args.interactions) {
        return planning::stated(users.get(), items.get(), interactions.get(), settings.input.all_items);
    }
    let Some(log) = &settings.input.log else {
        bail!(Configuration(
            "nothing to plan for: give a log as first argument, or --users, --items and --interactions".into()
        ));
    };
    let started = Instant::now();
    let (extents, data) = planning::measured(log, settings)?;
    note(format_args!(
        "{}: {} entries of {} users and {} items, counted in {:.1} s",
        log.display(),
        thousands(extents.entries),
        count(extents.users.ids.len()),
        count(extents.items.ids.len()),
        started.elapsed().as_secs_f64()
    ));
    Ok(data)
}

fn as_json(plan: &Plan, time: &Time, speeds: &Speeds) -> Value {
    let (phase, peak) = plan.memory.peak();
    let phases = plan.memory.phases.iter().map(|&phase| json!({ "phase": phase, "bytes": plan.memory.at(phase) }));
    let dominating: Vec<&str> = plan.memory.dominating(phase).iter().map(|part| part.name).collect();
    json!({
        "fits": plan.fits_memory() && plan.fits_disk(),
        "model": plan.workload.model,
        "training": plan.workload.training,
        "validation": plan.workload.validation,
        "data": plan.workload.data,
        "memory": {
            "fits": plan.fits_memory(),
            "peak_bytes": peak,
            "peak_phase": phase,
            "available_bytes": plan.room.map(|room| room.bytes()),
            "limit": plan.room.map(|room| room.limit),
            "dominating": dominating,
            "phases": phases.collect::<Vec<_>>(),
            "parts": plan.memory.parts,
        },
        "disk": {
            "fits": plan.fits_disk(),
            "needed_bytes": plan.disk.total(),
            "free_bytes": plan.disk_room.model_directory,
            "free_bytes_for_checkpoints": plan.disk_room.checkpoints,
            "model_directory_bytes": plan.disk.model_directory,
            "checkpoint_bytes": plan.disk.checkpoint,
        },
        "time": { "seconds": time.seconds(), "stages": time.stages, "speeds": speeds },
        "remedies": plan.remedies(),
    })
}

fn print(plan: &Plan, time: &Time, speeds: &Speeds, out: &mut dyn Write) -> Result<()> {
    let data = &plan.workload.data;
    let [users, items, interactions] = [data.users, data.items, data.interactions].map(thousands);
    let bound = if data.upper_bound { "at most " } else { "" };
    let model = plan.workload.model.name();
    writeln!(out, "{model} on {bound}{users} users, {items} items and {interactions} interactions\n")?;
    writeln!(out, "{}", parts(plan))?;
    let (phase, peak) = plan.memory.peak();
    let named = plan
        .memory
        .dominating(phase)
        .into_iter()
        .map(|part| format!("{} {:.0} %", part.name, 100.0 * part.bytes as f64 / peak.max(1) as f64));
    writeln!(
        out,
        "memory  {} at the peak (phase: {}), most of it: {}",
        bytes(peak),
        phase.name(),
        named.collect::<Vec<_>>().join(", ")
    )?;
    if let Some(room) = plan.room {
        let verdict = if plan.fits_memory() { "fits" } else { "DOES NOT FIT (a tenth is kept free)" };
        writeln!(out, "        {} {}: {verdict}", bytes(room.bytes()), room.limit.name())?;
    }
    write!(out, "disk    {} for the model directory", bytes(plan.disk.model_directory))?;
    if plan.disk.checkpoint > 0 {
        write!(out, ", twice {} for checkpoints", bytes(plan.disk.checkpoint))?;
    }
    if let Some(free) = plan.disk_room.model_directory {
        write!(out, ", {} free", bytes(free))?;
        if let Some(free) = plan.disk_room.checkpoints {
            write!(out, ", {} where checkpoints are", bytes(free))?;
        }
        write!(out, ": {}", if plan.fits_disk() { "fits" } else { "DOES NOT FIT" })?;
    }
    writeln!(out)?;
    writeln!(out, "time    about {}, every planned epoch run", duration(time.seconds()))?;
    for Stage { name, times, each } in &time.stages {
        let share = duration(*times as f64 * each);
        match times {
            1 => writeln!(out, "        {name} {share}")?,
            _ => writeln!(out, "        {name} {share} ({} of {})", thousands(*times), duration(*each))?,
        }
    }
    let (flops, copied) = (speeds.flops / 1e9, speeds.bytes / 1e9);
    Ok(writeln!(
        out,
        "        rough, by {flops:.0} GFLOP/s and {copied:.0} GB/s measured now; other work on the machine slows it"
    )?)
}

/// The parts with their bytes in every phase.
fn parts(plan: &Plan) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    let phases = &plan.memory.phases;
    table.set_header(["".to_owned()].into_iter().chain(phases.iter().map(|phase| phase.name().to_owned())));
    for part in &plan.memory.parts {
        let cell = |phase| if part.phases.contains(phase) { bytes(part.bytes) } else { String::new() };
        table.add_row([part.name.to_owned()].into_iter().chain(phases.iter().map(cell)));
    }
    let total = phases.iter().map(|&phase| bytes(plan.memory.at(phase)));
    table.add_row(["together".to_owned()].into_iter().chain(total));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Seconds as people say them.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6_000.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}
