//! `foldin calibrate`: a model directory and normal users in, the same model that knows what is normal out.

use std::io::Write;

use anyhow::{Result, bail};
use rand::seq::SliceRandom;
use serde_json::json;

use crate::anomaly::Calibration;
use crate::artifact::{Artifact, check_target, publish_calibrated};
use crate::cli::args::Calibrate;
use crate::cli::console::{count, note};
use crate::cli::exit::Configuration;
use crate::cli::exporting::Source;
use crate::export::Users;
use crate::random::{Purpose, stream};

/// Runs the command.
///
/// # Errors
/// The model directory or the log cannot be used, too few of its users are new to the model, or the output exists.
pub fn run(args: &Calibrate, out: &mut dyn Write) -> Result<()> {
    check_target(&args.out, args.force)?;
    let artifact = Artifact::open(&args.model_dir)?;
    let source = Source::read(&artifact, &args.whose)?;
    let users = drawn(unseen(source.known_users(), &artifact, args)?, args);
    let calibration =
        users.with_histories(0..users.len(), |histories| Calibration::of(artifact.model.as_ref(), histories))??;
    let manifest = publish_calibrated(&args.out, &args.model_dir, &calibration, args.force)?;
    let lengths = calibration.lengths();
    let (shortest, median, longest) = (lengths[0], lengths[lengths.len() / 2], lengths[lengths.len() - 1]);
    if args.json {
        let lengths = json!({ "shortest": shortest, "median": median, "longest": longest });
        let answer = json!({ "model_directory": args.out, "calibration_users": calibration.users(),
                             "history_lengths": lengths, "manifest": manifest });
        return Ok(writeln!(out, "{answer:#}")?);
    }
    writeln!(
        out,
        "{} {} calibrated with {} users: histories of {shortest} to {longest} items, half of them up to {median}",
        manifest.model.name(),
        manifest.model_version,
        count(calibration.users()),
    )?;
    let dir = args.out.display();
    Ok(writeln!(out, "model directory: {dir}\n\nnext:\n  foldin anomalies {dir} --logs LOG")?)
}

/// Those of the users that the model was not trained on.
fn unseen<'a>(users: Users<'a>, artifact: &Artifact, args: &Calibrate) -> Result<Users<'a>> {
    let new: Vec<u32> = match args.whose.logs {
        None => artifact.held_out.iter().map(|user| user.0).collect(),
        Some(_) => {
            let trained = artifact.trained_users()?;
            users.rows().iter().copied().filter(|&row| !trained.contains(&users.ids().external(row))).collect()
        }
    };
    let before = users.len();
    let users = users.only(&new);
    if users.is_empty() {
        bail!(Configuration(format!(
            "{} was trained on all of these {} users: give --logs with histories of others; `foldin split` sets some apart \
             before training",
            args.model_dir.display(),
            count(before)
        )));
    }
    if before > users.len() {
        note(format_args!("left out {} users that the model was trained on", count(before - users.len())));
    }
    Ok(users)
}

/// As many of the users as are asked for, drawn by the seed.
fn drawn<'a>(users: Users<'a>, args: &Calibrate) -> Users<'a> {
    let most = args.max_users.get();
    if users.len() <= most {
        return users;
    }
    note(format_args!("left out {} users beyond --max-users {}", count(users.len() - most), count(most)));
    let mut rows = users.rows().to_vec();
    rows.shuffle(&mut stream(args.seed, Purpose::HoldOutUsers, [0, 0]));
    rows.truncate(most);
    rows.sort_unstable();
    users.only(&rows)
}
