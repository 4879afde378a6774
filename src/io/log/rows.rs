//! The rows of a log with their numbers, under the rules: decoding one chunk while the one before is numbered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::chunks::{Chunk, Chunks};
use super::columns::Column;
use super::events::Events;
use super::live::LiveParts;
use super::prune::groups_inside;
use super::report::{LogReport, RowsDropped};
use super::rules::check_rules;
use super::tables::Tables;
use crate::interactions::{
    Dropped, EventsThrough, Interactions, InteractionsBuilder, LiveLogPart, LogRules, RowDrop, Timestamp, Weighting,
};
use crate::io::axis::Axis;
use crate::io::error::LogError;
use crate::io::ids::IdKind;
use crate::io::interner::UNKNOWN;
use crate::io::source::Source;

/// The rows of a log with the numbers that its axes gave out.
pub(super) struct Rows {
    pub builder: InteractionsBuilder,
    pub counted: Counted,
    /// How far live events in the log reach, by store.
    pub events: BTreeMap<String, EventsThrough>,
}

/// What is known before the rows are merged.
#[derive(Default)]
pub(super) struct Counted {
    files: usize,
    files_pruned: usize,
    rows: u64,
    entries: u64,
    empty_lists: u64,
    dropped: RowsDropped,
    events_dropped: BTreeMap<String, u64>,
    events_missing: Vec<[u64; 2]>,
}

impl Counted {
    /// The report of what became of the rows.
    pub fn report(self, interactions: &Interactions, dropped: Dropped) -> LogReport {
        LogReport {
            files: self.files,
            files_pruned: self.files_pruned,
            rows: self.rows,
            entries: self.entries,
            empty_lists: self.empty_lists,
            interactions: interactions.len() as u64,
            users: interactions.users(),
            items: interactions.items(),
            dropped: RowsDropped {
                merged_duplicates: dropped.merged_duplicates,
                user_below_minimum: dropped.user_below_minimum,
                item_below_minimum: dropped.item_below_minimum,
                ..self.dropped
            },
            events_dropped: self.events_dropped,
            events_missing: self.events_missing,
            ..LogReport::default()
        }
    }
}

impl Rows {
    /// Reads all rows of a log.
    ///
    /// # Errors
    /// [`LogError`] for rules that make no sense, and for the first table, column or row that will not do.
    pub fn read(source: &dyn Source, rules: &LogRules, users: &mut Axis, items: &mut Axis) -> Result<Self, LogError> {
        check_rules(rules)?;
        let mut reader = Reader::new(source, rules)?;
        let mut numbering = Numbering::new(rules, users, items);
        numbering.counted.files_pruned = reader.tables.prune()?;
        numbering.live = LiveParts::of(source, reader.tables.left())?;
        let mut step = reader.next()?;
        while let Some(current) = step {
            let (numbered, next) = rayon::join(|| numbering.take(current), || reader.next());
            // In the order of the rows, whichever failed first.
            numbered?;
            step = next?;
        }
        numbering.finish(source.name())
    }
}

/// What comes next of a log.
enum Step {
    Table(Opened),
    Chunk(Box<Chunk>, u64),
}

/// A table that was opened.
struct Opened {
    file: PathBuf,
    user: Column<IdKind>,
    item: Column<IdKind>,
    event: Option<Column<IdKind>>,
    rows: u64,
    expected_rows: usize,
    /// Rows that are known to lie outside of the time window, and will not be read.
    outside: u64,
}

/// Decodes what is inside the time window.
struct Reader<'a> {
    rules: &'a LogRules,
    weighting: Weighting,
    tables: Tables<'a>,
    chunks: Option<Chunks>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a dyn Source, rules: &'a LogRules) -> Result<Self, LogError> {
        Ok(Self { rules, weighting: Weighting::new(rules), tables: Tables::of(source, rules)?, chunks: None })
    }

    fn next(&mut self) -> Result<Option<Step>, LogError> {
        if let Some(chunks) = &mut self.chunks {
            if let Some(chunk) = chunks.next()? {
                let (chunk, outside) = chunk.checked(self.rules)?.in_window(&self.weighting)?;
                return Ok(Some(Step::Chunk(Box::new(chunk), outside)));
            }
            self.chunks = None;
        }
        let Some(table) = self.tables.next()? else { return Ok(None) };
        let (groups, outside) = groups_inside(&table, self.rules);
        let opened = Opened {
            file: table.table.file().into(),
            user: table.user.clone(),
            item: table.item.clone(),
            event: table.event.clone(),
            rows: table.table.rows(),
            expected_rows: table.table.expected_rows(),
            outside,
        };
        self.chunks = Some(Chunks::new(table, &groups));
        Ok(Some(Step::Table(opened)))
    }
}

/// Numbers and weighs what was decoded.
struct Numbering<'a> {
    rules: &'a LogRules,
    weighting: Weighting,
    users: &'a mut Axis,
    items: &'a mut Axis,
    events: Events,
    live: LiveParts,
    /// What the table being read says of live events.
    part: Option<LiveLogPart>,
    builder: InteractionsBuilder,
    counted: Counted,
    chunk: Numbers,
    kept: Kept,
}

/// The numbers of a chunk.
#[derive(Default)]
struct Numbers {
    users: Vec<u32>,
    items: Vec<u32>,
}

/// What is kept of a chunk.
#[derive(Default)]
struct Kept {
    users: Vec<u32>,
    items: Vec<u32>,
    weights: Vec<f32>,
    times: Vec<Timestamp>,
}

impl<'a> Numbering<'a> {
    fn new(rules: &'a LogRules, users: &'a mut Axis, items: &'a mut Axis) -> Self {
        Self {
            rules,
            weighting: Weighting::new(rules),
            users,
            items,
            events: Events::new(),
            live: LiveParts::default(),
            part: None,
            builder: InteractionsBuilder::new(rules),
            counted: Counted::default(),
            chunk: Numbers::default(),
            kept: Kept::default(),
        }
    }

    fn take(&mut self, step: Step) -> Result<(), LogError> {
        match step {
            Step::Table(opened) => self.take_table(&opened),
            Step::Chunk(chunk, outside) => self.take_chunk(&chunk, outside),
        }
    }

    fn take_table(&mut self, opened: &Opened) -> Result<(), LogError> {
        let Opened { file, user, item, event, rows, expected_rows, outside } = opened;
        self.users.expect(user.kind, file, &user.name)?;
        self.items.expect(item.kind, file, &item.name)?;
        if let Some(event) = event {
            self.events.expect(event, file)?;
        }
        self.part = self.live.part(file).cloned();
        self.counted.files += 1;
        self.counted.rows += rows;
        self.counted.entries += outside;
        self.counted.dropped.outside_window += outside;
        self.builder.reserve(*expected_rows);
        Ok(())
    }

    fn take_chunk(&mut self, chunk: &Chunk, outside: u64) -> Result<(), LogError> {
        let Self { users, items, chunk: numbers, .. } = self;
        rayon::join(
            || users.number(&chunk.users, &mut numbers.users),
            || items.number(&chunk.items, &mut numbers.items),
        );
        let names = &self.rules.columns;
        self.users.check_capacity(&chunk.file, &names.user)?;
        self.items.check_capacity(&chunk.file, &names.item)?;
        if let Some(types) = &chunk.events {
            self.events.look_up(&chunk.file, types, self.rules)?;
        }
        self.live.look_up(self.users);
        let counted = &mut self.counted;
        counted.entries += chunk.len() as u64 + outside;
        counted.empty_lists += chunk.empty_lists;
        counted.dropped.outside_window += outside;
        self.kept.clear();
        let numbers = &self.chunk;
        let all_known = !numbers.users.contains(&UNKNOWN) && !numbers.items.contains(&UNKNOWN);
        let all_weigh_one = chunk.weights.is_none() && chunk.times.is_none() && chunk.events.is_none();
        if all_known && all_weigh_one && self.live.forgets_nobody() {
            // No rule can drop an entry: they pass as they are.
            self.kept.weights.resize(chunk.len(), 1.0);
            self.builder.extend(&numbers.users, &numbers.items, &self.kept.weights, &[]);
            return Ok(());
        }
        for entry in 0..chunk.len() {
            let (user, item) = (self.chunk.users[entry], self.chunk.items[entry]);
            if user == UNKNOWN {
                self.counted.dropped.unknown_user += 1;
            } else if item == UNKNOWN {
                self.counted.dropped.unknown_item += 1;
            } else if self.live.forgets(self.part.as_ref(), user, time_of(chunk, entry)) {
                self.counted.dropped.forgotten += 1;
            } else if let Some(weight) = self.weigh(chunk, entry)? {
                self.kept.users.push(user);
                self.kept.items.push(item);
                self.kept.weights.push(weight);
                self.kept.times.extend(time_of(chunk, entry));
            }
        }
        let Kept { users, items, weights, times } = &self.kept;
        self.builder.extend(users, items, weights, times);
        Ok(())
    }

    /// The weight of an entry, or `None` where it is dropped and counted.
    fn weigh(&mut self, chunk: &Chunk, entry: usize) -> Result<Option<f32>, LogError> {
        let value = chunk.weights.as_ref().map_or(1.0, |weights| weights.value(entry) as f32);
        let event = if chunk.events.is_some() { self.events.weight(entry) } else { 1.0 };
        let time = time_of(chunk, entry);
        let dropped = &mut self.counted.dropped;
        match self.weighting.weigh(value, event, time) {
            Ok(weight) if weight.is_finite() => return Ok(Some(weight)),
            Ok(_) => {
                return Err(LogError::Weight {
                    file: chunk.file.to_path_buf(),
                    column: self.rules.columns.weight.clone(),
                    row: chunk.position.row(entry),
                    value: format!("{value} × {event} (the type of event)"),
                    is_zero: false,
                });
            }
            Err(RowDrop::OutsideWindow) => dropped.outside_window += 1,
            Err(RowDrop::EventType) => {
                dropped.event_type += 1;
                self.events.drop_row(entry);
            }
            Err(RowDrop::BelowMinWeight) => dropped.below_min_weight += 1,
            Err(RowDrop::AfterAsOf) => dropped.after_as_of += 1,
            Err(RowDrop::Decayed) => dropped.decayed += 1,
        }
        Ok(None)
    }

    fn finish(mut self, log: &Path) -> Result<Rows, LogError> {
        if self.counted.rows == 0 && self.counted.files_pruned == 0 {
            return Err(LogError::Empty { log: log.into() });
        }
        self.counted.events_dropped = self.events.into_dropped();
        self.counted.events_missing = self.live.missing();
        Ok(Rows { builder: self.builder, counted: self.counted, events: self.live.through() })
    }
}

/// When an entry happened, where the log says so.
fn time_of(chunk: &Chunk, entry: usize) -> Option<Timestamp> {
    chunk.times.as_ref().map(|times| Timestamp(times.moments.value(entry)))
}

impl Kept {
    fn clear(&mut self) {
        self.users.clear();
        self.items.clear();
        self.weights.clear();
        self.times.clear();
    }
}
