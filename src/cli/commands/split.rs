//! `foldin split`: training, validation and test data as files, so that other tools can be measured on the
//! same split.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::artifact::fingerprint;
use crate::cli::args::{Rule, Split};
use crate::cli::console::{count, note};
use crate::cli::data;
use crate::cli::exit::Configuration;
use crate::cli::layers::{Layer, Resolved, resolve};
use crate::cli::output::check_replaceable;
use crate::cli::settings::Settings;
use crate::evaluation::TARGET_FRACTION;
use crate::interactions::{Duplicates, LeftOut, LogRules, SplitError, SplitPart, SplitRule, Timestamp, split};
use crate::io::{InteractionTable, Log, LogReport, write_interactions};
use crate::storage::{AtomicDir, FileDigest, digest_file};

/// Every file that a split may consist of, which `--force` may replace.
const FILES: [&str; 8] = [
    "manifest.json",
    "train.parquet",
    "validation.parquet",
    "test.parquet",
    "validation_fold_in.parquet",
    "validation_target.parquet",
    "test_fold_in.parquet",
    "test_target.parquet",
];

/// The version of the layout of a split directory.
const FORMAT_VERSION: u32 = 1;

/// What `manifest.json` says. It holds no moment of creation: the same split has the same bytes.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    format_version: u32,
    library_version: &'static str,
    rule: &'a SplitRule,
    log: LogSource<'a>,
    /// How the files read back; the rules of the log have been applied already.
    read_with: LogRules,
    files: BTreeMap<String, FileEntry>,
}

/// Which log was split.
#[derive(Debug, Serialize)]
struct LogSource<'a> {
    path: &'a Path,
    /// BLAKE3 over ids and interactions, as in the manifest of a model that is trained on the whole log.
    fingerprint: String,
    rules: &'a LogRules,
    report: &'a LogReport,
}

/// What one file holds.
#[derive(Debug, Serialize)]
struct FileEntry {
    users: usize,
    items: usize,
    interactions: usize,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    left_out: LeftOut,
    #[serde(flatten)]
    digest: FileDigest,
}

/// Runs the command.
///
/// # Errors
/// Flags that do not belong to the rule, a log that cannot be used or split like that, an output that exists
/// or cannot be written.
pub fn run(args: &Split, out: &mut dyn Write) -> Result<()> {
    refuse_flags_of_other_rules(args)?;
    let mut command = Layer::default();
    command.flag("LOG", "input.log", args.log.as_deref());
    command.flag("--seed", "training.seed", args.seed);
    let Resolved { settings, notes } = resolve(Settings::default(), &args.configuration.layers(command)?)?;
    notes.iter().for_each(note);
    if matches!(args.rule, Rule::Temporal | Rule::LeaveLastOut) && settings.log.columns.time.is_empty() {
        bail!(SplitError::NoTimes);
    }
    check_replaceable(&args.out, args.force, &FILES, "a split")?;
    let directory = AtomicDir::create(&args.out, args.force)?;

    let log = data::training_log(&settings, "give it as first argument")?;
    let rule = rule(args, &settings, log.interactions.users());
    let parts = split(&log.interactions, log.times.as_deref(), &rule)?;
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        library_version: env!("CARGO_PKG_VERSION"),
        rule: &rule,
        log: LogSource {
            path: settings.input.log.as_deref().unwrap_or(Path::new("")),
            fingerprint: fingerprint(&log.users, &log.items, &log.interactions),
            rules: &settings.log,
            report: &log.report,
        },
        read_with: table(&parts[0], &log, &settings.log).rules(),
        files: write_parts(&parts, &log, &settings.log, directory.path())?,
    };
    let text = format!("{}\n", serde_json::to_string_pretty(&manifest)?);
    let path = directory.path().join(FILES[0]);
    fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    directory.commit()?;
    if args.json { Ok(write!(out, "{text}")?) } else { summarise(&manifest, &parts, &args.out, out) }
}

/// A flag that the rule does not know would be without effect, which its author does not expect.
fn refuse_flags_of_other_rules(args: &Split) -> Result<()> {
    use Rule::{LeaveLastOut, Strong, Temporal, Weak};
    for (flag, given, rules) in [
        ("--test-users", args.test_users.is_some(), &[Strong][..]),
        ("--validation-users", args.validation_users.is_some(), &[Strong]),
        ("--target-fraction", args.target_fraction.is_some(), &[Strong, Weak]),
        ("--seed", args.seed.is_some(), &[Strong, Weak]),
        ("--cut-at", args.cut_at.is_some(), &[Temporal]),
        ("--validation-cut-at", args.validation_cut_at.is_some(), &[Temporal]),
        ("--validation", args.validation, &[Weak, LeaveLastOut]),
    ] {
        if given && !rules.contains(&args.rule) {
            let name = |rule: &Rule| match rule {
                Strong => "strong",
                Weak => "weak",
                Temporal => "temporal",
                LeaveLastOut => "leave-last-out",
            };
            let rules: Vec<_> = rules.iter().map(name).collect();
            bail!(Configuration(format!(
                "{flag} belongs to --rule {} and says nothing under --rule {}; leave it out",
                rules.join(" and "),
                name(&args.rule)
            )));
        }
    }
    Ok(())
}

fn rule(args: &Split, settings: &Settings, users: usize) -> SplitRule {
    let seed = settings.training.seed;
    let target_fraction = args.target_fraction.unwrap_or(TARGET_FRACTION);
    match args.rule {
        Rule::Strong => SplitRule::Strong {
            seed,
            test_users: args.test_users.map_or_else(|| data::held_out_by_default(users), |number| number.get()),
            validation_users: args.validation_users.map_or(0, |number| number.get()),
            target_fraction,
        },
        Rule::Weak => SplitRule::Weak { seed, target_fraction, validation: args.validation },
        Rule::Temporal => SplitRule::Temporal {
            // The flag is required with this rule.
            cut_at: args.cut_at.unwrap_or(Timestamp(i64::MAX)),
            validation_cut_at: args.validation_cut_at,
        },
        Rule::LeaveLastOut => SplitRule::LeaveLastOut { validation: args.validation },
    }
}

/// A part as a table; weights have a column where the rules can make them differ.
fn table<'a>(part: &'a SplitPart, log: &'a Log, rules: &LogRules) -> InteractionTable<'a> {
    let weights = !rules.columns.weight.is_empty()
        || !rules.event_weights.is_empty()
        || rules.half_life_days.is_some()
        || rules.duplicates == Duplicates::Sum;
    InteractionTable {
        interactions: &part.interactions,
        rows: &part.rows,
        times: part.times.as_deref(),
        weights,
        users: &log.users,
        items: &log.items,
    }
}

fn write_parts(
    parts: &[SplitPart],
    log: &Log,
    rules: &LogRules,
    directory: &Path,
) -> Result<BTreeMap<String, FileEntry>> {
    let mut files = BTreeMap::new();
    for part in parts {
        let name = format!("{}.parquet", part.name);
        let path = directory.join(&name);
        write_interactions(&path, &table(part, log, rules))?;
        let times = part.times.iter().flatten();
        files.insert(
            name,
            FileEntry {
                users: part.interactions.histories().filter(|history| !history.is_empty()).count(),
                items: part.interactions.item_counts().into_iter().filter(|&users| users > 0).count(),
                interactions: part.interactions.len(),
                first: times.clone().min().copied(),
                last: times.max().copied(),
                left_out: part.left_out,
                digest: digest_file(&path)?,
            },
        );
    }
    Ok(files)
}

fn summarise(manifest: &Manifest<'_>, parts: &[SplitPart], target: &Path, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{:<28} {:>12} {:>12} {:>14}", "file", "users", "items", "interactions")?;
    for part in parts {
        let name = format!("{}.parquet", part.name);
        let file = &manifest.files[&name];
        let (users, items, interactions) = (count(file.users), count(file.items), count(file.interactions));
        writeln!(out, "{name:<28} {users:>12} {items:>12} {interactions:>14}")?;
        for (interactions, why) in [
            (file.left_out.user_not_in_training, "of users with nothing in train.parquet"),
            (file.left_out.item_not_in_training, "of items that nobody in train.parquet has"),
        ] {
            if interactions > 0 {
                writeln!(out, "  left out: {} {why}", count(interactions))?;
            }
        }
    }
    let path = |name: &str| target.join(name).display().to_string();
    writeln!(out, "rule, seed, counts and hashes: {}\n\nnext:", path(FILES[0]))?;
    let test = match manifest.rule {
        SplitRule::Strong { .. } => {
            format!("--fold-in {} --target {}", path("test_fold_in.parquet"), path("test_target.parquet"))
        }
        _ => format!("--test {}", path("test.parquet")),
    };
    let columns = &manifest.read_with.columns;
    let flag = |flag: &str, column: &str| if column.is_empty() { String::new() } else { format!(" {flag} {column}") };
    let weights = flag("--weight-column", &columns.weight);
    Ok(writeln!(out, "  foldin evaluate --train {} {test}{weights}", path("train.parquet"))?)
}
