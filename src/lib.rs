//! Recommendations from collaborative autoencoders.
//!
//! A model is trained on who interacted with what. From then on it needs nothing but a *history*, a
//! bag of (item, weight) pairs, to recommend: it folds the history in and scores every item. Whether
//! the history was in the training data, was stored since, or came with the request makes no
//! difference; users are never parameters of a model.
//!
//! # From interactions to a list
//! ```
//! use foldin::evaluation::{Metric, Trial};
//! use foldin::interactions::{History, Interactions};
//! use foldin::models::{EaseConfig, ModelConfig, Observer, Start, fit};
//! use foldin::ranking::{Candidates, rank_users};
//! use foldin::training::TrainingConfig;
//! use foldin::types::ItemIdx;
//!
//! // Sixty users of twelve items; everyone likes four in a row, or every third.
//! let histories = (0..60u32).map(|u| {
//!     History::from_pairs((0..4).map(|k| (ItemIdx((u / 2 + k * (1 + u % 2 * 2)) % 12), 1.0)))
//! });
//! let histories = histories.collect::<Result<Vec<History>, _>>()?;
//! let log = Interactions::from_histories(12, histories.iter().map(History::as_ref))?;
//!
//! // Ten users are kept for measuring; the model never sees them.
//! let trial = Trial::split(&log, 10, 7);
//! let config = ModelConfig::Ease(EaseConfig { lambda: 1.0, ..EaseConfig::default() });
//! let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
//! let model = fit(&config, &TrainingConfig::default(), &trial.train, Start::Random, observer)?.model;
//! let found = trial.evaluate(model.as_ref(), &["recall@3".parse::<Metric>()?])?;
//! assert!(found.means[0].1 > 0.5);
//!
//! // A history that nobody in the log has, folded in: what else, without what is there already?
//! let history = History::from_pairs([(ItemIdx(4), 1.0), (ItemIdx(5), 1.0), (ItemIdx(7), 1.0)])?;
//! let seen = Candidates { seen: history.as_ref().items(), ..Candidates::default() };
//! let list = &rank_users(model.as_ref(), &[history.as_ref()], &[seen], 3)[0];
//! assert_eq!(list.items[0].item, ItemIdx(6));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! Functions that compute use the [rayon](https://docs.rs/rayon) pool they are called from; no result
//! depends on its size.
//!
//! # Layout
//! Data flows one way: logs are read ([`io`]) into a sparse matrix ([`interactions`]), a model is
//! trained on it ([`models`]) and published as a directory ([`artifact`]), which an [`engine`]
//! answers from, for the gRPC server ([`serve`]) and the command line ([`cli`]). [`evaluation`] and
//! the engine both rank through [`ranking`], so an offline metric and an online answer cannot
//! disagree.
//!
//! | module | question |
//! |---|---|
//! | [`types`], [`random`] | Which user, which item, which random number? |
//! | [`interactions`] | What did whom do with what? |
//! | [`io`] | How do tables get in and out? The only user of Arrow and Parquet |
//! | [`audit`] | Can a log be trusted, before anything is trained on it? |
//! | [`generate`] | What would a plausible log look like? |
//! | [`datasets`] | Where do public datasets come from, and how do they become Parquet? (feature `cli`) |
//! | [`linalg`], [`nn`], [`training`] | Kernels and matrices; layers and losses; the training loop |
//! | [`codes`] | Which few latents stand for a vector? |
//! | [`models`] | Which model, and how does it turn a history into scores? |
//! | [`projection`] | How do vectors become a picture? |
//! | [`plan`] | What will a training run take, and does it fit? |
//! | [`filter`] | Which items meet a condition on their metadata? |
//! | [`ranking`] | Which items come first? |
//! | [`anomaly`] | Which histories does the model not expect, and which of their items? |
//! | [`evaluation`] | How good are the lists? |
//! | [`tuning`] | Which parameters are worth trying next? |
//! | [`storage`], [`artifact`] | How do bytes reach the disk whole? What is a published model? |
//! | [`sample`] | Which histories would a variational model make up? |
//! | [`export`] | How do embeddings and lists leave, for any number of users? |
//! | [`engine`] | What is the answer to a request? |
//! | [`events`] | What did users do since the model was trained? A durable store (feature `serve`) |
//! | [`serve`] | How does a request arrive, and how does its answer leave? (feature `serve`) |
//! | [`load_test`] | How much does a server answer, and how soon? (feature `cli`) |
//! | [`cli`] | What was typed, and what does it run? (feature `cli`) |
//!
//! Who may import whom is a test (`tests/architecture.rs`); ARCHITECTURE.md has the reasons.

pub mod anomaly;
pub mod artifact;
pub mod audit;
#[cfg(feature = "cli")]
pub mod cli;
pub mod codes;
#[cfg(feature = "cli")]
pub mod datasets;
pub mod engine;
pub mod evaluation;
#[cfg(feature = "serve")]
pub mod events;
pub mod export;
pub mod filter;
pub mod generate;
pub mod interactions;
pub mod io;
pub mod linalg;
#[cfg(feature = "cli")]
pub mod load_test;
pub mod models;
pub mod nn;
pub mod plan;
pub mod projection;
pub mod random;
pub mod ranking;
pub mod registry;
pub mod sample;
#[cfg(feature = "serve")]
pub mod serve;
pub mod storage;
pub mod training;
pub mod tuning;
pub mod types;
