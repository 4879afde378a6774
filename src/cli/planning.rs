//! From settings to a plan of the run: what `plan` prints and `train` refuses by.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::exit::Configuration;
use super::fitting::{held_out, is_iterative};
use super::settings::{InputSettings, Settings};
use crate::interactions::{IdMap, Interactions};
use crate::io::{Log, LogExtents, count_rows, measure_log, read_all_items};
use crate::models::{FitError, ModelConfig, check_parameters};
use crate::plan::{DataSizes, Plan, Room, TooLarge, Validation, Workload, free_disk};
use crate::training::TrainingConfig;

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
    if !is_iterative(&settings.model) {
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

/// Where the model directory will be, as far as it is known.
#[must_use]
pub fn target(settings: &Settings) -> PathBuf {
    settings.output.model.clone().unwrap_or_else(|| PathBuf::from("."))
}

/// Refuses to read a log whose rows alone would not fit into memory beside `parent`, the bytes of the model that is
/// continued, by what its footers say.
///
/// # Errors
/// [`TooLarge`]; a log that cannot be read at all.
pub fn check_reading(settings: &Settings, parent: u64) -> Result<()> {
    let Some(log) = &settings.input.log else { return Ok(()) };
    let rows = count_rows(log, &settings.log)?;
    let data = DataSizes { entries: rows, interactions: rows, ..DataSizes::default() };
    // The model has no part in it yet.
    let (model, training) = (ModelConfig::preset("popularity")?, TrainingConfig::default());
    let run = Workload { data, model, training, validation: Validation::Off, checkpoints: false, threads: 1, parent };
    Ok(Plan::new(run, Room::now(), None).check()?)
}

/// Refuses to train on a log that was read, continuing a model of `parent` bytes, where memory or disk do not suffice.
///
/// # Errors
/// [`TooLarge`]; as of [`workload`].
pub fn check_run(settings: &Settings, log: &Log, target: &Path, parent: u64) -> Result<()> {
    let ids = [&log.users, &log.items];
    let data = DataSizes::of(log.report.entries, false, &log.interactions, ids);
    let run = Workload { parent, ..workload(settings, data)? };
    Ok(Plan::new(run, Room::now(), free_disk(target)).check()?)
}

/// Refuses to fit a model on interactions in memory where what that takes beside them is not available.
///
/// # Errors
/// [`TooLarge`]; as of [`workload`].
pub fn check_fit(settings: &Settings, train: &Interactions) -> Result<()> {
    Ok(Plan::new(workload(settings, in_memory(train))?, Room::now(), None).check_ahead()?)
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
    Plan::new(run, room, None).check_ahead().err()
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
    use super::*;

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
