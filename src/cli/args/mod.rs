//! The flags as typed; nothing is resolved here.

mod anomalies;
mod bench_serve;
mod blend;
mod checkpoint;
mod codes;
mod compare;
mod datasets;
mod evaluate;
mod events;
mod export;
mod generate;
mod map;
mod model;
mod plan;
mod recommend;
mod registry;
mod sample;
mod serve;
mod shell;
mod split;
mod test_data;
mod train;
mod tune;
mod validate;

use clap::{Parser, Subcommand};

pub use anomalies::{Anomalies, Calibrate};
pub use bench_serve::BenchServe;
pub use blend::Blend;
pub use checkpoint::CheckpointFlags;
pub use codes::Codes;
pub use compare::Compare;
pub use datasets::{Datasets, DatasetsCommand, GetDataset, ListDatasets};
pub use evaluate::{Baselines, Evaluate};
pub use events::{BackupEvents, EventFlags, Events, EventsCommand, ExportEvents, StoreOfEvents, TrimEvents};
pub use export::{Dtype, Embed, EmbeddingFiles, Export, Format, Shards, Unit, What, Whose};
pub use generate::{Generate, Quickstart};
pub use map::{Map, Projection};
pub use model::{Inspect, LogFormat, Serve};
pub use plan::Plan;
pub use recommend::{Query, Recommend, Subject, Wishes};
pub use registry::{At, Models, Promote, Publish, Rollback, Side, Table, Unpublish};
pub use sample::{CodesFrom, Sample};
pub use serve::{AccessFlags, NewToken, ServeFlags, ServerFlags, Token, TokenCommand};
pub use shell::{Completions, Man};
pub use split::{Rule, Split};
pub use test_data::TestData;
pub use train::{Configuration, LogConfiguration, Train};
pub use tune::Tune;
pub use validate::Validate;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the run failed: disk, network, training diverged
  2  flags or configuration are wrong, the run does not fit this machine, or an output exists (see --force)
  3  data cannot be used: a log, titles file or model directory is missing, damaged or empty
  4  validate has warnings and nothing worse
  5  a gate of compare fails";

/// Recommendations from collaborative autoencoders: train on a Parquet log, fold any history in,
/// serve top-N lists over gRPC.
#[derive(Debug, Parser)]
#[command(name = "foldin", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Cli {
    /// Threads for computation [default: all cores]; results do not depend on it
    #[arg(long, global = true, value_name = "N", env = "FOLDIN_THREADS")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See everything work: synthetic log, training, evaluation, a gRPC server and its answers
    Quickstart(Quickstart),
    /// Write a synthetic log with titles as Parquet
    Generate(Generate),
    /// List and get public datasets as Parquet
    Datasets(Datasets),
    /// Report what is wrong with a log, and what to do about it, before anything is trained
    Validate(Validate),
    /// Split a log into training, validation and test files that any tool can be measured on
    Split(Split),
    /// Predict memory, disk and time of a training run, and say what to change if it does not fit
    Plan(Plan),
    /// Train a model on a log and publish it as a directory
    Train(Train),
    /// Weigh trained models against each other and publish them as one
    Blend(Blend),
    /// Tell a model what normal histories are, so that it finds those that are not
    Calibrate(Calibrate),
    /// Find the histories of a log that are not like any that the model knows, and their odd items
    Anomalies(Anomalies),
    /// Measure a model on held-out interactions, beside popularity and EASE
    Evaluate(Evaluate),
    /// Measure several models on the same users, with differences, costs, and gates for pipelines
    Compare(Compare),
    /// Search for the best parameters of a model, on validation data cut from the training log
    Tune(Tune),
    /// Recommend items for a user, an ad hoc history, or all users into Parquet
    Recommend(Recommend),
    /// Write the embeddings of users and items with their ids: Parquet, Arrow, NumPy, safetensors
    Export(Export),
    /// Code the vectors of a model's items by a few latents each, and say how much of the ranking that keeps
    Codes(Codes),
    /// Fold histories in that the model has never seen, and print or write their embeddings
    Embed(Embed),
    /// Draw the items or users of a model as points in the plane, near where they are alike
    Map(Map),
    /// Make users up by a variational model and write their histories as a log, for load tests and demonstrations
    Sample(Sample),
    /// Show what a model directory holds and verify its checksums
    Inspect(Inspect),
    /// Put a trained model into a registry, as a version that servers can change over to
    Publish(Publish),
    /// List models and versions of a registry or a running server
    Models(Models),
    /// Let a version of a model answer
    Promote(Promote),
    /// Let the version answer that did before
    Rollback(Rollback),
    /// Remove a version from a registry
    Unpublish(Unpublish),
    /// Serve models over gRPC
    Serve(Serve),
    /// Ask a running server for recommendations
    Query(Query),
    /// Make access tokens for a server
    Token(Token),
    /// Export, back up, trim and repair a server's store of live events
    Events(Events),
    /// Put load on a running server and report latencies, refusals and capacity
    BenchServe(BenchServe),
    /// Write the completion script of a shell to standard output
    Completions(Completions),
    /// Write manual pages
    Man(Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Cli::command().debug_assert();
    }

    /// The words of a command as a shell takes them, in which no quotes are but single ones.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for (at, part) in line.split('\'').enumerate() {
            let quoted = at % 2 == 1;
            for (nth, piece) in part.split(|c| c == ' ' && !quoted).enumerate() {
                words.extend((nth > 0).then(String::new));
                words.last_mut().unwrap().push_str(piece);
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn the_commands_of_the_readme_exist() {
        // A backslash continues a line.
        let text = include_str!("../../../README.md").replace("\\\n", " ");
        let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("foldin ")).collect();
        assert!(commands.len() > 5, "only {} commands found", commands.len());
        for command in commands {
            if let Err(error) = Cli::try_parse_from(words(command)) {
                panic!("{command}\n{error}");
            }
        }
    }
    /// Parses a command as it stands in a text, without what the shell makes of the rest of its line.
    #[track_caller]
    fn assert_parses(line: &str) {
        let words = words(line).into_iter().take_while(|word| !matches!(word.as_str(), ">" | "|" | "&&" | "#"));
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("{line}\n{error}");
        }
    }

    /// The example lines in the help of a command, and of those below it, which must have some.
    fn check_examples(command: &clap::Command, above: &str) {
        let name = format!("{above}{}", command.get_name());
        let texts = [command.get_after_help(), command.get_after_long_help()];
        let text: String = texts.into_iter().flatten().map(|text| format!("{text}\n")).collect();
        let examples: Vec<&str> = text.lines().map(str::trim).filter(|line| line.starts_with("foldin ")).collect();
        examples.iter().for_each(|line| assert_parses(line));
        let own = examples.iter().any(|line| *line == name || line.starts_with(&format!("{name} ")));
        // The command without another below it is `foldin` alone, whose help lists the commands.
        assert!(own || above.is_empty(), "the help of `{name}` has no example of it");
        command.get_subcommands().for_each(|below| check_examples(below, &format!("{name} ")));
    }

    #[test]
    fn every_command_has_examples_that_parse() {
        check_examples(&Cli::command(), "");
    }

    #[test]
    fn the_commands_of_the_datasets_parse() {
        for manifest in crate::datasets::all() {
            assert_parses(&manifest.protocol.command);
        }
    }
}
