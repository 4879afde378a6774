//! `foldin anomalies`: which histories are not like any that the model knows?

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::json;

use crate::anomaly::{Calibration, Finding, findings, reconstruct};
use crate::artifact::Artifact;
use crate::cli::args::Anomalies;
use crate::cli::console::{count, note, table};
use crate::cli::exit::Configuration;
use crate::cli::exporting::Source;
use crate::cli::output::check_file;
use crate::cli::progress::Estimate;
use crate::engine::{MAX_LEAST_LIKELY, RequestError};
use crate::export::Users;
use crate::interactions::IdMap;
use crate::io::{UserValues, write_user_values};
use crate::types::UserIdx;

/// Histories read and reconstructed together.
const CHUNK: usize = 4096;

/// Flagged users that the console shows.
const SHOWN: usize = 20;

/// What is kept of every user, in their order: nothing here is as long as a history.
#[derive(Default)]
struct Assessed {
    lengths: Vec<u32>,
    findings: Vec<Finding>,
    /// The least likely items of each.
    items: Vec<Vec<u32>>,
    /// The places of these items.
    places: Vec<Vec<f64>>,
}

/// A flagged user.
#[derive(Serialize)]
struct Flagged {
    user_id: String,
    history_items: u32,
    statistic: f64,
    surprise: f64,
    p_value: f64,
    adjusted_p_value: f64,
    least_likely: Vec<Unlikely>,
}

/// An item that does not fit.
#[derive(Serialize)]
struct Unlikely {
    item_id: String,
    place: f64,
}

/// Runs the command.
///
/// # Errors
/// The model directory has no calibration or cannot be used, nor can the log, or the output cannot be written.
pub fn run(args: &Anomalies, out: &mut dyn Write) -> Result<()> {
    if !(0.0..=1.0).contains(&args.fdr) {
        bail!(Configuration(format!("--fdr is {}, must be between 0 and 1", args.fdr)));
    }
    if args.least_likely > MAX_LEAST_LIKELY {
        let (asked, most) = (args.least_likely, MAX_LEAST_LIKELY);
        bail!(Configuration(format!("--least-likely is {asked}, must be at most {most}")));
    }
    args.out.as_deref().map_or(Ok(()), |path| check_file(path, args.force))?;
    let artifact = Artifact::open(&args.model_dir)?;
    let Some(calibration) = &artifact.calibration else {
        bail!(RequestError::NotCalibrated { model: artifact.manifest.model.name() });
    };
    let source = Source::read(&artifact, &args.whose)?;
    let users = source.known_users();
    note_trained(&users, &artifact)?;
    let assessed = assess(&users, &artifact, calibration, args)?;
    if let Some(path) = &args.out {
        write(path, &users, artifact.catalogue.ids(), &assessed)?;
    }
    report(&users, &artifact, calibration, &assessed, args, out)
}

/// The model expects more of what it was trained on: p-values of such users are too large.
fn note_trained(users: &Users<'_>, artifact: &Artifact) -> Result<()> {
    let trained = artifact.trained_users()?;
    let known = users.rows().iter().filter(|&&row| trained.contains(&users.ids().external(row))).count();
    if known > 0 {
        note(format_args!(
            "the model was trained on {} of these {} users and expects more of their items: their p-values are rather too \
             large than too small",
            count(known),
            count(users.len())
        ));
    }
    Ok(())
}

fn assess(users: &Users<'_>, artifact: &Artifact, calibration: &Calibration, args: &Anomalies) -> Result<Assessed> {
    let (mut assessed, mut measured) = (Assessed::default(), Vec::with_capacity(users.len()));
    let mut estimate = Estimate::new("reconstructing");
    for first in (0..users.len()).step_by(CHUNK) {
        let end = users.len().min(first + CHUNK);
        users.with_histories(first..end, |histories| {
            for (history, found) in histories.iter().zip(reconstruct(artifact.model.as_ref(), histories)) {
                let odd = found.least_likely(args.least_likely);
                assessed.lengths.push(history.len() as u32);
                assessed.items.push(odd.iter().map(|&at| history.items()[at]).collect());
                assessed.places.push(odd.iter().map(|&at| found.places[at]).collect());
                measured.push(found.statistic().map(|statistic| (history.len(), statistic)));
            }
        })?;
        estimate.at(end as u64, users.len() as u64);
    }
    estimate.finish();
    // Users without any known item were left out before.
    assessed.findings = findings(calibration, &measured, args.fdr).into_iter().flatten().collect();
    Ok(assessed)
}

/// Writes a row a user.
fn write(path: &Path, users: &Users<'_>, items: &IdMap, assessed: &Assessed) -> Result<()> {
    let rows: Vec<UserIdx> = users.rows().iter().map(|&row| UserIdx(row)).collect();
    let numbers = |of: fn(&Finding) -> f64| assessed.findings.iter().map(of).collect::<Vec<f64>>();
    let flags = |of: fn(&Finding) -> bool| assessed.findings.iter().map(of).collect::<Vec<bool>>();
    let (statistics, surprises) = (numbers(|f| f.statistic), numbers(|f| f.assessment.surprise));
    let (p_values, adjusted) = (numbers(|f| f.assessment.p_value), numbers(|f| f.adjusted_p_value));
    let (flagged, outside) = (flags(|f| f.flagged), flags(|f| f.assessment.outside));
    let columns = [
        ("history_items", UserValues::Counts(&assessed.lengths)),
        ("statistic", UserValues::Numbers(&statistics)),
        ("surprise", UserValues::Numbers(&surprises)),
        ("p_value", UserValues::Numbers(&p_values)),
        ("adjusted_p_value", UserValues::Numbers(&adjusted)),
        ("flagged", UserValues::Flags(&flagged)),
        ("outside_calibration", UserValues::Flags(&outside)),
        ("least_likely_items", UserValues::Items(items, &assessed.items)),
        ("least_likely_places", UserValues::NumberLists(&assessed.places)),
    ];
    write_user_values(path, users.ids(), &rows, &columns.map(|(name, values)| (name.to_owned(), values)))?;
    Ok(())
}

fn report(
    users: &Users<'_>,
    artifact: &Artifact,
    calibration: &Calibration,
    assessed: &Assessed,
    args: &Anomalies,
    out: &mut dyn Write,
) -> Result<()> {
    let flagged = flagged(users, artifact.catalogue.ids(), assessed);
    let outside = assessed.findings.iter().filter(|finding| finding.assessment.outside).count();
    let within = assessed.findings.iter().filter(|finding| !finding.assessment.outside);
    let smallest = within.map(|finding| finding.adjusted_p_value).fold(f64::INFINITY, f64::min);
    if args.json {
        let answer = json!({ "model_version": artifact.manifest.model_version, "fdr": args.fdr, "users": users.len(),
                             "calibration_users": calibration.users(), "outside_calibration": outside, "flagged": flagged });
        return Ok(writeln!(out, "{answer:#}")?);
    }
    let (assessed, normal) = (count(users.len()), count(calibration.users()));
    writeln!(
        out,
        "{assessed} histories, compared with those of {normal} normal users, model {}",
        artifact.manifest.model_version
    )?;
    if outside > 0 {
        let are = if outside == 1 { "is" } else { "are" };
        writeln!(
            out,
            "{} {are} longer or shorter than all of those: compared with the nearest, and not flagged",
            count(outside)
        )?;
    }
    write!(out, "{} flagged at a false discovery rate of {}", count(flagged.len()), args.fdr)?;
    match flagged.len() {
        0 if smallest.is_finite() => writeln!(out, ": the first would be at {smallest:.3}")?,
        0 => writeln!(out)?,
        _ => print(&flagged, out)?,
    }
    args.out.as_ref().map_or(Ok(()), |path| Ok(writeln!(out, "a row a user: {}", path.display())?))
}

/// The flagged users, the most unusual first.
fn flagged(users: &Users<'_>, items: &IdMap, assessed: &Assessed) -> Vec<Flagged> {
    let findings = &assessed.findings;
    let mut order: Vec<usize> = (0..findings.len()).filter(|&at| findings[at].flagged).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (findings[a], findings[b]);
        let by_p_value = a.assessment.p_value.total_cmp(&b.assessment.p_value);
        by_p_value.then(b.assessment.surprise.total_cmp(&a.assessment.surprise))
    });
    let flagged = |at: usize| {
        let Finding { statistic, assessment, adjusted_p_value, .. } = findings[at];
        let unlikely = assessed.items[at].iter().zip(&assessed.places[at]);
        let unlikely = unlikely.map(|(&item, &place)| Unlikely { item_id: items.external(item).into_owned(), place });
        Flagged {
            user_id: users.ids().external(users.rows()[at]).into_owned(),
            history_items: assessed.lengths[at],
            statistic,
            surprise: assessment.surprise,
            p_value: assessment.p_value,
            adjusted_p_value,
            least_likely: unlikely.collect(),
        }
    };
    order.into_iter().map(flagged).collect()
}

fn print(flagged: &[Flagged], out: &mut dyn Write) -> Result<()> {
    let mut rows =
        table(["user", "items", "statistic", "surprise", "p-value", "adjusted", "least likely items (place)"]);
    for user in flagged.iter().take(SHOWN) {
        let unlikely: Vec<String> =
            user.least_likely.iter().map(|item| format!("{} ({:.2})", item.item_id, item.place)).collect();
        rows.add_row([
            user.user_id.clone(),
            user.history_items.to_string(),
            format!("{:.3}", user.statistic),
            format!("{:+.1}", user.surprise),
            format!("{:.5}", user.p_value),
            format!("{:.4}", user.adjusted_p_value),
            unlikely.join(", "),
        ]);
    }
    writeln!(out, "\n{rows}")?;
    if flagged.len() > SHOWN {
        writeln!(out, "and {} more: --out FILE or --json has all of them", count(flagged.len() - SHOWN))?;
    }
    Ok(())
}
