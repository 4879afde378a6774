//! From settings to a plan of the run: what `plan` prints and `train` refuses by.

use std::path::Path;

use anyhow::{Result, bail};

use super::checkpointing::place;
use super::console::note;
use super::exit::Configuration;
use super::fitting::held_out;
use super::settings::{InputSettings, Settings};
use crate::evaluation::Trial;
use crate::interactions::{IdMap, Interactions};
use crate::io::{Log, LogExtents, count_entries, measure_log, read_all_items};
use crate::models::{FitError, ModelConfig, check_parameters};
use crate::plan::{DataSizes, DiskRoom, Plan, Room, TooLarge, Validation, Workload, check_reading as check_entries};
use crate::training::{Checkpoints, TrainingConfig};

/// The run of `settings` on data of given extents.
///
/// # Errors
/// Parameters out of range; given validation files that cannot be used.
pub fn workload(settings: &Settings, data: DataSizes) -> Result<Workload> {
    check_parameters(&settings.model, &settings.training)?;
    let validation = validation(settings, data.users)?;
    Ok(Workload {
        data,
        model: settings.model.clone(),
        training: settings.training.clone(),
        validation,
        checkpoints: settings.checkpoint.every.is_some(),
        threads: rayon::current_num_threads() as u64,
        parent: 0,
    })
}

fn validation(settings: &Settings, users: u64) -> Result<Validation> {
    let validation = &settings.validation;
    validation.check()?;
    if !settings.model.is_iterative() {
        return Ok(Validation::Off);
    }
    if let (Some(fold_in), Some(target)) = (&validation.fold_in, &validation.target) {
        let [fold_in, target] = [measure_log(fold_in, &settings.log)?, measure_log(target, &settings.log)?];
        let (users, interactions) = (fold_in.users.ids.len() as u64, fold_in.entries + target.entries);
        return Ok(Validation::Given { users, interactions });
    }
    Ok(match held_out(validation, usize::try_from(users).unwrap_or(usize::MAX)) as u64 {
        0 => Validation::Off,
        users => Validation::HeldOut { users },
    })
}

/// Upper bounds of what reading the log of `settings` leaves, with the items that nobody has yet where they are asked
/// for.
///
/// # Errors
/// The log or the items cannot be used; fewer than two users or items are left.
pub fn measured(log: &Path, settings: &Settings) -> Result<(LogExtents, DataSizes)> {
    let extents = measure_log(log, &settings.log)?;
    let mut data = DataSizes::bounded(&extents, &settings.log);
    if data.users < 2 || data.items < 2 {
        let [users, items, interactions] = [data.users, data.items, data.interactions].map(|n| n as usize);
        bail!(FitError::TooSmall { users, items, interactions });
    }
    let InputSettings { items: Some(items), item_columns, all_items: true, .. } = &settings.input else {
        return Ok((extents, data));
    };
    let (all, _) = read_all_items(items, item_columns, &extents.items.ids)?;
    let added = all.len().saturating_sub(extents.items.ids.len());
    data.items += added as u64;
    data.item_users.resize(data.item_users.len() + added, 0);
    Ok((extents, data))
}

/// The disks that the run of `settings` writes to, as they are now.
#[must_use]
pub fn disk_room(settings: &Settings) -> DiskRoom {
    let target = settings.output.model.as_deref().unwrap_or(Path::new("."));
    DiskRoom::now(target, &place(&settings.checkpoint, target))
}

/// Refuses to read a log whose entries alone would not fit into memory beside `parent`, the bytes of the model that is
/// continued, by what its footers say. Where rules drop some
/// of them, nobody knows before how many are kept: then it is only said.
///
/// # Errors
/// [`TooLarge`]; a log that cannot be read at all.
pub fn check_reading(settings: &Settings, parent: u64, room: Option<Room>) -> Result<()> {
    let (Some(log), rules) = (&settings.input.log, &settings.log) else { return Ok(()) };
    match check_entries(count_entries(log, rules)?, !rules.columns.time.is_empty(), parent, room) {
        Err(refusal) if rules.drop_rows() => note(format_args!("if all rows are kept, {}", refusal.summary())),
        outcome => outcome?,
    }
    Ok(())
}

/// Refuses to train on a log that was read, continuing a model of `parent` bytes, where memory or disk do not suffice.
///
/// # Errors
/// [`TooLarge`]; as of [`workload`].
pub fn check_run(
    settings: &Settings,
    log: &Log,
    checkpoints: Option<&Checkpoints>,
    parent: u64,
    (room, disks): (Option<Room>, DiskRoom),
) -> Result<()> {
    let ids = [&log.users, &log.items];
    let data = DataSizes::of(log.report.entries, false, &log.interactions, ids);
    let mut run = Workload { parent, ..workload(settings, data)? };
    // A run that goes on writes them as often as before, unless it is told otherwise.
    run.checkpoints = checkpoints.is_some_and(|checkpoints| checkpoints.every().is_some());
    Ok(Plan::new(run, room, disks).check_after_reading()?)
}

/// Refuses to fit a model on interactions in memory where what that takes beside them is not available.
///
/// # Errors
/// [`TooLarge`]; as of [`workload`].
pub fn check_fit(settings: &Settings, train: &Interactions) -> Result<()> {
    Ok(Plan::new(workload(settings, in_memory(train))?, Room::now(), DiskRoom::default()).check_ahead()?)
}

/// The plan of a fit that is measured on a trial in memory, beside whatever else the process holds.
///
/// # Errors
/// Parameters out of range.
pub fn ahead(settings: &Settings, trial: &Trial<'_>, room: Option<Room>) -> Result<Plan, FitError> {
    check_parameters(&settings.model, &settings.training)?;
    let (users, interactions) = (trial.target().users() as u64, (trial.fold_in().len() + trial.target().len()) as u64);
    let run = Workload {
        data: in_memory(&trial.train),
        model: settings.model.clone(),
        training: settings.training.clone(),
        validation: Validation::Given { users, interactions },
        checkpoints: false,
        threads: rayon::current_num_threads() as u64,
        parent: 0,
    };
    Ok(Plan::new(run, room, DiskRoom::default()))
}

/// Why a closed-form model cannot be fitted on `train` beside what is in memory, `None` when it can.
#[must_use]
pub fn reason_against(model: &ModelConfig, train: &Interactions, room: Option<Room>) -> Option<TooLarge> {
    let (model, training) = (model.clone(), TrainingConfig::default());
    let threads = rayon::current_num_threads() as u64;
    let run = Workload {
        data: in_memory(train),
        model,
        training,
        validation: Validation::Off,
        checkpoints: false,
        threads,
        parent: 0,
    };
    Plan::new(run, room, DiskRoom::default()).check_ahead().err()
}

fn in_memory(train: &Interactions) -> DataSizes {
    // Ids play no part in what is ahead.
    let none = IdMap::Int(Vec::new().into());
    DataSizes::of(train.len() as u64, false, train, [&none, &none])
}

/// Extents as somebody states them.
///
/// # Errors
/// Numbers that contradict each other, or that no log can have.
pub fn stated(users: u64, items: u64, interactions: u64, all_items: bool) -> Result<DataSizes> {
    let most = u64::from(u32::MAX - 1);
    for (flag, number) in [("--users", users), ("--items", items)] {
        if !(2..=most).contains(&number) {
            bail!(Configuration(format!("{flag} is {number}, must be from 2 to {most}")));
        }
        if interactions < number && !(flag == "--items" && all_items) {
            bail!(Configuration(format!(
                "--interactions is {interactions}, but {flag} is {number}: in a log each of them has at least one"
            )));
        }
    }
    if u128::from(interactions) > u128::from(users) * u128::from(items) {
        bail!(Configuration(format!(
            "--interactions is {interactions}, but {users} users and {items} items make no more than {} pairs",
            u128::from(users) * u128::from(items)
        )));
    }
    Ok(DataSizes::stated(users, items, interactions))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::num::NonZeroUsize;

    use super::*;
    use crate::interactions::ExactSums;
    use crate::io::{InteractionTable, LogReport, write_interactions};
    use crate::types::UserIdx;

    #[test]
    fn a_baseline_is_left_out_with_its_numbers() {
        let log = Interactions::from_csr((1, 40_981), vec![0, 1], vec![0], vec![1.0]).unwrap();
        let check = |model: &str, available| {
            reason_against(&ModelConfig::preset(model).unwrap(), &log, Some(Room::given(available)))
        };
        let reason = check("ease", 4 << 30).unwrap().summary();
        assert!(reason.starts_with("ease on 40981 items takes 6.9 GB"), "{reason}");
        assert!(reason.contains("4.3 GB"), "{reason}");
        assert_eq!(check("ease", 16 << 30), None);
        assert_eq!(check("popularity", 16 << 20), None);
        assert_eq!(reason_against(&ModelConfig::preset("ease").unwrap(), &log, None), None);
    }

    #[test]
    fn a_log_is_read_where_it_fits_or_where_nobody_knows_what_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.parquet");
        let mut settings = Settings::default();
        settings.input.log = Some(path.clone());
        let log = Interactions::from_csr((2, 3), vec![0, 3, 6], vec![0, 1, 2, 0, 1, 2], vec![5.0; 6]).unwrap();
        let [users, items] = [2, 3].map(|ids| IdMap::Int((0..ids).collect()));
        let (interactions, rows) = (&log, &[UserIdx(0), UserIdx(1)][..]);
        let table = InteractionTable { interactions, rows, times: None, weights: true, users: &users, items: &items };
        write_interactions(&path, &table).unwrap();
        let enough = Some(Room::given(100_000_000));
        check_reading(&settings, 0, enough).unwrap();
        check_reading(&settings, 0, None).unwrap();
        let little = Some(Room::given(10_000_000));
        let refusal = check_reading(&settings, 0, little).unwrap_err();
        assert!(matches!(refusal.downcast_ref(), Some(TooLarge::Reading { entries: 6, .. })), "{refusal}");
        settings.log.min_item_users = 3;
        assert!(check_reading(&settings, 0, little).is_err(), "what is dropped later was read before");
        settings.log.columns.weight = "weight".into();
        settings.log.min_weight = Some(4.0);
        check_reading(&settings, 0, little).unwrap();
    }

    #[test]
    fn checkpoints_at_a_saved_interval_need_their_disk() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log {
            interactions: Interactions::from_csr((2, 3), vec![0, 1, 2], vec![0, 2], vec![1.0; 2]).unwrap(),
            times: None,
            sums: ExactSums::default(),
            events: BTreeMap::new(),
            users: IdMap::Int((0..2).collect()),
            items: IdMap::Int((0..3).collect()),
            report: LogReport::default(),
        };
        // A model directory of 1.5 MB, checkpoints of 5.9 MB.
        let check = |checkpoints: Option<&Checkpoints>, found| {
            let disks = DiskRoom { model_directory: Some(7_000_000), found, ..DiskRoom::default() };
            check_run(&Settings::default(), &log, checkpoints, 0, (None, disks))
        };
        let open =
            |every| Checkpoints::open(&directory.path().join("checkpoint"), NonZeroUsize::new(every), true).unwrap();
        check(None, 0).unwrap();
        check(Some(&open(0)), 0).unwrap();
        let refusal = check(Some(&open(7)), 0).unwrap_err();
        assert!(matches!(refusal.downcast_ref(), Some(TooLarge::Disk { free: 7_000_000, .. })), "{refusal}");
        check(Some(&open(7)), 5_800_000).unwrap();
    }

    #[test]
    fn stated_sizes_must_not_contradict_each_other() {
        assert_eq!(stated(10, 5, 50, false).unwrap().interactions, 50);
        let refused = |users, items, interactions| stated(users, items, interactions, false).unwrap_err().to_string();
        assert!(refused(1, 5, 5).contains("--users is 1, must be from 2"));
        assert!(refused(5, 1 << 40, 5).contains("--items is 1099511627776, must be from 2"));
        assert!(refused(10, 5, 9).contains("--interactions is 9, but --users is 10"));
        assert!(refused(5, 10, 9).contains("--items is 10"));
        assert!(refused(10, 5, 51).contains("no more than 50 pairs"));
        // Items that nobody has yet have no interactions.
        assert!(stated(5, 10, 9, true).is_ok());
    }
}
