//! `foldin events`: the store of live events, while no server has it open.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::json;

use crate::artifact::Artifact;
use crate::cli::args::{BackupEvents, Events, EventsCommand, ExportEvents, StoreOfEvents, TrimEvents};
use crate::cli::console::{bytes, note, thousands};
use crate::cli::exit::Configuration;
use crate::cli::output;
use crate::events::{self, EventOptions, EventStats, EventStore, RecordedEvent, Repaired, Snapshot};
use crate::interactions::LiveLogPart;
use crate::io::{LiveIds, LiveLogWriter, LiveRow, counted};

/// The file in the directory of a store or a backup.
const FILES: [&str; 1] = ["events.redb"];

/// Runs the command.
///
/// # Errors
/// There is no store, another process has it open, it is damaged, or the output cannot be written.
pub fn run(args: &Events, out: &mut dyn Write) -> Result<()> {
    match &args.command {
        EventsCommand::Export(args) => export(args, out),
        EventsCommand::Stats(args) => stats(args, out),
        EventsCommand::Backup(args) => backup(args, out),
        EventsCommand::Trim(args) => trim(args, out),
        EventsCommand::Compact(args) => compact(&args.store, out),
        EventsCommand::Repair(args) => repair(&args.store, out),
    }
}

fn open(dir: &Path) -> Result<EventStore> {
    Ok(EventStore::open_existing(dir, EventOptions::default())?)
}

fn export(args: &ExportEvents, out: &mut dyn Write) -> Result<()> {
    output::check_file(&args.out, args.force)?;
    let opened = events::open_to_read(&args.store.events)?;
    let snapshot = opened.store().snapshot()?;
    let Artifact { manifest, catalogue, users, .. } = Artifact::open(&args.model)?;
    let after = args.after.unwrap_or(manifest.events_through(snapshot.store()).events);
    check_range(&snapshot, after)?;
    let part = LiveLogPart {
        store: snapshot.store().to_owned(),
        after,
        through: snapshot.last_sequence(),
        forgotten: snapshot.forgotten()?,
    };
    let new = |event: &RecordedEvent| event.sequence > after;
    let (mut user_ids, mut item_ids) = (LiveIds::like(&users), LiveIds::like(catalogue.ids()));
    snapshot.for_each::<anyhow::Error>(|user_id, event| {
        if new(&event) {
            user_ids.widen_for(user_id);
            item_ids.widen_for(&event.item_id);
        }
        Ok(())
    })?;
    let mut writer = LiveLogWriter::create(&args.out, &manifest.rules, (user_ids, item_ids), &part)?;
    let mut left_out = 0u64;
    snapshot.for_each::<anyhow::Error>(|user_id, event| {
        let RecordedEvent { item_id, event_type, weight, time, .. } = &event;
        let (weight, time) = (*weight, *time);
        let row = LiveRow { user_id, item_id, event_type: event_type.as_deref(), weight, time };
        if new(&event) && !writer.append(row)? {
            left_out += 1;
        }
        Ok(())
    })?;
    let rows = writer.finish()?;
    if left_out > 0 {
        let (users, items) = (users.type_name(), catalogue.ids().type_name());
        note(format_args!(
            "left out {} with an id of another type than the log's (users: {users}, items: {items})",
            counted(left_out, "event")
        ));
    }
    let forgotten = part.forgotten.len();
    if args.store.json {
        let answer = json!({ "file": args.out, "events": rows, "left_out": left_out, "after": part.after,
                             "through": part.through, "forgotten": forgotten, "store": part.store });
        return Ok(writeln!(out, "{answer:#}")?);
    }
    let numbers = match rows {
        0 => format!(" after number {}", part.after),
        _ => format!(" (numbers {} to {})", part.after + 1, part.through),
    };
    let (events, users) = (counted(rows, "event"), counted(forgotten as u64, "forgotten user"));
    writeln!(out, "{}: {events}{numbers} and {users}", args.out.display())?;
    Ok(writeln!(out, "put it beside the files of the log, then train the next model on all of them")?)
}

/// Refuses to leave a gap that nothing fills.
fn check_range(snapshot: &Snapshot, after: u64) -> Result<()> {
    let (trimmed, last) = (snapshot.trimmed_through(), snapshot.last_sequence());
    if after < trimmed {
        bail!(Configuration(format!(
            "the events {} to {trimmed} were trimmed and cannot be exported; export them from a backup, or, where other files of the log hold them, give --after {trimmed}",
            after + 1
        )));
    }
    if after > last {
        bail!(Configuration(format!("the last event has the number {last}: there is nothing after {after}")));
    }
    Ok(())
}

fn stats(args: &StoreOfEvents, out: &mut dyn Write) -> Result<()> {
    let EventStats { store, events, bytes: used, file_bytes, last_sequence, trimmed_through, forgotten } =
        events::open_to_read(&args.events)?.store().stats()?;
    if args.json {
        let answer = json!({ "store": store, "events": events, "bytes": used, "file_bytes": file_bytes,
                             "last_sequence": last_sequence, "trimmed_through": trimmed_through, "forgotten": forgotten });
        return Ok(writeln!(out, "{answer:#}")?);
    }
    writeln!(out, "store        {store}")?;
    writeln!(out, "events       {} ({}; the file has {})", thousands(events), bytes(used), bytes(file_bytes))?;
    writeln!(out, "last number  {last_sequence}, trimmed through {trimmed_through}")?;
    Ok(writeln!(out, "forgotten    {}", counted(forgotten, "user"))?)
}

fn backup(args: &BackupEvents, out: &mut dyn Write) -> Result<()> {
    output::check_replaceable(&args.out, args.force, &FILES, "a store of events")?;
    let events = events::backup(&args.store.events, &args.out, args.force)?;
    if args.store.json {
        return Ok(writeln!(out, "{:#}", json!({ "directory": args.out, "events": events }))?);
    }
    Ok(writeln!(out, "{}: {}", args.out.display(), counted(events, "event"))?)
}

fn trim(args: &TrimEvents, out: &mut dyn Write) -> Result<()> {
    let store = open(&args.store.events)?;
    let last = store.stats()?.last_sequence;
    if args.through > last {
        bail!(Configuration(format!("--through {} is beyond the last number, {last}", args.through)));
    }
    let deleted = store.trim(args.through)?;
    if args.store.json {
        return Ok(writeln!(out, "{:#}", json!({ "deleted": deleted, "through": args.through }))?);
    }
    Ok(writeln!(out, "deleted {} up to number {}", counted(deleted, "event"), args.through)?)
}

fn compact(args: &StoreOfEvents, out: &mut dyn Write) -> Result<()> {
    let (before, after) = events::compact(&args.events)?;
    if args.json {
        return Ok(writeln!(out, "{:#}", json!({ "bytes_before": before, "bytes_after": after }))?);
    }
    Ok(writeln!(out, "{}: {}, before {}", args.events.display(), bytes(after), bytes(before))?)
}

fn repair(args: &StoreOfEvents, out: &mut dyn Write) -> Result<()> {
    let repaired = events::repair(&args.events)?;
    if args.json {
        let answer = match &repaired {
            Repaired::Intact => json!({ "state": "intact" }),
            Repaired::TakenBack => json!({ "state": "taken_back" }),
            Repaired::Salvaged { events, lost, forgotten, damaged } => json!({
                "state": "salvaged", "events": events, "lost": lost, "forgotten": forgotten, "damaged": damaged }),
        };
        return Ok(writeln!(out, "{answer:#}")?);
    }
    match repaired {
        Repaired::Intact => writeln!(out, "nothing is wrong with it")?,
        Repaired::TakenBack => writeln!(out, "taken back to the last complete commit")?,
        Repaired::Salvaged { events, lost, forgotten, damaged } => {
            writeln!(out, "saved {} and {}", counted(events, "event"), counted(forgotten, "forgotten user"))?;
            match lost {
                Some(lost) => writeln!(out, "lost {}", counted(lost, "event"))?,
                None => {
                    writeln!(out, "how many events were lost cannot be told; keys sent before are not known any more")?
                }
            }
            writeln!(out, "the damaged file is kept as {}; a backup may have more", damaged.display())?;
        }
    }
    Ok(())
}
