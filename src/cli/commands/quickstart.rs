//! `foldin quickstart`: everything once, from a synthetic log to a gRPC answer.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use comfy_table::{ContentArrangement, Table, presets};
use tokio::sync::oneshot;

use super::serve::{runtime, stop_signal};
use super::{generate, train};
use crate::artifact::check_target;
use crate::cli::args::Quickstart;
use crate::cli::comparison::{Comparison, Contender};
use crate::cli::console::{count, program};
use crate::cli::data;
use crate::cli::exit::Configuration;
use crate::cli::fitting::{self, Beginning, Trained};
use crate::cli::lists::List;
use crate::cli::planning;
use crate::cli::settings::{InputSettings, Settings};
use crate::engine::Engine;
use crate::evaluation::{Metric, Trial};
use crate::generate::GenerateConfig;
use crate::interactions::{Catalogue, hold_out_users};
use crate::io::{Log, read_log};
use crate::models::ModelConfig;
use crate::serve::{self, Client, Models, ServeOptions, pb};
use crate::training::TrainingConfig;
use crate::types::UserIdx;

/// Items asked for, and lines of a history shown.
const SHOWN: usize = 8;

/// Length of the history of the user shown: enough to show a taste, short enough to read.
const TYPICAL: usize = 12;

/// Items of the history made up on the spot.
const AD_HOC: usize = 5;

/// Written into the output directory before anything else: what tells an earlier quickstart from a
/// directory that happens to have the same names in it.
const MARKER: &str = ".foldin-quickstart";

/// Runs the command.
///
/// # Errors
/// The output directory is in use, or anything on the way fails.
pub fn run(args: &Quickstart, out: &mut dyn Write) -> Result<()> {
    let started = Instant::now();
    let (data_dir, model_dir) = (args.out.join("data"), args.out.join("model"));
    let config = GenerateConfig::preset(&args.preset)?;
    check_out(&args.out)?;
    check_target(&model_dir, true)?;
    mark(&args.out)?;

    writeln!(out, "1. A synthetic log")?;
    out.flush()?;
    generate::into_directory(&config, &data_dir, true)?;
    let settings = settings();
    let (log_file, items_file) = (data_dir.join("log.parquet"), data_dir.join("items.parquet"));
    let log = read_log(&log_file, &settings.log)?;
    let input = InputSettings { items: Some(items_file.clone()), ..InputSettings::default() };
    let (catalogue, attributes) = data::catalogue(&log.items, &input)?;
    writeln!(out, "{}: {}", log_file.display(), log.report)?;

    writeln!(out, "\n2. A Mult-VAE, trained without the users that it is tested on")?;
    out.flush()?;
    let (held_out, seed) = (log.interactions.users() / 10, settings.training.seed);
    let trial = Trial::split(&log.interactions, held_out, seed);
    planning::check_fit(&settings, &trial.train)?;
    let Trained { fitted, held_out: validated, unseen, .. } =
        fitting::train(&settings, &trial.train, &log.items, Beginning::default(), None)?;
    // In rows of the log: who is tested, and who of the others decided on the best epoch.
    let (others, mut untrained) = hold_out_users(&log.interactions, held_out, seed);
    untrained.extend(validated.iter().map(|row| others[row.at()]));
    untrained.sort_unstable();
    let trained = Trained { fitted, held_out: untrained, unseen, run: None };
    let fitted = &trained.fitted;

    writeln!(out, "\n3. How good is it? A fifth of the held-out histories has to be found")?;
    let metrics = ["ndcg@100", "capped_recall@20", "capped_recall@50"].map(str::parse);
    let metrics = metrics.into_iter().collect::<Result<Vec<Metric>, _>>()?;
    let split = format!("{} users held out", count(held_out));
    let mut comparison = Comparison::new(&trial, split, &metrics, seed);
    for baseline in ["popularity", "ease"] {
        comparison.add_baseline(&trial, &ModelConfig::preset(baseline)?)?;
    }
    let (name, model, summary) = (settings.model.name(), fitted.model.as_ref(), &fitted.summary);
    let (training, fit_seconds) = (Some(summary.clone()), Some(summary.seconds));
    comparison.add(&trial, Contender { name, model, training, fit_seconds })?;
    write!(out, "{comparison}")?;

    writeln!(out, "\n4. The model as a directory, served over gRPC")?;
    let items = (&catalogue, &attributes);
    let manifest = train::publish_trained(&model_dir, &settings, &trained, None, items, &log, true)?;
    writeln!(out, "{}: {} {}", model_dir.display(), manifest.model.name(), manifest.model_version)?;
    out.flush()?;

    let questions = questions(&log, held_out, seed, &catalogue);
    runtime()?.block_on(ask(args, &model_dir, &questions, out))?;

    let (program, log, model) = (program(), log_file.display(), model_dir.display());
    writeln!(out, "\nDone in {:.0} s. The same with your own log:", started.elapsed().as_secs_f64())?;
    writeln!(out, "  {program} train {log} --items {} --out my-model", items_file.display())?;
    writeln!(out, "  {program} evaluate --train {log}")?;
    Ok(writeln!(out, "  {program} serve {model}")?)
}

/// Mult-VAE, sized for the default log and for a minute at most.
fn settings() -> Settings {
    Settings {
        training: TrainingConfig { epochs: 30, patience: 4, ..TrainingConfig::default() },
        ..Settings::default()
    }
}

/// Refuses a directory that is not empty, unless it carries the marker and nothing but `data` and `model`.
fn check_out(out: &Path) -> Result<()> {
    if !out.exists() {
        return Ok(());
    }
    let marked = out.join(MARKER).is_file();
    let entries = std::fs::read_dir(out).with_context(|| format!("cannot list {}", out.display()))?;
    for entry in entries {
        let name = entry.with_context(|| format!("cannot list {}", out.display()))?.file_name();
        if !(marked && [MARKER, "data", "model"].iter().any(|&ours| name == ours)) {
            bail!(Configuration(format!(
                "{} holds {}, which no quickstart wrote; choose another directory with --out",
                out.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

/// Makes the output directory one that a later quickstart may replace.
fn mark(out: &Path) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let marker = out.join(MARKER);
    let text = "foldin quickstart wrote this directory and replaces it when it runs again.\n";
    std::fs::write(&marker, text).with_context(|| format!("cannot write {}", marker.display()))
}

/// What the server is asked, and what a reader should see beside the answer.
struct Question {
    about: String,
    request: pb::RecommendRequest,
    /// Names of the history's items.
    history: Vec<String>,
    /// The flags of `foldin query` that ask the same.
    flags: String,
}

/// A user of the log, and a history that nobody in it has.
fn questions(log: &Log, held_out: usize, seed: u64, catalogue: &Catalogue) -> [Question; 2] {
    let (trained, held_out) = hold_out_users(&log.interactions, held_out, seed);
    let length = |user: UserIdx| log.interactions.history(user).len();
    let nearest = |users: &[UserIdx]| users.iter().copied().min_by_key(|&user| length(user).abs_diff(TYPICAL));
    let items = |user: Option<UserIdx>| user.map_or(&[][..], |user| log.interactions.history(user).items());
    let id = |item: &u32| catalogue.ids().external(*item).into_owned();
    let name = |item: &u32| catalogue.title(*item).map_or_else(|| id(item), str::to_owned);

    let known = nearest(&trained);
    let user_id = known.map(|user| log.users.external(user.0).into_owned()).unwrap_or_default();
    // Part of the history of a user that training never saw: plausible, and in this form nobody's.
    let ad_hoc = items(nearest(&held_out));
    let ad_hoc = &ad_hoc[..ad_hoc.len().min(AD_HOC)];
    let ids: Vec<String> = ad_hoc.iter().map(id).collect();
    let n = SHOWN as u32;
    [
        Question {
            about: format!("user {user_id}, known from the log"),
            history: items(known).iter().map(name).collect(),
            flags: format!("--user-id {user_id} -n {n}"),
            request: pb::RecommendRequest { user_id: Some(user_id), n, ..Default::default() },
        },
        Question {
            about: "an ad hoc history, never seen in training".into(),
            history: ad_hoc.iter().map(name).collect(),
            flags: format!("--history {} -n {n}", ids.join(",")),
            request: pb::RecommendRequest { history: pb::history(ids), n, ..Default::default() },
        },
    ]
}

/// Serves the model and asks it through a client, as any other program would.
async fn ask(args: &Quickstart, model_dir: &Path, questions: &[Question], out: &mut dyn Write) -> Result<()> {
    let options = ServeOptions {
        threads: rayon::current_num_threads(),
        // There is no load balancer that has to notice.
        lame_duck: Duration::ZERO,
        ..ServeOptions::default()
    };
    let listener = serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).await?;
    let address = listener.local_addr().context("cannot tell the address listened on")?;
    let engine = Arc::new(Engine::open(model_dir)?);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve::run(listener, Models::one(engine), None, async {
        // Dropping the sender is the signal.
        let _ = stopped.await;
    }));
    writeln!(out, "gRPC server on {address}")?;
    let mut client = Client::connect(&format!("http://{address}")).await?;
    for question in questions {
        let list = List::received(client.recommend(question.request.clone()).await?);
        writeln!(out, "\n{}\n{}", question.about, side_by_side(&question.history, &list))?;
    }
    drop(client);
    if args.serve {
        writeln!(out, "\nThe server stays up until Ctrl-C. From another terminal:")?;
        for question in questions {
            writeln!(out, "  {} query --server {address} {}", program(), question.flags)?;
        }
        out.flush()?;
        stop_signal()?.await;
    }
    drop(stop);
    Ok(server.await.context("the server ended unexpectedly")??)
}

/// A history beside the recommendations made from it, by title.
fn side_by_side(history: &[String], list: &List) -> Table {
    let mut left: Vec<String> = history.iter().take(SHOWN).cloned().collect();
    if history.len() > SHOWN {
        left.pop();
        left.push(format!("… and {} more", history.len() - left.len()));
    }
    let right: Vec<String> = list.items.iter().map(|item| format!("{}. {}", item.rank, item.name())).collect();
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([format!("history ({} items)", history.len()), format!("recommended ({})", list.tier)]);
    for row in 0..left.len().max(right.len()) {
        table.add_row([&left, &right].map(|column| column.get(row).cloned().unwrap_or_default()));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::lists::Entry;

    #[test]
    fn a_long_history_is_cut_and_says_how_much() {
        let history: Vec<String> = (1..=20).map(|i| format!("title {i}")).collect();
        let entry = Entry { rank: 1, item_id: "i9".into(), score: 1.0, ..Entry::default() };
        let list = List {
            items: vec![entry],
            tier: "personal",
            history_items: 20,
            removed_seen: 20,
            model_version: "0123456789ab".into(),
            ..List::default()
        };
        let text = side_by_side(&history, &list).to_string();
        for part in ["history (20 items)", "title 7 ", "… and 13 more", "1. i9", "recommended (personal)"] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        assert!(!text.contains("title 8"), "{text}");
    }

    #[test]
    fn only_an_earlier_quickstart_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check_out(&dir.path().join("new")).is_ok());
        assert!(check_out(dir.path()).is_ok(), "empty");
        std::fs::create_dir(dir.path().join("model")).unwrap();
        assert!(check_out(dir.path()).unwrap_err().to_string().contains("model"));
        mark(dir.path()).unwrap();
        assert!(check_out(dir.path()).is_ok(), "marked");
        std::fs::write(dir.path().join("thesis.tex"), "").unwrap();
        assert!(check_out(dir.path()).unwrap_err().to_string().contains("thesis.tex"));
    }
}
